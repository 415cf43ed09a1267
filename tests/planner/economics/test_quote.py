"""A quick quote gives the figures of both guides' tables."""

from decimal import Decimal

import pytest

from planner.economics.quote import (
    Machine,
    needed_utilization,
    price_of_month,
    quote_spend,
    quote_usd_mtok,
    traffic_spend,
)


def a_machine(price: str = "0.36", tok_s: str = "100", **changes) -> Machine:
    return Machine(name="m", price_usd_hour=Decimal(price), tok_s=Decimal(tok_s), **changes)


GUIDE = [
    ("7B Hetzner AX42", "0.075", "80", "0.26 0.37 0.52"),
    ("7B Hetzner AX102", "0.214", "300", "0.20 0.28 0.40"),
    ("7B OVHcloud b3-64", "0.160", "150", "0.30 0.42 0.59"),
    ("7B AWS r7a.4xl spot", "0.200", "200", "0.28 0.40 0.56"),
    ("30B Hetzner AX102", "0.214", "80", "0.74 1.06 1.49"),
    ("30B Hetzner AX162", "0.394", "150", "0.73 1.04 1.46"),
    ("30B OVHcloud b3-128", "0.320", "100", "0.89 1.27 1.78"),
    ("30B AWS r7a.8xl spot", "0.450", "120", "1.04 1.49 2.08"),
]


@pytest.mark.parametrize(("price", "rate", "expected"), [row[1:] for row in GUIDE], ids=[row[0] for row in GUIDE])
def test_the_pricing_guides_cost_tables_come_out(price: str, rate: str, expected: str) -> None:
    costs = [quote_usd_mtok(a_machine(price, rate), Decimal(use)) for use in ("1", "0.7", "0.5")]
    assert [f"{cost:.2f}" for cost in costs] == expected.split()


@pytest.mark.parametrize(("price", "expected"), [("1.212", "9.62"), ("1.624", "12.89")])
def test_the_chargeback_guides_examples_come_out(price: str, expected: str) -> None:
    machine = a_machine(price, "35", is_decode_only=True)
    assert f"{quote_usd_mtok(machine, Decimal(1)):.2f}" == expected


def test_a_fee_is_quoted_at_720_hours() -> None:
    assert price_of_month(Decimal("154.08")) == Decimal("0.214")


def test_a_quote_is_a_month_of_the_machine() -> None:
    # 100 tok/s at 50 % for 720 h are 129.6 Mtok, 3 of 4 of them input; 0.36 USD/h are 259.20 USD.
    spend = quote_spend(a_machine(), Decimal("0.5"), input_per_output=Decimal(3), price_basis="USD")
    (model,) = spend.models
    assert spend.cost_usd == model.cost_usd == Decimal("259.20")
    assert (model.input_tokens, model.output_tokens) == (97.2e6, 32.4e6)
    assert (model.input_work_ratio, model.utilization) == (0.75, 0.5)
    assert model.busy_usd == Decimal("129.60")
    assert spend.months == 1


def test_a_decode_only_rate_makes_all_work_outputs() -> None:
    spend = quote_spend(a_machine(is_decode_only=True), Decimal("0.5"), input_per_output=Decimal(3), price_basis="USD")
    (model,) = spend.models
    assert (model.input_tokens, model.output_tokens) == (388.8e6, 129.6e6)
    assert model.input_work_ratio == 0


def test_traffic_says_the_utilization() -> None:
    # 259.2 Mtok is what 100 tok/s serve in 720 h.
    assert needed_utilization(a_machine(), Decimal("129.6")) == Decimal("0.5")


def test_a_cost_and_its_traffic_leave_utilization_unknown() -> None:
    spend = traffic_spend(
        name="m", cost_usd_month=Decimal(700), mtok_month=Decimal(3000), mix=Decimal(1), price_basis="USD"
    )
    assert (spend.cost_usd, spend.tokens) == (700, 3e9)
    assert spend.models[0].busy_usd is None
    assert spend.models[0].input_work_ratio is None
    assert spend.node_hours is None


@pytest.mark.parametrize("value", ["0", "-1", "NaN", "Infinity"])
def test_numbers_that_mean_nothing_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="price_usd_hour must be above 0"):
        a_machine(price=value)
    with pytest.raises(ValueError, match="tok_s must be above 0"):
        a_machine(tok_s=value)
    with pytest.raises(ValueError, match=r"utilization must be in \(0, 1\]"):
        quote_usd_mtok(a_machine(), Decimal(value))
    with pytest.raises(ValueError, match="mtok_month must be above 0"):
        traffic_spend(name="m", cost_usd_month=Decimal(1), mtok_month=Decimal(value), mix=Decimal(1), price_basis="")
