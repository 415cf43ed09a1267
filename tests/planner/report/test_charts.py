"""Charts: what is drawn, in which files, and how refusals read."""

import importlib.util
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from matplotlib.patches import StepPatch

from planner.errors import InputError
from planner.report.charts import check_chart_path, draw, write_charts
from planner.report.series import plan_series

HERE = Path(__file__).parent


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


plans = load(HERE / "plans.py")


def test_who_serves_what_follows_from_the_nodes() -> None:
    series = plan_series(plans.small_plan())
    assert series.tok_s.served[plans.BASE] == pytest.approx([440, 440, 440, 220])
    assert series.tok_s.served[plans.POOL] == pytest.approx([0, 220, 440, 0])
    assert series.tok_s.base_capacity == pytest.approx([440] * 4)
    assert series.work_nodes.demand == pytest.approx([0.8, 1.2, 1.6, 0.4])
    assert series.references == {"m": plans.BASE}
    assert series.nodes[plans.POOL].tolist() == [0, 1, 2, 0]
    assert series.served_ratio(plans.POOL) == pytest.approx(0.3)


@pytest.mark.parametrize("name", ["small_plan", "two_model_plan"])
def test_served_and_unserved_sum_to_demand(name: str) -> None:
    series = plan_series(getattr(plans, name)())
    for measure in (series.tok_s, series.work_nodes):
        served = sum(measure.served.values(), np.zeros(len(series.hours)))
        assert served + measure.unserved == pytest.approx(measure.demand)


def test_models_without_demand_leave_base_capacity_to_the_others() -> None:
    series = plan_series(plans.two_model_plan())
    assert series.tok_s.base_capacity == pytest.approx([150, 150, 50])  # 2 nodes at 0.5: 100 of a, 50 of b
    assert series.tok_s.unserved == pytest.approx([0, 0, 25])


def test_the_figure_has_dispatch_nodes_and_duration_curve_with_units() -> None:
    figure = draw(plans.two_model_plan())
    assert [panel.get_ylabel() for panel in figure.axes] == [
        "tok/s (input + output)",
        "nodes",
        "work, nodes of hetzner/ax102",
    ]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == [
        "base hetzner/ax102",
        "burst hetzner-cloud/ccx43",
        "burst aws/r7a.4xlarge/spot",
        "unserved",
        "demand",
        "base capacity at target utilization (duration curve)",
    ]
    assert "expected bill 2.33 USD" in figure.get_suptitle()


def test_long_horizons_are_drawn_by_day_and_say_so() -> None:
    plan = plans.small_plan()
    hours = 61 * 24
    detail = tuple(
        replace(plan.hours_detail[0], hour=plan.start + index * timedelta(hours=1)) for index in range(hours)
    )
    figure = draw(replace(plan, hours=hours, end=plan.start + timedelta(hours=hours), hours_detail=detail, leases=()))
    assert figure.axes[0].get_title(loc="left") == "Dispatch against demand, daily means"
    by_day, by_hour = figure.axes[0].patches[0], figure.axes[2].patches[0]
    assert isinstance(by_day, StepPatch)
    assert isinstance(by_hour, StepPatch)
    assert (len(by_day.get_data()[0]), len(by_hour.get_data()[0])) == (61, hours)


@pytest.mark.parametrize(("name", "opening"), [("plan.svg", b"<?xml"), ("plan.PNG", b"\x89PNG")])
def test_the_suffix_decides_the_format(tmp_path: Path, name: str, opening: bytes) -> None:
    write_charts(plans.small_plan(), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(opening)


def test_the_same_plan_makes_the_same_svg(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        write_charts(plans.small_plan(), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


@pytest.mark.parametrize("name", ["plan.jpg", "plan"])
def test_another_suffix_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"a chart is written as \.svg or \.png"):
        write_charts(plans.small_plan(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"install baseload\[chart\]"):
        check_chart_path(Path("plan.svg"))
