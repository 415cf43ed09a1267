"""A replay as people read it: the bill, how near the bound, what was missed, and the run at a glance.

Renders values; the numbers come in ready. Remarks are the caller's, for stderr.
"""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autoscaler.replay.result import Floats, Replayed, ReplayedLease
from autoscaler.replay.world import Traffic, World
from autoscaler.report.replay_json import in_order
from planner.report.narrow import fitted, wrapped
from planner.report.numbers import UNKNOWN, USD, Currency, buckets, number, percent, span, sparkline
from planner.report.screen import Cell, Column, Screen, render, table, words
from policies.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from rich.console import RenderableType

UNMET = "unmet"
"""What a reason opens with where nodes were wanted and none could be had."""
_LIMIT = re.compile(r"\bmax_[a-z_]+")


def render_replay(
    one: Replayed,
    world: World,
    *,
    max_unserved_ratio: float,
    screen: Screen | None = None,
    currency: Currency = USD,
    leases: bool = False,
    hours: bool = False,
    beside: "Sequence[RenderableType]" = (),
) -> str:
    """One controller's replay as text: heading, figures, the run at a glance, and what the amounts are.

    `beside`: what stands below the run, such as a plan's bill against it.
    """
    screen = screen or Screen()
    parts: list[RenderableType] = [
        *wrapped(f"Replay of {one.policy}: {heading(world)}", screen),
        "",
        _figures(one, max_unserved_ratio, currency),
        "",
        *wrapped(sentence(one, currency), screen),
        *(piece for line in limits(one) for piece in wrapped(line, screen)),
        "",
        *at_a_glance(one, screen, currency),
    ]
    if hours:
        parts += ["", "By hour", *_hours_table(one, currency, screen)]
    if leases and one.leases:
        parts += ["", "Leases of burst nodes", *_lease_table(one, currency, screen)]
    elif leases:
        parts += ["", "Leases of burst nodes: none"]
    if beside:
        parts += ["", *beside]
    return render([*parts, "", *wrapped(basis(world, currency), screen)], screen)


def heading(world: World, seeds: str | None = None) -> str:
    """What is replayed, in one line; `seeds` in place of the world's own seed."""
    traffic = world.traffic
    length = number(traffic.duration_s / SECONDS_PER_HOUR, 0 if traffic.duration_s % SECONDS_PER_HOUR == 0 else 1)
    return (
        f"{', '.join(traffic.models)}, {span(traffic.start, traffic.end)} ({length} h), traffic {traffic.source}, "
        f"world {world.name}, faults {world.faults.name}, {seeds or f'seed {world.seed}'}"
    )


def source_name(traffic: Traffic) -> str:
    """The file the traffic comes from, without its folder and what was changed of it."""
    return Path(re.split(r", | as in ", traffic.source, maxsplit=1)[0]).name


def basis(world: World, currency: Currency) -> str:
    """What the amounts and ratios are."""
    pools = len(world.pools)
    text = (
        f"Amounts net of VAT, base included; a tick every {world.tick_s:g} s, {pools} pool{'' if pools == 1 else 's'} "
        "to launch from; the bound is the least bill of perfect foresight with the same base. TTFT is an estimate."
    )
    return f"{text} Amounts {currency.note}." if currency.note else text


def _figures(one: Replayed, max_unserved_ratio: float, currency: Currency) -> "RenderableType":
    code = currency.code

    def money(usd: Decimal | None) -> str:
        return number(currency.amount(usd))

    allowed = f"at most {percent(max_unserved_ratio, 2)}"
    nodes = f"{one.base_nodes} node{'' if one.base_nodes == 1 else 's'}"
    rows: list[tuple[str, str, str, str]] = [
        ("bill", money(one.bill_usd), code, ""),
        ("  base", money(one.base_usd), code, nodes),
        ("  burst", money(one.burst_usd), code, f"{one.launches} launches"),
        *([("  egress", money(one.egress_usd), code, "")] if one.egress_usd else []),
        ("bound, all served", money(one.bound_usd), code, "least bill of perfect foresight"),
        ("bound, as much served", money(one.bound_at_unserved_usd), code, "at this controller's own unserved ratio"),
        ("bill / bound", ratio(one.ratio_to_bound), "", ""),
        ("unserved", percent(one.unserved_ratio, 3), "% of tokens", allowed),
        ("TTFT p50", _seconds(one.delay.p50_s), "s", "estimate, over tokens served"),
        ("TTFT p95", _seconds(one.delay.p95_s), "s", ""),
        ("TTFT p99", _seconds(one.delay.p99_s), "s", ""),
        ("launches", number(one.launches, 0), "", ""),
        ("interruptions", number(one.interruptions, 0), "", "nodes the provider took back"),
        ("capacity failures", number(one.capacity_failures, 0), "", "launches refused"),
        ("opposite moves", number(one.opposite_moves, 0), "", "out and in, or in and out, within an hour"),
        ("wasted", money(one.wasted_paid_usd), code, "paid while not ready or not needed"),
    ]
    return table((words("figure"), Column(title="value"), words("unit"), words("")), rows)


def sentence(one: Replayed, currency: Currency) -> str:
    """The result in one sentence: the bill against the bound, and what was missed."""
    bill = f"{number(currency.amount(one.bill_usd))} {currency.code}"
    missed = f"{percent(one.unserved_ratio, 3)} % of tokens went unserved"
    if one.ratio_to_bound is None and one.bound_usd is not None:
        return f"{one.policy} cost {bill}, where perfect foresight pays nothing; {missed}."
    if one.ratio_to_bound is None:
        return f"{one.policy} cost {bill}; {missed}. No bound was computed."
    share = number(100 * (one.ratio_to_bound - 1), 1)
    return f"{one.policy} cost {bill}, {share} % above the least that perfect foresight pays; {missed}."


def limits(one: Replayed) -> list[str]:
    """Which limits of the policy kept how many decisions from what was wanted; empty: none did."""
    times: Counter[str] = Counter()
    for reason, count in one.reasons.items():
        if reason.startswith(UNMET):
            for limit in set(_LIMIT.findall(reason)):
                times[limit] += count
    if not times:
        return []
    named = ", ".join(f"{limit} {number(count, 0)} times" for limit, count in times.most_common())
    return [f"Nodes were wanted that a limit of the policy did not allow: {named}."]


def at_a_glance(one: Replayed, screen: Screen, currency: Currency = USD) -> list[str]:
    """Sparklines over the hours: work asked for, ready capacity, nodes by pool, cost, what was missed."""
    hours = one.hours
    if not len(hours.asked_tokens):
        return []
    highest = float(max(hours.work_nodes.max(), hours.ready_nodes.max()))
    lengths_h = one.hour_lengths_h
    per_hour = hours.cost_usd / lengths_h * float(currency.amount(Decimal(1)) or 1)
    missed, taken = hours.unserved_tokens / 1e3 / lengths_h, hours.interruptions / lengths_h
    rows: list[tuple[str, Floats, float | None, str]] = [
        ("work asked for", hours.work_nodes, highest, "nodes"),
        ("ready capacity", hours.ready_nodes, highest, "nodes"),
        *((pool, nodes, None, "nodes") for pool, nodes in hours.pools.items() if nodes.any()),
        ("cost", per_hour, None, f"{currency.code}/h"),
        *([("unserved", missed, None, "ktok/h")] if missed.any() else []),
        *([("interruptions", taken, None, "per hour")] if taken.any() else []),
    ]
    width = max(len(label) for label, *_ in rows)
    parts = buckets(len(hours.asked_tokens), screen.spark_width)
    return [
        f"{label:{width}}  {sparkline([float(values[list(part)].mean()) for part in parts], top=top)}"
        f"  {number(float(values.min()), 1)} to {number(float(values.max()), 1)} {unit}"
        for label, values, top, unit in rows
    ]


def _narrowed(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], screen: Screen, dispensable: Sequence[str]
) -> "list[RenderableType]":
    """A table that keeps to the screen, and below it what the screen has no room for."""
    kept, cells, gone = fitted(columns, rows, screen, dispensable)
    return [table(kept, cells), *(wrapped(f"Not shown at this width: {', '.join(gone)}", screen) if gone else ())]


def _hours_table(one: Replayed, currency: Currency, screen: Screen) -> "list[RenderableType]":
    """Each hour, with the pools that had a node in any; a narrow screen goes without the least used first."""
    hours = one.hours
    pools = [pool for pool, nodes in hours.pools.items() if nodes.any()]
    columns = (
        words("hour (UTC)"),
        Column(title="work", unit="nodes", places=2),
        Column(title="ready", unit="nodes", places=2),
        Column(title="coming", unit="nodes", places=2),
        *(Column(title=pool, unit="nodes", places=2) for pool in pools),
        Column(title="taken", unit="back", places=0),
        Column(title="cost", unit=currency.code, places=2),
        Column(title="unserved", unit="%", places=3, is_ratio=True),
        Column(title="TTFT p95", unit="s", places=2),
    )
    rows: list[tuple[Cell, ...]] = []
    for index in range(len(hours.asked_tokens)):
        asked = float(hours.asked_tokens[index])
        rows.append(
            (
                f"{one.start + timedelta(hours=index):%Y-%m-%d %H:%M}",
                float(hours.work_nodes[index]),
                float(hours.ready_nodes[index]),
                float(hours.coming_nodes[index]),
                *(float(hours.pools[pool][index]) for pool in pools),
                float(hours.interruptions[index]),
                currency.amount(Decimal(repr(float(hours.cost_usd[index])))),
                float(hours.unserved_tokens[index]) / asked if asked > 0 else 0.0,
                None if np.isnan(hours.ttft_p95_s[index]) else float(hours.ttft_p95_s[index]),
            )
        )
    least_used = sorted(pools, key=lambda pool: float(hours.pools[pool].sum()))
    return _narrowed(columns, rows, screen, (*least_used, "taken", "coming"))


def _lease_table(one: Replayed, currency: Currency, screen: Screen) -> "list[RenderableType]":
    columns = (
        words("offer"),
        words("model"),
        words("ordered (UTC)"),
        Column(title="ready", unit="min", places=1),
        Column(title="held", unit="min", places=1),
        Column(title="nodes"),
        Column(title="charge", unit=currency.code, places=4),
        Column(title="wasted", unit=currency.code, places=4),
        words("ended"),
    )
    rows = [_lease_row(one, lease, currency) for lease in in_order(one.leases)]
    return _narrowed(columns, rows, screen, ("model", "wasted", "ready"))


def _lease_row(one: Replayed, lease: ReplayedLease, currency: Currency) -> tuple[Cell, ...]:
    return (
        lease.offer,
        lease.model,
        f"{one.start + timedelta(minutes=lease.start_min):%Y-%m-%d %H:%M}",
        None if lease.ready_min is None else lease.ready_min - lease.start_min,
        lease.end_min - lease.start_min,
        lease.count,
        currency.amount(lease.charge_usd),
        currency.amount(lease.wasted_usd),
        lease.how_it_ended,
    )


def ratio(value: float | None) -> str:
    """A ratio of two bills."""
    return UNKNOWN if value is None else number(value, 3)


def _seconds(value: float | None) -> str:
    return number(value, 2)
