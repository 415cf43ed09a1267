"""The least of a large linear program, and what of it is proven whatever the solver's tolerances. Limits: no integers.

Every variable has finite bounds, so any row prices y, exact or not, prove a bound (Neumaier and Shcherbina 2004):
c x = y A x + (c - y A) x >= sum of y_i times the row's bound on its side + sum of the least of (c - y A)_j x_j on x_j's
own bounds. So a solve stopped early, or an interior point without crossover, still proves what it returns.
"""

from dataclasses import dataclass, field
from enum import StrEnum

import highspy
import numpy as np
from numpy.typing import NDArray

from planner.errors import SolverError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Method(StrEnum):
    """How HiGHS goes about it."""

    SIMPLEX = "simplex"
    INTERIOR = "ipm"
    """Interior point, without crossover to a corner: sooner on large programs, its prices a little off."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearProgram:
    """Minimise cost . x subject to row_lower <= A x <= row_upper and lower <= x <= upper; A by its rows."""

    cost: Floats
    lower: Floats
    upper: Floats
    row_lower: Floats
    row_upper: Floats
    start: Ints
    """(rows + 1,) where each row begins in `column` and `value`."""
    column: Ints
    value: Floats

    def __post_init__(self) -> None:
        if not (np.isfinite(self.lower).all() and np.isfinite(self.upper).all()):
            raise ValueError("lower and upper must be finite: the proof rests on them")
        if len(self.start) != len(self.row_lower) + 1 or self.start[-1] != len(self.column):
            raise ValueError("start must have one entry per row and the number of coefficients at its end")


@dataclass(slots=True)
class Assembly:
    """A linear program under construction: blocks of columns, rows and terms as arrays of indices."""

    _cost: list[Floats] = field(default_factory=list)
    _lower: list[Floats] = field(default_factory=list)
    _upper: list[Floats] = field(default_factory=list)
    _row_lower: list[Floats] = field(default_factory=list)
    _row_upper: list[Floats] = field(default_factory=list)
    _terms: list[tuple[Ints, Ints, Floats]] = field(default_factory=list)
    _columns: int = 0
    _rows: int = 0

    def add_columns(
        self, count: int, *, cost: Floats | float = 0.0, lower: Floats | float = 0.0, upper: Floats | float
    ) -> Ints:
        """Indices of new columns with those costs and bounds."""
        for kept, value in ((self._cost, cost), (self._lower, lower), (self._upper, upper)):
            kept.append(np.broadcast_to(np.asarray(value, dtype=np.float64), (count,)))
        self._columns += count
        return np.arange(self._columns - count, self._columns)

    def add_rows(self, count: int, *, lower: Floats | float = -np.inf, upper: Floats | float = np.inf) -> Ints:
        """Indices of new rows between those bounds."""
        for kept, value in ((self._row_lower, lower), (self._row_upper, upper)):
            kept.append(np.broadcast_to(np.asarray(value, dtype=np.float64), (count,)))
        self._rows += count
        return np.arange(self._rows - count, self._rows)

    def add_terms(self, rows: Ints, columns: Ints, values: Floats | float) -> None:
        """Coefficients, broadcast over indices; where a row has a column more than once they are summed."""
        row, column, value = np.broadcast_arrays(rows, columns, np.asarray(values, dtype=np.float64))
        self._terms.append((row.ravel(), column.ravel(), value.ravel()))

    def program(self) -> LinearProgram:
        """The program assembled."""
        row, column, value = (np.concatenate([term[part] for term in self._terms]) for part in range(3))
        place, where = np.unique(row * self._columns + column, return_inverse=True)
        return LinearProgram(
            cost=np.concatenate(self._cost),
            lower=np.concatenate(self._lower),
            upper=np.concatenate(self._upper),
            row_lower=np.concatenate(self._row_lower),
            row_upper=np.concatenate(self._row_upper),
            start=np.searchsorted(place // self._columns, np.arange(self._rows + 1)),
            column=place % self._columns,
            value=np.bincount(where, weights=value, minlength=len(place)).astype(np.float64),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Least:
    """What the solver found."""

    proven: float
    """No feasible x costs less."""
    cost: float
    """Of `x`; the least to within the solver's tolerance if it finished."""
    x: Floats
    row_price: Floats
    """Prices behind `proven`: at most 0 where only an upper bound holds, at least 0 where only a lower one does."""


def least(
    program: LinearProgram, *, method: Method = Method.SIMPLEX, most_seconds: float | None = None
) -> Least | None:
    """The least cost and the bound proven on it; None: no x obeys the rows."""
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("solver", method.value)
    solver.setOptionValue("run_crossover", "off")
    if most_seconds is not None:
        solver.setOptionValue("time_limit", most_seconds)
    _pass(solver, program)
    solver.run()
    status = solver.getModelStatus()
    if status == highspy.HighsModelStatus.kInfeasible:
        return None
    solution = solver.getSolution()
    prices = np.array(solution.row_dual)
    if len(prices) != len(program.row_lower):
        raise SolverError(f"HiGHS gave no prices of the rows: {solver.modelStatusToString(status)}")
    x = np.array(solution.col_value)
    prices = allowed_prices(program, prices)
    return Least(proven=proven_by(program, prices), cost=float(program.cost @ x), x=x, row_price=prices)


def allowed_prices(program: LinearProgram, prices: Floats) -> Floats:
    """The prices, 0 where they price a side of the row that has no bound."""
    unbounded = np.where(prices > 0, np.isinf(program.row_lower), np.isinf(program.row_upper))
    return np.where(unbounded | ~np.isfinite(prices), 0.0, prices)


def proven_by(program: LinearProgram, prices: Floats) -> float:
    """The bound that allowed prices prove."""
    rows = np.repeat(np.arange(len(program.row_lower)), np.diff(program.start))
    priced = np.bincount(program.column, weights=prices[rows] * program.value, minlength=len(program.cost))
    reduced = program.cost - priced
    side = np.where(prices > 0, program.row_lower, program.row_upper)
    by_rows = prices[prices != 0] @ side[prices != 0]
    return float(by_rows + np.minimum(reduced * program.lower, reduced * program.upper).sum())


def _pass(solver: highspy.Highs, program: LinearProgram) -> None:
    status = solver.passModel(
        len(program.cost),
        len(program.row_lower),
        len(program.value),
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        program.cost,
        program.lower,
        program.upper,
        program.row_lower,
        program.row_upper,
        program.start.astype(np.int32),
        program.column.astype(np.int32),
        program.value,
        np.zeros(len(program.cost), dtype=np.int32),
    )
    if status == highspy.HighsStatus.kError:
        raise SolverError("HiGHS refused the program")
