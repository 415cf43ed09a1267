"""Plans made by hand, with numbers one can check in the head. Loaded by path from the tests beside it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from planner.plan import (
    Alternative,
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
    Rejected,
    ScenarioOutcome,
    SwitchingPoint,
    UnitCost,
    Utilization,
)
from planner.profile.model import Basis, Rates
from policies.billing import Billing
from policies.planning import PlanningPolicy, Sharing

START = datetime(2026, 12, 1, tzinfo=UTC)
BASE, POOL, SPOT = "hetzner/ax102", "ovh/b3-64", "aws/r7a.4xlarge/spot"


def an_offer(role: str, offer_id: str, **changes: Any) -> OfferTerms:
    terms = OfferTerms(
        role=role,
        offer_id=offer_id,
        fee_usd_horizon=None,
        setup_usd_horizon=None,
        rate_usd_hour=None,
        interruption_usd_hour=Decimal(0),
        egress_usd_mtok=Decimal(0),
        min_count=0,
        max_count=None,
        lead_time_s={},
        count_group=None,
        group_max=None,
        billing=Billing.STARTED_HOUR,
        cap_usd_month=None,
        is_spot=False,
        price_date=date(2026, 10, 12),
        source="price list",
    )
    return replace(terms, **changes)


def a_rate(prefill_tok_s: float, decode_tok_s: float, basis: Basis = Basis.MEASURED) -> Rates:
    return Rates(prefill_tok_s=prefill_tok_s, decode_tok_s=decode_tok_s, basis=basis)


def model_hour(input_tok_s: float, output_tok_s: float, **changes: Any) -> ModelHour:
    part = ModelHour(
        input_tok_s=input_tok_s,
        output_tok_s=output_tok_s,
        base={},
        burst={},
        unserved_ratio=0.0,
        marginal_usd_mtok=None,
    )
    return replace(part, **changes)


def an_hour(index: int, by_model: Mapping[str, ModelHour], **changes: Any) -> HourDetail:
    base: dict[str, int] = {}
    burst: dict[str, int] = {}
    for part in by_model.values():
        for total, counts in ((base, part.base), (burst, part.burst)):
            for offer, count in counts.items():
                total[offer] = total.get(offer, 0) + count
    hour = HourDetail(
        hour=START + index * timedelta(hours=1),
        by_model=by_model,
        base=base,
        burst=burst,
        unserved_ratio=0.0,
        marginal_usd_mtok=next(iter(by_model.values())).marginal_usd_mtok,
    )
    return replace(hour, **changes)


def small_plan() -> Plan:
    """One model over 4 hours at τ = 0.8: one base node, and 0, 1, 2, 0 nodes of a pool billed by the started hour.

    Work: 1,000 input and 100 output tok/s keep one base node busy, 500 and 50 one burst node; so of 400 and 40 tok/s,
    0.8 base nodes. Served work of the hours: 0.8, 0.8 + 0.8, 0.8 + 1.6, 0.4; rented nodes 1, 2, 3, 1.
    Leases start 10 minutes early: 00:50-03:00 is 3 started hours, 01:50-03:00 two. Egress: 1/3 of 60 and 1/2 of 80
    output tok/s for an hour are 0.216 Mtok. Interruptions: 3 1/3 hours held at 0.009. 7.92 Mtok served for 3.3264 USD:
    0.42 each. By the hour 3 node-hours at 0.309 and egress make 0.9486, so 0.603 is launch overhead; two base nodes
    would need no burst and cost 3.6096.
    """
    demand = [(400.0, 40.0, 0, 0.0), (600.0, 60.0, 1, 0.25), (800.0, 80.0, 2, 0.25), (200.0, 20.0, 0, 0.0)]
    hours = [
        an_hour(
            index,
            {"m": model_hour(i, o, base={BASE: 1}, burst={POOL: n} if n else {}, marginal_usd_mtok=marginal)},
        )
        for index, (i, o, n, marginal) in enumerate(demand)
    ]
    at = {name: START + timedelta(minutes=minutes) for name, minutes in (("one", 50), ("two", 110), ("end", 180))}
    leases = (
        PlannedLease(offer=POOL, model="m", start=at["one"], end=at["end"], count=1, charge_usd=Decimal("0.90")),
        PlannedLease(offer=POOL, model="m", start=at["two"], end=at["end"], count=1, charge_usd=Decimal("0.60")),
    )
    offers = {
        BASE: an_offer("base", BASE, fee_usd_horizon=Decimal("1.7048"), setup_usd_horizon=Decimal("0.10"), max_count=5),
        POOL: an_offer(
            "burst",
            POOL,
            rate_usd_hour=Decimal("0.30"),
            interruption_usd_hour=Decimal("0.009"),
            egress_usd_mtok=Decimal("0.1"),
            price_date=date(2026, 11, 1),
        ),
        SPOT: an_offer("burst", SPOT, rate_usd_hour=Decimal("0.5"), billing=Billing.SECOND, is_spot=True),
    }
    return Plan(
        start=START,
        end=START + timedelta(hours=4),
        hours=4,
        fee_basis="prorated",
        price_basis="USD net of VAT, calendar hours, prices of 2026-10-12 to 2026-11-01",
        base={BASE: 1},
        owned_changes=OwnedChanges(keep={}, buy={BASE: 1}, cancel={}),
        bill_usd=Decimal("3.3264"),
        setup_due_usd=Decimal("223.20"),
        total_usd=Decimal("3.3564"),
        relaxed_bound_usd=Decimal("2.7534"),
        lower_bound_usd=Decimal("2.7534"),
        gap_ratio=0.603 / 3.3564,
        gap=Gap(rounding_usd=Decimal(0), launch_overhead_usd=Decimal("0.603"), search_usd=Decimal(0)),
        search="proven",
        cost=CostLines(
            base_fees_usd=Decimal("1.7048"),
            setup_usd=Decimal("0.10"),
            burst_usd=Decimal("1.50"),
            egress_usd=Decimal("0.0216"),
            interruption_usd=Decimal("0.03"),
            unserved_penalty_usd=Decimal(0),
        ),
        unserved_ratio=0.0,
        utilization=Utilization(mean=5.2 / 7, peak=0.8),
        cost_usd_mtok=UnitCost(blended=Decimal("0.42"), input=Decimal("0.231"), output=Decimal("2.31")),
        policy=PlanningPolicy(target_utilization=0.8),
        models={
            "m": ModelTerms(
                cache_hit_ratio=0.0,
                unserved_usd_mtok=Decimal(100),
                rates={BASE: a_rate(1000, 100, Basis.ESTIMATED), POOL: a_rate(500, 50), SPOT: a_rate(500, 50)},
            )
        },
        offers=offers,
        scenario_shown="",
        hours_detail=tuple(hours),
        leases=leases,
        scenarios=(
            ScenarioOutcome(
                name="", probability=1.0, bill_usd=Decimal("3.3264"), total_usd=Decimal("3.3564"), unserved_ratio=0.0
            ),
        ),
        rejected=(
            Rejected(offer="ovh/b3-8", reason="m does not fit: needs 6.1 GiB, has 5.0 GiB"),
            Rejected(offer=SPOT, reason="dearer than ovh/b3-64 in every hour", cheaper_by_usd=Decimal("0.2")),
        ),
        alternatives=(
            Alternative(
                base={BASE: 2}, bill_usd=Decimal("3.6096"), total_usd=Decimal("3.6096"), dearer_by_usd=Decimal("0.2532")
            ),
        ),
        switching=(
            SwitchingPoint(offer=BASE, factor=0.4, count_below=0, count_above=1),
            SwitchingPoint(offer=BASE, factor=1.25, count_below=1, count_above=2),
        ),
        provenance=Provenance(
            catalog="shipped, 2026-11-01",
            forecast="four-hours.csv",
            policy="default",
            solver="HiGHS 1.11",
            status="optimal",
            recourse="merit order",
            version="0.1.0",
        ),
        remarks=("a remark",),
    )


def two_model_plan() -> Plan:
    """Two models over 3 hours across a month's end at τ = 0.5, in the scenario "high" of two, surviving one loss.

    Every node sustains 100 output tok/s of "a" and 50 of "b". Hours from 31 December 22:00: "a" asks 100, 200, 0
    tok/s, that is 1, 2, 0 nodes of work; "b" asks 50, 50, 100, that is 1, 1, 2. Two base nodes serve each. Hour 2 of
    "a" needs 4 nodes at τ: 2 of a capped pool. Hour 3 of "b" needs 4: 1 on spot, 1/4 unserved.
    """
    base, capped, spot = BASE, "hetzner-cloud/ccx43", SPOT
    start = datetime(2026, 12, 31, 22, tzinfo=UTC)
    asked = [
        (model_hour(0, 100, base={base: 2}), model_hour(0, 50, base={base: 2})),
        (model_hour(0, 200, base={base: 2}, burst={capped: 2}), model_hour(0, 50, base={base: 2})),
        (model_hour(0, 0, base={base: 2}), model_hour(0, 100, base={base: 2}, burst={spot: 1}, unserved_ratio=0.25)),
    ]
    hours = tuple(
        an_hour(
            index,
            {"a": a, "b": b},
            hour=start + index * timedelta(hours=1),
            unserved_ratio=0.25 if index == 2 else 0.0,
        )
        for index, (a, b) in enumerate(asked)
    )
    leases = (
        # 22:30 to 00:00 on the last day of the month: 2 started hours at 0.30, capped at 0.50; two nodes.
        PlannedLease(
            offer=capped,
            model="a",
            start=start + timedelta(minutes=30),
            end=start + timedelta(hours=2),
            count=2,
            charge_usd=Decimal("1.00"),
        ),
        # 23:55 to 01:00 by the second: 65 minutes at 0.60 an hour.
        PlannedLease(
            offer=spot,
            model="b",
            start=start + timedelta(minutes=115),
            end=start + timedelta(hours=3),
            count=1,
            charge_usd=Decimal("0.65"),
        ),
    )
    # 25 of 500 tok/s for an hour unserved: 0.09 Mtok at 100 USD. Fees 4 x 0.25, no setup: owned. Bill 2.65 in "high".
    rates = {base: 100.0, capped: 100.0, spot: 100.0}
    return replace(
        small_plan(),
        start=start,
        end=start + timedelta(hours=3),
        hours=3,
        base={base: 4},
        owned_changes=OwnedChanges(keep={base: 4}, buy={}, cancel={"hetzner/ax42": 1}),
        bill_usd=Decimal("2.325"),
        setup_due_usd=Decimal(0),
        total_usd=Decimal("6.825"),
        relaxed_bound_usd=Decimal("6.00"),
        lower_bound_usd=Decimal("6.10"),
        gap_ratio=0.725 / 6.825,
        gap=Gap(rounding_usd=Decimal("0.125"), launch_overhead_usd=Decimal("0.50"), search_usd=Decimal("0.10")),
        search="limit",
        cost=CostLines(
            base_fees_usd=Decimal("1.00"),
            setup_usd=Decimal(0),
            burst_usd=Decimal("1.325"),
            egress_usd=Decimal(0),
            interruption_usd=Decimal(0),
            unserved_penalty_usd=Decimal("4.50"),
        ),
        unserved_ratio=0.025,
        utilization=Utilization(mean=0.4, peak=0.5),
        policy=PlanningPolicy(target_utilization=0.5, survive_base_losses=1, max_spot_share=0.5, sharing=Sharing.NONE),
        models={
            name: ModelTerms(
                cache_hit_ratio=0.0,
                unserved_usd_mtok=Decimal(100),
                rates={offer: a_rate(1000, rate * factor) for offer, rate in rates.items()},
            )
            for name, factor in (("a", 1.0), ("b", 0.5))
        },
        offers={
            base: an_offer("base", base, fee_usd_horizon=Decimal("0.25"), setup_usd_horizon=Decimal(0)),
            capped: an_offer(
                "burst",
                capped,
                rate_usd_hour=Decimal("0.30"),
                cap_usd_month=Decimal("0.50"),
                billing=Billing.STARTED_HOUR_CAPPED,
                count_group="hetzner-cloud",
                group_max=2,
            ),
            spot: an_offer("burst", spot, rate_usd_hour=Decimal("0.60"), billing=Billing.SECOND, is_spot=True),
        },
        scenario_shown="high",
        hours_detail=hours,
        leases=leases,
        scenarios=(
            ScenarioOutcome(
                name="low",
                probability=0.5,
                bill_usd=Decimal("2.00"),
                total_usd=Decimal("2.00"),
                unserved_ratio=0.0,
            ),
            ScenarioOutcome(
                name="high",
                probability=0.5,
                bill_usd=Decimal("2.65"),
                total_usd=Decimal("11.65"),
                unserved_ratio=0.05,
            ),
        ),
        alternatives=(),
    )
