"""How long one decision takes about a fleet of a thousand nodes, in the four moods of a controller."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from benchmarks.measure import MeasurementError, Row, Spread, in_child, seconds

NODES, POOLS = 1000, 20
NOW = datetime(2026, 11, 10, 12, 30, tzinfo=UTC)
MOODS = {"holds": 0.75, "exchanges": 0.75, "adds": 0.95, "releases": 0.4}
"""Work per ready node."""
CALM_S = {"holds": 600.0}
"""Since the last launch; without it, nothing was launched for long, and a node may give way to a cheaper one."""


def decide_speed_rows(runs: int) -> Iterator[Row]:
    """A decision that holds, one that exchanges a node, one that adds and one that releases."""
    for mood, busy in MOODS.items():
        found = in_child("decide_speed", timeout_s=60.0, busy=busy, calm_s=CALM_S.get(mood, 1e5), runs=runs)
        if found is None:
            raise MeasurementError("a decision took more than 60 s")
        yield Row(
            what=f"`decide` that {mood}, {NODES:,} nodes in {POOLS} pools",
            unit="s",
            measured=Spread.of(found["wall_s"]),
            processor_s=median(found["processor_s"]),
            at_most=0.010,
            note=f"{found['actions']} actions; the first: {found['first']}",
        )


def decide_speed(busy: float, calm_s: float, runs: int) -> dict[str, Any]:
    """Seconds of a decision about a thousand ready nodes that are so busy, and what it asks for.

    `calm_s`: for how long nothing was launched.
    """
    from autoscaler.decide import decide
    from autoscaler.fleet import Demand, Node, NodeState, Pool, Recently, Snapshot
    from autoscaler.outlook import Outlook
    from policies.billing import Billing, Tariff
    from policies.scaling import ScalingPolicy

    tariffs = [
        Tariff(billing=rule, price_usd_hour=Decimal("0.20") + Decimal("0.01") * number)
        for number, rule in enumerate((Billing.SECOND, Billing.STARTED_HOUR) * (POOLS // 2))
    ]
    pools = {
        f"cloud/{number}": Pool(key=f"cloud/{number}", provider="cloud", tariff=tariff, lead_time_s={"chat": 180.0})
        for number, tariff in enumerate(tariffs)
    }
    ordered = [NOW - timedelta(seconds=7200 + 37 * number) for number in range(NODES)]
    nodes = tuple(
        Node(
            id=f"n{number:04}",
            pool=f"cloud/{number % POOLS}",
            model="chat",
            state=NodeState.READY,
            since=at + timedelta(seconds=180),
            ordered_at=at,
            in_flight=2,
        )
        for number, at in enumerate(ordered)
    )
    work = busy * NODES
    levels = (work, work, work)
    outlook = Outlook(
        made_at_s=0.0, horizons_s=(30.0, 120.0, 210.0), expected_work=levels, wanted_work=levels, keep_work=work
    )
    demand = Demand(measured_at=NOW, work_nodes=work, speed=dict.fromkeys(pools, 1.0), outlook=outlook)
    recently = {"chat": Recently(launched_at=NOW - timedelta(seconds=calm_s))}
    snapshot = Snapshot(now=NOW, nodes=nodes, demand={"chat": demand}, pools=pools, recently=recently)
    policy = ScalingPolicy()
    spent = seconds(lambda: decide(snapshot, None, policy), runs)
    actions = decide(snapshot, None, policy)
    return {**asdict(spent), "actions": len(actions), "first": actions[0].reason}
