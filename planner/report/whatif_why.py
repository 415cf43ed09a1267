"""Why a change changes the plan, in one sentence: what differs in the inputs, then what that does to each line. Pure.

Every clause is read off the figures of the two plans. The parts named sum to the change of the bill.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from planner.report.numbers import USD, Currency, number, percent, signed
from planner.whatif import Figures, Outcome
from planner.whatif.causes import LEFT_OUT, Cause, Kind
from planner.whatif.compare import uses

CENT = Decimal("0.005")
"""Amounts nearer to one another than this are the same on screen."""
SAME_UNSERVED = 5e-5
"""Shares of tokens nearer to one another than this are the same on screen."""
NAMED = 3
"""Offers, and causes, named in a sentence; of others the number is said."""
SAME_PRICE = Decimal("0.005")
"""Average prices of a node-hour nearer to one another than this ratio are not said to differ."""


def why(before: Figures, outcome: Outcome, currency: Currency = USD) -> str:
    """What the change does to the bill, and why, in one sentence."""
    after = outcome.figures
    name = f"{outcome.change.name}: " if outcome.change.name else ""
    if _is_same(before, after):
        bill = _money(after.bill_usd, currency)
        text = f"{name}the plan and its bill of {bill} stay as they are{_idle(before, outcome)}"
    else:
        reasons = _reasons(outcome.causes, currency)
        lines = _lines(before, after, currency)
        text = (
            f"{name}{_lead(before, after, currency)}"
            + (f" because {reasons}" if reasons else "")
            + (f": {', '.join(lines)}" if lines else "")
            + "".join(f"; {clause}" for clause in _tails(before, after, currency))
        )
    return f"{text[0].upper()}{text[1:]}." if not name else f"{text}."


def _is_same(before: Figures, after: Figures) -> bool:
    hours = (before.burst_node_hours, after.burst_node_hours)
    return (
        before.demand.mtok == after.demand.mtok
        and before.base == after.base
        and not _changes(*hours)
        and abs(after.bill_usd - before.bill_usd) < CENT
        and abs(after.total_usd - before.total_usd) < CENT
        and abs(after.unserved_ratio - before.unserved_ratio) < SAME_UNSERVED
    )


def _idle(before: Figures, outcome: Outcome) -> str:
    """Why nothing changes, where that can be told."""
    touched = outcome.touched
    if not touched or outcome.causes or uses(before, touched) or uses(outcome.figures, touched):
        return ""
    offers = "the offer" if len(touched) == 1 else f"any of the {len(touched)} offers"
    return f": neither plan rents {offers} concerned"


def _lead(before: Figures, after: Figures, currency: Currency) -> str:
    change = after.bill_usd - before.bill_usd
    if abs(change) < CENT:
        return f"the bill stays at {_money(after.bill_usd, currency)}"
    relative = f" ({signed(100 * change / before.bill_usd, 1)} %)" if before.bill_usd else ""
    moves = "rises" if change > 0 else "falls"
    by, to = _money(abs(change), currency), _money(after.bill_usd, currency)
    return f"the bill {moves} by {by}{relative} to {to}"


# Causes


def _reasons(causes: Iterable[Cause], currency: Currency) -> str:
    """The causes in words, like ones together; of many, the first few."""
    grouped: dict[tuple[str, ...], list[Cause]] = {}
    for cause in causes:
        grouped.setdefault(_likeness(cause), []).append(cause)
    said = [_reason(group, currency) for group in grouped.values()]
    if len(said) > NAMED:
        said = [*said[:NAMED], "of other inputs that differ"]
    return ", and because ".join(said)


def _likeness(cause: Cause) -> tuple[str, ...]:
    """What causes must share to be said in one clause."""
    match cause.kind:
        case Kind.PRICE:
            return (cause.kind, f"{_factor(cause):.6f}")
        case Kind.OUT | Kind.IN:
            return (cause.kind, _gist(cause.detail))
        case Kind.INPUT_RATE | Kind.OUTPUT_RATE:
            return (cause.kind, cause.model)
        case _:
            return (cause.kind, cause.model, cause.subject)


def _reason(group: list[Cause], currency: Currency) -> str:
    one = group[0]
    match one.kind:
        case Kind.TOKENS | Kind.PEAK | Kind.TIMING:
            return _demand_reason(one)
        case Kind.CACHE:
            a, b = percent(float(one.before or 0)), percent(float(one.after or 0))
            return f"the cache serves {b} % of the input tokens of {one.model} instead of {a} %"
        case Kind.PENALTY:
            a, b = (number(currency.amount(Decimal(str(value)))) for value in (one.before, one.after))
            return f"a million unserved tokens of {one.model} cost {currency.code} {b} instead of {a}"
        case Kind.INPUT_RATE | Kind.OUTPUT_RATE:
            return _rate_reason(group)
        case Kind.LIMIT:
            return f"{one.subject} may have {_most(one.after)} instead of {_most(one.before)}"
        case Kind.POLICY:
            return f"{one.subject} is {one.after} instead of {one.before}"
        case Kind.OUT | Kind.IN | Kind.PRICE:
            return _offers_reason(group)


def _offers_reason(group: list[Cause]) -> str:
    """Offers that came, went, or have another price."""
    one, many = group[0], len(group) > 1
    offers = _named([cause.subject for cause in group])
    if one.kind is Kind.PRICE:
        return f"{offers} {'cost' if many else 'costs'} {_more(_factor(one), 'more', 'less')}"
    if one.detail == LEFT_OUT:
        return f"{offers} {'are' if many else 'is'} {'left out' if one.kind is Kind.OUT else 'no longer left out'}"
    detail = _gist(one.detail) if many else one.detail
    if one.kind is Kind.OUT:
        return f"{offers} can no longer be used" + (f" ({detail})" if detail else "")
    return f"{offers} can now be used" + (f" (before: {detail})" if detail else "")


def _gist(detail: str) -> str:
    """A reason without its figures: too slow for the SLO."""
    return detail.partition(":")[0].partition(" (")[0].strip()


def _demand_reason(cause: Cause) -> str:
    if cause.kind is Kind.TIMING:
        return "the same tokens are asked for at other hours"
    if cause.kind is Kind.PEAK:
        a, b = number(float(cause.before or 0), 0), number(float(cause.after or 0), 0)
        return f"the busiest hour asks for {b} tok/s instead of {a}"
    if not cause.before:
        return "tokens are asked for, and were not before"
    return f"{_more(_factor(cause), 'more', 'fewer')} tokens are asked for"


def _rate_reason(group: list[Cause]) -> str:
    """The rate that changes most, and how many others do."""
    most = max(group, key=lambda cause: abs(_factor(cause).ln()))
    of = "output" if most.kind is Kind.OUTPUT_RATE else "input"
    a, b = number(float(most.before or 0), 0), number(float(most.after or 0), 0)
    others = f" ({len(group) - 1} other rented offers change too)" if len(group) > 1 else ""
    return f"{most.subject} sustains {b} {of} tok/s of {most.model} instead of {a}{others}"


def _factor(cause: Cause) -> Decimal:
    return Decimal(str(cause.after)) / Decimal(str(cause.before))


def _more(factor: Decimal, more: str, less: str) -> str:
    """A factor as a change: 50.0 % more."""
    return f"{number(abs(factor - 1) * 100, 1)} % {more if factor > 1 else less}"


def _most(value: object) -> str:
    if value is None:
        return "any number of nodes"
    return f"at most {value} node{'' if value == 1 else 's'}"


# What it does


def _lines(before: Figures, after: Figures, currency: Currency) -> list[str]:
    """The lines of the bill that change, largest first; they sum to its change."""
    base = _changes(before.base, after.base)
    nodes = _counted(base) if base else "for the same nodes"
    old, new = before.cost, after.cost
    parts = [
        (new.base_fees_usd - old.base_fees_usd, "base fees", nodes, bool(base)),
        (new.setup_usd - old.setup_usd, "setup fees", "", False),
        (new.burst_usd - old.burst_usd, "burst", _burst(before, after, currency), False),
        (new.egress_usd - old.egress_usd, "egress", "", False),
    ]
    shown = [part for part in parts if abs(part[0]) >= CENT or part[3]]
    shown.sort(key=lambda part: -abs(part[0]))
    return [f"{what} {_signed(usd, currency)}" + (f" ({detail})" if detail else "") for usd, what, detail, _ in shown]


def _burst(before: Figures, after: Figures, currency: Currency) -> str:
    """Node-hours more or fewer, and what one comes to where that differs."""
    hours = [sum(f.burst_node_hours.values()) for f in (before, after)]
    more = hours[1] - hours[0]
    if abs(more) >= 0.5:
        said = [f"{number(abs(more), 0)} {'more' if more > 0 else 'fewer'} node-hours"]
    elif _changes(before.burst_node_hours, after.burst_node_hours):
        said = ["as many node-hours in other pools"]
    else:
        said = ["for the same node-hours"]
    if all(hours):
        was, now = (f.cost.burst_usd / Decimal(repr(h)) for f, h in zip((before, after), hours, strict=True))
        if was > 0 and abs(now / was - 1) > SAME_PRICE:
            a, b = (number(currency.amount(usd), 4) for usd in (was, now))
            said.append(f"one comes to {currency.code} {b} instead of {a}")
    return ", ".join(said)


def _tails(before: Figures, after: Figures, currency: Currency) -> list[str]:
    """What else a reader should see: unserved tokens, the unit cost of other traffic, the total, the proof."""
    said = []
    a, b = percent(before.unserved_ratio, 2), percent(after.unserved_ratio, 2)
    if abs(after.unserved_ratio - before.unserved_ratio) >= SAME_UNSERVED:
        said.append(f"{b} % of tokens go unserved instead of {a} %")
    was, now = before.cost_usd_mtok.blended, after.cost_usd_mtok.blended
    if before.demand.mtok != after.demand.mtok and was is not None and now is not None:
        a, b = (number(currency.amount(usd), 4) for usd in (was, now))
        said.append(f"a million tokens costs {currency.code} {b}" + (f" instead of {a}" if a != b else ", as before"))
    bill, total = after.bill_usd - before.bill_usd, after.total_usd - before.total_usd
    if abs(total) >= CENT and (abs(bill) < CENT or (bill > 0) != (total > 0)):
        moves = "rises" if total > 0 else "falls"
        said.append(f"with risks and penalties the total {moves} by {_money(abs(total), currency)}")
    overlap = before.lower_bound_usd <= after.total_usd and after.lower_bound_usd <= before.total_usd
    if abs(total) >= CENT and overlap:
        said.append("the difference is within what the plans may lie above their lower bounds")
    return said


def _changes(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Offer -> nodes or node-hours more, negative: fewer; the largest change first, what rounds to none left out."""
    keys = dict.fromkeys((*before, *after))
    changes = {key: after.get(key, 0) - before.get(key, 0) for key in keys}
    return {key: more for key, more in sorted(changes.items(), key=lambda item: -abs(item[1])) if abs(more) >= 0.5}


def _counted(changes: Mapping[str, float]) -> str:
    return _named([f"{number(abs(n), 0)} {'more' if n > 0 else 'fewer'} {offer}" for offer, n in changes.items()])


def _named(items: list[str]) -> str:
    if len(items) <= NAMED:
        return _listed(items)
    return f"{', '.join(items[:NAMED])} and {len(items) - NAMED} more"


def _listed(items: list[str]) -> str:
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def _money(usd: Decimal, currency: Currency) -> str:
    return f"{currency.code} {number(currency.amount(usd))}"


def _signed(usd: Decimal, currency: Currency) -> str:
    text = signed(currency.amount(usd))
    return f"{text[0]}{currency.code} {text[1:]}"
