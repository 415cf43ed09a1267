"""The report of the month made by hand: its facts give the figures written down beside them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from planner.errors import InputError
from planner.fleet import Owned
from planner.ledger import Lease, ServedHours, tags_of
from planner.month.following import owned_remarks
from planner.month.report import month_report
from planner.month.value import MonthReport
from tests.planner.month.months import (
    BASE,
    END,
    POOL,
    START,
    base_lease,
    base_price,
    burst_leases,
    monitoring,
    pool_price,
    served,
    small_catalog,
    small_facts,
    small_fleet,
    small_forecast_text,
    small_report,
)

CLOSE = Decimal("0.000001")


@pytest.fixture(scope="module")
def report() -> MonthReport:
    return month_report(small_facts())


def names(found: MonthReport) -> dict[str, str]:
    return {risk.name: risk.figure for risk in found.risks}


def of_two_models(usage: ServedHours) -> ServedHours:
    """The same tokens twice, the second time of a model the fleet does not name."""
    size = len(usage.hour)
    return replace(
        usage,
        models=("m", "other"),
        hour=np.tile(usage.hour, 2),
        model=np.repeat(np.arange(2, dtype=np.int32), size),
        tag=np.tile(usage.tag, 2),
        input_tokens=np.tile(usage.input_tokens, 2),
        output_tokens=np.tile(usage.output_tokens, 2),
    )


def test_the_bill_is_the_one_written_down(report: MonthReport) -> None:
    expected = small_report()
    assert report.bill_usd == expected.bill_usd
    assert set(report.bill) == set(expected.bill)
    assert report.spend.lines == (*expected.spend.lines[:2], replace(expected.spend.lines[2], what="monitoring"))


def test_charges_are_to_the_cent_and_by_team(report: MonthReport) -> None:
    charged = {one.tag: one.allocated_usd for one in report.charges.charges}
    assert charged == {"red": Decimal("75.00"), "blue": Decimal("25.00")}
    assert report.charges.idle_usd == {"m": Decimal("40.00")}


def test_unit_costs_are_on_both_bases(report: MonthReport) -> None:
    for found, expected in ((report.unit, small_report().unit), (report.usage_unit, small_report().usage_unit)):
        assert (found.blended, found.input, found.output) == (
            pytest.approx(expected.blended),
            pytest.approx(expected.input),
            pytest.approx(expected.output),
        )
    assert report.utilization is not None
    assert (report.utilization.mean, report.utilization.peak) == (pytest.approx(0.5), pytest.approx(0.9))


def test_hours_are_those_of_the_text(report: MonthReport) -> None:
    expected = small_report().hourly
    for name in ("input_tok_s", "output_tok_s", "utilization", "base_nodes", "cost_usd"):
        np.testing.assert_allclose(getattr(report.hourly, name), getattr(expected, name), err_msg=name)
    np.testing.assert_allclose(report.hourly.burst_nodes[POOL], expected.burst_nodes[POOL])


def test_the_variance_is_the_one_written_down(report: MonthReport) -> None:
    expected = small_report().variance
    assert report.variance is not None
    assert expected is not None
    assert replace(report.variance, remarks=()) == expected


def test_the_best_plan_was_made_when_the_fleet_was_the_best() -> None:
    """One base node and one in the busy hours is the least that serves 1.8 nodes of work at 0.9.

    Burst at 0.20: at 0.10 a node on in all 720 hours costs what a base node does, and either is the best.
    """
    report = month_report(small_facts(leases=(base_lease(), *burst_leases(pool_price("0.20")))))
    assert report.regret is not None
    assert report.regret.hindsight.base == {f"{BASE}#owned": 1}
    assert report.regret.actual_usd == 72 + 16
    assert report.regret.regret_usd == pytest.approx(Decimal(0), abs=CLOSE)


def test_regret_is_what_an_idle_server_cost() -> None:
    idle = base_lease(id="base-2", start=datetime(2026, 4, 1, tzinfo=UTC))
    report = month_report(small_facts(leases=(base_lease(), idle, *burst_leases(pool_price("0.20")))))
    assert report.regret is not None
    # A second owned node for 72.00 could replace burst for 16.00: hindsight cancels it.
    assert report.regret.actual_usd == 160
    assert report.regret.hindsight_usd == pytest.approx(Decimal(88), abs=CLOSE)
    assert report.regret.hindsight.owned_changes.cancel == {f"{BASE}#owned": 1}


def test_setup_of_the_month_counts_its_part_of_the_tenure_on_both_sides() -> None:
    """25.00 over 10 months are 2.50. Ordered on the first, it was not owned before: hindsight orders it too."""
    leases = (base_lease(start=START), *burst_leases(pool_price("0.20")))
    report = month_report(small_facts(leases=leases))
    assert report.bill_usd == 72 + 25 + 16 + 20
    assert report.regret is not None
    assert report.regret.actual_usd == Decimal("90.50")
    assert report.regret.hindsight_usd == pytest.approx(Decimal("90.50"), abs=CLOSE)
    assert any("one of 10 months on both sides" in remark for remark in report.regret.remarks)


def test_next_month_keeps_what_is_needed_and_repeats_the_last_week(report: MonthReport) -> None:
    following = report.next_month
    assert following is not None
    assert following.month == "2026-12"
    assert following.changes.keep == {f"{BASE}#owned": 1}
    assert following.plan.bill_usd == pytest.approx(Decimal(72), abs=CLOSE)
    assert following.staying_usd == pytest.approx(Decimal(72), abs=CLOSE)
    assert any("the last whole week of traffic (2026-11-24 00:00 to 2026-12-01" in one for one in following.remarks)


def test_next_month_saves_the_server_nobody_needs() -> None:
    idle = base_lease(id="base-2", price=base_price("60"))
    following = month_report(small_facts(leases=(base_lease(), idle, *burst_leases()))).next_month
    assert following is not None
    assert following.staying_usd == pytest.approx(Decimal(132), abs=CLOSE)
    assert following.plan.bill_usd == pytest.approx(Decimal(60), abs=CLOSE)
    assert following.saving_usd == pytest.approx(Decimal(72), abs=CLOSE)
    assert following.changes.cancel == {f"{BASE}#owned-2": 1}


def test_a_server_is_not_cancelled_to_buy_the_same_at_the_same_price() -> None:
    """Without a setup fee an owned server and a new one are equal to the optimiser."""
    catalog = small_catalog()
    free = replace(catalog, offers=(replace(catalog.offers[0], setup_fee_usd=Decimal(0)), catalog.offers[1]))
    following = month_report(small_facts(catalog=free)).next_month
    assert following is not None
    assert (following.changes.keep, following.changes.buy, following.changes.cancel) == ({f"{BASE}#owned": 1}, {}, {})


def test_staying_is_unknown_where_it_cannot_serve() -> None:
    """The last week asks for 1.8 nodes at noon; without burst this month, one base node is all there is."""
    usage = served()
    late = (usage.hour >= 696) & (usage.hour < 700)
    more = replace(
        usage,
        input_tokens=np.where(late, usage.input_tokens * 5, usage.input_tokens),
        output_tokens=np.where(late, usage.output_tokens * 5, usage.output_tokens),
    )
    following = month_report(small_facts(leases=(base_lease(),), served=more)).next_month
    assert following is not None
    assert following.staying_usd is None
    assert following.saving_usd is None
    assert any("without burst, would leave" in remark for remark in following.remarks)


def test_owned_servers_of_the_fleet_come_before_the_ledger() -> None:
    named = replace(small_fleet(), owned=(Owned(offer=BASE, count=2, fee_usd_month=Decimal(50)),))
    report = month_report(small_facts(fleet=named))
    following = report.next_month
    assert following is not None
    assert following.plan.bill_usd == pytest.approx(Decimal(50), abs=CLOSE)
    said = f"[[owned]] of {named.source}, 2 {BASE}, though the ledger has 1 {BASE} running at 2026-12-01 00:00 UTC"
    assert any(said in remark for remark in following.remarks)
    assert any(said in remark for remark in report.remarks)  # before any figure: keep and cancel rest on it


def test_as_many_owned_servers_of_another_offer_are_not_those_of_the_ledger() -> None:
    same = replace(small_fleet(), owned=(Owned(offer=BASE, count=1, fee_usd_month=Decimal(72)),))
    assert owned_remarks(small_facts(fleet=same)) == ()
    other = replace(small_fleet(), owned=(Owned(offer=POOL, count=1, fee_usd_month=Decimal(72)),))
    assert f"1 {POOL}, though the ledger has 1 {BASE}" in owned_remarks(small_facts(fleet=other))[0]


def test_trend_ends_with_the_month(report: MonthReport) -> None:
    assert [point.month for point in report.trend] == ["2026-09", "2026-10", "2026-11"]
    assert [point.cost_usd_mtok for point in report.trend] == [Decimal("0.06"), None, report.unit.blended]


def test_a_month_of_which_nothing_is_recorded_is_an_error() -> None:
    empty = small_facts(leases=(), others=(), served=None, planned=None)
    with pytest.raises(InputError, match=r"month 2026-11: no lease.*recorded are 2026-09 to 2026-10"):
        month_report(empty)


def test_without_a_plan_there_is_no_variance_and_it_is_said() -> None:
    report = month_report(small_facts(planned=None))
    assert report.variance is None
    assert report.plan is None
    assert any("no plan is recorded for 2026-11" in remark for remark in report.remarks)


def test_leases_without_usage_leave_unit_cost_unknown() -> None:
    report = month_report(small_facts(served=None))
    assert report.unit.blended is None
    assert (report.variance, report.regret, report.next_month) == (None, None, None)
    assert report.charges.unallocated_usd == 100
    assert any("no usage of 2026-11 is recorded" in remark for remark in report.remarks)
    assert np.isnan(report.hourly.utilization).all()


def test_usage_without_leases_is_no_free_fleet() -> None:
    report = month_report(small_facts(leases=(), others=()))
    assert report.bill_usd == 0
    assert report.unit.blended is None
    assert report.trend[-1].cost_usd_mtok is None
    assert report.regret is None
    assert any("no lease of 2026-11 is recorded" in remark for remark in report.remarks)
    assert report.next_month is not None


def test_gaps_are_unknown_and_said() -> None:
    report = month_report(small_facts(served=served(gaps=frozenset(range(24)))))
    assert report.gap_hours == 24
    assert np.isnan(report.hourly.input_tok_s[:24]).all()
    assert any("24 of 720 hours were not measured" in remark for remark in report.remarks)
    assert report.regret is not None
    assert any("24 of 720 hours were not measured: each takes" in remark for remark in report.regret.remarks)
    # Each gap takes what the same hour of the week after had: hindsight is as in the whole month.
    assert report.regret.hindsight_usd == pytest.approx(Decimal(80), abs=CLOSE)
    # Traffic of the measured hours is 1.25 x planned, as in the whole month.
    assert report.variance is not None
    assert report.variance.volume_usd == 20
    assert names(report)["gaps"] == "24 of 720 hours"


def test_a_month_that_is_not_over_is_compared_up_to_now() -> None:
    """Ten days: a base fee is due whole in the month it is for; burst 10 x 4 h against 10 x 5 h at 0.08."""
    usage = served(hours=240)
    report = month_report(small_facts(as_of=START + timedelta(days=10), served=usage, others=()))
    assert not report.is_over
    assert report.bill_usd == Decimal("72") + 4
    variance = report.variance
    assert variance is not None
    assert variance.planned_usd == 72 + 4
    assert variance.volume_usd == Decimal("19")  # 76 x 0.25
    assert variance.price_usd == Decimal("0.8")
    assert any("not over: compared is 2026-11-01 00:00 to 2026-11-11 00:00" in one for one in variance.remarks)
    assert any("240 of 720 hours" in remark for remark in report.remarks)
    assert report.regret is not None
    assert report.regret.actual_usd == 24 + 4  # a third of the fee
    assert report.regret.hindsight_usd == pytest.approx(Decimal(28), abs=CLOSE)
    assert np.isnan(report.hourly.cost_usd[240:]).all()


def test_a_lease_across_months_costs_each_month_its_part() -> None:
    """By started hours: 23:00 to 02:00 is one hour of November and two of October, at 0.10."""
    across = Lease(
        id="night",
        offer=POOL,
        provider="ovh",
        start=START - timedelta(hours=2),
        end=START + timedelta(hours=1),
        model="m",
        price=pool_price(),
    )
    report = month_report(small_facts(leases=(base_lease(), *burst_leases(), across)))
    assert report.bill_usd == Decimal("100.10")


def test_two_exchange_rates_are_two_lines_and_said() -> None:
    late = replace(base_price(), usd_per_unit=Decimal("1.20"), rate_date=datetime(2026, 11, 15, tzinfo=UTC).date())
    leases = (
        base_lease(end=START + timedelta(days=14)),
        base_lease(id="base-2", start=START + timedelta(days=14), price=late),
    )
    report = month_report(small_facts(leases=leases, served=served()))
    fees = [line for line in report.bill if line.role == "base"]
    assert [(line.amount_invoice, line.usd_per_unit) for line in fees] == [
        (Decimal("57.6"), Decimal("1.25")),
        (Decimal("60"), Decimal("1.20")),
    ]
    assert any("hetzner: EUR converted at 2 rates" in remark for remark in report.remarks)


def test_two_currencies_of_one_provider_are_said() -> None:
    dollars = replace(base_price(), invoice_currency="USD", usd_per_unit=Decimal(1), rate_date=None)
    leases = (base_lease(), base_lease(id="base-2", price=dollars))
    report = month_report(small_facts(leases=leases))
    assert any("hetzner: invoices in EUR and USD" in remark for remark in report.remarks)
    assert sum(line.amount_usd for line in report.bill) == report.bill_usd


def test_a_model_the_fleet_does_not_name_is_billed_and_not_planned() -> None:
    leases = (base_lease(), base_lease(id="base-2", model="other"), *burst_leases())
    report = month_report(small_facts(leases=leases, served=of_two_models(served())))
    assert report.models == ("m", "other")
    assert any(one.startswith("other: not a model of fleet.toml") for one in report.remarks)
    assert report.regret is not None
    assert report.regret.actual_usd == 80  # without the other model's node
    assert set(report.regret.hindsight.models) == {"m"}
    unknown = next(one for one in report.model_months if one.model == "other")
    assert unknown.utilization is None
    assert unknown.input_tokens == 2_000_000_000


def test_an_offer_the_catalog_does_not_know_is_charged_at_its_lease() -> None:
    price = replace(pool_price("0.20"), offer="lab/box", provider="lab")
    odd = Lease(id="odd", offer="lab/box", provider="lab", start=START, end=START + timedelta(hours=10), price=price)
    report = month_report(small_facts(leases=(base_lease(), *burst_leases(), odd)))
    assert report.bill_usd == 102
    assert any("lab/box: not in the catalog" in remark for remark in report.remarks)
    assert report.variance is not None
    assert any("lab/box: neither the plan nor a price" in remark for remark in report.variance.remarks)


def test_unserved_tokens_are_asked_for_and_counted() -> None:
    usage = served()
    missing = replace(usage, unserved_tokens=(usage.input_tokens + usage.output_tokens) // 10)
    report = month_report(small_facts(served=missing))
    assert report.unserved_ratio == pytest.approx(1 / 11)
    assert report.model_months[0].unserved_tokens == 220_000_000
    assert report.hourly.unserved_tok_s is not None
    assert report.hourly.unserved_tok_s[0] == pytest.approx(0.4 * 1.1e6 / 2 * 10 / 3600 / 10)
    assert names(report)["unserved"] == "9.09% of the tokens asked for"
    assert report.regret is not None
    hour = report.regret.hindsight.hours_detail[0].by_model["m"]
    assert hour.input_tok_s == pytest.approx(1.1 * 2e6 / 3600)


def test_losing_the_only_base_node_loses_every_hour(report: MonthReport) -> None:
    assert names(report)["loss of a base node"] == "720 of 720 hours would not be served in full"


def test_a_second_base_node_survives_the_loss_of_one_but_in_the_busy_hours() -> None:
    """1.8 nodes of work need two nodes: with one base node lost, one base and one burst node are left, 2.0."""
    leases = (base_lease(), base_lease(id="base-2"), *burst_leases()[:10])
    report = month_report(small_facts(leases=leases))
    # In the 40 busy hours without a burst node one base node is left for 1.8 nodes of work.
    assert names(report)["loss of a base node"] == "40 of 720 hours would not be served in full"


def test_risks_count_spot_interruptions_and_price_changes() -> None:
    spot = replace(pool_price(), tariff=replace(pool_price().tariff, is_spot=True))
    leases = tuple(
        replace(one, price=spot, interrupted=number == 0) if number < 5 else one
        for number, one in enumerate(burst_leases())
    )
    before = (base_lease(price=base_price("60")), burst_leases(pool_price("0.10"))[0])
    facts = small_facts(
        leases=(base_lease(), *leases), previous_leases=before, catalog=small_catalog(hourly="0.12"), planned=None
    )
    figures = names(month_report(facts))
    assert figures["spot share"] == "25% of burst node-hours"
    assert figures["interruptions"] == f"1 of 21 leases, on {POOL}"
    assert figures["prices since last month"] == f"{BASE} +20.0%"
    assert figures["prices of new orders"] == f"{POOL} +20.0%"


def test_a_new_order_is_held_against_each_price_of_what_runs() -> None:
    """Of two servers one runs at 60 and the newer at 72, which is what the catalog asks."""
    cheap = base_lease(price=base_price("60"))
    newer = replace(base_lease(), id="newer", start=cheap.start + timedelta(hours=1))
    over = replace(cheap, id="over", end=END - timedelta(hours=1), price=base_price("36"))
    found = names(month_report(small_facts(leases=(cheap, newer, over, *burst_leases()))))
    assert found["prices of new orders"] == f"{BASE} +20.0% for 1 of 2 that run"


def test_servers_of_a_model_the_fleet_does_not_name_are_left_alone() -> None:
    """Neither kept, cancelled nor counted on: the traffic they serve is in no plan."""
    others = tuple(base_lease(id=f"x{number}", model="x") for number in range(3))
    alone, beside = (
        month_report(small_facts(leases=(base_lease(), *more, *burst_leases()), planned=None)) for more in ((), others)
    )
    assert alone.next_month is not None
    assert beside.next_month is not None
    assert beside.next_month.changes == alone.next_month.changes
    assert beside.next_month.staying_usd == alone.next_month.staying_usd
    assert (
        beside.next_month.remarks[-1] == "x: not in the fleet; its 3 base servers are left alone, and in neither bill"
    )
    assert alone.regret is not None
    assert beside.regret is not None
    assert beside.regret.hindsight.base == alone.regret.hindsight.base
    assert beside.regret.actual_usd == alone.regret.actual_usd


def test_costs_outside_of_the_month_do_not_count() -> None:
    earlier = replace(monitoring(), id="october", start=START - timedelta(days=31), end=START)
    half = replace(monitoring(), id="half", start=END - timedelta(days=5), end=END + timedelta(days=5))
    report = month_report(small_facts(others=(earlier, half)))
    assert report.bill_usd == 90


def test_egress_is_part_of_what_a_plan_decides() -> None:
    egress = replace(monitoring("3"), id="egress", what="Egress to the internet")
    report = month_report(small_facts(others=(monitoring(), egress)))
    assert report.regret is not None
    assert report.regret.actual_usd == 83
    assert next(line for line in report.spend.lines if line.what == egress.what).grows_with_traffic


def test_untagged_usage_is_charged_to_nobody_named() -> None:
    usage = replace(served(), tags=(tags_of({}), tags_of({"team": "blue"})))
    charged = {one.tag: one.allocated_usd for one in month_report(small_facts(served=usage)).charges.charges}
    assert charged == {"": Decimal("75.00"), "blue": Decimal("25.00")}


def test_what_cannot_be_planned_is_said_and_the_rest_reported() -> None:
    """A catalog of offers nothing was measured on."""
    catalog = small_catalog()
    other = replace(catalog.offers[1], id="ovh/b3-8", product="b3-8")
    report = month_report(small_facts(catalog=replace(catalog, offers=(other,))))
    assert report.bill_usd == 100
    assert (report.regret, report.next_month) == (None, None)
    assert any("no plan in hindsight: model m: no offer can serve it" in remark for remark in report.remarks)
    assert any("2026-12 is not planned: model m: no offer can serve it" in remark for remark in report.remarks)
    # The plan recorded for the month says what the nodes sustain where the catalog does not.
    assert report.utilization is not None
    assert report.utilization.mean == pytest.approx(0.5)


def test_two_models_are_billed_charged_and_planned_apart() -> None:
    """Model "other" has a base node of its own, without burst: in the busy hours 1.8 nodes of work on one node."""
    fleet = small_fleet()
    both = replace(fleet, models=(*fleet.models, replace(fleet.models[0], name="other")))
    leases = (base_lease(), *burst_leases(), base_lease(id="base-2", model="other"))
    report = month_report(small_facts(leases=leases, served=of_two_models(served()), fleet=both))
    assert report.bill_usd == 172
    costs = {one.model: one.cost_usd for one in report.model_months}
    assert costs == {"m": 80, "other": 72}
    used = {one.model: one.utilization for one in report.model_months}
    assert used == {"m": pytest.approx(0.5), "other": pytest.approx((640 * 0.4 + 80) / 720)}
    assert sum(one.allocated_usd for one in report.charges.charges) == 172
    assert sum(model.cost_usd for model in report.spend.models) == pytest.approx(Decimal(172))
    assert report.variance is not None
    assert any("other: was not planned" in remark for remark in report.variance.remarks)
    assert report.regret is not None
    assert set(report.regret.hindsight.models) == {"m", "other"}
    assert report.next_month is not None
    assert report.next_month.changes.keep == {f"{BASE}#owned": 2}
    assert any("in 80 hours more was served than its profile says" in remark for remark in report.remarks)


def test_a_month_without_a_single_token_is_measured_and_empty() -> None:
    usage = served()
    nothing = replace(usage, input_tokens=usage.input_tokens * 0, output_tokens=usage.output_tokens * 0)
    report = month_report(small_facts(served=nothing))
    assert report.unit.blended is None
    assert report.variance is not None
    assert report.variance.volume_usd == -80
    assert report.regret is None
    assert report.utilization is not None
    assert report.utilization.mean == 0


def test_a_month_shorter_than_a_week_has_no_week_to_repeat() -> None:
    report = month_report(small_facts(served=served(hours=100), as_of=START + timedelta(hours=100)))
    assert report.next_month is None
    assert any("100 hours of traffic, less than a week to repeat" in remark for remark in report.remarks)


def test_the_error_of_the_plans_forecast_is_the_one_written_down(report: MonthReport) -> None:
    found, expected = report.forecast_error, small_report().forecast_error
    assert found is not None
    assert expected is not None
    assert (found.source, found.hours, found.remarks) == (expected.source, expected.hours, expected.remarks)
    for one, other in zip(found.series, expected.series, strict=True):
        assert (one.model, one.direction, one.coverage) == (other.model, other.direction, other.coverage)
        for name in ("forecast_tok_s", "actual_tok_s", "bias_ratio", "error_ratio", "mase_vs_seasonal_naive"):
            assert getattr(one, name) == pytest.approx(getattr(other, name))
        assert one.peak_error_ratio == pytest.approx(other.peak_error_ratio)


def test_hours_without_measurement_are_in_no_error() -> None:
    facts = small_facts()
    found = month_report(replace(facts, served=served(gaps=frozenset(range(360, 720))))).forecast_error
    assert found is not None
    assert found.hours == 360
    assert found.series[0].coverage == {"0.9": 1.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "the plan was recorded without its forecast, so its error is unknown"),
        ("nonsense", "the error of the plan's forecast is unknown: the forecast, row 1: column 'timestamp' is missing"),
    ],
    ids=["none", "unreadable"],
)
def test_a_plan_without_a_readable_forecast_is_said(text: str | None, said: str) -> None:
    facts = small_facts()
    assert facts.planned is not None
    found = month_report(replace(facts, planned=replace(facts.planned, forecast=text)))
    assert found.forecast_error is None
    assert any(remark.startswith(said) for remark in found.remarks)


def test_a_forecast_of_another_month_counts_as_the_plan_read_it_its_last_week_repeated() -> None:
    facts = small_facts()
    assert facts.planned is not None
    text = small_forecast_text().replace("2026-11-", "2026-10-")
    found = month_report(replace(facts, planned=replace(facts.planned, forecast=text))).forecast_error
    assert found is not None
    assert len(found.remarks) == 1
    assert found.remarks[0].endswith("is repeated")
    assert found.series[0].peak_error_ratio == pytest.approx(0.8 * 0.4 / 1.8 - 1)  # no busy hours in its last week
