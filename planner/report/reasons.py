"""Why this plan, as tables: the marginal price of a token, offers not chosen, when base counts change, alternatives."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from statistics import median
from textwrap import wrap
from typing import TypedDict

from planner.plan import Plan, Rejected, SwitchingPoint
from planner.report.grouping import group_reasons
from planner.report.numbers import USD, Currency, number, sparkline
from planner.report.screen import Cell, Column, Screen, render_table, words

HOURS_A_ROW = 3
SHOWN_FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
PIPE_WIDTH = 100
"""Columns of the list by reason where the width is unlimited; no id is broken."""


class _WholeWords(TypedDict):
    break_long_words: bool
    break_on_hyphens: bool


WHOLE_WORDS: _WholeWords = {"break_long_words": False, "break_on_hyphens": False}


def render_explanation(plan: Plan, *, screen: Screen | None = None, currency: Currency = USD) -> str:
    """Everything `plan --explain` adds below the plan, as text."""
    screen = screen or Screen()
    parts = [
        _marginal(plan, screen, currency),
        _rejected(plan, screen, currency),
        _switching(plan, screen),
        _alternatives(plan, screen, currency),
    ]
    return "\n".join(part for part in parts if part)


def _marginal(plan: Plan, screen: Screen, currency: Currency) -> str:
    """The marginal price by hour of day (UTC), three hours a row."""
    by_hour: list[list[Decimal]] = [[] for _ in range(24)]
    for hour in plan.hours_detail:
        usd = currency.amount(None if hour.marginal_usd_mtok is None else Decimal(repr(float(hour.marginal_usd_mtok))))
        if usd is not None:
            by_hour[hour.hour.hour].append(usd)
    known = [usd for hour in by_hour for usd in hour]
    if not known:
        return ""
    columns = (
        words("hours, UTC"),
        *(Column(title=name, unit=f"{currency.code}/Mtok", places=4) for name in ("least", "median", "most")),
    )
    rows: list[tuple[Cell, ...]] = []
    for first in range(0, 24, HOURS_A_ROW):
        run = [usd for hour in by_hour[first : first + HOURS_A_ROW] for usd in hour]
        if run:
            rows.append((f"{first:02d}–{first + HOURS_A_ROW:02d}", *_spread(run)))
    rows.append(("all", *_spread(known)))
    medians = [float(median(hour)) if hour else float("nan") for hour in by_hour]
    return render_table(
        columns,
        rows,
        title="What a further million tokens would cost (dual of the relaxation, in fractions of nodes)",
        footer=(f"median by hour of day, 0 to 23 UTC: {sparkline(medians)}",),
        screen=screen,
    )


def _spread(values: Sequence[Decimal]) -> tuple[Decimal, Decimal, Decimal]:
    return min(values), median(values), max(values)


def _rejected(plan: Plan, screen: Screen, currency: Currency) -> str:
    """What could be used, with the price it would be chosen at; the others by reason."""
    usable = [one for one in plan.rejected if one.offer in plan.offers]
    parts = [
        _priced(plan, [one for one in usable if plan.offers[one.offer].role == "base"], screen, currency),
        _priced(plan, [one for one in usable if plan.offers[one.offer].role == "burst"], screen, currency),
        _grouped([one for one in plan.rejected if one.offer not in plan.offers], screen),
    ]
    return "\n".join(part for part in parts if part)


def _priced(plan: Plan, rejected: Sequence[Rejected], screen: Screen, currency: Currency) -> str:
    """Offers of one role that could be used: price, what it would have to be lower by, how that is known."""
    if not rejected:
        return ""
    is_base = plan.offers[rejected[0].offer].role == "base"
    places, unit = (2, currency.code) if is_base else (4, f"{currency.code}/h")
    columns = (
        words("base offer" if is_base else "burst offer"),
        Column(title="price", unit=unit, places=places),
        Column(title="to be lower by", unit=unit, places=places),
        Column(title="that is", unit="%", places=1, is_ratio=True),
        words("note"),
    )
    notes: dict[str, int] = {}
    rows: list[tuple[Cell, ...]] = []
    for one in rejected:
        price, cut = _price_usd(plan, one.offer), one.cheaper_by_usd
        note = one.reason if cut is None else one.reason.partition("; ")[2]
        number_of = notes.setdefault(note, len(notes) + 1) if note else 0
        ratio = cut / price if cut is not None and price else None
        mark = f"[{number_of}]" if note else ""
        rows.append((one.offer, currency.amount(price), currency.amount(cut), ratio, mark))
    per = (
        "Base not chosen: fee and setup share of a node over the horizon, and by how much it would have to be lower"
        if is_base
        else "Burst not chosen: price of a node-hour, and by how much it would have to be lower to be on in any hour"
    )
    footer = tuple(f"[{index}] {note}" for note, index in notes.items())
    return render_table(columns, rows, title=per, footer=footer, screen=screen)


def _price_usd(plan: Plan, offer: str) -> Decimal | None:
    terms = plan.offers[offer]
    if terms.role == "burst":
        return terms.rate_usd_hour
    return None if terms.fee_usd_horizon is None else terms.fee_usd_horizon + (terms.setup_usd_horizon or Decimal(0))


def _grouped(rejected: Sequence[Rejected], screen: Screen) -> str:
    """Offers that could not be used or need not be, by reason; `plan --json` has each with its own."""
    if not rejected:
        return ""
    width = min(screen.width or PIPE_WIDTH, PIPE_WIDTH)
    lines = [f"Set aside before planning, by reason: {len(rejected)} in all (--json has each one)"]
    for group in group_reasons(rejected):
        lines.extend(wrap(f"{len(group.offers):4d}  {group.reason}", width, subsequent_indent=" " * 6, **WHOLE_WORDS))
        indent = " " * 8
        lines.extend(wrap(group.families, width, initial_indent=indent, subsequent_indent=indent, **WHOLE_WORDS))
    return "\n".join(lines) + "\n"


def _switching(plan: Plan, screen: Screen) -> str:
    if not plan.switching:
        return ""
    columns = (
        words("base offer"),
        *(Column(title=f"× {factor:g}") for factor in SHOWN_FACTORS),
        Column(title="next change", unit="below × 1", right=False),
        Column(title="next change", unit="above × 1", right=False),
    )
    by_offer: dict[str, list[SwitchingPoint]] = {}
    for point in sorted(plan.switching, key=lambda point: point.factor):
        by_offer.setdefault(point.offer, []).append(point)
    rows: list[tuple[Cell, ...]] = []
    for offer, points in by_offer.items():
        below = [point for point in points if point.factor < 1]
        above = [point for point in points if point.factor >= 1]
        rows.append(
            (
                offer,
                *(_count_at(points, factor) for factor in SHOWN_FACTORS),
                f"{below[-1].count_below} at × {number(below[-1].factor)}" if below else "none",
                f"{above[0].count_above} at × {number(above[0].factor)}" if above else "none",
            )
        )
    title = "Base nodes at other demand: relaxed optimum, burst in fractions of nodes (--json has every change)"
    return render_table(columns, rows, title=title, screen=screen)


def _count_at(points: Sequence[SwitchingPoint], factor: float) -> int:
    """The count at a factor, between the changes in order."""
    passed = [point for point in points if point.factor <= factor]
    return passed[-1].count_above if passed else points[0].count_below


def _alternatives(plan: Plan, screen: Screen, currency: Currency) -> str:
    if not plan.alternatives:
        return ""
    columns = (
        words("base"),
        *(Column(title=name, unit=currency.code, places=2) for name in ("bill", "total", "dearer by")),
        Column(title="dearer by", unit="%", places=2, is_ratio=True),
    )
    rows = [
        (
            base_mix(other.base),
            currency.amount(other.bill_usd),
            currency.amount(other.total_usd),
            currency.amount(other.dearer_by_usd),
            other.dearer_by_usd / plan.total_usd if plan.total_usd else None,
        )
        for other in plan.alternatives
    ]
    title = f"Other base counts, against {base_mix(plan.base)} at {number(currency.amount(plan.total_usd))}"
    return render_table(columns, rows, title=title, screen=screen)


def base_mix(base: Mapping[str, int]) -> str:
    """Base counts in words: "2 hetzner/ax102 + 1 hetzner/ax162", or "no base"."""
    return " + ".join(f"{count} {offer}" for offer, count in base.items() if count) or "no base"
