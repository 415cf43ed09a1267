"""A month with everything in it, for what a report of a real size does and looks like: 2 models, 20 teams, 5 offers.

October 2026, 744 hours, with the end of summer time in Europe on the 25th. Traffic follows working days; base nodes
carry it, pools and spot the peaks. Six hours of the 14th were not measured. Nothing here is solved: `months.py` has
numbers one can check in the head, this has size. The bill's lines sum to the bill, and so do the charges.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from planner.economics.charges import Charge, Chargeback
from planner.month.value import (
    Assumption,
    BillLine,
    BreakEven,
    Floats,
    Hourly,
    ModelMonth,
    MonthReport,
    NextMonth,
    PriceRow,
    Regret,
    Risk,
    TrendPoint,
    Variance,
)
from planner.plan import CostLines, OfferTerms, OwnedChanges, Plan, UnitCost, Utilization
from tests.planner.month.months import small_plan, small_report, small_spend

START = datetime(2026, 10, 1, tzinfo=UTC)
END = datetime(2026, 11, 1, tzinfo=UTC)
HOURS = 744
CENT = Decimal("0.01")
BIG, SMALL = "hetzner/gex131", "hetzner/ax102"
OVH, SPOT, CLOUD = "ovh/l40s-90", "aws/g6e.xlarge/spot", "hetzner-cloud/ccx43"
MODELS = ("llama-3.1-8b", "llama-7b-q4")
RATE, RATE_DATE = Decimal("1.1624"), date(2026, 10, 30)
TEAMS = (
    "search", "assistant", "support", "checkout", "ads", "mobile", "catalogue", "translation", "moderation", "insights",
    "legal", "people", "finance", "growth", "logistics", "risk", "partners", "research", "docs", "",
)  # fmt: skip
GAP = range(13 * 24 + 8, 13 * 24 + 14)


def shape() -> Floats:
    """Traffic relative to its mean: working days, a growing month, no noise."""
    hour = np.arange(HOURS)
    of_day, day = hour % 24, hour // 24
    weekday = (day + START.weekday()) % 7
    daily = 0.35 + np.exp(-(((of_day - 10.5) / 3.2) ** 2)) + 0.9 * np.exp(-(((of_day - 15.5) / 3.0) ** 2))
    level = np.where(weekday < 5, 1.0, 0.45) * (1 + 0.006 * day) * (1 + 0.06 * np.sin(day * 2.3))
    made = daily * level
    return made / made.mean()


def _line(what: str, role: str, amount: str, **changes: Any) -> BillLine:
    in_euro = changes.pop("euro", False)
    usd = Decimal(amount)
    line = BillLine(
        provider=what.split("/", maxsplit=1)[0],
        what=what,
        role=role,
        model=None,
        nodes=0,
        node_hours=Decimal(0),
        amount_usd=usd,
        invoice_currency="EUR" if in_euro else "USD",
        amount_invoice=(usd / RATE).quantize(CENT) if in_euro else usd,
        usd_per_unit=RATE if in_euro else Decimal(1),
        rate_date=RATE_DATE if in_euro else None,
    )
    return replace(line, **changes)


def rich_bill() -> tuple[BillLine, ...]:
    llm, quantized = MODELS
    return (
        _line(BIG, "base", "5166.84", euro=True, model=llm, nodes=5, node_hours=Decimal(3720)),
        _line(SMALL, "base", "751.32", euro=True, model=quantized, nodes=6, node_hours=Decimal(4464)),
        _line(OVH, "burst", "1918.40", model=llm, nodes=61, node_hours=Decimal("1090.0")),
        _line(SPOT, "burst", "642.77", model=llm, nodes=88, node_hours=Decimal("861.4")),
        _line(CLOUD, "burst", "118.08", euro=True, model=quantized, nodes=34, node_hours=Decimal("402.0")),
        _line(BIG, "setup", "189.00", euro=True, nodes=1),
        _line("egress", "other", "231.46", provider="aws"),
        _line("monitoring", "other", "149.00", provider="grafana"),
    )


def rich_charges() -> Chargeback:
    """Usage by a falling share of each team; what is left over in cents goes to the first."""
    bill = sum((line.amount_usd for line in rich_bill()), Decimal(0))
    weights = [1 / (1 + index) ** 0.9 for index in range(len(TEAMS))]
    totals = {MODELS[0]: ("4420.10", "3307.91", "520.20"), MODELS[1]: ("388.31", "481.09", "49.26")}
    charges = []
    for model, amounts in totals.items():
        parts = [_split(Decimal(amount), weights) for amount in amounts]
        scale = 41e9 if model == MODELS[0] else 2.2e9
        for index, team in enumerate(TEAMS):
            share = weights[index] / sum(weights)
            charges.append(
                Charge(
                    model=model,
                    tag=team,
                    input_tokens=int(scale * share * 0.8),
                    output_tokens=int(scale * share * 0.2),
                    work_node_hours=3200 * share,
                    usage_usd=parts[0][index],
                    idle_usd=parts[1][index],
                    shared_usd=parts[2][index],
                )
            )
    return Chargeback(
        by="team",
        bill_usd=bill,
        charges=tuple(charges),
        idle_usd={model: Decimal(amounts[1]) for model, amounts in totals.items()},
        shared_usd=Decimal("569.46"),
        remarks=("tokens without a team are charged as untagged",),
    )


def _split(amount: Decimal, weights: list[float]) -> list[Decimal]:
    parts = [(amount * Decimal(weight / sum(weights))).quantize(CENT) for weight in weights]
    return [parts[0] + amount - sum(parts), *parts[1:]]


def rich_hourly() -> Hourly:
    demand = shape()
    gap = np.isin(np.arange(HOURS), list(GAP))
    over = np.maximum(0, demand - 1.0)
    pool = np.ceil(over * 2.2)
    spot = np.where(demand > 1.7, np.ceil((demand - 1.7) * 4), 0.0)
    cloud = np.where(demand > 1.25, 2.0, 0.0)
    nodes = 11 + pool + spot + cloud
    utilization = np.clip(demand * 7.4 / nodes, 0, 1)
    base = (5166.84 + 751.32) / HOURS
    cost = base + pool * 1918.40 / pool.sum() + spot * 642.77 / spot.sum() + cloud * 118.08 / cloud.sum()
    return Hourly(
        start=START,
        input_tok_s=np.where(gap, np.nan, demand * 12_900),
        output_tok_s=np.where(gap, np.nan, demand * 3_230),
        utilization=np.where(gap, np.nan, utilization),
        base_nodes=np.full(HOURS, 11.0),
        burst_nodes={OVH: pool, SPOT: spot, CLOUD: cloud},
        cost_usd=cost,
        unserved_tok_s=np.where(gap, np.nan, np.where(demand > 2.35, (demand - 2.35) * 900, 0.0)),
    )


def _terms(offer: str, role: str, **changes: Any) -> OfferTerms:
    known = small_plan().offers
    terms = replace(
        next(terms for terms in known.values() if terms.role == role),
        offer_id=offer,
        price_date=date(2026, 10, 12),
        source="price list",
    )
    return replace(terms, **changes)


def a_plan(start: datetime, hours: int, *, bill: str, base: dict[str, int], burst: str) -> Plan:
    """A plan of a given bill; its leases are those of `small_plan`, moved to its month."""
    small = small_plan()
    shift = start - small.start
    leases = tuple(
        replace(
            lease,
            offer=OVH,
            start=lease.start + shift,
            end=lease.end + shift,
            charge_usd=(Decimal(burst) / len(small.leases)).quantize(CENT),
        )
        for lease in small.leases
    )
    return replace(
        small,
        start=start,
        end=start + timedelta(hours=hours),
        hours=hours,
        base=base,
        bill_usd=Decimal(bill),
        total_usd=Decimal(bill),
        setup_due_usd=Decimal("189.00"),
        lower_bound_usd=Decimal(bill) * Decimal("0.994"),
        gap_ratio=0.006,
        cost=CostLines(
            base_fees_usd=Decimal(bill) - Decimal(burst) - Decimal("205.75"),
            setup_usd=Decimal("15.75"),
            burst_usd=Decimal(burst),
            egress_usd=Decimal("190.00"),
            interruption_usd=Decimal("6.10"),
            unserved_penalty_usd=Decimal(0),
        ),
        utilization=Utilization(mean=0.58, peak=0.93),
        unserved_ratio=0.0004,
        cost_usd_mtok=UnitCost(blended=Decimal("0.2031"), input=Decimal("0.0907"), output=Decimal("0.6520")),
        offers={
            BIG: _terms(BIG, "base", fee_usd_horizon=Decimal("1033.37"), source="hetzner.com, dedicated"),
            SMALL: _terms(SMALL, "base", fee_usd_horizon=Decimal("125.22"), source="hetzner.com, dedicated"),
            OVH: _terms(OVH, "burst", rate_usd_hour=Decimal("1.76"), source="ovhcloud.com, public cloud"),
            SPOT: _terms(SPOT, "burst", rate_usd_hour=Decimal("0.7462"), is_spot=True, source="aws.amazon.com, spot"),
        },
        leases=leases,
    )


def rich_report() -> MonthReport:
    """The month with all its parts."""
    bill = sum((line.amount_usd for line in rich_bill()), Decimal(0))
    plan = a_plan(START, HOURS, bill="8710.00", base={BIG: 5, SMALL: 6}, burst="2240.00")
    unit = UnitCost(blended=Decimal("0.2122"), input=Decimal("0.0948"), output=Decimal("0.6818"))
    months = ("0.3390", "0.3127", "0.2984", None, "0.2510", "0.2416", "0.2262", "0.2122")
    return replace(
        small_report(),
        month="2026-10",
        start=START,
        end=END,
        as_of=datetime(2026, 11, 3, 8, 30, tzinfo=UTC),
        models=MODELS,
        bill_usd=bill,
        bill=rich_bill(),
        charges=rich_charges(),
        model_months=(
            ModelMonth(
                model=MODELS[0],
                input_tokens=32_800_000_000,
                output_tokens=8_200_000_000,
                unserved_tokens=31_400_000,
                cost_usd=Decimal("7728.01"),
                utilization=0.572,
                unit=UnitCost(blended=Decimal("0.2012"), input=Decimal("0.0901"), output=Decimal("0.6456")),
            ),
            ModelMonth(
                model=MODELS[1],
                input_tokens=1_760_000_000,
                output_tokens=440_000_000,
                unserved_tokens=0,
                cost_usd=Decimal("869.40"),
                utilization=0.446,
                unit=UnitCost(blended=Decimal("0.4176"), input=Decimal("0.1860"), output=Decimal("1.3440")),
            ),
        ),
        hourly=rich_hourly(),
        gap_hours=len(GAP),
        utilization=Utilization(mean=0.561, peak=0.978),
        unserved_ratio=31_400_000 / 43_231_400_000,
        unit=unit,
        usage_unit=UnitCost(blended=Decimal("0.1113"), input=Decimal("0.0497"), output=Decimal("0.3577")),
        spend=replace(small_spend(), start=START, end=END, hours=Decimal(HOURS)),
        trend=tuple(
            TrendPoint(
                month=f"2026-{3 + index:02}",
                cost_usd_mtok=None if cost is None else Decimal(cost),
                bill_usd=Decimal(4100 + 640 * index) if index < 7 else bill,
            )
            for index, cost in enumerate(months)
        ),
        plan=plan,
        variance=Variance(
            planned_usd=plan.bill_usd,
            actual_usd=bill,
            nodes_planned_usd=Decimal("8504.25"),
            nodes_actual_usd=Decimal("8597.41"),
            volume_usd=Decimal("412.55"),
            price_usd=Decimal("-96.20"),
            utilization_usd=Decimal("-223.19"),
            other_usd=bill - plan.bill_usd - Decimal("93.16"),
        ),
        regret=Regret(
            hindsight=a_plan(START, HOURS, bill="8391.52", base={BIG: 6, SMALL: 4}, burst="1301.00"),
            hindsight_usd=Decimal("8391.52"),
            actual_usd=Decimal("8828.87"),
        ),
        next_month=NextMonth(
            month="2026-11",
            plan=a_plan(END, 720, bill="8874.30", base={BIG: 6, SMALL: 4}, burst="1310.00"),
            changes=OwnedChanges(
                keep={f"{BIG}#owned": 5, f"{SMALL}#owned": 4}, buy={BIG: 1}, cancel={f"{SMALL}#owned": 2}
            ),
            staying_usd=Decimal("9455.18"),
            remarks=("no forecast was given: the last whole week of 2026-10 is repeated",),
        ),
        break_even=(
            BreakEven(price_usd_mtok=Decimal("0.15"), tokens_month=None, tok_s=None),
            BreakEven(price_usd_mtok=Decimal("0.25"), tokens_month=Decimal("33120000000"), tok_s=Decimal("12366")),
            BreakEven(price_usd_mtok=Decimal("0.40"), tokens_month=Decimal("18740000000"), tok_s=Decimal("6997")),
            BreakEven(price_usd_mtok=Decimal("0.60"), tokens_month=Decimal("11830000000"), tok_s=Decimal("4417")),
        ),
        prices=tuple(
            PriceRow(
                tier=tier,
                price_usd_mtok=Decimal(price),
                input_usd_mtok=Decimal(price) * Decimal("0.447"),
                output_usd_mtok=Decimal(price) * Decimal("3.213"),
                margin_ratio=1 - 0.2122 / float(price),
            )
            for tier, price in (
                ("developer", "0.60"),
                ("startup", "0.45"),
                ("business", "0.35"),
                ("enterprise", "0.20"),
            )
        ),
        risks=(
            Risk(
                name="spot share",
                figure="37 % of burst node-hours",
                meaning="Interruptions were rare; a shortage of spot would move this part to pools at twice the price.",
                is_warning=False,
            ),
            Risk(
                name="loss of a base node",
                figure="212 of 744 hours",
                meaning="With one base node fewer these hours would have needed more burst than the pools allow.",
                is_warning=True,
            ),
            Risk(
                name="price changes since last month",
                figure="+4.1 % hetzner/gex131",
                meaning="New orders pay the higher fee; the servers already rented keep theirs.",
                is_warning=True,
            ),
        ),
        assumptions=(
            Assumption(
                what=f"rates of {MODELS[0]} on {BIG}",
                value="21,400 input tok/s, 2,350 output tok/s, measured",
                dated=date(2026, 9, 14),
                source="profiles/llama-3.1-8b, vLLM bench",
            ),
            Assumption(
                what=f"rates of {MODELS[1]} on {SMALL}",
                value="812 input tok/s, 66 output tok/s, estimated",
                dated=date(2026, 8, 2),
                source="memory bandwidth rule from ccx43",
            ),
            Assumption(what="USD per EUR", value=str(RATE), dated=RATE_DATE, source="ECB euro reference rate"),
            Assumption(what="target utilization", value="0.75", dated=None, source="fleet.toml"),
        ),
        remarks=("6 of 744 hours were not measured: utilization and tokens are of the other 738",),
    )
