"""Gauges: a status as Prometheus families, made when they are asked for, so that no sample is older than its status."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from autoscaler.daemon.status import ModelStatus, Status

if TYPE_CHECKING:
    from prometheus_client import Metric

Samples = Iterable[tuple[tuple[str, ...], float | Decimal | int | None]]
"""(values of the labels, value); None: not known, so there is no sample."""

PER_MODEL: Mapping[str, tuple[str, Callable[[ModelStatus], float | None]]] = {
    "work_nodes": ("Work asked for, in reference nodes busy full time.", lambda m: m.work_nodes),
    "queue_node_seconds": ("Work that waits, in reference node-seconds.", lambda m: m.queue_node_s),
    "ready_capacity_nodes": ("Capacity that serves, in reference nodes.", lambda m: m.ready_work),
    "utilization_ratio": ("Work over ready capacity.", lambda m: m.utilization),
    "target_utilization_ratio": ("Utilization aimed at.", lambda m: m.target),
    "low_utilization_ratio": ("Below it, nodes are too many.", lambda m: m.low),
    "high_utilization_ratio": ("Above it, nodes are too few.", lambda m: m.high),
    "blind_seconds": ("How long the demand has not been known; 0: it is.", lambda m: m.blind_s),
    "unserved_ratio": ("Share of tokens refused or given up, as last measured.", lambda m: m.unserved_ratio),
    "unmet": ("1: more is wanted than can be ordered now.", lambda m: int(m.is_unmet)),
    "floor_nodes": ("Burst nodes never fewer.", lambda m: m.floor),
    "ceiling_nodes": ("Burst nodes never more, by an operator.", lambda m: m.ceiling),
    "planned_nodes": ("Burst nodes the plan has on now.", lambda m: m.planned),
    "next_node_usd_per_mtok": (
        "Marginal price: a million tokens of the measured mix on the node that would be ordered next, at target.",
        lambda m: m.next_usd_mtok,
    ),
}
"""Name -> help, and its value of a model."""


def families_of(status: Status, now: datetime) -> Iterator["Metric"]:
    """Every gauge of a status, looked at at `now`."""
    yield from _of_daemon(status)
    yield from _of_fleet(status)
    yield from _of_throughput(status)
    yield from _of_money(status)
    yield from _of_plan(status, now)
    yield from _of_providers(status, now)


def _of_daemon(status: Status) -> Iterator["Metric"]:
    lead, controls = status.lead, status.controls
    yield _family("info", "What runs.", ("version", "fleet"), [((status.version, status.fleet), 1)])
    yield _family("leader", "1: this daemon leads its fleet.", (), [((), int(lead.role == "leads"))])
    yield _family("leadership_known", "1: it is known who leads.", (), [((), int(lead.role != "unknown"))])
    yield _family("epoch", "Of the leader; it only ever rises.", (), [((), lead.epoch)])
    paused = [(("all",), int(controls.is_paused)), (("scale_in",), int(controls.is_scale_in_paused))]
    yield _family("paused", "1: an operator asked for no action, or for no scale-in.", ("what",), paused)
    yield _family("dry_run", "1: it observes and acts not at all.", (), [((), int(status.is_dry_run))])
    yield _family("tick_interval_seconds", "From tick to tick, as configured.", (), [((), status.interval_s)])
    yield _family("last_tick_timestamp_seconds", "When the last tick ended.", (), [((), status.at.timestamp())])
    yield _family("problems", "What went wrong in the last tick and was contained.", (), [((), len(status.problems))])


def _of_fleet(status: Status) -> Iterator["Metric"]:
    nodes = [
        ((state, pool.pool, pool.model, "base" if pool.is_base else "burst"), count)
        for pool in status.pools
        for state, count in sorted(pool.nodes.items())
    ]
    yield _family("nodes", "Nodes that are there, base included.", ("state", "pool", "model", "role"), nodes)
    orphans = len(status.orphans) if status.lead.role == "leads" else None
    yield _family("orphans", "Nodes with our tag that nobody intended.", (), [((), orphans)])
    for name, (said, value) in PER_MODEL.items():
        yield _family(name, said, ("model",), [((one.model,), value(one)) for one in status.models])
    refused = [((one.pool,), one.failures) for one in status.back_offs]
    yield _family("pool_refusals", "Launches a pool refused in a row; it is left alone.", ("pool",), refused)


def _of_throughput(status: Status) -> Iterator["Metric"]:
    """What nodes are rated at, and which node is of which offer: what measured throughput is held against."""
    rated = [
        ((one.pool, one.model, phase, one.basis), value)
        for one in status.rated
        for phase, value in (("prefill", one.prefill_tok_s), ("decode", one.decode_tok_s))
    ]
    labels = ("pool", "model", "phase", "basis")
    yield _family("rated_tokens_per_second", "Of a node that does this phase alone, by the profile.", labels, rated)
    requests = [((one.pool, one.model), one.requests) for one in status.rated]
    yield _family("rated_requests", "In flight on a node at its rated point.", ("pool", "model"), requests)
    # A target's label says our id or, in a cluster, its Node's name: what is measured is joined by either.
    places = [
        ((name, one.pool, one.model, "base" if one.is_base else "burst"), 1)
        for one in status.places
        for name in dict.fromkeys((one.node_id, one.cluster_name or one.node_id))
    ]
    yield _family(
        "node_info",
        "Which offer a node is of, by our id and by its name in a cluster.",
        ("node", "pool", "model", "role"),
        places,
    )


def _of_money(status: Status) -> Iterator["Metric"]:
    spend = status.spend
    if spend is None:
        return
    for name, said, value in (
        ("spend_usd_per_hour", "Prices of the burst nodes that are there.", spend.usd_hour),
        ("spend_month_usd", "Charged this calendar month (UTC), running leases included.", spend.month_usd),
        ("committed_month_usd", "Charged this month even if every end were asked for now.", spend.committed_usd),
        ("cap_usd_per_hour", "max_usd_hour.", spend.max_usd_hour),
        ("cap_month_usd", "max_usd_month.", spend.max_usd_month),
        ("burst_nodes", "Burst nodes not gone.", spend.nodes),
        ("cap_nodes", "max_nodes.", spend.max_nodes),
    ):
        yield _family(name, said, (), [((), value)])
    following = [((one.model, one.next_pool or ""), one.next_usd_hour) for one in status.models]
    yield _family("next_node_usd_per_hour", "Price of the node ordered next.", ("model", "pool"), following)
    prices = [((one.pool,), one.price_usd_hour) for one in status.pools if not one.is_base]
    yield _family("pool_price_usd_per_hour", "Price in force of pools with nodes.", ("pool",), dict(prices).items())


def _of_plan(status: Status, now: datetime) -> Iterator["Metric"]:
    plan = status.plan
    known = plan is not None and not plan.problem
    yield _family("plan_ok", "1: the plan file as it is now is in force, or waits for its hours.", (), [((), known)])
    if plan is None:
        return
    age_s = (now - plan.written_at).total_seconds()
    yield _family("plan_age_seconds", "Since the plan in force was written.", (), [((), age_s)])
    yield _family("plan_end_timestamp_seconds", "When its last hour ends.", (), [((), plan.end.timestamp())])


def _of_providers(status: Status, now: datetime) -> Iterator["Metric"]:
    label, sides = ("provider",), status.providers
    reachable = [((one.name,), int(one.is_reachable)) for one in sides]
    yield _family("provider_reachable", "1: its list is whole and fresh.", label, reachable)
    for name, said, moments in (
        ("provider_list_age_seconds", "Since its last list was made.", [one.listed_at for one in sides]),
        ("provider_price_age_seconds", "Of its oldest live price in force.", [one.prices_at for one in sides]),
    ):
        ages = [None if moment is None else (now - moment).total_seconds() for moment in moments]
        yield _family(name, said, label, [((one.name,), age) for one, age in zip(sides, ages, strict=True)])


def _family(name: str, said: str, labels: tuple[str, ...], samples: Samples) -> "Metric":
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"baseload_{name}", said, labels=labels)
    for values, value in samples:
        if value is not None:
            family.add_metric(values, float(value))
    return family
