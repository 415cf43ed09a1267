"""Section about the bill: by offer, by provider as invoiced, by model, and who is charged what."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from operator import attrgetter

from planner.economics.charges import Charge
from planner.month.value import BillLine, MonthReport
from planner.report.month.bars import Bar, bars
from planner.report.month.cells import (
    BLANK,
    MILLION,
    count,
    figure,
    money,
    named,
    notes,
    ratio,
    short,
    table,
    words,
)
from planner.report.month.document import Block, Column, Figure, Heading, Paragraph, Section, Table
from planner.report.month.palette import BASE_INKS, OTHER_INK
from planner.report.month.reading import Reading
from planner.report.month.summary import is_measured

ROLE_INKS = {"base": BASE_INKS[0], "burst": "c2", "setup": "c4", "other": OTHER_INK}
ROLES = {"base": "base", "burst": "burst", "setup": "setup fees", "other": "other costs"}
MOST_BARS = 24
"""Bars of a picture; the table has every row."""

ZERO = Decimal(0)


def bill_section(report: MonthReport, reading: Reading) -> Section:
    """The bill by offer, provider, invoice currency, model and team."""
    blocks: tuple[Block, ...] = (
        _bill_figure(report, reading),
        Heading(id="by-offer", text="By offer"),
        _offer_table(report, reading),
        Heading(id="by-provider", text="By provider, as invoiced"),
        _provider_table(report, reading),
        Heading(id="by-model", text="By model"),
        _model_table(report, reading),
        Heading(id="by-team", text=f"By {report.charges.by}"),
        *_charge_blocks(report, reading),
    )
    return Section(id="bill", title="The bill", blocks=blocks)


def _providers(lines: Iterable[BillLine]) -> list[tuple[str, list[BillLine]]]:
    """Lines by provider, the dearest provider first, and within it the dearest line."""
    groups: dict[str, list[BillLine]] = {}
    for line in lines:
        groups.setdefault(line.provider, []).append(line)
    ordered = sorted(groups.items(), key=lambda group: (-sum(line.amount_usd for line in group[1]), group[0]))
    return [(provider, sorted(group, key=lambda line: -line.amount_usd)) for provider, group in ordered]


def _bill_figure(report: MonthReport, reading: Reading) -> Figure:
    rows: list[Bar] = []
    told: list[str] = []
    named = Counter((line.provider, line.what) for line in report.bill)
    largest = sorted(report.bill, key=lambda line: -line.amount_usd)[:MOST_BARS]
    for provider, lines in _providers(report.bill):
        total = sum((line.amount_usd for line in lines), ZERO)
        told.append(f"{provider} {reading.amount(total)}")
        drawn = [
            _bill_bar(line, reading, of_model=named[line.provider, line.what] > 1) for line in lines if line in largest
        ]
        if drawn:
            rows.append(Bar(name=f"{provider}: {reading.amount(total)}", parts=(), figure="", is_heading=True))
            rows += drawn
    roles = [role for role in ROLES if any(line.role == role for line in report.bill)]
    entries = [(ROLES[role], ROLE_INKS[role]) for role in roles]
    alt = f"Bars in {reading.code}, one per offer, by provider: {', '.join(told)}."
    more = f", the {MOST_BARS} largest of {len(report.bill)} lines" if len(report.bill) > MOST_BARS else ""
    caption = f"The bill by provider and offer, {reading.code}{more}"
    return figure("bill-figure", caption, alt, lambda width: bars(rows, width=width, entries=entries))


def _bill_bar(line: BillLine, reading: Reading, *, of_model: bool) -> Bar:
    """A credit has no length, only its figure. `of_model`: another line has the same name, so the model is named."""
    shown = reading.currency.amount(max(line.amount_usd, ZERO)) or ZERO
    return Bar(
        name=line.what.removeprefix(f"{line.provider}/") + (f", {line.model}" if of_model and line.model else ""),
        parts=((float(shown), ROLE_INKS[line.role]),),
        figure=reading.amount(line.amount_usd),
    )


def _offer_table(report: MonthReport, reading: Reading) -> Table:
    order = sorted(range(len(report.bill)), key=lambda index: -report.bill[index].amount_usd)
    rows = []
    for index in order:
        line = report.bill[index]
        has_hours = line.node_hours > 0
        rows.append(
            [
                words(line.what),
                money(reading, line.amount_usd, f"bill.{index}.amount_usd"),
                words(ROLES[line.role]),
                words(line.model or "shared"),
                count(line.nodes, f"bill.{index}.nodes") if has_hours else BLANK,
                count(line.node_hours, f"bill.{index}.node_hours", 1) if has_hours else BLANK,
                money(reading, line.amount_usd / line.node_hours, places=4) if has_hours else BLANK,
            ]
        )
    columns = (
        named("Offer or cost"),
        Column(title="Amount", unit=reading.code),
        short("Role"),
        short("Model"),
        Column(title="Leases"),
        Column(title="Node-hours", unit="h"),
        Column(title="Per node-hour", unit=f"{reading.code}/h"),
    )
    total = [words("Bill"), money(reading, report.bill_usd, "bill_usd"), *[BLANK] * 5]
    return table("bill-offers", "The bill by offer, dearest first", columns, rows, total)


def _provider_table(report: MonthReport, reading: Reading) -> Table:
    rows = []
    for provider, lines in _providers(report.bill):
        terms = sorted({(line.invoice_currency, line.usd_per_unit, line.rate_date) for line in lines}, key=str)
        for currency, rate, dated in terms:
            same = [
                line
                for line in lines
                if (line.invoice_currency, line.usd_per_unit, line.rate_date) == (currency, rate, dated)
            ]
            rows.append(
                [
                    words(provider),
                    money(reading, sum((line.amount_usd for line in same), ZERO)),
                    words(currency),
                    count(sum((line.amount_invoice for line in same), ZERO), places=2),
                    words("" if currency == "USD" else f"{rate.normalize():f}"),
                    words("" if dated is None else dated.isoformat()),
                ]
            )
    columns = (
        named("Provider"),
        Column(title="Amount", unit=reading.code),
        short("Invoice currency"),
        Column(title="As invoiced", unit="invoice currency"),
        Column(title="Rate", unit="USD per unit"),
        short("Rate of"),
    )
    total = [words("Bill"), money(reading, report.bill_usd, "bill_usd"), *[BLANK] * 4]
    return table("bill-providers", "The bill by provider, in the currency of its invoice", columns, rows, total)


def _model_table(report: MonthReport, reading: Reading) -> Table:
    rows = []
    is_known = is_measured(report)
    for index, model in enumerate(report.model_months):
        key = f"model_months.{index}"
        rows.append(
            [
                words(model.model),
                money(reading, model.cost_usd, f"{key}.cost_usd"),
                money(reading, model.unit.blended, f"{key}.unit.blended", 4),
                ratio(model.utilization, f"{key}.utilization"),
                *(
                    count(Decimal(number) / MILLION, f"{key}.{name}", 1) if is_known else count(None)
                    for name, number in (("input_tokens", model.input_tokens), ("output_tokens", model.output_tokens))
                ),
            ]
        )
    columns = (
        named("Model"),
        Column(title="Nodes", unit=reading.code),
        Column(title="Unit cost", unit=f"{reading.code}/Mtok"),
        Column(title="Utilization", unit="%"),
        Column(title="Input", unit="Mtok"),
        Column(title="Output", unit="Mtok"),
    )
    return table("bill-models", "Cost of each model's nodes, idle time included, shared cost apart", columns, rows)


# Charges


def _by_tag(report: MonthReport) -> list[tuple[str, list[Charge]]]:
    """Charges by tag value, the largest first."""
    groups: dict[str, list[Charge]] = {}
    for charge in report.charges.charges:
        groups.setdefault(charge.tag, []).append(charge)
    return sorted(groups.items(), key=lambda group: (-sum(charge.allocated_usd for charge in group[1]), group[0]))


def _sum(charges: Iterable[Charge], name: str) -> Decimal:
    return sum((Decimal(attrgetter(name)(charge)) for charge in charges), ZERO)


def _charge_blocks(report: MonthReport, reading: Reading) -> list[Block]:
    charges = report.charges
    if not charges.charges:
        return [Paragraph(text="No usage is recorded, so there is nobody to charge."), *_charge_remarks(report)]
    blocks: list[Block] = [_charge_figure(report, reading), _charge_table(report, reading)]
    text = (
        "Usage is each one's part of the busy time. Idle and shared cost are allocated by usage, so that what is "
        "charged sums to the bill."
    )
    if charges.unallocated_usd:
        text += f" {reading.money(charges.unallocated_usd)} had no usage to be allocated by."
    blocks.append(Paragraph(text=text, is_note=True))
    return [*blocks, *_charge_remarks(report)]


def _charge_remarks(report: MonthReport) -> list[Block]:
    return notes(report.charges.remarks)


def _charge_figure(report: MonthReport, reading: Reading) -> Figure:
    inks = (("usage", "c1"), ("idle", "c6"), ("shared", OTHER_INK))
    groups = _by_tag(report)
    rows = [
        Bar(
            name=_tag(tag),
            parts=tuple(
                (float(reading.currency.amount(max(_sum(charges, f"{name}_usd"), ZERO)) or 0), ink)
                for name, ink in inks
            ),
            figure=reading.amount(_sum(charges, "allocated_usd")),
        )
        for tag, charges in groups[:MOST_BARS]
    ]
    first = groups[0]
    alt = (
        f"Bars in {reading.code}, one per {report.charges.by}, each made of usage, idle and shared cost; the longest "
        f"is {_tag(first[0])} with {reading.amount(_sum(first[1], 'allocated_usd'))}."
    )
    more = f", the {MOST_BARS} largest of {len(groups)}" if len(groups) > MOST_BARS else ""
    caption = f"Charges by {report.charges.by}, {reading.code}{more}"
    return figure("charges-figure", caption, alt, lambda width: bars(rows, width=width, entries=inks))


AMOUNTS = ("allocated_usd", "usage_usd", "idle_usd", "shared_usd")


def _charge_table(report: MonthReport, reading: Reading) -> Table:
    by = report.charges.by
    rows = []
    for tag, charges in _by_tag(report):
        key = f"charges.{tag}"
        amounts = [money(reading, _sum(charges, name), f"{key}.{name}") for name in AMOUNTS]
        tokens = [
            count(_sum(charges, name) / MILLION, f"{key}.{name}", 1) for name in ("input_tokens", "output_tokens")
        ]
        rows.append([words(_tag(tag)), *amounts, *tokens])
    columns = (
        named(by.capitalize()),
        *(Column(title=title, unit=reading.code) for title in ("Charged", "Usage", "Idle", "Shared")),
        Column(title="Input", unit="Mtok"),
        Column(title="Output", unit="Mtok"),
    )
    every = report.charges.charges
    total = [
        words("All"),
        *(money(reading, _sum(every, name)) for name in AMOUNTS),
        *(count(_sum(every, name) / MILLION, places=1) for name in ("input_tokens", "output_tokens")),
    ]
    return table("charges-table", f"Charges by {by}, largest first", columns, rows, total)


def _tag(tag: str) -> str:
    return tag or "untagged"
