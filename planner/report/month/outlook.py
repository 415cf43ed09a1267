"""Sections that look ahead: the next month's plan, break-even and prices, risks; and the appendix."""

from collections.abc import Mapping
from decimal import Decimal

from planner.month.value import MonthReport, NextMonth, PriceRow
from planner.report.month.bars import Bar, bars
from planner.report.month.cells import BLANK, MILLION, count, figure, money, named, notes, short, table, words
from planner.report.month.document import Block, Cell, Column, Figure, Paragraph, Points, Section, Table, Tone
from planner.report.month.measured import measured_rates_blocks
from planner.report.month.palette import OTHER_INK
from planner.report.month.reading import Reading, month_name
from planner.report.month.summary import decision, plain_offer
from planner.report.numbers import UNKNOWN, percent

ZERO = Decimal(0)
MOST_BLOCKS = 40
"""Servers of an offer that are drawn one by one."""


# Next month


def next_section(report: MonthReport, reading: Reading) -> Section:
    """The next month's plan: bill, base servers, saving."""
    coming = report.next_month
    if coming is None:
        text = "There is no plan for the next month: no forecast was given, or none could be made."
        return Section(id="next", title="Next month", blocks=(Paragraph(text=text),))
    plan = coming.plan
    blocks: list[Block] = [
        Paragraph(text=_decision_sentence(coming, reading)),
        *([_base_figure(coming)] if _servers(coming) else []),
        _base_table(coming, reading),
        _next_bill_table(coming, reading),
    ]
    facts = [
        f"Expected utilization {percent(plan.utilization.mean, 0)} % on average and "
        f"{percent(plan.utilization.peak, 0)} % at peak; {percent(plan.unserved_ratio, 2)} % of tokens unserved.",
        f"A million tokens are expected to cost {reading.money(plan.cost_usd_mtok.blended, 4)}.",
    ]
    if plan.setup_due_usd:
        facts.append(f"Setup fees of {reading.money(plan.setup_due_usd)} fall due at once.")
    blocks.append(Points(items=tuple(facts)))
    blocks += measured_rates_blocks(report, coming, reading)
    remarks = dict.fromkeys((*coming.remarks, *plan.remarks))
    blocks += notes(remarks)
    return Section(id="next", title=f"Next month: {month_name(coming.month)}", blocks=tuple(blocks))


def _decision_sentence(coming: NextMonth, reading: Reading) -> str:
    text = f"The cheapest plan for {month_name(coming.month)} is {decision(coming.changes)}."
    if coming.saving_usd is None:
        return f"{text} Staying as is could not serve the forecast."
    if coming.saving_usd <= 0:
        return f"{text} Staying as is would cost {reading.money(coming.staying_usd)}, no more than the plan."
    return (
        f"{text} Staying as is would cost {reading.money(coming.staying_usd)}; the plan saves "
        f"{reading.money(coming.saving_usd)}."
    )


def _servers(coming: NextMonth) -> list[tuple[str, int, int, int]]:
    """Offer, and how many to keep, buy and cancel; by offer, owned and new ones together."""
    changes = coming.changes
    offers = dict.fromkeys(
        plain_offer(offer) for nodes in (changes.keep, changes.buy, changes.cancel) for offer, n in nodes.items() if n
    )
    return [(offer, _of(changes.keep, offer), _of(changes.buy, offer), _of(changes.cancel, offer)) for offer in offers]


def _servers_by_fee(coming: NextMonth, reading: Reading) -> list[tuple[str, Decimal | None, int, int, int]]:
    """Name, fee of a month, and how many to keep, buy and cancel; servers owned at a fee of their own stand apart."""
    changes = (coming.changes.keep, coming.changes.buy, coming.changes.cancel)
    rows: dict[tuple[str, Decimal | None], list[int]] = {}
    for index, nodes in enumerate(changes):
        for key, number in nodes.items():
            if number:
                row = rows.setdefault((plain_offer(key), _fee(coming, key)), [0, 0, 0])
                row[index] += number
    found = []
    for (offer, fee), (keep, buy, cancel) in rows.items():
        has_own_fee = fee is not None and fee != _fee(coming, offer)
        name = f"{offer}, owned at {reading.amount(fee)} {reading.code}/month" if has_own_fee else offer
        found.append((name, fee, keep, buy, cancel))
    return found


def _fee(coming: NextMonth, key: str) -> Decimal | None:
    """Fee of one such server over the next month, to the cent; an option the plan does not list costs as its offer."""
    offers = coming.plan.offers
    terms = offers.get(key) or offers.get(plain_offer(key))
    return None if terms is None or terms.fee_usd_horizon is None else round(terms.fee_usd_horizon, 2)


def _of(nodes: Mapping[str, int], offer: str) -> int:
    return sum(count for key, count in nodes.items() if plain_offer(key) == offer)


def _base_figure(coming: NextMonth) -> Figure:
    entries = [("keep", "c1"), ("buy", "c3"), ("cancel", "c5")]
    most = max(keep + buy + cancel for _, keep, buy, cancel in _servers(coming))
    rows = [
        Bar(
            name=offer,
            parts=tuple(
                (part, ink)
                for nodes, ink in ((keep, "c1"), (buy, "c3"), (cancel, "c5"))
                for part in ([1.0] * nodes if most <= MOST_BLOCKS else [float(nodes)])
            ),
            figure=f"{keep + cancel} → {keep + buy}",
        )
        for offer, keep, buy, cancel in _servers(coming)
    ]
    told = "; ".join(
        f"{offer}: keep {keep}, buy {buy}, cancel {cancel}" for offer, keep, buy, cancel in _servers(coming)
    )
    return figure(
        "base",
        "Base servers now → next month" + (", one block each" if most <= MOST_BLOCKS else ""),
        f"Bars of servers: {told}.",
        lambda width: bars(rows, width=width, entries=entries),
    )


def _base_table(coming: NextMonth, reading: Reading) -> Table:
    rows = [
        [
            words(name),
            count(keep + cancel),
            count(keep),
            Cell(text=str(buy), tone=Tone.PLAIN if buy else Tone.MUTED),
            Cell(text=str(cancel), tone=Tone.PLAIN if cancel else Tone.MUTED),
            count(keep + buy),
            money(reading, fee),
        ]
        for name, fee, keep, buy, cancel in _servers_by_fee(coming, reading)
    ]
    columns = (
        named("Base server"),
        Column(title="Now"),
        Column(title="Keep"),
        Column(title="Buy"),
        Column(title="Cancel"),
        Column(title="Next"),
        Column(title="Fee each", unit=f"{reading.code}/month"),
    )
    if not rows:
        rows = [[words("none"), *[BLANK] * 6]]
    return table("base-table", "Base servers to keep, buy and cancel", columns, rows)


def _next_bill_table(coming: NextMonth, reading: Reading) -> Table:
    plan = coming.plan
    cost = plan.cost
    lines = [
        ("Base fees", cost.base_fees_usd, "base_fees_usd"),
        (f"Setup fees over {plan.policy.tenure_months} months", cost.setup_usd, "setup_usd"),
        ("Burst", cost.burst_usd, "burst_usd"),
        ("Egress", cost.egress_usd, "egress_usd"),
    ]
    rows = [
        [words(name), money(reading, usd, f"next_month.plan.cost.{key}")]
        for name, usd, key in lines
        if usd or key in {"base_fees_usd", "burst_usd"}
    ]
    rows.append([words("Planned bill"), money(reading, plan.bill_usd, "next_month.plan.bill_usd")])
    rows.append([words("Staying as is"), money(reading, coming.staying_usd, "next_month.staying_usd")])
    saving = coming.saving_usd
    cell = (
        Cell(text=UNKNOWN)
        if saving is None
        else Cell(
            text=reading.amount(saving),
            key="next_month.saving_usd",
            tone=Tone.GOOD if saving > 0 else Tone.PLAIN,
        )
    )
    columns = (named("Line"), Column(title="Amount", unit=reading.code))
    caption = f"Planned bill of {month_name(coming.month)}, and what it saves"
    return table("next-table", caption, columns, rows, [words("Saving"), cell])


# Prices


def price_section(report: MonthReport, reading: Reading) -> Section:
    """Break-even and prices."""
    blocks: list[Block] = []
    if report.break_even:
        blocks.append(_break_even_table(report, reading))
        blocks += notes(_why_never(report, reading))
        if len({row.model for row in report.prices}) > 1:
            text = "A price made for one model is asked here of all tokens of the fleet, for the whole of its bill."
            blocks.append(Paragraph(text=text, is_note=True))
    if report.prices:
        blocks += [_price_figure(report, reading), _price_table(report, reading)]
    if not blocks:
        text = (
            "No price can be held against the month: its cost per million tokens is not known, or the policy sets none."
        )
        blocks.append(Paragraph(text=text))
    else:
        text = "Margin is (price − cost) / price, with this month's cost per million tokens, the whole bill included."
        blocks.append(Paragraph(text=text, is_note=True))
    return Section(id="prices", title="Break-even and prices", blocks=tuple(blocks))


def _break_even_table(report: MonthReport, reading: Reading) -> Table:
    is_lost_again = any(row.until_tokens_month is not None for row in report.break_even)
    tiers: dict[Decimal, list[str]] = {}
    for price in report.prices:
        tiers.setdefault(price.price_usd_mtok, []).append(_tier(price))
    rows = []
    for index, row in enumerate(report.break_even):
        until = row.until_tokens_month
        lost = BLANK if until is None else count(until / MILLION, f"break_even.{index}.until_tokens_month", 1)
        rows.append(
            [
                Cell(text=reading.amount(row.price_usd_mtok, 4), key=f"break_even.{index}.price_usd_mtok"),
                words("; ".join(tiers.get(row.price_usd_mtok, []))),
                Cell(text="never", tone=Tone.BAD)
                if row.tokens_month is None
                else count(row.tokens_month / MILLION, f"break_even.{index}.tokens_month", 1),
                count(row.tok_s, f"break_even.{index}.tok_s", 1),
                *([lost] if is_lost_again else []),
            ]
        )
    columns = (
        Column(title="Price", unit=f"{reading.code}/Mtok", is_number=False),
        named("Tier"),
        Column(title="Tokens a month", unit="Mtok"),
        Column(title="Average rate", unit="tok/s"),
        *([Column(title="A loss again beyond", unit="Mtok")] if is_lost_again else []),
    )
    return table("break-even-table", "Traffic at which a price pays for the fleet", columns, rows)


def _why_never(report: MonthReport, reading: Reading) -> list[str]:
    """Why prices never pay, each reason once with its prices."""
    prices: dict[str, list[str]] = {}
    for row in report.break_even:
        if row.why_never:
            prices.setdefault(row.why_never, []).append(reading.amount(row.price_usd_mtok, 4))
    return [f"Never at {', '.join(at)}: {why}" for why, at in prices.items()]


def _price_figure(report: MonthReport, reading: Reading) -> Figure:
    """Each price as cost and what is left of it; a price below cost is drawn as the loss it is."""

    def shown(usd: Decimal) -> float:
        return float(reading.currency.amount(usd) or 0)

    def parts(row: PriceRow) -> tuple[tuple[float, str], ...]:
        price = shown(row.price_usd_mtok)
        if row.margin_ratio is None:
            return ((price, "c1"),)
        if row.margin_ratio < 0:
            return ((price, OTHER_INK), (-price * row.margin_ratio, "c5"))
        return ((price * (1 - row.margin_ratio), OTHER_INK), (price * row.margin_ratio, "c3"))

    rows = [
        Bar(
            name=_tier(row),
            parts=parts(row),
            figure=f"{reading.rate(row.price_usd_mtok)}, {percent(row.margin_ratio, 0)} % margin",
        )
        for row in report.prices
    ]
    loses = any(row.margin_ratio is not None and row.margin_ratio < 0 for row in report.prices)
    entries = [("cost", OTHER_INK), ("margin", "c3"), *([("loss", "c5")] if loses else [])]
    told = "; ".join(
        f"{_tier(row)} {reading.rate(row.price_usd_mtok)}, margin {percent(row.margin_ratio, 0)} %"
        for row in report.prices
    )
    return figure(
        "price-figure",
        f"What is left of each price, {reading.code} per million tokens",
        f"Bars, one per tier: {told}.",
        lambda width: bars(rows, width=width, entries=entries),
    )


def _tier(row: PriceRow) -> str:
    return row.tier if row.model is None else f"{row.tier}, {row.model}"


def _price_table(report: MonthReport, reading: Reading) -> Table:
    per_mtok = f"{reading.code}/Mtok"
    rows = [
        [
            words(_tier(row)),
            money(reading, row.price_usd_mtok, f"prices.{index}.price_usd_mtok", 4),
            money(reading, row.input_usd_mtok, f"prices.{index}.input_usd_mtok", 4),
            money(reading, row.output_usd_mtok, f"prices.{index}.output_usd_mtok", 4),
            Cell(
                text=percent(row.margin_ratio),
                key=f"prices.{index}.margin_ratio",
                tone=Tone.BAD if row.margin_ratio is not None and row.margin_ratio < 0 else Tone.PLAIN,
            ),
        ]
        for index, row in enumerate(report.prices)
    ]
    columns = (
        named("Tier"),
        *(Column(title=title, unit=per_mtok) for title in ("Blended", "Input", "Output")),
        Column(title="Margin", unit="%"),
    )
    return table("price-table", "Prices and their margin at this month's cost", columns, rows)


# Risks


def risk_section(report: MonthReport) -> Section:
    """What may go wrong, with its figure."""
    if not report.risks:
        text = "No risk was found worth naming."
        return Section(id="risks", title="Risks", blocks=(Paragraph(text=text),))
    rows = [
        [
            words(risk.name.capitalize()),
            words(risk.figure),
            Cell(text="watch", tone=Tone.BAD) if risk.is_warning else Cell(text="fine", tone=Tone.GOOD),
            words(risk.meaning),
        ]
        for risk in report.risks
    ]
    columns = (named("Risk"), named("Figure"), short("Verdict"), named("What it means"))
    return Section(id="risks", title="Risks", blocks=(table("risk-table", "Risks and what they mean", columns, rows),))
