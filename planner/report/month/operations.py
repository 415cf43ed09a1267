"""Sections about running the fleet: utilization by hour and day, burst use, what went unserved."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

import numpy as np

from planner.month.value import BillLine, MonthReport
from planner.report.month.cells import MILLION, count, figure, money, named, ratio, short, table, words
from planner.report.month.document import Block, Column, Figure, Paragraph, Section, Table
from planner.report.month.heat import HOUR, heat_map
from planner.report.month.lines import demand_and_nodes, past_hours
from planner.report.month.measured import use_blocks
from planner.report.month.reading import Reading
from planner.report.numbers import number, percent

ZERO = Decimal(0)


def utilization_section(report: MonthReport, reading: Reading) -> Section:
    """Busy nodes over ready nodes, hour by hour."""
    use = report.utilization
    blocks: list[Block] = []
    if use is None or np.isnan(report.hourly.utilization).all():
        text = "No usage of this month is recorded, so utilization by the hour is unknown."
        return Section(id="utilization", title="Utilization", blocks=(Paragraph(text=text), *use_blocks(report)))
    busiest = _busiest(report, reading)
    blocks.append(
        Paragraph(
            text=f"Nodes were {percent(use.mean, 1)} % busy on average and {percent(use.peak, 1)} % in the busiest hour"
            f"{f', {busiest}' if busiest else ''}. Idle time is paid like busy time."
        )
    )
    blocks.append(_heat_figure(report, reading))
    notes = [f"Hours are by the clock of {reading.zone_name}; the bill stays by the calendar month in UTC."]
    if report.gap_hours:
        hours = past_hours(report.hourly)
        notes.append(f"{report.gap_hours} of {hours} hours were not measured and count as unknown, not as idle.")
    blocks.append(Paragraph(text=" ".join(notes), is_note=True))
    return Section(id="utilization", title="Utilization", blocks=(*blocks, *use_blocks(report)))


def _busiest(report: MonthReport, reading: Reading) -> str:
    values = report.hourly.utilization
    moment = reading.local(report.hourly.start + int(np.nanargmax(values)) * HOUR)
    return f"{_day(moment)} at {moment:%H:%M}"


def _day(moment: datetime) -> str:
    return f"{moment:%A} {moment.day} {moment:%B}"


def _heat_figure(report: MonthReport, reading: Reading) -> Figure:
    hourly = report.hourly
    local = [reading.local(hourly.start + index * HOUR).hour for index in range(len(hourly.utilization))]
    by_hour = {
        hour: float(known.mean())
        for hour in range(24)
        if len(known := _known(hourly.utilization[np.array(local) == hour]))
    }
    busy, quiet = max(by_hour, key=lambda h: by_hour[h]), min(by_hour, key=lambda h: by_hour[h])
    alt = (
        f"A map with one cell per hour, coloured by the share of nodes that were busy. On average {busy:02}:00 is the "
        f"busiest hour of the day ({percent(by_hour[busy], 0)} %) and {quiet:02}:00 the quietest "
        f"({percent(by_hour[quiet], 0)} %)."
    )
    caption = f"Utilization by hour of the day and day, {reading.zone_name}"
    past = past_hours(hourly)
    return figure(
        "heat", caption, alt, lambda width: heat_map(hourly.start, hourly.utilization[:past], reading.zone, width=width)
    )


def _known(values: "np.typing.NDArray[np.float64]") -> "np.typing.NDArray[np.float64]":
    return values[~np.isnan(values)]


# Burst


def burst_section(report: MonthReport, reading: Reading) -> Section:
    """When burst nodes were on, and what they cost."""
    lines = [line for line in report.bill if line.role == "burst"]
    blocks: list[Block] = [_nodes_figure(report, reading)]
    if lines:
        blocks += [Paragraph(text=_burst_sentence(report, lines, reading)), _burst_table(report, reading)]
    else:
        blocks.append(Paragraph(text="No burst node was rented in this month."))
    return Section(id="burst", title="Burst use", blocks=tuple(blocks))


def _burst_sentence(report: MonthReport, lines: Iterable[BillLine], reading: Reading) -> str:
    total = sum((line.amount_usd for line in lines), ZERO)
    share = f" ({percent(total / report.bill_usd)} % of the bill)" if report.bill_usd else ""
    nodes = sum(report.hourly.burst_nodes.values(), np.zeros(len(report.hourly.base_nodes)))
    hours = int((np.nan_to_num(nodes) > 0).sum())
    peak = float(np.nan_to_num(nodes).max(initial=0))
    past = past_hours(report.hourly)
    return (
        f"Burst nodes cost {reading.money(total)}{share}; they were on in {hours} of {past} hours, "
        f"{number(peak, 0 if peak == round(peak) else 1)} at once at most."
    )


def _burst_table(report: MonthReport, reading: Reading) -> Table:
    burst = sorted(
        (index for index, line in enumerate(report.bill) if line.role == "burst"),
        key=lambda index: -report.bill[index].amount_usd,
    )
    rows = []
    for index in burst:
        line = report.bill[index]
        rows.append(
            [
                words(line.what),
                money(reading, line.amount_usd, f"bill.{index}.amount_usd"),
                words(line.model or "shared"),
                count(line.nodes, f"bill.{index}.nodes"),
                count(line.node_hours, f"bill.{index}.node_hours", 1),
                money(reading, line.amount_usd / line.node_hours if line.node_hours else None, places=4),
            ]
        )
    columns = (
        named("Offer"),
        Column(title="Amount", unit=reading.code),
        short("Model"),
        Column(title="Leases"),
        Column(title="Node-hours", unit="h"),
        Column(title="Per node-hour", unit=f"{reading.code}/h"),
    )
    total = [
        words("All burst"),
        money(reading, sum((report.bill[index].amount_usd for index in burst), ZERO)),
        words(""),
        count(sum(report.bill[index].nodes for index in burst)),
        count(sum((report.bill[index].node_hours for index in burst), ZERO), places=1),
        words(""),
    ]
    return table("burst-table", "Burst nodes by offer, dearest first", columns, rows, total)


def _nodes_figure(report: MonthReport, reading: Reading) -> Figure:
    hourly = report.hourly
    demand = _known(hourly.input_tok_s + hourly.output_tok_s)
    served = "nothing was measured" if not len(demand) else f"up to {number(float(demand.max()), 0)} tok/s were served"
    offers = ", ".join(hourly.burst_nodes) or "none"
    return figure(
        "nodes",
        "Tokens served per second, and the nodes that were on",
        f"Two charts over the month, hour by hour: {served}; below, base nodes and the burst offers on top ({offers}).",
        lambda width: demand_and_nodes(hourly, reading.zone, width=width),
    )


# Unserved


def unserved_section(report: MonthReport) -> Section:
    """Tokens asked for and not served, by model."""
    blocks: list[Block] = []
    if report.unserved_ratio is None:
        text = "Unserved demand was not recorded, so it is unknown; it is not counted as zero."
        return Section(id="unserved", title="Unserved demand", blocks=(Paragraph(text=text),))
    said = "Nothing" if report.unserved_ratio == 0 else f"{percent(report.unserved_ratio, 2)} % of the tokens asked for"
    text = f"{said} went unserved."
    worst = _worst_hours(report)
    if worst:
        text += f" {worst}"
    blocks.append(Paragraph(text=text))
    rows = []
    for index, model in enumerate(report.model_months):
        asked = model.input_tokens + model.output_tokens + (model.unserved_tokens or 0)
        part = None if model.unserved_tokens is None or not asked else model.unserved_tokens / asked
        rows.append(
            [
                words(model.model),
                count(Decimal(model.input_tokens + model.output_tokens) / MILLION, places=1),
                count(
                    None if model.unserved_tokens is None else Decimal(model.unserved_tokens) / MILLION,
                    f"model_months.{index}.unserved_tokens",
                    3,
                ),
                ratio(part, places=3),
            ]
        )
    columns = (
        named("Model"),
        Column(title="Served", unit="Mtok"),
        Column(title="Unserved", unit="Mtok"),
        Column(title="Of demand", unit="%"),
    )
    blocks.append(table("unserved-table", "Tokens asked for and not served, by model", columns, rows))
    return Section(id="unserved", title="Unserved demand", blocks=tuple(blocks))


def _worst_hours(report: MonthReport) -> str:
    values = report.hourly.unserved_tok_s
    if values is None:
        return ""
    hours = int((np.nan_to_num(values) > 0).sum())
    return f"It fell into {hours} of {past_hours(report.hourly)} hours." if hours else ""
