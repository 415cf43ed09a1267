"""S1: no launch past the caps on nodes, USD per hour or USD per month, and no renewal past the month's. Pure.

Each rule returns what is wrong, or None.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from autoscaler.fleet import NodeState
from autoscaler.journal import Intent
from autoscaler.loop.report import TickReport
from autoscaler.replay.invariants.facts import Before, Facts
from autoscaler.replay.invariants.money import usd_hour
from autoscaler.replay.invariants.watch import Life
from policies.billing import HOUR, Billing
from policies.renewal import Month, hourly_usd, owed_in_month_usd, paid_left_s

FIRST_MINUTE = timedelta(minutes=1)
"""The least that is charged by the second; at a month's end it falls on two months."""
ROUNDING_USD = Decimal("1e-9")
"""Sums of parts of an hour differ by as much."""


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
        first = owed_in_month_usd(tariff, intent.at, intent.at + FIRST_MINUTE, Month.of(intent.at))
        usd = charged_usd(facts) + first
        if usd > policy.max_usd_month + ROUNDING_USD:
            return f"launch {intent.node_id} makes {usd} USD this month, max_usd_month is {policy.max_usd_month}"
    return None


def renewals_within_cap(facts: Facts, report: TickReport | None) -> str | None:
    """No node is kept into time that takes the month's charges past their cap.

    Once they are past it, a node whose paid time ends before the next tick is drained, or its end is asked for. And no
    paid hour that begins takes them past it, where the renewal margin let the loop see it coming. What is loading is
    left alone (S8), and so is what a provider holds that could not be asked.
    """
    most, before = facts.truth.policy.max_usd_month, facts.before
    if most is None:
        return None
    facts.before = None
    if report is None or report.seen.controls.is_paused:
        return None
    usd = charged_usd(facts)
    facts.before = Before(at=report.now, charged_usd=usd, unreachable=report.seen.unreachable)
    if usd <= most:
        return None
    ready = {node.id for node in report.seen.nodes if node.state is NodeState.READY}
    lives = [life for life in facts.watch.ours() if life.node_id in ready and not _is_going(life, report.now)]
    for life in lives:
        if _cloud(facts, life) not in report.seen.unreachable and not life.is_asked_to_go and _renews(facts, life):
            return f"{life.node_id} goes on at {usd} USD this month, max_usd_month is {most}"
    if before is None or before.charged_usd > most or not _could_see_it_coming(facts):
        return None
    for life in lives:
        hour_usd = Decimal(0) if _cloud(facts, life) in before.unreachable else _begun_usd(facts, life, before.at)
        if hour_usd > 0 and before.charged_usd + hour_usd > most:
            return f"{life.node_id} begins an hour at {before.charged_usd} USD this month, max_usd_month is {most}"
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


def _cloud(facts: Facts, life: Life) -> str:
    return facts.watch.cloud_of[life.pool].name


def _is_going(life: Life, now: datetime) -> bool:
    """Whether it was drained or ended before now, or its provider takes it back."""
    if life.machine is None or life.machine.taken_back_at is not None:
        return True
    return any(intent is not None and intent.at < now for intent in (life.drain, life.end))


def _renews(facts: Facts, life: Life) -> bool:
    """Whether the node's paid time ends before the next tick."""
    assert life.machine is not None  # it is not going
    tariff = facts.watch.cloud_of[life.pool].tariff_now(life.pool)
    return paid_left_s(tariff, life.machine.created_at, facts.truth.timeline.now) < facts.truth.world.tick_s


def _could_see_it_coming(facts: Facts) -> bool:
    """Whether a tick falls within the renewal margin of every hour, and one more before it to act."""
    return facts.truth.policy.renewal_margin_s >= 2 * facts.truth.world.tick_s


def _begun_usd(facts: Facts, life: Life, before: datetime) -> Decimal:
    """What a paid hour of the node costs that began since, other than its first; 0: none did."""
    assert life.machine is not None  # it is not going
    tariff = facts.charges.tariff(facts.watch.cloud_of[life.pool].pools[life.pool])
    start, now = life.machine.created_at, facts.truth.timeline.now
    if tariff.billing is not Billing.STARTED_HOUR or before <= start:
        return Decimal(0)
    is_begun = -((start - now) // HOUR) > -((start - before) // HOUR)
    return hourly_usd(tariff, Month.of(now).hours) if is_begun else Decimal(0)
