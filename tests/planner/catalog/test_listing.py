from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest

from planner.catalog.listing import listing_rows, usd_mtok
from planner.catalog.offer import Catalog, Offer, Role
from planner.errors import InputError
from planner.profile.model import Basis, Rates
from policies.billing import Billing


@dataclass(frozen=True)
class SomeRates:
    prefill_tok_s: float
    decode_tok_s: float
    basis: str = "measured"


def burst(offer_id: str, price: str) -> Offer:
    return Offer(
        id=offer_id,
        provider=offer_id.split("/", maxsplit=1)[0],
        product="p",
        role=Role.BURST,
        region="r",
        billing=Billing.STARTED_HOUR,
        price_usd_hour=Decimal(price),
        price_date=date(2026, 1, 1),
        source="a list",
    )


BASE = Offer(
    id="hetzner-cloud/x/month",
    provider="hetzner-cloud",
    product="x",
    role=Role.BASE,
    region="EU",
    billing=Billing.STARTED_HOUR_CAPPED,
    price_usd_hour=Decimal("0.30"),
    fee_usd_month=Decimal("144"),
    vcpu=16,
    memory_gib=64.0,
    gpu="L4",
    gpu_count=2,
    gpu_memory_gib=22.49,
    setup_fee_usd=Decimal(50),
    price_date=date(2025, 10, 1),
    source="a list",
)
CATALOG = Catalog(offers=(burst("ovh/dear", "0.72"), burst("ovh/cheap", "0.36"), burst("aws/none", "0.01"), BASE))


@pytest.mark.parametrize(
    ("prefill", "decode", "input_per_output", "usd"),
    [
        pytest.param(100.0, 100.0, 1.0, 1.0, id="0.36 USD an hour at 100 tok/s is 1 USD a million"),
        pytest.param(1000.0, 100.0, 0.0, 1.0, id="output alone"),
        pytest.param(1000.0, 100.0, 1.0, 0.55, id="half input at a tenth of the cost"),
        pytest.param(1000.0, 100.0, 9.0, 0.19, id="nine to one: 0.9 x 0.1 + 0.1 x 1"),
    ],
)
def test_cost_of_a_million_tokens_of_a_mix(prefill: float, decode: float, input_per_output: float, usd: float) -> None:
    rates = SomeRates(prefill, decode)
    assert usd_mtok(Decimal("0.36"), rates, input_per_output) == pytest.approx(usd)


def test_the_pricing_guides_ax102_costs_20_cents_a_million() -> None:
    assert usd_mtok(Decimal(154) / 720, SomeRates(300, 300), 1.0) == pytest.approx(0.20, abs=0.005)


def test_rows_go_by_cost_and_those_without_rates_come_last() -> None:
    rates = {
        "ovh/dear": SomeRates(400, 400),
        "ovh/cheap": SomeRates(100, 100),
        "hetzner-cloud/x/month": SomeRates(1, 1),
    }
    rows = listing_rows(CATALOG, rates=rates)
    assert [row.id for row in rows] == ["ovh/dear", "ovh/cheap", "hetzner-cloud/x/month", "aws/none"]
    assert [row.basis for row in rows] == ["measured", "measured", "measured", None]
    assert rows[0].usd_mtok == pytest.approx(0.5)
    assert rows[-1].usd_mtok is None


def test_without_a_model_rows_go_by_price() -> None:
    assert [row.id for row in listing_rows(CATALOG)] == [
        "aws/none",
        "hetzner-cloud/x/month",
        "ovh/cheap",
        "ovh/dear",
    ]


def test_a_base_offer_is_quoted_at_its_fee_over_720_hours() -> None:
    row = next(row for row in listing_rows(CATALOG) if row.role is Role.BASE)
    assert row.quoted_usd_hour == Decimal("0.2")
    assert (row.price_usd_hour, row.fee_usd_month, row.setup_fee_usd) == (None, Decimal(144), Decimal(50))
    assert (row.market, row.region, row.vcpu, row.memory_gib) == ("base", "EU", 16, 64.0)
    assert (row.gpu, row.gpu_count, row.gpu_memory_gib) == ("L4", 2, 22.49)
    assert (row.billing, row.price_date, row.source) == (Billing.STARTED_HOUR_CAPPED, date(2025, 10, 1), "a list")


def test_the_profiles_rates_are_taken_as_they_are() -> None:
    rates = Rates(prefill_tok_s=100, decode_tok_s=100, basis=Basis.ESTIMATED)
    row = listing_rows(CATALOG, rates={"ovh/cheap": rates})[0]
    assert (row.id, row.basis) == ("ovh/cheap", "estimated")
    assert row.usd_mtok == pytest.approx(1.0)


def test_selectors_filter_and_a_wrong_one_is_named() -> None:
    assert [row.id for row in listing_rows(CATALOG, selectors=["ovh"])] == ["ovh/cheap", "ovh/dear"]
    with pytest.raises(InputError, match="nearest: ovh"):
        listing_rows(CATALOG, selectors=["ovhh"])


@pytest.mark.parametrize("mix", [-1.0, float("inf"), float("nan")])
def test_a_mix_is_a_number_of_input_tokens(mix: float) -> None:
    with pytest.raises(ValueError, match="input_per_output must be 0 or more"):
        listing_rows(CATALOG, input_per_output=mix)
