"""The month in five sentences that a founder can send to the board, and its headline figures. Words and rounding."""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from planner.month.value import MonthReport
from planner.plan import OwnedChanges
from planner.report.month.document import Card, Tone
from planner.report.month.reading import Reading, month_name, tokens
from planner.report.numbers import UNKNOWN, percent, signed

CENT = Decimal("0.005")
"""Below half a cent two amounts are one."""


def summary(report: MonthReport, reading: Reading) -> tuple[str, ...]:
    """Five sentences: the bill and what it bought; plan; unit cost; hindsight; next month."""
    return (
        _bought(report, reading),
        _against_plan(report, reading),
        _unit_cost(report, reading),
        _hindsight(report, reading),
        _next_month(report, reading),
    )


def _bought(report: MonthReport, reading: Reading) -> str:
    """The bill and what it bought."""
    name = month_name(report.month)
    cost = f"{name} cost" if report.is_over else f"{name} has cost"
    bill = f"{cost} {reading.money(report.bill_usd)}{'' if report.is_over else ' so far'}"
    inputs = sum(model.input_tokens for model in report.model_months)
    outputs = sum(model.output_tokens for model in report.model_months)
    if not report.bill:  # nothing recorded is not nothing paid
        served = f"{tokens(inputs + outputs)} tokens were served ({tokens(inputs)} input, {tokens(outputs)} output)"
        return f"No cost of {name} is recorded; {served}."
    if inputs + outputs == 0:
        return f"{bill}; no tokens are recorded as served."
    served = f"{tokens(inputs + outputs)} tokens served ({tokens(inputs)} input, {tokens(outputs)} output)"
    busy = (
        f"with nodes {percent(report.utilization.mean, 0)} % busy on average"
        if report.utilization is not None
        else "with utilization unknown"
    )
    if report.unserved_ratio is None:
        unserved = "unserved demand was not recorded"
    elif report.unserved_ratio == 0:
        unserved = "nothing went unserved"
    else:
        unserved = f"{percent(report.unserved_ratio, 2)} % of the tokens asked for went unserved"
    return f"{bill} for {served}, {busy}; {unserved}."


def _against_plan(report: MonthReport, reading: Reading) -> str:
    """The difference to the plan and its largest cause."""
    variance = report.variance
    if variance is None:
        what = "no plan is recorded for it" if report.plan is None else "the plan cannot be compared with it"
        return f"Whether that is much or little is open: {what}."
    difference = variance.actual_usd - variance.planned_usd
    if abs(difference) < CENT:
        return f"That is what was {_planned(report)} ({reading.money(variance.planned_usd)})."
    more = "more" if difference > 0 else "less"
    against = (
        f"That is {reading.about(difference)} ({_share(difference, variance.planned_usd)}) {more} than the "
        f"{reading.about(variance.planned_usd)} {_planned(report)}"
    )
    causes = [
        (variance.volume_usd, "more traffic", "less traffic"),
        (variance.price_usd, "higher prices", "lower prices"),
        (variance.utilization_usd, "more node-hours for the same work", "fewer node-hours for the same work"),
        (variance.other_usd, "other costs", "lower other costs"),
    ]
    ranked = sorted(causes, key=lambda cause: -abs(cause[0]))
    pushing = [cause for cause in ranked if abs(cause[0]) >= CENT and (cause[0] > 0) == (difference > 0)]
    against_it = [cause for cause in ranked if abs(cause[0]) >= CENT and (cause[0] > 0) != (difference > 0)]
    why = " and ".join(_cause(cause, reading) for cause in pushing[:2])
    but = f", offset in part by {_cause(against_it[0], reading)}" if against_it else ""
    return f"{against}: {why}{but}."


def _planned(report: MonthReport) -> str:
    """A month that is not over is held against the part of its plan that is past."""
    return "planned" if report.is_over else "planned by now"


def _cause(cause: tuple[Decimal, str, str], reading: Reading) -> str:
    amount, if_more, if_less = cause
    return f"{if_more if amount > 0 else if_less} ({reading.change(amount, 0 if abs(amount) >= 1000 else 2)})"


def _unit_cost(report: MonthReport, reading: Reading) -> str:
    """Unit cost and where it goes."""
    unit = report.unit
    if unit.blended is None and any(one.input_tokens + one.output_tokens for one in report.model_months):
        return "What a million tokens cost is not known, for no lease is recorded."
    if unit.blended is None and not is_measured(report):
        return "What a million tokens cost is not known, for no usage is recorded."
    if unit.blended is None:
        return "A million tokens have no cost yet, for none were served."
    split = ", ".join(
        f"{name} {reading.amount(amount, 4)}"
        for name, amount in (("input", unit.input), ("output", unit.output))
        if amount is not None
    )
    cost = f"A million tokens cost {reading.money(unit.blended, 4)}{f' ({split})' if split else ''}"
    earlier = [point for point in report.trend if point.month < report.month and point.cost_usd_mtok is not None]
    if not earlier or earlier[-1].cost_usd_mtok is None:
        return f"{cost}; there is no earlier month to hold it against."
    last = earlier[-1]
    before = earlier[-1].cost_usd_mtok
    change = unit.blended - before
    if abs(change) * 1000 < before:
        return f"{cost}, as in {month_name(last.month)}."
    way = "up" if change > 0 else "down"
    return f"{cost}, {way} {_share(change, before)} from {month_name(last.month)}."


def is_measured(report: MonthReport) -> bool:
    """Whether traffic of any hour is known."""
    return bool(np.isfinite(report.hourly.input_tok_s).any())


def _hindsight(report: MonthReport, reading: Reading) -> str:
    """What knowing the traffic would have saved."""
    regret = report.regret
    if regret is None:
        return "What the best plan in hindsight would have cost is not known."
    best = f"the best plan for the traffic that came would have cost {reading.about(regret.hindsight_usd)}"
    if regret.regret_usd < CENT:
        return f"In hindsight {best}, no less than the {reading.about(regret.actual_usd)} paid for what a plan decides."
    return (
        f"In hindsight {best}, {reading.about(regret.regret_usd)} ({_share(regret.regret_usd, regret.actual_usd)}) "
        f"less than was paid for what a plan decides."
    )


def _next_month(report: MonthReport, reading: Reading) -> str:
    """The decision for the month after, with its saving."""
    coming = report.next_month
    if coming is None:
        return "There is no plan for the next month yet."
    what, cost = decision(coming.changes), reading.about(coming.plan.bill_usd)
    bill = f"For {month_name(coming.month)} the plan is {what}, for {cost}"
    if coming.saving_usd is None:
        return f"{bill}; staying as is could not serve the forecast."
    if coming.saving_usd < CENT:
        return f"{bill}; staying as is costs no more."
    staying = coming.plan.bill_usd + coming.saving_usd
    saving = f"{reading.about(coming.saving_usd)} ({_share(coming.saving_usd, staying)})"
    return f"{bill}, which saves {saving} against staying as is."


def decision(changes: OwnedChanges) -> str:
    """What to do with base servers, in words: to keep 6 hetzner/ax102 and to buy 1 hetzner/ax162."""
    parts = [
        f"to {verb} {named}"
        for verb, nodes in (("keep", changes.keep), ("buy", changes.buy), ("cancel", changes.cancel))
        if (named := named_nodes(nodes))
    ]
    if not parts:
        return "no base server at all"
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def named_nodes(nodes: Mapping[str, int]) -> str:
    """Counts with their offers: 5 hetzner/ax102 and 1 ovh/b3-64; owned and rented ones together; empty for none."""
    counts: dict[str, int] = {}
    for key, count in nodes.items():
        counts[plain_offer(key)] = counts.get(plain_offer(key), 0) + count
    names = [f"{count} {offer}" for offer, count in counts.items() if count]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def plain_offer(key: str) -> str:
    """The offer of an option's key: owned servers are hetzner/ax102#owned, other kinds of them #owned-2 and so on."""
    return key.partition("#")[0]


def _share(part: Decimal, whole: Decimal) -> str:
    return f"{percent(abs(part) / whole)} %" if whole else UNKNOWN


# Headline figures


def cards(report: MonthReport, reading: Reading) -> tuple[Card, ...]:
    """Bill, unit cost, variance, unserved, saving of the next month."""
    return (
        _bill_card(report, reading),
        _unit_card(report, reading),
        _variance_card(report, reading),
        _unserved_card(report),
        _saving_card(report, reading),
    )


def _bill_card(report: MonthReport, reading: Reading) -> Card:
    served = sum(model.input_tokens + model.output_tokens for model in report.model_months)
    return Card(
        id="bill",
        label="Bill" if report.is_over else "Bill so far",
        figure=reading.headline(report.bill_usd) if report.bill else UNKNOWN,
        unit=reading.code if report.bill else "",
        note=f"{tokens(served)} tokens served" if served else "no tokens recorded",
        key="bill_usd" if report.bill else "",
    )


def _unit_card(report: MonthReport, reading: Reading) -> Card:
    unit = report.unit
    note = "nothing served" if is_measured(report) else "no tokens recorded"
    if unit.blended is not None:
        note = f"input {reading.rate(unit.input)}, output {reading.rate(unit.output)}"
    return Card(
        id="unit",
        label="Unit cost",
        figure=reading.rate(unit.blended),
        unit="" if unit.blended is None else f"{reading.code}/Mtok",
        note=note,
        key="unit.blended",
    )


def _variance_card(report: MonthReport, reading: Reading) -> Card:
    variance = report.variance
    if variance is None:
        return Card(id="variance", label="Against plan", figure=UNKNOWN, unit="", note="no plan to compare", key="")
    difference = variance.actual_usd - variance.planned_usd
    tone = Tone.PLAIN if abs(difference) < CENT else Tone.BAD if difference > 0 else Tone.GOOD
    ratio = difference / variance.planned_usd if variance.planned_usd else None
    figure = UNKNOWN if ratio is None else signed(ratio * 100, 1)
    planned = f"{_planned(report)} {reading.headline(variance.planned_usd)}"
    return Card(
        id="variance",
        label="Against plan",
        figure=figure,
        unit="%",
        note=f"{reading.change(difference)} {reading.code}, {planned}",
        key="",
        tone=tone,
    )


def _unserved_card(report: MonthReport) -> Card:
    ratio = report.unserved_ratio
    return Card(
        id="unserved",
        label="Unserved",
        figure=percent(ratio, 2),
        unit="" if ratio is None else "%",
        note="not recorded" if ratio is None else "of the tokens asked for",
        key="unserved_ratio",
        tone=Tone.BAD if ratio else Tone.PLAIN,
    )


def _saving_card(report: MonthReport, reading: Reading) -> Card:
    coming = report.next_month
    if coming is None:
        return Card(id="saving", label="Next month saves", figure=UNKNOWN, unit="", note="no plan yet", key="")
    name = month_name(coming.month).split()[0]
    if coming.saving_usd is None:
        note, figure, unit = f"staying as is cannot serve {name}", UNKNOWN, ""
    else:
        note, unit = f"{name} by plan, against staying", reading.code
        figure = reading.headline(coming.saving_usd)
    return Card(
        id="saving",
        label="Next month saves",
        figure=figure,
        unit=unit,
        note=note,
        key="next_month.saving_usd",
        tone=Tone.GOOD if coming.saving_usd is not None and coming.saving_usd >= CENT else Tone.PLAIN,
    )
