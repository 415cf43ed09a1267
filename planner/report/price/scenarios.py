"""Section `scenarios`: profit scenarios, feasibility first."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from planner.economics.profit import PEAK_TO_MEAN, Feasibility, Outcome, Result
from planner.report.numbers import Currency, number, percent
from planner.report.price.section import (
    MONEY,
    NUMBER,
    SIGNED,
    TEXT,
    Json,
    Section,
    listed,
    money,
    or_null,
    record,
    said,
)
from planner.report.screen import Cell, Column, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

KEY = "scenarios"
_RESULT = record(
    {
        "revenue_usd_month": MONEY,
        "cost_usd_month": MONEY,
        "profit_usd_month": MONEY,
        "margin_ratio": or_null(SIGNED),
    }
)
SCHEMA: Json = listed(
    record(
        {
            "name": TEXT,
            "is_feasible": said({"type": "boolean"}, "Whether nothing is left unserved, on average and at the peak."),
            "price_usd_mtok": MONEY,
            "mtok_month": MONEY,
            "mean_tok_s": MONEY,
            "peak_tok_s": said(listed(MONEY), "Busiest hour, from and to."),
            "owned_tok_s": said(MONEY, "What the servers sustain at full load."),
            "bought_tok_s": said(MONEY, "What the burst budget buys, averaged over the month."),
            "missing_tok_s": said(MONEY, "Averaged over the month, above the servers."),
            "unserved_tok_s": said(MONEY, "Averaged over the month, above servers and budget."),
            "unserved_ratio": NUMBER,
            "peak_unserved_ratio": NUMBER,
            "peak_burst_nodes": or_null({"type": "integer", "minimum": 0}),
            "is_by_hour": said({"type": "boolean"}, "Else missing and unserved are the least they can be."),
            "planned": said(_RESULT, "All tokens sold at the cost as planned: true only where it is feasible."),
            "served": said(_RESULT, "Only what can be served is sold."),
            "needed_burst_usd_month": said(
                listed(MONEY), "For all that is missing: at full load, at utilization_ratio."
            ),
            "needed": said(listed(_RESULT), "All tokens sold at the cost of serving them, in the same order."),
            "utilization_ratio": NUMBER,
            "break_even_usd_mtok": said(MONEY, "Cost as planned over the traffic."),
            "break_even_mtok_month": said(MONEY, "Traffic that earns the cost as planned, burst held constant."),
            "serves_break_even": {"type": "boolean"},
        }
    )
)


def scenarios_section(outcomes: Sequence[Outcome]) -> Section:
    """Each scenario: whether it can be, what it earns, what it would take."""
    return Section(
        key=KEY,
        title="Profit scenarios",
        parts=lambda currency: _parts(outcomes, currency),
        document=[_document(outcome) for outcome in outcomes],
    )


def _document(outcome: Outcome) -> Json:
    scenario, found = outcome.scenario, outcome.feasibility
    return {
        "name": scenario.name,
        "is_feasible": found.is_feasible,
        "price_usd_mtok": money(scenario.price_usd_mtok),
        "mtok_month": money(scenario.traffic.mtok_month),
        "mean_tok_s": money(found.mean_tok_s),
        "peak_tok_s": [money(peak) for peak in found.peak_tok_s],
        "owned_tok_s": money(found.owned_tok_s),
        "bought_tok_s": money(found.bought_tok_s),
        "missing_tok_s": money(found.missing_tok_s),
        "unserved_tok_s": money(found.unserved_tok_s),
        "unserved_ratio": float(found.unserved_ratio),
        "peak_unserved_ratio": float(found.peak_unserved_ratio),
        "peak_burst_nodes": found.peak_nodes,
        "is_by_hour": found.is_by_hour,
        "planned": _result(outcome.planned),
        "served": _result(outcome.served),
        "needed_burst_usd_month": [money(usd) for usd in outcome.needed_burst_usd or ()],
        "needed": [_result(result) for result in outcome.needed or ()],
        "utilization_ratio": float(scenario.utilization),
        "break_even_usd_mtok": money(outcome.break_even_usd_mtok),
        "break_even_mtok_month": money(outcome.break_even_mtok),
        "serves_break_even": outcome.serves_break_even,
    }


def _result(result: Result) -> Json:
    return {
        "revenue_usd_month": money(result.revenue_usd),
        "cost_usd_month": money(result.cost_usd),
        "profit_usd_month": money(result.profit_usd),
        "margin_ratio": None if result.margin_ratio is None else float(result.margin_ratio),
    }


def _parts(outcomes: Sequence[Outcome], currency: Currency) -> "list[RenderableType]":
    parts: list[RenderableType] = []
    for outcome in outcomes:
        if parts:
            parts.append("")
        parts += [
            f"{outcome.scenario.name}: {_verdict(outcome.feasibility)}",
            *_demand(outcome, currency),
            "",
            _table(outcome, currency),
            "",
            _break_even(outcome, currency),
        ]
    return parts


def _verdict(found: Feasibility) -> str:
    """Whether it can be, first of all."""
    if found.is_feasible:
        return "feasible."
    least = "" if found.is_by_hour else "at least "
    if found.unserved_tok_s:
        return (
            f"NOT FEASIBLE: {least}{number(found.unserved_tok_s, 0)} of {number(found.mean_tok_s, 0)} tok/s on average "
            f"({percent(found.unserved_ratio, 0)} % of all tokens) stay unserved."
        )
    return f"NOT FEASIBLE at the peak: {percent(found.peak_unserved_ratio, 0)} % of the busiest hour stays unserved."


def _demand(outcome: Outcome, currency: Currency) -> list[str]:
    scenario, found = outcome.scenario, outcome.feasibility
    traffic = scenario.traffic
    low, high = (number(peak, 0) for peak in found.peak_tok_s)
    if traffic.hourly_tok_s:
        peak = f"{high} tok/s in the busiest hour of {traffic.source}"
    elif traffic.peak_to_mean is not None:
        peak = f"{high} tok/s in the busiest hour ({number(traffic.peak_to_mean, 1)} x the mean)"
    else:
        ends = "–".join(number(end, 1) for end in PEAK_TO_MEAN)
        peak = f"{low}–{high} tok/s in the busiest hour ({ends} x the mean, as measured in LLM traffic)"
    served = (
        f"{number(found.owned_tok_s, 0)} tok/s owned, {number(found.bought_tok_s, 0)} bought on average by the budget"
    )
    nodes = "" if found.peak_nodes is None else f"; {found.peak_nodes} burst nodes at once at the peak"
    lines = [
        f"Asked: {number(traffic.mtok_month, 0)} Mtok a month, {number(found.mean_tok_s, 0)} tok/s on average, {peak}.",
        f"Served: {served}{nodes}.",
    ]
    burst = scenario.cheapest_burst
    if found.missing_tok_s and burst is not None:
        full, real = (number(currency.amount(usd), 0) for usd in outcome.needed_burst_usd or (None, None))
        lines.append(
            f"It would take {number(found.missing_tok_s, 0)} tok/s of burst: {currency.code} {full} a month on "
            f"{burst.name} at full load, {real} at {percent(scenario.utilization, 0)} %."
        )
    elif found.missing_tok_s:
        lines.append(
            f"It would take {number(found.missing_tok_s, 0)} tok/s more; no burst is named that could serve it."
        )
    return lines


def _table(outcome: Outcome, currency: Currency) -> "RenderableType":
    code, use = currency.code, percent(outcome.scenario.utilization, 0)
    columns = [
        words("a month"),
        Column(title="revenue", unit=code, places=2),
        Column(title="cost", unit=code, places=2),
        Column(title="profit", unit=code, places=2),
        Column(title="margin", unit="%", places=1, is_ratio=True),
    ]
    found, needed = outcome.feasibility, outcome.needed if outcome.feasibility.missing_tok_s else None
    named: list[tuple[str, Result]] = []
    if found.is_feasible:
        named.append(("as planned", outcome.planned))
    if needed is not None:
        burst = "as needed" if found.is_feasible else "for all"
        named += [(f"with burst {burst}, at full load", needed[0]), (f"with burst {burst}, at {use} %", needed[1])]
    if found.unserved_tok_s:  # at the peak alone, a mean does not tell how much is left unsold
        named.append(("selling only what is served", outcome.served))
    if not found.is_feasible:
        named.append(("on paper, as if all were served", outcome.planned))
    rows: list[list[Cell]] = [
        [
            name,
            *(currency.amount(usd) for usd in (result.revenue_usd, result.cost_usd, result.profit_usd)),
            result.margin_ratio,
        ]
        for name, result in named
    ]
    return table(columns, rows)


def _break_even(outcome: Outcome, currency: Currency) -> str:
    """The guide's two ways out, each with whether the fleet can go it."""
    price = number(currency.amount(outcome.break_even_usd_mtok), 4)
    own = number(currency.amount(outcome.scenario.price_usd_mtok), 2)
    able = "which it serves on average" if outcome.serves_break_even else "which it cannot serve"
    more = number(outcome.break_even_mtok, 0)
    of: Decimal = outcome.scenario.traffic.mtok_month
    return (
        f"The cost as planned is earned by {currency.code} {price} at {number(of, 0)} Mtok, or by {more} Mtok a month "
        f"at {own}, {able}."
    )
