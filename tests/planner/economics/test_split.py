"""Splits by name, and what each recovers: the guides' fixed splits lose or gain where the mix is not theirs."""

from decimal import Decimal

import pytest

from planner.economics.quote import Machine, quote_spend
from planner.economics.spend import ModelSpend
from planner.economics.split import POLICIES, Split, splits


def quoted(mix: str, *, decode_only: bool = True, price: str = "1.212", tok_s: str = "35") -> dict[str, Split]:
    machine = Machine(
        name="g5.2xlarge", price_usd_hour=Decimal(price), tok_s=Decimal(tok_s), is_decode_only=decode_only
    )
    spend = quote_spend(machine, Decimal(1), input_per_output=Decimal(mix), price_basis="USD")
    return {split.policy: split for split in splits(spend.models[0])}


@pytest.mark.parametrize(("mix", "recovered"), [("1", 1.0), ("3", 1.5), ("10", 3.25)])
def test_25_75_of_a_decode_only_cost_recovers_more_the_more_input_there_is(mix: str, recovered: float) -> None:
    split = quoted(mix)["25/75"]
    assert f"{split.input_usd_mtok:.2f} {split.output_usd_mtok:.2f}" in ("2.40 7.21", "2.40 7.22")
    assert split.recovery_ratio == pytest.approx(recovered)
    assert [ratio for _, ratio in split.recovery_at] == pytest.approx([1.0, 1.5, 3.25])


def test_fixed_ratios_fall_short_of_the_unified_price_even_at_half_and_half() -> None:
    # 0.30 USD per million of all tokens: 0.15/0.30 average 0.225, 0.10/0.40 average 0.25.
    made = quoted("1", decode_only=False, price="0.108", tok_s="100")
    assert (made["1:2"].input_usd_mtok, made["1:2"].output_usd_mtok) == (Decimal("0.15"), Decimal("0.30"))
    assert (made["1:4"].input_usd_mtok, made["1:4"].output_usd_mtok) == (Decimal("0.1"), Decimal("0.4"))
    assert made["1:2"].recovery_ratio == pytest.approx(0.75)
    assert made["1:4"].recovery_ratio == pytest.approx(0.25 / 0.30)


@pytest.mark.parametrize("mix", ["0.5", "1", "4", "91"])
@pytest.mark.parametrize("decode_only", [True, False])
def test_measured_work_recovers_the_cost_at_every_mix(mix: str, decode_only: bool) -> None:
    split = quoted(mix, decode_only=decode_only)["measured-work"]
    assert split.recovery_ratio == pytest.approx(1)
    assert [ratio for _, ratio in split.recovery_at] == pytest.approx([1, 1, 1])


def test_without_measured_work_other_mixes_are_unknown_but_the_real_one_is_not() -> None:
    model = ModelSpend(
        model="m",
        cost_usd=Decimal(100),
        input_tokens=75e6,
        output_tokens=25e6,
        input_work_ratio=None,
        utilization=None,
    )
    made = {split.policy: split for split in splits(model)}
    assert made["measured-work"].recovery_ratio is None
    assert made["25/75"].recovery_ratio == pytest.approx(1.5)
    assert {ratio for _, ratio in made["25/75"].recovery_at} == {None}


def test_each_split_has_its_name_and_rule() -> None:
    assert list(POLICIES) == ["measured-work", "25/75", "1:2", "1:4"]
    assert all(split.rule for split in quoted("1").values())


def test_where_nothing_was_served_no_split_is_said_to_recover_nothing() -> None:
    idle = ModelSpend(
        model="m", cost_usd=Decimal(100), input_tokens=0, output_tokens=0, input_work_ratio=None, utilization=None
    )
    assert {split.recovery_ratio for split in splits(idle)} == {None}
