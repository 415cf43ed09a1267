"""Branch and bound over many small independent integer programs at once.

Each round takes the most promising branch of every program still open and solves all of them as one linear program,
whose dual simplex goes on from the round before: 0.1 to 0.4 ms a branch, where a solver call of its own takes ten
times that. Only linear programming is trusted to the solver. Limits: variables >= 0, minimisation, programs that are
feasible when their whole variables are 0.
"""

from bisect import insort
from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray

from planner.errors import SolverError
from planner.optimize.coupled import pass_program

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
WHOLE = 1e-6
"""A value this close to a whole number is one."""
SAME = 1e-9
"""A branch that could save less than this ratio of the cost is not followed."""
DIVE_AFTER = 10
"""A program without any solution after so many branches is followed depth first until it has one."""
SHRINK = 0.6
"""The joint program is built again when fewer than this share of its programs are still open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallProgram:
    """One integer program: minimise cost x, row_lower <= A x <= row_upper, 0 <= x <= upper; A by rows."""

    cost: Floats
    upper: Floats
    row_lower: Floats
    row_upper: Floats
    start: Ints
    column: Ints
    value: Floats
    whole: NDArray[np.bool_]


@dataclass(slots=True)
class Found:
    """The best solution of one program, and what no solution costs less than."""

    x: Floats | None = None
    cost: float = np.inf
    bound: float = -np.inf
    branches: int = 0


@dataclass(frozen=True, slots=True)
class _Branch:
    lower: Floats
    upper: Floats
    bound: float
    depth: int = 0
    """Bounds set since the start; 0 again below a branch that broke a row, which no dive should follow."""


def solve_together(programs: list[SmallProgram], *, branch_limit: int) -> list[Found]:
    """The optimum of each program, or after `branch_limit` branches the best found with the bound proven until then."""
    found = [Found() for _ in programs]
    stacks = [[_Branch(np.zeros(int(p.whole.sum())), p.upper[p.whole].astype(np.float64), -np.inf)] for p in programs]
    active = list(range(len(programs)))
    while active:
        joint = _Joint([programs[i] for i in active])
        members, size = active, len(active)
        while len(active) >= SHRINK * size and active:
            _round(joint, members, programs, stacks, found)
            active = [i for i in active if _is_open(stacks[i], found[i], branch_limit)]
    for one, stack in zip(found, stacks, strict=True):
        one.bound = min([one.cost, *(branch.bound for branch in stack)])
    return found


def _is_open(stack: list[_Branch], found: Found, branch_limit: int) -> bool:
    if stack and stack[-1].bound >= _worth(found):
        stack.clear()  # the last is the most promising
    return bool(stack) and found.branches < branch_limit


def _worth(found: Found) -> float:
    """What a branch must promise to cost less than to be followed."""
    return found.cost - SAME * (1 + abs(found.cost)) if np.isfinite(found.cost) else np.inf


def _round(
    joint: "_Joint", members: list[int], programs: list[SmallProgram], stacks: list[list[_Branch]], found: list[Found]
) -> None:
    """One branch of every open program."""
    taken = [_take(stacks[i], found[i]) if stacks[i] else None for i in members]
    joint.bound([(branch.lower, branch.upper) if branch else None for branch in taken])
    x, costs, broken = joint.solve()
    rounded = x.copy()
    rounded[joint.whole] = np.ceil(x[joint.whole] - WHOLE)
    fits = joint.fits(rounded)
    rounded_cost = joint.costs(rounded)
    for place, (i, branch) in enumerate(zip(members, taken, strict=True)):
        if branch is None:
            continue
        one = found[i]
        one.branches += 1
        cost = max(float(costs[place]), branch.bound)
        if cost >= _worth(one):
            continue
        values = joint.of(x, place)
        nodes = values[programs[i].whole]
        away = np.abs(nodes - np.rint(nodes))
        if fits[place] and rounded_cost[place] < one.cost:
            one.x, one.cost = joint.of(rounded, place), float(rounded_cost[place])
            if cost >= _worth(one):
                continue
        if away.max(initial=0.0) > WHOLE:
            depth = 0 if broken[place] > WHOLE else branch.depth + 1
            _split(stacks[i], branch, nodes, programs[i].cost[programs[i].whole], cost, depth)
        elif broken[place] <= WHOLE:
            settled = values.copy()
            settled[programs[i].whole] = np.rint(nodes)
            one.x, one.cost = settled, cost
        elif (branch.lower < branch.upper).any():
            _halve(stacks[i], branch, nodes, cost)


def _take(stack: list[_Branch], found: Found) -> _Branch:
    """The most promising branch; while there is no solution for long, the deepest: of equal ones the most promising."""
    if found.x is not None or found.branches < DIVE_AFTER:
        return stack.pop()
    return stack.pop(max(range(len(stack)), key=lambda at: (stack[at].depth, at)))


def _split(stack: list[_Branch], branch: _Branch, nodes: Floats, price: Floats, bound: float, depth: int) -> None:
    """Two branches at the whole variable whose fraction costs most; the upper one, likelier to fit, comes first."""
    part = nodes - np.floor(nodes)
    at = int(np.argmax(np.minimum(part, 1 - part) * (price + 1e-6)))
    lower, upper = branch.lower.copy(), branch.upper.copy()
    upper[at] = np.floor(nodes[at])
    lower[at] = upper[at] + 1
    _open(stack, _Branch(branch.lower, upper, bound, depth))
    _open(stack, _Branch(lower, branch.upper, bound, depth))


def _open(stack: list[_Branch], branch: _Branch) -> None:
    """Keeps the most promising branch last, of equal ones the newest."""
    insort(stack, branch, key=lambda other: -other.bound)


def _halve(stack: list[_Branch], branch: _Branch, nodes: Floats, bound: float) -> None:
    """Two branches beside a whole point that breaks a row: at or below it, and above it, in some variable not fixed."""
    at = int(np.argmax(branch.upper - branch.lower))
    middle = float(np.rint(nodes[at]))
    if middle >= branch.upper[at]:
        middle = branch.upper[at] - 1
    lower, upper = branch.lower.copy(), branch.upper.copy()
    upper[at], lower[at] = middle, middle + 1
    _open(stack, _Branch(lower, branch.upper, bound))
    _open(stack, _Branch(branch.lower, upper, bound))


class _Joint:
    """Several programs as the blocks of one linear program.

    A branch that asks for more nodes than a limit allows must not make them all infeasible, so rows that whole
    variables can break by being large may be broken at a high price.
    """

    def __init__(self, programs: list[SmallProgram]) -> None:
        sizes = np.array([len(p.cost) + 1 for p in programs])
        self._first = np.concatenate([[0], np.cumsum(sizes)])
        rows = np.array([len(p.row_lower) for p in programs])
        self._block = np.repeat(np.arange(len(programs)), sizes)
        self._row_block = np.repeat(np.arange(len(programs)), rows)
        self._true_cost = np.concatenate([np.append(p.cost, 0.0) for p in programs])
        dear = [100 * (1 + float(np.abs(p.cost).max(initial=0.0))) for p in programs]
        self._cost = np.concatenate([np.append(p.cost, usd) for p, usd in zip(programs, dear, strict=True)])
        self._upper = np.concatenate([np.append(p.upper, np.inf) for p in programs])
        self.whole = np.concatenate([np.append(p.whole, False) for p in programs])
        self._whole_index = np.flatnonzero(self.whole).astype(np.int32)
        self._whole_of = np.split(self._whole_index, np.cumsum([int(p.whole.sum()) for p in programs])[:-1])
        self._row_lower = np.concatenate([p.row_lower for p in programs])
        self._row_upper = np.concatenate([p.row_upper for p in programs])
        self._row, self._column, self._value = self._matrix(programs, rows)
        self._lower_now = np.zeros(len(self.whole))
        self._upper_now = self._upper.copy()
        self._solver = highspy.Highs()
        self._solver.setOptionValue("output_flag", False)
        self._solver.setOptionValue("solver", "simplex")
        self._solver.setOptionValue("presolve", "off")
        pass_program(
            self._solver,
            cost=self._cost,
            upper=self._upper,
            row_lower=self._row_lower,
            row_upper=self._row_upper,
            start=np.searchsorted(self._row, np.arange(len(self._row_lower) + 1)),
            column=self._column,
            value=self._value,
        )

    def _matrix(self, programs: list[SmallProgram], rows: Ints) -> tuple[Ints, Ints, Floats]:
        first_row = np.concatenate([[0], np.cumsum(rows)])
        row, column, value = [], [], []
        for place, p in enumerate(programs):
            row_of = np.repeat(np.arange(len(p.row_lower)), np.diff(p.start))
            rising = np.zeros(len(p.row_lower), dtype=bool)
            rising[row_of[p.whole[p.column] & (p.value > 0)]] = True
            limits = np.flatnonzero(rising & ~np.isfinite(p.row_lower))
            row.append(first_row[place] + np.concatenate([row_of, limits]))
            column.append(self._first[place] + np.concatenate([p.column, np.full(len(limits), len(p.cost))]))
            value.append(np.concatenate([p.value, np.full(len(limits), -1.0)]))
        rows_of, columns_of, values_of = np.concatenate(row), np.concatenate(column), np.concatenate(value)
        order = np.argsort(rows_of, kind="stable")
        return rows_of[order], columns_of[order], values_of[order]

    def bound(self, branches: list[tuple[Floats, Floats] | None]) -> None:
        """Sets the whole variables' bounds; a program without a branch keeps those it has."""
        for index, branch in zip(self._whole_of, branches, strict=True):
            if branch is not None:
                self._lower_now[index], self._upper_now[index] = branch
        index = self._whole_index
        self._solver.changeColsBounds(len(index), index, self._lower_now[index], self._upper_now[index])

    def solve(self) -> tuple[Floats, Floats, Floats]:
        """Values, the cost of each block with its penalty, and by how much its rows are broken."""
        self._solver.run()
        if self._solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            self._solver.clearSolver()
            self._solver.run()
        if self._solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            name = self._solver.modelStatusToString(self._solver.getModelStatus())
            raise SolverError(f"HiGHS could not solve the branches of the whole-node dispatch: {name}")
        x = np.array(self._solver.getSolution().col_value)
        return x, self._by_block(self._cost * x), x[self._first[1:] - 1]

    def costs(self, x: Floats) -> Floats:
        """Cost of each block, without penalty."""
        return self._by_block(self._true_cost * x)

    def _by_block(self, values: Floats) -> Floats:
        sums: Floats = np.bincount(self._block, weights=values, minlength=len(self._first) - 1).astype(np.float64)
        return sums

    def fits(self, x: Floats) -> NDArray[np.bool_]:
        """Whether each block obeys every row and bound without its penalty variable."""
        x = x.copy()
        x[self._first[1:] - 1] = 0.0
        reached = np.bincount(self._row, weights=self._value * x[self._column], minlength=len(self._row_lower))
        broken = (reached > self._row_upper + WHOLE) | (reached < self._row_lower - WHOLE)
        bad = np.bincount(self._row_block[broken], minlength=len(self._first) - 1)
        bad += np.bincount(self._block[x > self._upper + WHOLE], minlength=len(self._first) - 1)
        none: NDArray[np.bool_] = bad == 0
        return none

    def of(self, x: Floats, place: int) -> Floats:
        """One block's values."""
        return x[self._first[place] : self._first[place + 1] - 1]
