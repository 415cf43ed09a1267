"""A month made by hand, with numbers one can check in the head: its facts, and the report that is to come of them.

November 2026, 720 hours, one model "m", two teams. A node of either offer takes 10 million input tokens an hour, or
makes 1 million output tokens. On the days 1-20, from 10:00 to 14:00 UTC, 1.8 nodes are busy, in every other hour 0.4:
80 x 1.8 + 640 x 0.4 = 400 node-hours, half of them input. So 2,000 million input and 200 million output tokens, of
which team red has three quarters and team blue the rest.

One base node at 72.00 USD a month (57.60 EUR at 1.25), and in the 80 busy hours one burst node at 0.10 an
hour: 8.00. 800 node-hours for 80.00 USD, half of them busy. Monitoring is 20.00. The bill is 100.00 USD.

The plan expected 80 % of the traffic, and burst from 10:00 to 15:00 at 0.08: 72.00 + 100 x 0.08 = 80.00, of which input
is 40.00 for 1,600 million tokens and output 40.00 for 160 million. Variance: volume 400 x 0.025 + 40 x 0.25 = 20.00;
price 80 x 0.02 = 1.60; other 20.00; the rest of 20.00 is utilization, -21.60.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np

from planner.catalog.offer import Catalog, Offer, Role
from planner.economics.charges import Charge, Chargeback
from planner.economics.spend import ModelSpend, Spend, SpendBasis, SpendLine
from planner.fleet import Fleet
from planner.ledger import Lease, OtherCost, PriceInForce, ServedHours, tags_of
from planner.month.facts import EarlierMonth, MonthFacts, PlanOfMonth
from planner.month.value import (
    Assumption,
    BillLine,
    BreakEven,
    ForecastError,
    Hourly,
    ModelMonth,
    MonthReport,
    NextMonth,
    PriceRow,
    Regret,
    Risk,
    SeriesError,
    TrendPoint,
    Variance,
)
from planner.plan import (
    CostLines,
    Gap,
    HourDetail,
    ModelHour,
    ModelTerms,
    OfferTerms,
    OwnedChanges,
    Plan,
    PlannedLease,
    Provenance,
    ScenarioOutcome,
    UnitCost,
    Utilization,
)
from planner.profile.curve import Profile
from planner.profile.document import read_profile
from planner.profile.model import Basis, Model, Rates
from policies.billing import Billing, Tariff
from policies.planning import PlanningPolicy

START = datetime(2026, 11, 1, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
BASE, POOL = "hetzner/ax102", "ovh/b3-64"
INPUT_H, OUTPUT_H = 10_000_000, 1_000_000
"""Tokens of an hour that keep a node busy, input alone or output alone."""
RATE_DATE = date(2026, 10, 30)
IS_BUSY = np.array([hour // 24 < 20 and 10 <= hour % 24 < 14 for hour in range(720)])


def dollars(text: str) -> Decimal:
    return Decimal(text)


def work_of(hour: int) -> float:
    """Nodes busy in an hour of the month."""
    return 1.8 if IS_BUSY[hour] else 0.4


# --- what was recorded ----------------------------------------------------------------------------


def base_price(fee_usd_month: str = "72") -> PriceInForce:
    return PriceInForce(
        offer=BASE,
        provider="hetzner",
        tariff=Tariff(billing=Billing.MONTH, fee_usd_month=dollars(fee_usd_month)),
        setup_fee_usd=dollars("25"),
        invoice_currency="EUR",
        usd_per_unit=dollars("1.25"),
        rate_date=RATE_DATE,
        effective_from=date(2026, 3, 1),
        source="order confirmation",
    )


def pool_price(price_usd_hour: str = "0.10") -> PriceInForce:
    return PriceInForce(
        offer=POOL,
        provider="ovh",
        tariff=Tariff(billing=Billing.STARTED_HOUR, price_usd_hour=dollars(price_usd_hour)),
        source="price list",
    )


def base_lease(**changes: object) -> Lease:
    lease = Lease(
        id="base-1",
        offer=BASE,
        provider="hetzner",
        start=datetime(2026, 3, 1, tzinfo=UTC),
        is_base=True,
        model="m",
        region="EU",
        price=base_price(),
    )
    return replace(lease, **changes)  # type: ignore[arg-type]  # a test names what differs


def burst_leases(price: PriceInForce | None = None) -> tuple[Lease, ...]:
    """One node from 10:00 to 14:00 on the days 1-20."""
    return tuple(
        Lease(
            id=f"burst-{day + 1}",
            offer=POOL,
            provider="ovh",
            start=START + timedelta(days=day, hours=10),
            end=START + timedelta(days=day, hours=14),
            model="m",
            region="EU",
            price=price or pool_price(),
        )
        for day in range(20)
    )


def monitoring(amount_usd: str = "20") -> OtherCost:
    return OtherCost(
        id="grafana-11",
        provider="grafana",
        what="monitoring",
        start=START,
        end=END,
        amount_usd=dollars(amount_usd),
    )


def served(gaps: frozenset[int] = frozenset(), hours: int = 720) -> ServedHours:
    """Red three quarters of every hour, blue one; hours in `gaps` have no row."""
    known = [hour for hour in range(hours) if hour not in gaps]
    work = np.array([work_of(hour) for hour in known])
    shares = (0.75, 0.25)
    return ServedHours(
        start=START,
        hours=hours,
        models=("m",),
        tags=(tags_of({"team": "red"}), tags_of({"team": "blue"})),
        hour=np.tile(np.array(known, dtype=np.int32), 2),
        model=np.zeros(2 * len(known), dtype=np.int32),
        tag=np.repeat(np.arange(2, dtype=np.int32), len(known)),
        input_tokens=np.rint(np.concatenate([work / 2 * INPUT_H * share for share in shares])).astype(np.int64),
        output_tokens=np.rint(np.concatenate([work / 2 * OUTPUT_H * share for share in shares])).astype(np.int64),
        gaps=gaps,
        source="usage.csv",
    )


# --- what was planned -----------------------------------------------------------------------------


def _terms(offer_id: str, role: str, fee: str | None = None, rate: str | None = None) -> OfferTerms:
    return OfferTerms(
        role=role,
        offer_id=offer_id,
        fee_usd_horizon=None if fee is None else dollars(fee),
        setup_usd_horizon=None if fee is None else dollars("0"),
        rate_usd_hour=None if rate is None else dollars(rate),
        interruption_usd_hour=dollars("0"),
        egress_usd_mtok=dollars("0"),
        min_count=0,
        max_count=None,
        count_group=None,
        group_max=None,
        lead_time_s={} if fee else {"m": 0.0},
        billing=Billing.MONTH if fee else Billing.STARTED_HOUR,
        cap_usd_month=None,
        is_spot=False,
        price_date=date(2026, 10, 12),
        source="price list",
    )


def node_rates() -> Rates:
    return Rates(
        prefill_tok_s=INPUT_H / 3600,
        decode_tok_s=OUTPUT_H / 3600,
        basis=Basis.MEASURED,
        rule="rates as given",
        source="our bench",
        source_date="2026-10-01",
    )


def _plan_of(
    start: datetime, hours: int, busy: Mapping[int, float], last_hour: int, money: Mapping[str, str], price: str
) -> Plan:
    """One base node; `busy` nodes by hour, and on its days a burst node from 10:00 until `last_hour` at `price`."""
    days = sorted({hour // 24 for hour, nodes in busy.items() if nodes > 1})
    on = {24 * day + hour for day in days for hour in range(10, last_hour)}
    held = last_hour - 10
    detail = tuple(
        HourDetail(
            hour=start + hour * HOUR,
            by_model={
                "m": ModelHour(
                    input_tok_s=nodes / 2 * INPUT_H / 3600,
                    output_tok_s=nodes / 2 * OUTPUT_H / 3600,
                    base={BASE: 1},
                    burst={POOL: 1} if hour in on else {},
                    unserved_ratio=0.0,
                    marginal_usd_mtok=None,
                )
            },
            base={BASE: 1},
            burst={POOL: 1} if hour in on else {},
            unserved_ratio=0.0,
            marginal_usd_mtok=None,
        )
        for hour, nodes in busy.items()
    )
    bill, fees, burst = dollars(money["bill"]), dollars(money["fees"]), dollars(money["burst"])
    return Plan(
        start=start,
        end=start + hours * HOUR,
        hours=hours,
        fee_basis="month",
        price_basis="USD net of VAT, calendar hours, prices of 2026-10-12",
        base={BASE: 1},
        owned_changes=OwnedChanges(keep={f"{BASE}#owned": 1}, buy={}, cancel={}),
        bill_usd=bill,
        setup_due_usd=dollars("0"),
        total_usd=bill,
        relaxed_bound_usd=bill,
        lower_bound_usd=bill,
        gap_ratio=0.0,
        gap=Gap(rounding_usd=dollars("0"), launch_overhead_usd=dollars("0"), search_usd=dollars("0")),
        search="proven",
        cost=CostLines(
            base_fees_usd=fees,
            setup_usd=dollars("0"),
            burst_usd=burst,
            egress_usd=dollars("0"),
            interruption_usd=dollars("0"),
            unserved_penalty_usd=dollars("0"),
        ),
        unserved_ratio=0.0,
        utilization=Utilization(mean=sum(busy.values()) / (hours + len(on)), peak=max(busy.values()) / 2),
        cost_usd_mtok=UnitCost(
            blended=dollars(money["blended"]), input=dollars(money["input"]), output=dollars(money["output"])
        ),
        policy=PlanningPolicy(target_utilization=0.9),
        models={
            "m": ModelTerms(
                cache_hit_ratio=0.0,
                unserved_usd_mtok=dollars("100"),
                rates={BASE: node_rates(), POOL: node_rates()},
            )
        },
        offers={BASE: _terms(BASE, "base", fee=money["fees"]), POOL: _terms(POOL, "burst", rate=price)},
        scenario_shown="",
        hours_detail=detail,
        leases=tuple(
            PlannedLease(
                offer=POOL,
                model="m",
                start=start + timedelta(days=day, hours=10),
                end=start + timedelta(days=day, hours=last_hour),
                count=1,
                charge_usd=dollars(price) * held,
            )
            for day in days
        ),
        scenarios=(ScenarioOutcome(name="", probability=1.0, bill_usd=bill, total_usd=bill, unserved_ratio=0.0),),
        provenance=Provenance(
            catalog="hetzner, ovh; 2 offers, prices of 2026-10-12",
            forecast="forecast.csv",
            policy="fleet.toml",
            solver="HiGHS",
            status="optimal",
            recourse="merit order",
            version="0.1.0",
        ),
    )


def small_plan() -> Plan:
    """80 % of the traffic that came; burst from 10:00 to 15:00 at 0.08: 72.00 + 8.00."""
    money = {
        "bill": "80.00",
        "fees": "72.00",
        "burst": "8.00",
        "blended": "0.045455",
        "input": "0.025",
        "output": "0.25",
    }
    return _plan_of(START, 720, {hour: 0.8 * work_of(hour) for hour in range(720)}, 15, money, "0.08")


def hindsight_plan() -> Plan:
    """The traffic that came, burst from 10:00 to 14:00 at 0.05: 72.00 + 4.00."""
    money = {
        "bill": "76.00",
        "fees": "72.00",
        "burst": "4.00",
        "blended": "0.034545",
        "input": "0.019",
        "output": "0.19",
    }
    return _plan_of(START, 720, {hour: work_of(hour) for hour in range(720)}, 14, money, "0.05")


def next_plan() -> Plan:
    """December: 744 hours, the last week of November (without a busy hour) over and over: the base node alone."""
    money = {
        "bill": "72.00",
        "fees": "72.00",
        "burst": "0.00",
        "blended": "0.043988",
        "input": "0.024194",
        "output": "0.241935",
    }
    return _plan_of(END, 744, dict.fromkeys(range(744), 0.4), 14, money, "0.10")


# --- what is to come of it ------------------------------------------------------------------------


def small_bill() -> tuple[BillLine, ...]:
    line = BillLine(
        provider="hetzner",
        what=BASE,
        role="base",
        model="m",
        nodes=1,
        node_hours=dollars("720"),
        amount_usd=dollars("72"),
        invoice_currency="EUR",
        amount_invoice=dollars("57.6"),
        usd_per_unit=dollars("1.25"),
        rate_date=RATE_DATE,
    )
    in_usd = replace(line, invoice_currency="USD", usd_per_unit=dollars("1"), rate_date=None)
    return (
        line,
        replace(
            in_usd,
            provider="ovh",
            what=POOL,
            role="burst",
            nodes=20,
            node_hours=dollars("80"),
            amount_usd=dollars("8"),
            amount_invoice=dollars("8"),
        ),
        replace(
            in_usd,
            provider="grafana",
            what="monitoring",
            role="other",
            model=None,
            nodes=0,
            node_hours=dollars("0"),
            amount_usd=dollars("20"),
            amount_invoice=dollars("20"),
        ),
    )


def small_charges() -> Chargeback:
    """Half of 80.00 is busy: red has three quarters of it, and of the idle 40.00 and the shared 20.00."""

    def charge(tag: str, share: str) -> Charge:
        part = dollars(share)
        return Charge(
            model="m",
            tag=tag,
            input_tokens=int(2_000_000_000 * part),
            output_tokens=int(200_000_000 * part),
            work_node_hours=float(400 * part),
            usage_usd=40 * part,
            idle_usd=40 * part,
            shared_usd=20 * part,
        )

    return Chargeback(
        by="team",
        bill_usd=dollars("100.00"),
        charges=(charge("blue", "0.25"), charge("red", "0.75")),
        idle_usd={"m": dollars("40.00")},
        shared_usd=dollars("20.00"),
    )


def small_hourly() -> Hourly:
    work = np.array([work_of(hour) for hour in range(720)])
    burst = IS_BUSY.astype(np.float64)
    return Hourly(
        start=START,
        input_tok_s=work / 2 * INPUT_H / 3600,
        output_tok_s=work / 2 * OUTPUT_H / 3600,
        utilization=work / (1 + burst),
        base_nodes=np.ones(720),
        burst_nodes={POOL: burst},
        cost_usd=0.1 * (1 + burst) + 20 / 720,
    )


UNIT = UnitCost(blended=dollars("100") / 2200, input=dollars("0.025"), output=dollars("0.25"))
USAGE_UNIT = UnitCost(blended=dollars("40") / 2200, input=dollars("0.01"), output=dollars("0.1"))


def small_spend() -> Spend:
    return Spend(
        basis=SpendBasis.MONTH,
        source="month 2026-11",
        price_basis="USD net of VAT, calendar month (UTC), prices in force of each lease",
        start=START,
        end=END,
        hours=dollars("720"),
        lines=(
            SpendLine(what="base fees", amount_usd=dollars("72"), grows_with_traffic=False),
            SpendLine(what="burst", amount_usd=dollars("8"), grows_with_traffic=True),
            SpendLine(what="other costs", amount_usd=dollars("20"), grows_with_traffic=False),
        ),
        models=(
            ModelSpend(
                model="m",
                cost_usd=dollars("100"),
                input_tokens=2e9,
                output_tokens=2e8,
                input_work_ratio=0.5,
                utilization=0.5,
            ),
        ),
    )


def small_forecast_text() -> str:
    """A forecast of 0.8 times what came. Its band of 90 % is from half of it to 1.1 times on days 1-15, then to 0.9."""
    lines = ["timestamp,input_tokens_per_s,output_tokens_per_s,quantile"]
    for hour in range(720):
        made = work_of(hour) / 2 * 1e6 / 3600
        at = f"{START + timedelta(hours=hour):%Y-%m-%dT%H:%MZ}"
        top = 1.1 if hour < 360 else 0.9
        lines += [f"{at},{10 * f * made:.9g},{f * made:.9g},{q}" for f, q in ((0.8, ""), (0.5, 0.05), (top, 0.95))]
    return "\n".join(lines) + "\n"


def small_forecast_error() -> ForecastError:
    """Of that forecast.

    Repeating the week before misses 4 hours of each of the days 21-27 by 1.4 nodes: 39.2. In the hours from day 8 on
    13 x 4 x 1.8 + 500 x 0.4 = 293.6 nodes were busy, of which the forecast missed a fifth: 58.72.
    """
    return ForecastError(
        source="the forecast",
        hours=720,
        series=tuple(
            SeriesError(
                model="m",
                direction=direction,
                forecast_tok_s=0.8 * tokens / 2_592_000,
                actual_tok_s=tokens / 2_592_000,
                bias_ratio=-0.2,
                error_ratio=0.2,
                mase_vs_seasonal_naive=58.72 / 39.2,
                coverage={"0.9": 0.5},
                peak_error_ratio=-0.2,
            )
            for direction, tokens in (("input", 2e9), ("output", 2e8))
        ),
    )


def small_report() -> MonthReport:
    """Everything at hand: plan, usage, next month. 80.00 planned, 100.00 paid, 76.00 in hindsight."""
    plan = small_plan()
    return MonthReport(
        month="2026-11",
        start=START,
        end=END,
        as_of=datetime(2026, 12, 2, 8, tzinfo=UTC),
        title="Capacity report",
        models=("m",),
        bill_usd=dollars("100"),
        bill=small_bill(),
        charges=small_charges(),
        model_months=(
            ModelMonth(
                model="m",
                input_tokens=2_000_000_000,
                output_tokens=200_000_000,
                unserved_tokens=None,
                cost_usd=dollars("80"),
                utilization=0.5,
                unit=UNIT,
            ),
        ),
        hourly=small_hourly(),
        gap_hours=0,
        utilization=Utilization(mean=0.5, peak=0.9),
        use=None,
        unserved_ratio=None,
        unit=UNIT,
        usage_unit=USAGE_UNIT,
        spend=small_spend(),
        trend=(
            TrendPoint(month="2026-09", cost_usd_mtok=dollars("0.06"), bill_usd=dollars("90")),
            TrendPoint(month="2026-10", cost_usd_mtok=None, bill_usd=dollars("72")),
            TrendPoint(month="2026-11", cost_usd_mtok=UNIT.blended, bill_usd=dollars("100")),
        ),
        plan=plan,
        variance=Variance(
            planned_usd=dollars("80"),
            actual_usd=dollars("100"),
            nodes_planned_usd=dollars("80"),
            nodes_actual_usd=dollars("80"),
            volume_usd=dollars("20"),
            price_usd=dollars("1.6"),
            utilization_usd=dollars("-21.6"),
            other_usd=dollars("20"),
        ),
        forecast_error=small_forecast_error(),
        regret=Regret(hindsight=hindsight_plan(), hindsight_usd=dollars("76"), actual_usd=dollars("80")),
        next_month=NextMonth(
            month="2026-12",
            plan=next_plan(),
            changes=OwnedChanges(keep={f"{BASE}#owned": 1}, buy={}, cancel={}),
            staying_usd=dollars("80"),
            remarks=("no forecast was given: the last whole week of 2026-11 is repeated",),
        ),
        break_even=(
            BreakEven(price_usd_mtok=dollars("0.10"), tokens_month=dollars("1000000000"), tok_s=dollars("385.8")),
            BreakEven(price_usd_mtok=dollars("0.02"), tokens_month=None, tok_s=None),
        ),
        prices=(
            PriceRow(
                tier="developer",
                price_usd_mtok=dollars("0.0909"),
                input_usd_mtok=dollars("0.05"),
                output_usd_mtok=dollars("0.5"),
                margin_ratio=0.5,
            ),
        ),
        risks=(
            Risk(
                name="spot share",
                figure="0 % of burst node-hours",
                meaning="No burst node can be taken back.",
                is_warning=False,
            ),
            Risk(
                name="loss of a base node",
                figure="720 of 720 hours",
                meaning="Without its one base node the month's traffic could not have been served in these hours.",
                is_warning=True,
            ),
        ),
        assumptions=(
            Assumption(
                what=f"rates of m on {BASE}",
                value="2,777.8 input tok/s, 277.8 output tok/s, measured",
                dated=date(2026, 10, 1),
                source="our bench",
            ),
            Assumption(what="USD per EUR", value="1.25", dated=RATE_DATE, source="lease base-1"),
        ),
    )


def report_without_plan() -> MonthReport:
    """As `small_report`, but nothing was planned."""
    remark = "no plan is recorded for 2026-11: no variance"
    return replace(small_report(), plan=None, variance=None, remarks=(remark,))


def report_with_gaps() -> MonthReport:
    """As `small_report`, with the first day unmeasured."""
    whole = small_report()
    first_day = np.arange(720) < 24

    def cut(values: np.ndarray) -> np.ndarray:
        return np.where(first_day, np.nan, values)

    hourly = replace(
        whole.hourly,
        input_tok_s=cut(whole.hourly.input_tok_s),
        output_tok_s=cut(whole.hourly.output_tok_s),
        utilization=cut(whole.hourly.utilization),
    )
    return replace(whole, hourly=hourly, gap_hours=24, remarks=("24 of 720 hours were not measured",))


# --- the fleet it is reckoned with ----------------------------------------------------------------


def small_profile() -> Profile:
    text = f"""
        name = "by-hand"
        source = "our bench"
        date = 2026-10-01
        [[machine]]
        server = "{BASE}"
        prefill_tok_s = {INPUT_H / 3600!r}
        decode_tok_s = {OUTPUT_H / 3600!r}
        [[machine]]
        server = "{POOL}"
        prefill_tok_s = {INPUT_H / 3600!r}
        decode_tok_s = {OUTPUT_H / 3600!r}
    """
    return read_profile(text, "by-hand.toml")


def small_catalog(*, fee: str = "72", hourly: str = "0.10", day: date = date(2026, 10, 12)) -> Catalog:
    """The base offer by the month, and the pool by the started hour."""
    base = Offer(
        id=BASE,
        provider="hetzner",
        product="ax102",
        role=Role.BASE,
        region="EU",
        billing=Billing.MONTH,
        fee_usd_month=dollars(fee),
        setup_fee_usd=dollars("25"),
        price_date=day,
        source="price list",
    )
    pool = Offer(
        id=POOL,
        provider="ovh",
        product="b3-64",
        role=Role.BURST,
        region="EU",
        billing=Billing.STARTED_HOUR,
        price_usd_hour=dollars(hourly),
        lead_time_s=0.0,
        price_date=day,
        source="price list",
    )
    return Catalog(offers=(base, pool), usd_per_eur=dollars("1.25"), usd_per_eur_date=RATE_DATE)


def small_fleet(**policy: object) -> Fleet:
    numbers: dict[str, object] = {"target_utilization": 0.9, "tenure_months": 10, **policy}
    return Fleet(
        models=(Model(name="m", profile="by-hand", load_time_s=0.0),),
        policy=PlanningPolicy(**numbers),  # type: ignore[arg-type]  # a test names what differs
        source="fleet.toml",
        policy_source="fleet.toml",
    )


def small_facts(**changes: object) -> MonthFacts:
    """The facts `small_report` is to come of, but for the plans, which are solved."""
    facts = MonthFacts(
        month="2026-11",
        as_of=datetime(2026, 12, 2, 8, tzinfo=UTC),
        leases=(base_lease(), *burst_leases()),
        others=(monitoring(),),
        served=served(),
        planned=PlanOfMonth(
            plan=small_plan(),
            saved_at=datetime(2026, 10, 28, tzinfo=UTC),
            source="plan.json",
            forecast=small_forecast_text(),
        ),
        earlier=(
            EarlierMonth(month="2026-09", bill_usd=dollars("90"), tokens=1_500_000_000),
            EarlierMonth(month="2026-10", bill_usd=dollars("72"), tokens=None),
        ),
        fleet=small_fleet(),
        catalog=small_catalog(),
        profiles={"by-hand": small_profile()},
    )
    return replace(facts, **changes)  # type: ignore[arg-type]  # a test names what differs
