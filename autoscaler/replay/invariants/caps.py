"""S1: no launch past the caps on nodes, USD per hour or USD per month, and no renewal past the month's. Pure.

Each rule returns what is wrong, or None.
"""

from datetime import timedelta
from decimal import Decimal

from autoscaler.fleet import NodeState, Snapshot
from autoscaler.journal import Intent
from autoscaler.replay.invariants.facts import Facts
from autoscaler.replay.invariants.money import usd_hour
from autoscaler.replay.invariants.watch import Life
from policies.scaling import Month, owed_in_month_usd, paid_left_s

A_MOMENT = timedelta(seconds=1)


def launch_within_caps(facts: Facts, intent: Intent) -> str | None:
    """No launch is intended that takes the fleet past a cap.

    Nodes and USD per hour count every node of ours that exists or may come to exist. USD per month counts what all
    leases were charged this month to now, and the first hour or minute of this one.
    """
    watch, policy = facts.watch, facts.truth.policy
    if policy.max_nodes is None and policy.max_usd_hour is None and policy.max_usd_month is None:
        return None
    ours = [life for life in watch.ours() if life.origin is not None]
    if policy.max_nodes is not None and len(ours) > policy.max_nodes:
        return f"launch {intent.node_id} makes {len(ours)} nodes, max_nodes is {policy.max_nodes}"
    if intent.pool not in watch.cloud_of:
        return None  # S3 has a word on it
    if policy.max_usd_hour is not None:
        usd = usd_hour(ours, watch.cloud_of, intent.at)
        if usd > policy.max_usd_hour:
            return f"launch {intent.node_id} makes {usd} USD/h, max_usd_hour is {policy.max_usd_hour}"
    if policy.max_usd_month is not None:
        tariff = facts.charges.tariff(watch.cloud_of[intent.pool].pools[intent.pool])
        first = owed_in_month_usd(tariff, intent.at, intent.at + A_MOMENT, Month.of(intent.at))
        usd = charged_usd(facts) + first
        if usd > policy.max_usd_month:
            return f"launch {intent.node_id} makes {usd} USD this month, max_usd_month is {policy.max_usd_month}"
    return None


def renewals_within_cap(facts: Facts, seen: Snapshot) -> str | None:
    """Once the month's charges pass its cap, no node goes on serving into time that is not paid yet.

    It is drained, or its end is asked for. What is loading is left alone (S8), and so is what a provider holds that
    cannot be asked now.
    """
    truth = facts.truth
    most = truth.policy.max_usd_month
    if most is None or seen.controls.is_paused:
        return None
    usd = charged_usd(facts)
    if usd <= most:
        return None
    ready = {node.id for node in seen.nodes if node.state is NodeState.READY}
    for life in facts.watch.ours():
        if (
            life.node_id in ready
            and _renews(facts, life)
            and facts.watch.cloud_of[life.pool].name not in seen.unreachable
        ):
            return f"{life.node_id} goes on at {usd} USD this month, max_usd_month is {most}"
    return None


def charged_usd(facts: Facts) -> Decimal:
    """What all leases of ours were charged this month to now; a machine nobody has found yet is in nobody's sum."""
    watch = facts.watch
    held = [
        (life.machine, watch.cloud_of[life.pool])
        for life in watch.lives.values()
        if life.machine is not None and life.machine.is_held and life.origin is not None
    ]
    return facts.charges.to_date_usd(held, facts.truth.timeline.now)


def _renews(facts: Facts, life: Life) -> bool:
    """Whether the node's paid time ends before the next tick, and nothing was asked of it."""
    machine, truth = life.machine, facts.truth
    if machine is None or not machine.is_held or life.is_asked_to_go or machine.taken_back_at is not None:
        return False
    tariff = facts.watch.cloud_of[life.pool].tariff_now(life.pool)
    return paid_left_s(tariff, machine.created_at, truth.timeline.now) < truth.world.tick_s
