"""Section `curve`: USD per million tokens against load, of a node of each offer and of the whole plan."""

from typing import TYPE_CHECKING

from planner.economics.curve import CostCurve, NodeCurve
from planner.report.numbers import Currency, number
from planner.report.price.section import MONEY, NUMBER, TEXT, Json, Section, Wide, listed, money, or_null, record, said
from planner.report.screen import Cell, Column, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

KEY = "curve"
SHOWN = (0.01, 0.1, 0.3, 0.5, 0.7, 1.0)
"""Loads of a node that the table has columns for; JSON and the chart have all."""
SCHEMA: Json = record(
    {
        "nodes": listed(
            record(
                {
                    "name": TEXT,
                    "model": TEXT,
                    "price_usd_hour": MONEY,
                    "is_used": said({"type": "boolean"}, "Whether the plan rents it; true of a machine quoted."),
                    "capacity_tok_s": said(NUMBER, "Input and output at full load, at the model's mix."),
                    "spread_ratio": said(NUMBER, "Dearest over cheapest point."),
                    "points": listed(record({"load_ratio": NUMBER, "tok_s": NUMBER, "cost_usd_mtok": MONEY})),
                }
            )
        ),
        "plan": listed(
            record(
                {
                    "factor": said(NUMBER, "Multiple of the traffic the plan serves."),
                    "tok_s": NUMBER,
                    "mtok": said(MONEY, "Million tokens served over the horizon."),
                    "cost_usd": MONEY,
                    "cost_usd_mtok": or_null(MONEY),
                    "unserved_ratio": NUMBER,
                }
            )
        ),
        "plan_spread_ratio": or_null(NUMBER),
        "plan_burst_scale": said(
            or_null(NUMBER), "Burst by the rule is multiplied by it, so that factor 1 is the bill."
        ),
        "hours": or_null(record({"least_usd_mtok": MONEY, "most_usd_mtok": MONEY, "spread_ratio": NUMBER})),
    }
)


def curve_section(curve: CostCurve) -> Section:
    """The curves as tables, and how far one number can mislead."""
    return Section(
        key=KEY,
        title="Cost per million tokens against load",
        parts=lambda currency: _parts(curve, currency),
        document={
            "nodes": [_node(node) for node in curve.nodes],
            "plan": [
                {
                    "factor": point.factor,
                    "tok_s": point.tok_s,
                    "mtok": money(point.mtok),
                    "cost_usd": money(point.cost_usd),
                    "cost_usd_mtok": money(point.cost_usd_mtok),
                    "unserved_ratio": point.unserved_ratio,
                }
                for point in curve.plan
            ],
            "plan_spread_ratio": None if curve.plan_spread_ratio is None else float(curve.plan_spread_ratio),
            "plan_burst_scale": None if curve.burst_scale is None else float(curve.burst_scale),
            "hours": None
            if curve.hours is None
            else {
                "least_usd_mtok": money(curve.hours.least_usd_mtok),
                "most_usd_mtok": money(curve.hours.most_usd_mtok),
                "spread_ratio": float(curve.hours.spread_ratio),
            },
        },
    )


def _node(node: NodeCurve) -> Json:
    return {
        "name": node.name,
        "model": node.model,
        "price_usd_hour": money(node.price_usd_hour),
        "is_used": node.is_used,
        "capacity_tok_s": node.capacity_tok_s,
        "spread_ratio": float(node.spread_ratio),
        "points": [
            {"load_ratio": point.load_ratio, "tok_s": point.tok_s, "cost_usd_mtok": money(point.cost_usd_mtok)}
            for point in node.points
        ],
    }


def _parts(curve: CostCurve, currency: Currency) -> "list[RenderableType | Wide]":
    parts: list[RenderableType | Wide] = []
    if curve.nodes:
        least, most = (number(curve.nodes[0].points[at].load_ratio * 100, 0) for at in (0, -1))
        widest = max(node.spread_ratio for node in curve.nodes)
        parts += [
            _nodes(curve.nodes, currency),
            "",
            f"The same node spans {number(widest, 0)}× between {least} % and {most} % load: idle time is paid for too.",
        ]
    if curve.plan:
        parts += ["", _plan(curve, currency), "", *_plan_sentences(curve, currency)]
    return parts


def _nodes(nodes: tuple[NodeCurve, ...], currency: Currency) -> Wide:
    code = currency.code
    several = len({node.model for node in nodes}) > 1
    columns = [
        *([words("model")] if several else []),
        words("one node of"),
        words("rented"),
        Column(title="price", unit=f"{code}/h", places=4),
        Column(title="sustains", unit="tok/s"),
        *(Column(title=f"at {number(share * 100, 0)} %", unit=f"{code}/Mtok", places=2) for share in SHOWN),
    ]
    rows: list[list[Cell]] = []
    for node in nodes:
        costs = {point.load_ratio: currency.amount(point.cost_usd_mtok) for point in node.points}
        cells: list[Cell] = [
            node.name,
            "yes" if node.is_used else "",
            currency.amount(node.price_usd_hour),
            node.capacity_tok_s,
        ]
        rows.append([*([node.model] if several else []), *cells, *(costs.get(share) for share in SHOWN)])
    return Wide(
        columns=columns, rows=rows, dispensable=["at 30 %", "at 70 %", "price", "at 10 %", "sustains", "at 50 %"]
    )


def _plan(curve: CostCurve, currency: Currency) -> "RenderableType":
    code = currency.code
    columns = [
        Column(title="the plan at", unit="x its traffic", places=2),
        Column(title="load", unit="tok/s"),
        Column(title="cost", unit=code, places=2),
        Column(title="per million tokens", unit=f"{code}/Mtok", places=4),
        Column(title="unserved", unit="%", places=1, is_ratio=True),
    ]
    rows: list[list[Cell]] = [
        [
            point.factor,
            point.tok_s,
            currency.amount(point.cost_usd),
            currency.amount(point.cost_usd_mtok),
            point.unserved_ratio,
        ]
        for point in curve.plan
    ]
    return table(columns, rows)


def _plan_sentences(curve: CostCurve, currency: Currency) -> list[str]:
    lines = []
    if curve.plan_spread_ratio is not None:
        lines.append(
            f"The plan spans {number(curve.plan_spread_ratio, 1)}× over these loads: its base is fixed, its burst "
            "grows with traffic, in whole nodes by the hour (approximate; solved anew, another base may be cheaper). "
            f"Burst by this rule is scaled by {number(curve.burst_scale, 2)} to meet the bill at its own traffic."
        )
    if curve.hours is not None:
        least, most = (currency.amount(usd) for usd in (curve.hours.least_usd_mtok, curve.hours.most_usd_mtok))
        lines.append(
            f"Its own hours cost {currency.code} {number(least, 2)} to {number(most, 2)} per million tokens, "
            f"{number(curve.hours.spread_ratio, 1)}× apart."
        )
    return lines
