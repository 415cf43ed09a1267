"""A status as an operator reads it: who acts, what is asked and what serves, money against caps, what comes next.

Renders values, at 80 columns if need be; the numbers come in ready.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from autoscaler.daemon.status import Decision, ModelStatus, PlannedMove, PoolStatus, Spend, Status
from autoscaler.fleet import Controls
from planner.report.narrow import fitted, wrapped
from planner.report.numbers import number, percent
from planner.report.screen import Cell, Column, Screen, render, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

DECISIONS_SHOWN = 8
LEASES_SHOWN = 20
COMING = ("planned", "launching", "booting", "loading")
ENDING = ("draining", "terminating", "failed")


def render_status(
    status: Status,
    now: datetime,
    *,
    told_by: str,
    is_saved: bool = False,
    screen: Screen | None = None,
    is_full: bool = False,
) -> str:
    """The status as text; `told_by`: where it comes from; `is_saved`: not from the daemon; `is_full`: all of it."""
    screen = screen or Screen()
    parts: list[RenderableType] = [*_wrapped(_head(status, now, told_by, is_saved=is_saved), screen)]
    if status.models:
        parts += ["", _models(status.models, screen)]
    if status.pools:
        parts += ["", _pools(status.pools, screen)]
    if status.spend is not None:
        parts += ["", *_wrapped(spend_lines(status.spend), screen)]
    if status.leases:
        parts += ["", *_leases(status, screen, is_full=is_full)]
    if status.decisions:
        parts += ["", "Last decisions", *_decisions(status, screen, is_full=is_full)]
    parts += _lines("Held", [_hold(one.model, one.reason) for one in status.holds], screen)
    parts += _lines("Next by the plan", moves_lines(status.moves), screen)
    back_offs = [f"{one.pool} until {one.retry_at:%H:%M:%S}, {_times(one.failures)}" for one in status.back_offs]
    parts += _lines("Left alone for a while", back_offs, screen)
    parts += _lines("Providers", _providers(status), screen)
    parts += _lines("Problems", status.problems, screen)
    return render(parts, screen)


def _head(status: Status, now: datetime, told_by: str, *, is_saved: bool) -> list[str]:
    lead = status.lead
    has_ended = is_saved and lead.lease_ends_at is not None and lead.lease_ends_at <= now
    who = f"{lead.holder} {'looks on' if status.is_dry_run else 'led' if has_ended else lead.role}"
    if lead.epoch is not None and not status.is_dry_run:
        who += f", epoch {lead.epoch}"
    if lead.lease_ends_at is not None and not status.is_dry_run:
        who += f", lease until {lead.lease_ends_at:%H:%M:%S}"
    took = "" if status.tick_s is None else f" in {status.tick_s:.1f} s"
    when = f"tick of {status.at:%Y-%m-%d %H:%M:%S} UTC{took}, {ago(now - status.at)} ago, every {status.interval_s:g} s"
    lines = [f"Fleet {status.fleet}: {who}; {when} ({told_by})"]
    if lead.problem:
        lines.append(f"Who leads is not known: {lead.problem}")
    if status.is_dry_run:
        lines.append("Dry run: observes, and acts not at all.")
    if status.controls != Controls():
        lines += controls_lines(status.controls)
    plan = status.plan
    if plan is None:
        lines.append("No plan is in force.")
    else:
        line = f"Plan {plan.sha256[:8]} of {plan.start:%Y-%m-%d %H:%M} to {plan.end:%Y-%m-%d %H:%M} UTC, "
        line += f"written {ago(now - plan.written_at)} ago"
        if plan.end <= now:
            line += "; it has ended, and its hours are laid over today's"
        if plan.start > now:
            line += "; it has not begun, and its hours are laid over today's"
        if plan.next_start is not None:
            line += f"; the next begins {plan.next_start:%Y-%m-%d %H:%M}"
        lines.append(line)
        if plan.problem:
            lines.append(f"Plan kept: {plan.problem}")
    return lines


def controls_lines(controls: Controls) -> list[str]:
    """What operators ask of the daemon, in sentences."""
    lines = []
    if controls.is_paused:
        lines.append("PAUSED: observes, and acts not at all (`baseload autoscale resume`).")
    elif controls.is_scale_in_paused:
        lines.append("Scale-in is paused: adds where needed, ends nothing.")
    wishes = [f"{model} at least {least}" for model, least in sorted(controls.min_nodes.items())]
    wishes += [f"{model} at most {most}" for model, most in sorted(controls.max_nodes.items())]
    if wishes:
        lines.append(f"By hand: {', '.join(wishes)}.")
    return lines or ["Nothing is asked for by hand: it acts by plan, demand and policy."]


def _models(models: Sequence[ModelStatus], screen: Screen) -> "RenderableType":
    columns = (
        words("model"),
        Column(title="work", unit="nodes", places=2),
        Column(title="ready", unit="nodes", places=2),
        Column(title="busy", unit="%", is_ratio=True),
        Column(title="target", unit="%", right=True),
        Column(title="burst", unit="on"),
        Column(title="come"),
        Column(title="drain"),
        Column(title="plan"),
        Column(title="floor"),
        Column(title="most"),
        words("measured"),
    )
    rows: list[list[Cell]] = [
        [
            one.model,
            one.work_nodes,
            one.ready_work,
            one.utilization,
            f"{percent(one.target, 0)} ({percent(one.low, 0)}–{percent(one.high, 0)})",
            one.ready - one.base_ready,
            one.coming,
            one.draining,
            one.planned,
            one.floor,
            "" if one.ceiling is None else one.ceiling,
            f"blind: {one.blind}" if one.blind else "" if one.measured_at is None else f"{one.measured_at:%H:%M:%S}",
        ]
        for one in models
    ]
    kept, cells, _ = fitted(columns, rows, screen, ("measured", "drain", "floor", "plan"))
    return table(kept, cells)


def _pools(pools: Sequence[PoolStatus], screen: Screen) -> "RenderableType":
    columns = (
        words("pool"),
        words("model"),
        words("role"),
        Column(title="ready"),
        Column(title="coming"),
        Column(title="ending"),
        Column(title="price", unit="USD/h", places=4),
    )
    rows: list[list[Cell]] = [
        [
            one.pool,
            one.model,
            "base" if one.is_base else "burst",
            one.nodes.get("ready", 0),
            sum(one.nodes.get(state, 0) for state in COMING),
            sum(one.nodes.get(state, 0) for state in ENDING),
            "" if one.is_base else one.price_usd_hour,
        ]
        for one in pools
    ]
    kept, cells, _ = fitted(columns, rows, screen, ("role", "model"))
    return table(kept, cells)


def spend_lines(spend: Spend) -> list[str]:
    """Burst money and nodes against their caps, in sentences."""
    return [
        f"Burst: {_of(spend.usd_hour, spend.max_usd_hour, 'USD/h')}; "
        f"{spend.nodes} node{'' if spend.nodes == 1 else 's'} {_most(spend.max_nodes)}.",
        f"This month: {number(spend.month_usd, 2)} USD charged, "
        f"with what is committed {_of(spend.committed_usd, spend.max_usd_month, 'USD')}.",
    ]


def _leases(status: Status, screen: Screen, *, is_full: bool) -> list["RenderableType"]:
    columns = (
        words("node"),
        words("pool"),
        words("model"),
        words("state"),
        words("ordered"),
        words("renews"),
        Column(title="price", unit="USD/h", places=4),
        Column(title="in flight"),
    )
    late = datetime.max.replace(tzinfo=status.at.tzinfo)
    ordered = sorted(status.leases, key=lambda one: (one.renews_at or late, one.node_id))
    shown = ordered if is_full else ordered[:LEASES_SHOWN]
    rows: list[list[Cell]] = [
        [
            one.node_id,
            one.pool,
            one.model,
            one.state if one.taken_back_at is None else f"{one.state}, taken back {one.taken_back_at:%H:%M:%S}",
            moment(one.ordered_at, status.at),
            "by the second" if one.renews_at is None else moment(one.renews_at, status.at),
            one.price_usd_hour,
            one.in_flight,
        ]
        for one in shown
    ]
    kept, cells, _ = fitted(columns, rows, screen, ("model", "price", "ordered", "in flight", "pool"))
    parts: list[RenderableType] = [table(kept, cells)]
    if len(shown) < len(ordered):
        parts.append(f"… and {len(ordered) - len(shown)} more (-v)")
    return parts


def _decisions(status: Status, screen: Screen, *, is_full: bool) -> list[str]:
    """The last decisions; those alike but for their node are one line."""
    groups: dict[Decision, list[Decision]] = {}
    for one in status.decisions:
        groups.setdefault(one if is_full else replace(one, node_id=None), []).append(one)
    shown = list(groups.values())[: None if is_full else DECISIONS_SHOWN]
    return [piece for group in shown for piece in wrapped(decision_line(group, status.at), screen, 4)]


def decision_line(alike: Sequence[Decision], now: datetime) -> str:
    """When, what, about what, what came of it, and why."""
    one = alike[0]
    what = f"{len(alike)} nodes" if len(alike) > 1 else one.node_id or "a node"
    pool = "" if one.pool is None else f" in {one.pool}"
    detail = f" ({one.detail})" if one.detail else ""
    return f"  {moment(one.at, now)} {one.action} {what}{pool}: {one.result}{detail}; {one.reason}"


def moves_lines(moves: Sequence[PlannedMove]) -> list[str]:
    """What the plan changes, a model and an hour a line."""
    changes: dict[tuple[datetime, str], list[str]] = {}
    for one in moves:
        where = "" if one.is_launchable else " (not launchable here)"
        changes.setdefault((one.at, one.model), []).append(f"{one.pool} {one.before} → {one.after}{where}")
    return [f"{at:%H:%M}  {model}: {', '.join(pools)}" for (at, model), pools in changes.items()]


def _providers(status: Status) -> list[str]:
    lines = []
    for one in status.providers:
        listed = "never listed" if one.listed_at is None else f"listed {ago(status.at - one.listed_at)} before the tick"
        prices = "" if one.prices_at is None else f", prices of {moment(one.prices_at, status.at)}"
        reach = "" if one.is_reachable else "NOT REACHABLE, "
        lines.append(f"{one.name}: {reach}{listed}{prices}{': ' if one.problem else ''}{one.problem}")
    return lines


def ago(span: timedelta) -> str:
    """A span in the largest unit that says enough: 12 s, 5 min, 3 h, 4 d."""
    seconds = max(0.0, span.total_seconds())
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def moment(at: datetime, now: datetime) -> str:
    """The time of day; of another day its date too."""
    return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%m-%d %H:%M}"


def _of(value: Decimal | None, most: Decimal | None, unit: str) -> str:
    return f"{number(value, 2)} {unit} {_most(None if most is None else number(most, 2))}"


def _most(cap: str | int | None) -> str:
    return "(no cap)" if cap is None else f"of at most {cap}"


def _hold(model: str | None, reason: str) -> str:
    return reason if model is None else f"{model}: {reason}"


def _times(failures: int) -> str:
    return "sold out" if failures == 0 else f"refused {failures} time{'s' if failures > 1 else ''}"


def _lines(title: str, lines: Sequence[str], screen: Screen) -> list[str]:
    if not lines:
        return []
    return ["", title, *(piece for line in lines for piece in wrapped(f"  {line}", screen, 4))]


def _wrapped(lines: Sequence[str], screen: Screen) -> list[str]:
    return [piece for line in lines for piece in wrapped(line, screen)]
