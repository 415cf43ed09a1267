"""The exact optimum over every combination of counts, for chains of few types and any cost of a launch. Pure.

All combinations of counts are the points of a lattice. The least cost of reaching a point in an hour follows from that
in the hour before: going up along an axis costs a launch a step, going down nothing, and the axes add up, so one
running least in each direction of each axis does what comparing all points with all would (a distance transform). So an
hour costs as much as the lattice has points, times types, and nothing is left out: the total is its own bound.
"""

import numpy as np

from planner.optimize.commitment.chain import Chain
from planner.optimize.problem import Floats, Ints


def lattice_points(chain: Chain) -> float:
    """How many combinations of counts there are."""
    return float(np.prod(chain.most.astype(np.float64) + 1))


def lattice_optimum(chain: Chain) -> Ints:
    """(H, V) the cheapest nodes of the chain."""
    shape = tuple((chain.most + 1).tolist())
    points = np.indices(shape).reshape(chain.options, -1).T
    grouped = points[:, chain.in_group].sum(axis=1)
    reached: list[Floats] = []
    value = points @ chain.launch_usd
    for hour in range(chain.hours):
        if hour:
            value = _moved(value.reshape(shape), chain.launch_usd).ravel()
        value = value + chain.cost_usd(points, np.full(len(points), hour))
        value[grouped > chain.group_left[hour]] = np.inf
        reached.append(value)
    nodes = [points[int(reached[-1].argmin())]]
    for hour in range(chain.hours - 2, -1, -1):
        launches = np.maximum(nodes[-1] - points, 0) @ chain.launch_usd
        nodes.append(points[int((reached[hour] + launches).argmin())])
    nodes.reverse()
    return np.array(nodes, dtype=np.int64).reshape(chain.hours, chain.options)


def _moved(value: Floats, launch_usd: Floats) -> Floats:
    """The least cost of each point when nodes may be launched and ended: one axis after another."""
    for axis, usd in enumerate(launch_usd.tolist()):
        steps = np.arange(value.shape[axis]) * usd
        steps = steps.reshape([-1 if place == axis else 1 for place in range(value.ndim)])
        up = np.minimum.accumulate(value - steps, axis=axis) + steps
        down = np.flip(np.minimum.accumulate(np.flip(value, axis), axis=axis), axis)
        value = np.minimum(up, down)
    return value
