"""How long the orders of twelve months take, jointly over twenty scenarios of a year."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import MeasurementError, Row, Spread, in_child, peak_mb, seconds

MONTHS = tuple(f"2025-{number:02d}" for number in range(1, 13))


def months_rows(runs: int, year: Path) -> Iterator[Row]:
    """Twelve months with orders and cancellations, from the forecast in memory to the bill in whole nodes."""
    found = in_child("months", timeout_s=600.0, path=str(year), runs=runs)
    if found is None:
        raise MeasurementError("twelve months took more than 600 s")
    yield Row(
        what="12 months jointly × 20 scenarios, 4 base × 8 burst: orders, bound, whole nodes, bill",
        unit="s",
        measured=Spread.of(found["wall_s"]),
        processor_s=median(found["processor_s"]),
        at_most=20.0,
        note=f"{found['rounds']} rounds; {found['orders']} servers ordered, {found['cancelled']} cancelled; total "
        f"{found['gap_ratio']:.2%} above the bound; peak {found['peak_mb']:.0f} MB",
    )


def months(path: str, runs: int) -> dict[str, Any]:
    """Seconds of the schedule of a year's months, and what it orders."""
    from benchmarks.instances import problem_of, year_forecast
    from planner.demand.horizon import select_month
    from planner.optimize.months.solve import solve_months
    from planner.optimize.months.value import Schedule, Terms
    from planner.optimize.prepare import Prepared

    year = year_forecast(Path(path))
    found: list[Schedule] = []

    def run() -> None:
        problems = [problem_of(select_month(year, month)) for month in MONTHS]
        prepared = [Prepared(problem=problem, rejected=(), remarks=()) for problem in problems]
        found.append(solve_months(prepared, Terms()))

    spent = seconds(run, runs, unmeasured=0)
    last = found[-1]
    return {
        **asdict(spent),
        "rounds": last.rounds,
        "orders": sum(sum(one.buy.values()) for one in last.months),
        "cancelled": sum(sum(one.cancel.values()) for one in last.months),
        "gap_ratio": last.gap_ratio,
        "peak_mb": peak_mb(),
    }
