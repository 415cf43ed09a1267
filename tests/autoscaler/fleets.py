"""Builders of fleets for tests: what is not said is a calm fleet of one model in one pool at noon."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from autoscaler.fleet import (
    Action,
    Demand,
    Drain,
    FleetPlan,
    Hold,
    Launch,
    Node,
    NodeState,
    PlannedHour,
    Pool,
    Snapshot,
    Terminate,
    Undrain,
)
from autoscaler.outlook import Outlook
from policies.billing import Billing, Tariff

NOW = datetime(2026, 11, 10, 12, 30, tzinfo=UTC)
MONTH_END = datetime(2026, 12, 1, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def by_the_second(usd_hour: str = "0.20", *, is_spot: bool = False) -> Tariff:
    return Tariff(billing=Billing.SECOND, price_usd_hour=Decimal(usd_hour), is_spot=is_spot)


def by_the_hour(usd_hour: str = "0.20") -> Tariff:
    return Tariff(billing=Billing.STARTED_HOUR, price_usd_hour=Decimal(usd_hour))


def capped(usd_hour: str = "0.10", usd_month: str = "30") -> Tariff:
    hour, month = Decimal(usd_hour), Decimal(usd_month)
    return Tariff(billing=Billing.STARTED_HOUR_CAPPED, price_usd_hour=hour, fee_usd_month=month)


def a_pool(key: str = "aws/a", usd_hour: str = "0.20", **other: Any) -> Pool:
    is_spot = other.setdefault("is_spot", False)
    known: dict[str, Any] = {
        "provider": key.partition("/")[0],
        "tariff": by_the_second(usd_hour, is_spot=is_spot),
        "lead_time_s": {"chat": 360.0},
    }
    return Pool(key=key, **{**known, **other})


def a_node(name: str = "n1", state: NodeState = NodeState.READY, age_s: float = 86_400, **other: Any) -> Node:
    """In its state since it was ordered, unless `since` says otherwise."""
    known: dict[str, Any] = {"pool": "aws/a", "model": "chat", "since": ago(age_s), "ordered_at": ago(age_s)}
    if state is NodeState.READY:
        known["in_flight"] = 3
    return Node(id=name, state=state, **{**known, **other})


def nodes(count: int, prefix: str = "n", **other: Any) -> tuple[Node, ...]:
    return tuple(a_node(f"{prefix}{number}", **other) for number in range(count))


def a_base(name: str = "b1", **other: Any) -> Node:
    return a_node(name, is_base=True, **{"pool": "hetzner/ax102", **other})


def a_demand(work: float, **other: Any) -> Demand:
    known: dict[str, Any] = {"measured_at": NOW, "speed": {"aws/a": 1.0, "aws/b": 1.0, "aws/spot": 1.0}}
    return Demand(work_nodes=work, **{**known, **other})


def an_outlook(wanted: float | tuple[float, ...], keep: float | None = None) -> Outlook:
    """Horizons a minute apart; `keep`: without it, the most of what is wanted."""
    levels = wanted if isinstance(wanted, tuple) else (wanted,)
    return Outlook(
        made_at_s=0.0,
        horizons_s=tuple(60.0 * (number + 1) for number in range(len(levels))),
        expected_work=levels,
        wanted_work=levels,
        keep_work=max(levels) if keep is None else keep,
    )


def a_snapshot(
    *nodes: Node, work: float | None = None, pools: tuple[Pool, ...] = (a_pool(),), **other: Any
) -> Snapshot:
    demand: Mapping[str, Demand | None] = {"chat": None if work is None else a_demand(work)}
    known: dict[str, Any] = {"now": NOW, "demand": demand, "pools": {pool.key: pool for pool in pools}}
    return Snapshot(nodes=nodes, **{**known, **other})


def a_plan(hours: Mapping[int, float], *, burst: Mapping[int, int] | None = None) -> FleetPlan:
    """Work by hour of the day of NOW; burst nodes of aws/a."""
    day = NOW.replace(hour=0, minute=0)
    return FleetPlan(
        hours={
            "chat": {
                day + timedelta(hours=hour): PlannedHour(work_nodes=work, burst={"aws/a": (burst or {}).get(hour, 0)})
                for hour, work in hours.items()
            }
        }
    )


def launches(actions: tuple[Action, ...]) -> list[str]:
    return [action.pool for action in actions if isinstance(action, Launch)]


def drained(actions: tuple[Action, ...]) -> list[str]:
    return [action.node_id for action in actions if isinstance(action, Drain)]


def undrained(actions: tuple[Action, ...]) -> list[str]:
    return [action.node_id for action in actions if isinstance(action, Undrain)]


def ended(actions: tuple[Action, ...]) -> list[str]:
    return [action.node_id for action in actions if isinstance(action, Terminate)]


def holds(actions: tuple[Action, ...]) -> list[str]:
    return [action.reason for action in actions if isinstance(action, Hold)]


def kinds(actions: tuple[Action, ...]) -> list[str]:
    """First words of the reasons."""
    return [action.reason.partition(":")[0] for action in actions]
