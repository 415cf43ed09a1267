"""What was measured by model and offer: a table of the month, and the next month at the measured rates."""

from collections.abc import Sequence
from datetime import UTC

from planner.catalog.offer_id import OfferId
from planner.measure.offer_use import OfferUse
from planner.month.value import AtMeasuredRates, MeasuredFactor, MonthReport, NextMonth
from planner.report.month.cells import count, named, ratio, table, words
from planner.report.month.document import Block, Cell, Column, Heading, Paragraph, Points, Tone
from planner.report.month.heat import HOUR
from planner.report.month.reading import Reading
from planner.report.month.summary import decision
from planner.report.numbers import percent

MOST_UNSERVED = 0.0001
"""Of the tokens, above which a plan's bill is not told without what it leaves."""


def use_blocks(report: MonthReport) -> list[Block]:
    """The table of offers; nothing where no Prometheus was asked."""
    use = report.use
    if use is None:
        return []
    title = Heading(id="by-offer", text="By model and offer")
    if not use.rows:
        text = (
            f"{use.source} has no utilization by offer of this month: it is recorded by the rules of "
            "infra/monitoring/throughput.yaml from the daemon's and the engines' metrics."
        )
        return [title, Paragraph(text=text)]
    rows = [_row(row, index) for index, row in enumerate(use.rows)]
    columns = (
        named("Model"),
        named("Offer"),
        Column(title="Measured", unit="h"),
        Column(title="Busy", unit="%"),
        Column(title="p95", unit="%"),
        Column(title="Batching", unit="% of rated"),
        Column(title="Full", unit="h"),
        Column(title="Throughput", unit="% of rated"),
    )
    hours = round((min(report.end, report.as_of) - report.start) / HOUR)
    text = (
        f"Of the {hours} hours those that were not measured are unknown, and count neither way. Busy is work "
        "over what the profile rates a node at, on average and 95 % of the time at most. Batching is "
        "requests in flight over those of the rated point. Full are hours in which requests waited in some node; "
        "throughput is of such nodes, for only they show what a node can do: 100 % is a profile that is right."
    )
    return [
        title,
        table("use-table", "Utilization, batching and throughput, measured", columns, rows),
        Paragraph(text=text, is_note=True),
    ]


def _row(row: OfferUse, index: int) -> list[Cell]:
    key = f"use.rows.{index}"
    throughput = percent(row.throughput_ratio, 0)
    return [
        words(row.model),
        words(row.offer),
        count(row.measured_hours, f"{key}.measured_hours", 1),
        ratio(row.utilization_mean, f"{key}.utilization_mean"),
        ratio(row.utilization_p95, f"{key}.utilization_p95"),
        ratio(row.batching_ratio, f"{key}.batching_ratio"),
        count(row.saturated_hours, f"{key}.saturated_hours", 1),
        Cell(text=throughput, key=f"{key}.throughput_ratio", tone=Tone.BAD if row.has_drifted else Tone.PLAIN),
    ]


def measured_rates_blocks(report: MonthReport, coming: NextMonth, reading: Reading) -> list[Block]:
    """What the next month would be at the measured rates; nothing where profiles say what nodes do."""
    found = coming.at_measured_rates
    if found is None:
        return []
    drifted = [
        f"{one.offer} served {one.model} at {percent(one.throughput_ratio, 0)} % of what its profile says."
        for one in found.factors
    ]
    keys = [
        f"In [[model]] {model} of the fleet: throughput_factor_by_offer = {_table(found.factors, model)}"
        for model in dict.fromkeys(one.model for one in found.factors)
    ]
    return [
        Heading(id="at-measured-rates", text="At the measured rates"),
        Paragraph(text=_measured_sentence(found, coming, reading)),
        Points(items=(*drifted, *keys)),
        Paragraph(
            text="Measure such nodes anew with baseload bench, or fit their profile to what they did, with labels that "
            "select the servers of the offer alone; until then the factors above plan with what was measured.",
            is_note=True,
        ),
        Points(items=tuple(_refit(report, one) for one in found.factors)),
    ]


def _refit(report: MonthReport, one: MeasuredFactor) -> str:
    """The command that fits the offer's machine to what it did in the month."""
    url = "URL" if report.use is None else report.use.source
    offer = OfferId.of(one.offer)
    until = min(report.end, report.as_of.astimezone(UTC))
    span = f"--start {report.start:%Y-%m-%dT%H:%MZ} --end {until:%Y-%m-%dT%H:%MZ}"
    which = f"--machine {offer.provider}/{offer.product} --model {one.model} --selector '…'"
    return f"baseload profile fit --prometheus {url} {which} {span} -o {one.model}.toml"


def _table(factors: Sequence[MeasuredFactor], model: str) -> str:
    """The factors of a model as TOML has them in a line."""
    entries = [f'"{one.offer}" = {one.throughput_factor:g}' for one in factors if one.model == model]
    return f"{{ {', '.join(entries)} }}"


def _measured_sentence(found: AtMeasuredRates, coming: NextMonth, reading: Reading) -> str:
    if found.plan is None:
        return "At what nodes were measured to do, there is no plan of the next month; why is said below."
    more = found.plan.bill_usd - coming.plan.bill_usd
    than = "as much as the plan above" if not more else f"{reading.money(abs(more))} {'more' if more > 0 else 'less'}"
    unserved = found.plan.unserved_ratio
    left = f" It leaves {percent(unserved, 2)} % of the tokens unserved." if unserved > MOST_UNSERVED else ""
    return (
        f"At what nodes were measured to do, the plan would be {decision(found.plan.owned_changes)}, for "
        f"{reading.money(found.plan.bill_usd)}: {than}.{left}"
    )
