"""The picture of the cost curve: what is drawn, and that the same curve makes the same file."""

from decimal import Decimal
from pathlib import Path

import pytest

from planner.economics.curve import CostCurve, machine_curves, node_curve
from planner.economics.load import LoadPoint
from planner.economics.quote import Machine

pytest.importorskip("matplotlib")

from planner.report.price.chart import MOST_NODES, draw_curve, shown_nodes, write_curve


def a_curve(nodes: int = 2) -> CostCurve:
    return CostCurve(
        nodes=tuple(
            node_curve(
                name=f"offer-{at}",
                model="m",
                price_usd_hour=Decimal("0.36"),
                capacity_tok_s=100,
                is_used=at == nodes - 1,
            )
            for at in range(nodes)
        ),
        plan=tuple(
            LoadPoint(
                factor=factor,
                tok_s=100 * factor,
                mtok=Decimal(100),
                cost_usd=Decimal(100),
                cost_usd_mtok=Decimal(1),
                unserved_ratio=0.0,
            )
            for factor in (0.5, 1.0, 2.0)
        ),
        hours=None,
    )


def test_a_panel_for_nodes_and_one_for_the_plan() -> None:
    figure = draw_curve(a_curve(), about="plan.json", basis="USD net of VAT")
    nodes, plan = figure.axes
    legend = nodes.get_legend()
    assert legend is not None
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["offer-1", "offer-0 (not rented)"]
    assert plan.texts[0].get_text() == "its own traffic: USD 1.00"


def test_what_is_rented_is_drawn_first_and_the_rest_is_counted() -> None:
    curve = a_curve(MOST_NODES + 3)
    assert shown_nodes(curve)[0].is_used
    figure = draw_curve(curve, about="plan.json", basis="USD net of VAT")
    assert "3 further offers not drawn" in figure.axes[0].get_title("left")


def test_a_quote_has_no_plan_to_draw() -> None:
    curve = machine_curves([Machine(name="a", price_usd_hour=Decimal(1), tok_s=Decimal(100))])
    assert len(draw_curve(curve, about="a", basis="USD net of VAT").axes) == 1


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_same_curve_makes_the_same_file(tmp_path: Path, suffix: str) -> None:
    paths = [tmp_path / f"{name}{suffix}" for name in ("a", "b")]
    for path in paths:
        write_curve(a_curve(), path, about="plan.json", basis="USD net of VAT")
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert len(first) > 5_000
