"""Sections that compare: plan against actual, unit cost from month to month, regret."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from planner.month.value import MonthReport, TrendPoint, Variance
from planner.plan import UnitCost
from planner.report.month.bars import Bar, Step, bars, waterfall
from planner.report.month.cells import change, figure, money, named, notes, table, words
from planner.report.month.document import Block, Column, Figure, Paragraph, Section, Table
from planner.report.month.drawing import Drawing
from planner.report.month.lines import grown_bill, past_hours, planned_by_hour, trend
from planner.report.month.reading import Reading, month_name
from planner.report.month.summary import named_nodes

# Plan against actual


def plan_section(report: MonthReport, reading: Reading) -> Section:
    """Planned and actual bill, and the difference in its parts."""
    blocks: list[Block] = []
    if report.variance is None:
        reason = (
            "No plan is recorded for this month, so there is nothing to compare the bill with."
            if report.plan is None
            else "The plan recorded for this month cannot be compared with what came."
        )
        blocks.append(Paragraph(text=reason))
    else:
        blocks += [_variance_figure(report.variance, reading), _variance_table(report.variance, reading)]
        blocks.append(Paragraph(text=SUBSTITUTION, is_note=True))
        blocks += notes(report.variance.remarks)
    blocks.append(_grown_figure(report, reading))
    return Section(id="plan", title="Plan against actual", blocks=tuple(blocks))


SUBSTITUTION = (
    "Order of substitution: first volume, the traffic that came at planned unit costs of input and output; then "
    "price, of the node-hours actually used; then utilization, the rest: more or fewer, or dearer kinds of, node-hours "
    "for the same work. Setup fees, egress and other costs are no node's cost and stand apart. The parts sum to the "
    "difference."
)


def _variance_parts(variance: Variance) -> list[tuple[str, str, Decimal]]:
    """Name, key and effect of each part, in order of substitution."""
    return [
        ("Volume", "volume_usd", variance.volume_usd),
        ("Price", "price_usd", variance.price_usd),
        ("Utilization", "utilization_usd", variance.utilization_usd),
        ("Other costs", "other_usd", variance.other_usd),
    ]


def _variance_figure(variance: Variance, reading: Reading) -> Figure:
    def shown(usd: Decimal) -> float:
        return float(reading.currency.amount(usd) or 0)

    level = variance.planned_usd
    steps = [Step(name="Planned", start=shown(level), end=shown(level), figure=reading.amount(level))]
    for name, _, effect in _variance_parts(variance):
        steps.append(Step(name=name, start=shown(level), end=shown(level + effect), figure=reading.change(effect)))
        level += effect
    actual = variance.actual_usd
    steps.append(Step(name="Actual", start=shown(actual), end=shown(actual), figure=reading.amount(actual)))
    parts = ", ".join(f"{name.lower()} {reading.change(effect)}" for name, _, effect in _variance_parts(variance))
    alt = (
        f"A waterfall in {reading.code}: from {reading.amount(variance.planned_usd)} planned, {parts}, "
        f"to {reading.amount(actual)} actual."
    )
    caption = f"From the planned bill to the actual one, {reading.code}"
    return figure("variance", caption, alt, lambda width: waterfall(steps, width=width))


def _variance_table(variance: Variance, reading: Reading) -> Table:
    rows = [[words("Planned bill"), money(reading, variance.planned_usd, "variance.planned_usd")]]
    rows += [
        [words(name), change(reading, effect, f"variance.{key}")] for name, key, effect in _variance_parts(variance)
    ]
    total = [words("Actual bill"), money(reading, variance.actual_usd, "variance.actual_usd")]
    columns = (named("Part"), Column(title="Amount", unit=reading.code))
    return table("variance-table", "Variance of the bill, in order of substitution", columns, rows, total)


def _grown_figure(report: MonthReport, reading: Reading) -> Figure:
    hours = (report.end - report.start).total_seconds() / 3600
    length = round(hours)
    rate = float(reading.currency.usd_per_unit)
    cost = np.nan_to_num(report.hourly.cost_usd[: past_hours(report.hourly)])
    rest = float(report.bill_usd) - float(cost.sum())
    actual = (cost + rest / max(len(cost), 1)) / rate
    planned = None if report.plan is None else planned_by_hour(report.plan, report.start, length) / rate
    alt = f"Lines that grow over the month: the actual bill to {reading.money(report.bill_usd)}" + (
        "." if report.plan is None else f", the planned one to {reading.money(report.plan.bill_usd)}."
    )
    return figure(
        "grown",
        f"The bill as it grew, {reading.code}; what no lease explains is spread evenly",
        alt,
        lambda width: grown_bill(actual, planned, report.start, hours=length, width=width),
    )


# Unit cost


def unit_section(report: MonthReport, reading: Reading) -> Section:
    """Cost per million tokens, both bases, and its trend."""
    blocks: list[Block] = [_unit_table(report, reading)]
    known = [point for point in report.trend if point.cost_usd_mtok is not None]
    if len(known) > 1:
        blocks.insert(0, _trend_figure(report, reading))
    if len(report.trend) > 1:
        blocks.append(_trend_table(report, reading))
    else:
        blocks.append(Paragraph(text="No earlier month is recorded, so there is no trend yet."))
    return Section(id="unit", title="Cost per million tokens", blocks=tuple(blocks))


def _unit_table(report: MonthReport, reading: Reading) -> Table:
    rows = [
        [
            words(name),
            *(money(reading, amount, f"{key}.{part}", 4) for part, amount in _unit_parts(unit)),
        ]
        for name, key, unit in (
            ("Allocation basis: the whole bill, idle and shared cost included", "unit", report.unit),
            ("Usage basis: the busy part of the nodes' cost", "usage_unit", report.usage_unit),
        )
    ]
    columns = (
        named("Basis"),
        *(Column(title=title, unit=f"{reading.code}/Mtok") for title in ("Blended", "Input", "Output")),
    )
    return table("unit-table", "Cost per million tokens on both bases", columns, rows)


def _unit_parts(unit: UnitCost) -> list[tuple[str, Decimal | None]]:
    return [("blended", unit.blended), ("input", unit.input), ("output", unit.output)]


def _trend_figure(report: MonthReport, reading: Reading) -> Figure:
    points = [
        (
            _short_month(point.month),
            None if point.cost_usd_mtok is None else float(reading.currency.amount(point.cost_usd_mtok) or 0),
        )
        for point in _from_first_known(report.trend)
    ]
    told = ", ".join(
        f"{month_name(point.month)} {reading.amount(point.cost_usd_mtok, 4)}"
        for point in _from_first_known(report.trend)[-6:]
    )
    unit = f"{reading.code} per million tokens"
    return figure(
        "trend",
        f"{unit}, month by month",
        f"A line of monthly values: {told}.",
        lambda width: trend(points, unit=unit, width=width),
    )


def _from_first_known(points: Sequence[TrendPoint]) -> Sequence[TrendPoint]:
    """The points without those before anything was served."""
    first = next((index for index, point in enumerate(points) if point.cost_usd_mtok is not None), len(points))
    return points[first:]


def _short_month(month: str) -> str:
    name = month_name(month)
    return f"{name[:3]} {name[-2:]}"


def _trend_table(report: MonthReport, reading: Reading) -> Table:
    rows = [
        [
            words(month_name(point.month)),
            money(reading, point.bill_usd, f"trend.{index}.bill_usd"),
            money(reading, point.cost_usd_mtok, f"trend.{index}.cost_usd_mtok", 4),
        ]
        for index, point in enumerate(report.trend)
    ]
    columns = (
        named("Month"),
        Column(title="Bill", unit=reading.code),
        Column(title="Unit cost", unit=f"{reading.code}/Mtok"),
    )
    return table("trend-table", "Bill and unit cost by month", columns, rows)


# Regret


def regret_section(report: MonthReport, reading: Reading) -> Section:
    """What the best plan in hindsight would have cost."""
    regret = report.regret
    if regret is None:
        text = "The best plan in hindsight was not reckoned for this month."
        return Section(id="regret", title="Regret", blocks=(Paragraph(text=text),))
    amounts = [
        ("Paid for what a plan decides", regret.actual_usd, "c1", "regret.actual_usd"),
        ("Best plan in hindsight", regret.hindsight_usd, "c3", "regret.hindsight_usd"),
    ]

    def draw(width: float) -> Drawing:
        rows = [
            Bar(name=name, parts=((float(reading.currency.amount(usd) or 0), ink),), figure=reading.amount(usd))
            for name, usd, ink, _ in amounts
        ]
        return bars(rows, width=width)

    told = "; ".join(f"{name.lower()} {reading.money(usd)}" for name, usd, _, _ in amounts)
    rows = [[words(name), money(reading, usd, key)] for name, usd, _, key in amounts]
    total = [words("Regret"), change(reading, regret.regret_usd, "regret.regret_usd")]
    columns = (named("Bill"), Column(title="Amount", unit=reading.code))
    base = named_nodes(regret.hindsight.base) or "no server"
    blocks: list[Block] = [
        figure("regret-figure", f"Paid, and the best in hindsight, {reading.code}", f"Two bars: {told}.", draw),
        table(
            "regret-table",
            "Regret: what knowing the traffic would have saved",
            columns,
            rows,
            total,
        ),
        Paragraph(
            text=f"In hindsight the base would have been {base}. The best plan is solved again for the traffic that "
            "came, with the same offers, prices and policy; nobody knows the traffic beforehand, so some regret is the "
            "price of that."
        ),
        *notes(regret.remarks),
    ]
    return Section(id="regret", title="Regret", blocks=tuple(blocks))
