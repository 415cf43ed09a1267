"""Planned against replayed, and what a request may expect at the target: tables for people, parts of the JSON.

Renders values; the numbers come in ready.
"""

from collections.abc import Sequence
from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from autoscaler.replay.score.expected import ExpectedOffer
from autoscaler.replay.score.planned import BillLine, BurstCauses, PlannedReplayed
from planner.report.narrow import wrapped
from planner.report.numbers import Currency, percent, signed
from planner.report.price.section import MONEY, NUMBER, TEXT, listed, money, or_null, record, said
from planner.report.screen import Cell, Column, Screen, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

Json = dict[str, Any]

CAUSES = {
    "price_usd": "prices moved",
    "taken_back_usd": "not charged when taken back",
    "waiting_usd": "waiting for the first work",
    "serving_usd": "node-hours that were needed",
    "idle_usd": "node-hours that were not",
    "started_hours_usd": "hours paid to their end",
}
"""Field of BurstCauses -> what it is called."""
RATIO: Json = {"type": "number", "minimum": 0, "maximum": 1}


def planned_parts(several: Sequence[PlannedReplayed], screen: Screen, currency: Currency) -> "list[RenderableType]":
    """Each scenario's bill, planned and replayed; line by line where the plan says; where the difference comes from."""
    code = currency.code
    parts: list[RenderableType] = ["Planned against replayed"]
    if len(several) > 1:
        parts.append(_scenario_table(several, currency))
    for one in several:
        if not one.lines:
            continue
        if len(several) > 1:
            parts.append(f"Line by line, scenario {one.scenario}")
        columns = (
            words("line"),
            words("offer"),
            Column(title="planned", unit=code, places=2),
            Column(title="replayed", unit=code, places=2),
            Column(title="difference", unit=code),
        )
        inside = [line for line in one.lines if line.what != "unserved"]
        rows = [_line(line.what, line, currency) for line in inside]
        bill = BillLine(what="bill", planned_usd=one.planned_bill_usd, replayed_usd=one.replayed_bill_usd)
        rows.append(_line("bill", bill, currency))
        rows += [_line("unserved, at its penalty", line, currency) for line in one.lines if line.what == "unserved"]
        parts.append(table(columns, rows, sections=(len(inside) - 1,), bold=(len(inside),)))
        parts += wrapped(causes_sentence(one, currency), screen)
    return parts


def causes_sentence(one: PlannedReplayed, currency: Currency) -> str:
    """Where burst differs from the plan, the largest cause first; the parts sum to the difference."""
    causes = one.causes
    named = sorted(((getattr(causes, key), text) for key, text in CAUSES.items()), key=lambda pair: -abs(pair[0]))
    shown = [(usd, text) for usd, text in named if abs(usd) >= Decimal("0.005")]
    if not shown:
        return "Burst cost what was planned."
    told = ", ".join(f"{text} {signed(currency.amount(usd), 2)}" for usd, text in shown)
    return f"Burst differs by {signed(currency.amount(causes.total_usd), 2)} {currency.code}: {told}."


def _scenario_table(several: Sequence[PlannedReplayed], currency: Currency) -> "RenderableType":
    code = currency.code
    columns = (
        words("scenario"),
        Column(title="probability", unit="%", places=1, is_ratio=True),
        Column(title="planned", unit=code, places=2),
        Column(title="replayed", unit=code, places=2),
        Column(title="difference", unit=code),
        Column(title="unserved planned", unit="%", places=3, is_ratio=True),
        Column(title="replayed", unit="%", places=3, is_ratio=True),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            one.scenario,
            one.probability,
            currency.amount(one.planned_bill_usd),
            currency.amount(one.replayed_bill_usd),
            signed(currency.amount(one.replayed_bill_usd - one.planned_bill_usd), 2),
            one.planned_unserved_ratio,
            one.replayed_unserved_ratio,
        )
        for one in several
    ]
    planned, replayed = (
        sum((Decimal(repr(one.probability)) * usd for one, usd in zip(several, bills, strict=True)), Decimal(0))
        for bills in ([one.planned_bill_usd for one in several], [one.replayed_bill_usd for one in several])
    )
    missed = [
        sum(one.probability * ratio for one, ratio in zip(several, ratios, strict=True))
        for ratios in (
            [one.planned_unserved_ratio for one in several],
            [one.replayed_unserved_ratio for one in several],
        )
    ]
    rows.append(
        (
            "expected",
            sum(one.probability for one in several),
            currency.amount(planned),
            currency.amount(replayed),
            signed(currency.amount(replayed - planned), 2),
            *missed,
        )
    )
    return table(columns, rows, sections=(len(several) - 1,), bold=(len(several),))


def _line(what: str, line: BillLine, currency: Currency) -> tuple[Cell, ...]:
    return (
        what,
        line.offer,
        currency.amount(line.planned_usd),
        currency.amount(line.replayed_usd),
        signed(currency.amount(line.difference_usd), 2),
    )


def expected_parts(
    offers: Sequence[ExpectedOffer], target_utilization: float, currency: Currency
) -> "list[RenderableType]":
    """Latency to expect of each offer at the target utilization, beside its cost."""
    code = currency.code
    columns = (
        words("model"),
        words("offer"),
        Column(title="price", unit=f"{code}/h", places=4),
        Column(title="cost", unit=f"{code}/Mtok", places=4),
        Column(title="in flight", unit="requests", places=1),
        Column(title="TTFT p95", unit="ms", places=0),
        Column(title="wait p95", unit="ms", places=0),
        Column(title="TPOT", unit="ms", places=0),
    )
    rows: list[tuple[Cell, ...]] = []
    for one in offers:
        cost = None if one.cost_usd_mtok is None else Decimal(repr(one.cost_usd_mtok))
        found = one.latency
        rows.append(
            (
                one.model,
                one.offer,
                currency.amount(one.price_usd_hour),
                currency.amount(cost),
                None if found is None else found.concurrency,
                None if found is None else found.ttft_p95_ms,
                None if found is None else found.wait_p95_ms,
                None if found is None else found.tpot_ms,
            )
        )
    heading = f"To expect at {percent(target_utilization, 0)} % utilization, from measured curves"
    return [heading, table(columns, rows)]


# JSON


def planned_json(several: Sequence[PlannedReplayed]) -> list[Json]:
    """The scenarios of a plan that were replayed."""
    return [
        {
            "scenario": one.scenario or None,
            "probability": one.probability,
            "share_of_horizon": float(one.share),
            "planned_bill_usd": money(one.planned_bill_usd),
            "replayed_bill_usd": money(one.replayed_bill_usd),
            "planned_unserved_ratio": one.planned_unserved_ratio,
            "replayed_unserved_ratio": one.replayed_unserved_ratio,
            "lines": [
                {
                    "line": line.what,
                    "offer": line.offer or None,
                    "planned_usd": money(line.planned_usd),
                    "replayed_usd": money(line.replayed_usd),
                    "causes": None
                    if line.causes is None
                    else {key: money(getattr(line.causes, key)) for key in CAUSES},
                }
                for line in one.lines
            ],
        }
        for one in several
    ]


def planned_schema() -> Json:
    """The schema of `planned_json`."""
    causes = record({one.name: MONEY for one in fields(BurstCauses)})
    line = record(
        {
            "line": {"enum": ["base", "burst", "egress", "unserved"]},
            "offer": or_null(TEXT),
            "planned_usd": MONEY,
            "replayed_usd": MONEY,
            "causes": said(or_null(causes), "Of a burst line: they sum to replayed - planned."),
        }
    )
    return listed(
        record(
            {
                "scenario": or_null(TEXT),
                "probability": RATIO,
                "share_of_horizon": said(NUMBER, "Planned amounts are in proportion to it."),
                "planned_bill_usd": MONEY,
                "replayed_bill_usd": MONEY,
                "planned_unserved_ratio": RATIO,
                "replayed_unserved_ratio": RATIO,
                "lines": said(listed(line), "Those of the bill sum to the bills; unserved is a penalty beside it."),
            }
        )
    )


def expected_json(offers: Sequence[ExpectedOffer]) -> list[Json]:
    """Latency to expect of each offer at the target utilization."""
    return [
        {
            "model": one.model,
            "offer": one.offer,
            "price_usd_hour": money(one.price_usd_hour),
            "cost_usd_mtok": one.cost_usd_mtok,
            "concurrency": None if one.latency is None else one.latency.concurrency,
            "ttft_p95_ms": None if one.latency is None else one.latency.ttft_p95_ms,
            "wait_p95_ms": None if one.latency is None else _finite(one.latency.wait_p95_ms),
            "tpot_ms": None if one.latency is None else one.latency.tpot_ms,
        }
        for one in offers
    ]


def expected_schema() -> Json:
    """The schema of `expected_json`."""
    return listed(
        record(
            {
                "model": TEXT,
                "offer": TEXT,
                "price_usd_hour": said(or_null(MONEY), "null: a base node."),
                "cost_usd_mtok": said(or_null(NUMBER), "Per million tokens, input and output, at the mean mix."),
                "concurrency": said(or_null(NUMBER), "Requests in flight on a node."),
                "ttft_p95_ms": or_null(NUMBER),
                "wait_p95_ms": said(or_null(NUMBER), "For a free place (Erlang C); null: unknown, or without end."),
                "tpot_ms": or_null(NUMBER),
            }
        )
    )


def _finite(value: float | None) -> float | None:
    return None if value is None or value == float("inf") else value
