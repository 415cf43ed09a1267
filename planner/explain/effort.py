"""How much an explanation may do, in units of work: pricing one cell by merit order is one unit, some microseconds."""

from dataclasses import dataclass

from planner.optimize.merit import only_group
from planner.optimize.problem import Problem
from planner.optimize.recourse import has_couplings
from planner.optimize.solve import Solved
from policies.planning import Sharing

LP_PRICE = 16.0
"""Units of pricing a cell by the hourly linear program: 744 cells take 40 ms, by merit order 2.5 ms."""
MASTER = 1_500.0
"""Units of a round of the master program, or of bounding the boxes around base counts: 4 ms."""
MERIT_DISPATCH = 25.0
"""Units of covering a cell with whole nodes where cells are merit orders: 336 cells take 25 ms."""
LARGE_FLEET = 20.0
"""Base nodes beyond which covering takes longer in proportion: 1,175 nodes, 336 cells: 0.3 s."""
COUPLED_DISPATCH = 500.0
"""The same where a limit couples models or nodes and cells are small integer programs: 336 cells take 0.5 to 1 s."""


LONG, SOLVES, DISPATCHES = 3.0, 30, 40
"""A part may take this many times its units where it needs them to solve the relaxation or dispatch so many times."""


@dataclass(slots=True)
class Meter:
    """Units of work left."""

    left: float

    def take(self, units: float) -> bool:
        """Whether there is room for the work; takes it if so."""
        if units > self.left:
            return False
        self.left -= units
        return True


def room(solved: Solved, units: float) -> float:
    """Units that a part may take: `units`, on problems that are long or hard up to three times as many."""
    return min(LONG * units, max(units, SOLVES * relaxed_units(solved), DISPATCHES * dispatch_units(solved)))


def is_merit(solved: Solved) -> bool:
    """Whether every cell of the problem was a plain merit order."""
    return solved.recourse.name == "merit order"


def has_merit_cells(problem: Problem) -> bool:
    """Whether whole nodes can be found cell by cell and model by model."""
    return problem.policy.sharing is Sharing.NONE and (not has_couplings(problem) or only_group(problem) is not None)


def price_units(solved: Solved) -> float:
    """Pricing one vector of base counts."""
    return solved.problem.cells * (1.0 if is_merit(solved) else LP_PRICE)


def relaxed_units(solved: Solved) -> float:
    """Solving the relaxation once."""
    return (price_units(solved) + MASTER) * solved.relaxed.rounds


def dispatch_units(solved: Solved) -> float:
    """Covering every cell with whole nodes once."""
    size = max(1.0, float(solved.walk.best.counts.sum()) / LARGE_FLEET)
    return solved.problem.cells * size * (MERIT_DISPATCH if has_merit_cells(solved.problem) else COUPLED_DISPATCH)


def examine_units(solved: Solved) -> float:
    """Examining one vector of base counts in a walk: priced, dispatched, the boxes around it bounded."""
    return price_units(solved) + dispatch_units(solved) + MASTER
