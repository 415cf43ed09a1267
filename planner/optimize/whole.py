"""Whole-node dispatch of given base counts: every cell covered by the cheapest whole nodes, every limit obeyed.

Each model's cells are covered on their own (cover.py); cells where a limit couples models or nodes are solved again as
small integer programs (coupled_cover.py), and a budget joins all cells (budget.py).
"""

from dataclasses import dataclass, replace

import numpy as np

from planner.errors import SolverError
from planner.optimize.aim import aim_of
from planner.optimize.budget import cover_within_budget
from planner.optimize.coupled_cover import WholeCover, WholeDispatch
from planner.optimize.cover import Cover, Market, cover_cells
from planner.optimize.limits import breaking_cells, survival_reserve
from planner.optimize.problem import Floats, Ints, Problem
from planner.optimize.serving import Serving, serve
from policies.planning import Sharing

PART_CELLS = 250
"""Cells covered together when a dispatch may end early: fewer would not pay the calls."""
MOST_PARTS = 8
MOST_TO_SPLIT = 40
"""A group with more nodes left than this is shared between models by integer programs."""
PROGRAM_CELLS = 600
"""A cell branched in linear programs takes about as long as this many cells of the plain cover."""
FIRST_MULTIPLIER = 0.5
"""How much dearer a billed dollar is made first when a budget binds; a search follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """Whole nodes in every cell for given base counts."""

    counts: Floats
    """(C,) base counts."""
    nodes: Ints
    """(M, V, T) burst nodes."""
    base_nodes: Ints
    """(M, B, T) base nodes serving each model."""
    unserved: Floats
    """(M, T) share left unserved."""
    cost_usd: float
    """Expected cost of burst, interruptions, egress and unserved demand, hour by hour, before launch overhead."""
    bound_usd: float
    """No whole-node dispatch of these counts costs less."""
    aimed_usd: float
    """The aim of the scenarios' costs; the expected cost where that is the aim."""
    aimed_bound_usd: float
    """No whole-node dispatch of these counts has a lower aim."""


class WholeNodes:
    """Dispatches base counts in whole nodes; the preparation is shared between calls."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._aim = aim_of(problem)
        self._by_model = problem.policy.sharing is Sharing.NONE and all(o.egress_usd_mtok == 0 for o in problem.base)
        self._group = burst_group(problem)
        self.spent_cells = 0
        """Cells dispatched so far; a cell solved as an integer program counts as PROGRAM_CELLS."""
        self._egress = problem.burst_egress_usd()
        target = problem.policy.target_utilization
        asked = problem.has_demand[:, None, :]
        with np.errstate(divide="ignore"):
            self._base_share = np.where(asked & (problem.base_work > 0), target / problem.base_work, 0.0)
            self._burst_share = np.where(asked & (problem.burst_work > 0), target / problem.burst_work, 0.0)
        self._most = np.array([np.inf if o.max_count is None else float(o.max_count) for o in problem.burst])
        self._in_group = np.array(
            [self._group is not None and o.count_group == self._group for o in problem.burst], dtype=bool
        )

    def dispatch_below(self, counts: Floats, worth_usd: float, floor_usd: Floats) -> Dispatch | None:
        """The dispatch of the counts (C,), or None as soon as the aim of its costs is sure to reach `worth_usd`.

        `floor_usd` (T,): what each cell costs at least, not weighted. Cells are covered in parts; those still to come
        count with their floor. Only dispatches whose models are covered on their own can end early.
        """
        if self._problem.budget_usd is not None or not self._by_model:
            return self.dispatch(counts)
        known = floor_usd.copy()
        count = max(1, min(MOST_PARTS, self._problem.cells // PART_CELLS))
        parts = [np.arange(first, self._problem.cells, count) for first in range(count)]
        needs = self._needs(counts, 0.0)
        group_left = self._group_left(counts)
        pieces: list[list[Cover]] = []
        for part in parts:
            pieces.append(self._cover_models([need.at(part) for need in needs], group_left))
            self.spent_cells += len(part)
            cost = sum((cover.bound_usd for cover in pieces[-1]), np.zeros(len(part)))
            known[part] = np.maximum(cost, floor_usd[part])
            if self._aim.value(self._problem.by_scenario(known)) >= worth_usd:
                return None
        covers = [joined([piece[m] for piece in pieces], parts) for m in range(len(needs))]
        found = self._checked(counts, covers, 0.0)
        return self._expected(counts, found)

    def dispatch(self, counts: Floats) -> Dispatch:
        """The cheapest whole-node dispatch of the counts (C,), hour by hour."""
        if self._problem.budget_usd is None:
            return self._expected(counts, self._cover(counts, 0.0))
        whole = np.rint(counts).astype(np.int64)
        fitted = cover_within_budget(
            self._problem,
            whole,
            cover=lambda multiplier: self._cover(counts, multiplier),
            cover_one=lambda t, most: WholeCover(self._problem, np.array([t])).cover(
                whole, most_bill_usd=np.array([most])
            ),
            start_multiplier=FIRST_MULTIPLIER,
        )
        if fitted is None:
            raise SolverError("base counts beyond the budget were dispatched")
        # A budget binds all scenarios together, and goes with the expected cost alone.
        expected = (fitted.cost_usd, fitted.bound_usd)
        return self._result(counts, fitted.dispatch, expected, expected)

    def _expected(self, counts: Floats, found: WholeDispatch) -> Dispatch:
        weight, problem = self._problem.weight, self._problem
        expected = (float(found.cost_usd @ weight), float(found.bound_usd @ weight))
        if self._aim.is_expected:
            return self._result(counts, found, expected, expected)
        cost, bound = (self._aim.value(problem.by_scenario(usd)) for usd in (found.cost_usd, found.bound_usd))
        return self._result(counts, found, expected, (cost, bound))

    def _result(
        self, counts: Floats, found: WholeDispatch, expected: tuple[float, float], aimed: tuple[float, float]
    ) -> Dispatch:
        base = found.given if self._problem.policy.sharing is Sharing.HOURLY else self._own_base(counts)
        return Dispatch(
            counts=counts,
            nodes=found.nodes,
            base_nodes=base,
            unserved=found.unserved,
            cost_usd=expected[0],
            bound_usd=expected[1],
            aimed_usd=aimed[0],
            aimed_bound_usd=aimed[1],
        )

    def _cover(self, counts: Floats, multiplier: float) -> WholeDispatch:
        """Whole nodes for all cells, each billed dollar `multiplier` dearer in the comparison and the bound."""
        problem = self._problem
        whole = np.rint(counts).astype(np.int64)
        if not self._by_model:
            self.spent_cells += PROGRAM_CELLS * problem.cells
            return WholeCover(problem, np.arange(problem.cells)).cover(whole, bill_multiplier=multiplier)
        self.spent_cells += problem.cells
        covers = self._cover_models(self._needs(counts, multiplier), self._group_left(counts))
        return self._checked(counts, covers, multiplier)

    def _needs(self, counts: Floats, multiplier: float) -> list["_Need"]:
        problem = self._problem
        left = problem.has_demand - (self._own_base(counts) * self._base_share).sum(axis=1)
        survives = problem.policy.survive_base_losses > 0
        return [
            _Need(
                market=self._market(m, multiplier),
                demand=left[m],
                reserve=survival_reserve(problem, m, counts) if survives else np.zeros(problem.cells),
            )
            for m in range(len(problem.models))
        ]

    def _checked(self, counts: Floats, covers: list[Cover], multiplier: float) -> WholeDispatch:
        """The models' covers as a dispatch; cells that break a limit together are solved again."""
        problem = self._problem
        nodes = np.array([cover.count for cover in covers], dtype=np.int64).reshape(problem.burst_work.shape)
        unserved = np.array([cover.unserved for cover in covers])
        bound = sum((cover.bound_usd for cover in covers), np.zeros(problem.cells))
        found = self._priced(nodes, self._own_base(counts), unserved, bound)
        hard = np.flatnonzero(breaking_cells(problem, counts, nodes.astype(np.float64), unserved))
        if not len(hard):
            return found
        self.spent_cells += PROGRAM_CELLS * len(hard)
        again = WholeCover(problem, hard).cover(np.rint(counts).astype(np.int64), bill_multiplier=multiplier)
        for name in WholeDispatch.__slots__:
            getattr(found, name)[..., hard] = getattr(again, name)
        return found

    def _cover_models(self, needs: list["_Need"], group_left: float) -> list[Cover]:
        """Each model's cover; where models together want more of the group than is left, the best split of it."""
        covers = [need.cover(group_left) for need in needs]
        if len(needs) == 1 or self._group is None:
            return covers
        wanted = sum(cover.count[self._in_group].sum(axis=0) for cover in covers)
        cells = np.flatnonzero(wanted > group_left)
        if not len(cells) or group_left > MOST_TO_SPLIT:
            return covers  # the check for broken limits finds them
        levels = int(group_left) + 1
        self.spent_cells += len(needs) * levels * len(cells)
        # All levels of a cell at once: a cell with at most 0, 1, 2 ... nodes of the group.
        repeated, most = np.tile(cells, levels), np.repeat(np.arange(levels, dtype=np.float64), len(cells))
        by_level = [need.at(repeated).cover(most) for need in needs]
        return split_group(covers, by_level, cells)

    def _priced(self, nodes: Ints, base: Ints, unserved: Floats, bound: Floats) -> WholeDispatch:
        problem = self._problem
        served: Serving = serve(problem, base_nodes=base, nodes=nodes, unserved=unserved)
        per_cell = nodes.sum(axis=0)
        bill = problem.burst_price_usd_hour() @ per_cell + (served.burst_share * self._egress).sum(axis=(0, 1))
        more = problem.burst_cost_usd() - problem.burst_price_usd_hour()[None, :, None]
        interruption = (more * nodes).sum(axis=(0, 1))
        return WholeDispatch(
            nodes=nodes,
            given=np.zeros_like(base),
            base_share=served.base_share,
            burst_share=served.burst_share,
            unserved=unserved,
            cost_usd=bill + interruption + (unserved * problem.unserved_usd).sum(axis=0),
            bill_usd=bill,
            bound_usd=bound,
        )

    def _own_base(self, counts: Floats) -> Ints:
        return own_base(self._problem, counts)

    def _group_left(self, counts: Floats) -> float:
        """Nodes the burst options' group may still have; inf without one."""
        problem = self._problem
        if self._group is None:
            return np.inf
        columns = zip(counts, problem.base_columns(), strict=True)
        based = sum(float(n) for n, (_, b) in columns if problem.base[b].count_group == self._group)
        return max(problem.group_max[self._group] - based, 0.0)

    def _market(self, m: int, multiplier: float) -> Market:
        problem = self._problem
        return Market(
            share=self._burst_share[m],
            price_usd_hour=problem.burst_cost_usd()[m] + multiplier * problem.burst_price_usd_hour()[:, None],
            egress_usd=self._egress[m] * (1 + multiplier),
            unserved_usd=problem.unserved_usd[m],
            max_count=self._most,
            in_group=self._in_group,
            group_left=np.full(problem.cells, np.inf),
            target_utilization=problem.policy.target_utilization,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Need:
    """What one model's cells need of burst."""

    market: Market
    demand: Floats
    reserve: Floats

    def cover(self, group_left: float | Floats) -> Cover:
        """The cover with at most `group_left` nodes of the group in each cell."""
        left = np.broadcast_to(np.asarray(group_left, dtype=np.float64), self.demand.shape)
        return cover_cells(replace(self.market, group_left=left), self.demand, self.reserve)

    def at(self, cells: Ints) -> "_Need":
        market = self.market
        some = replace(
            market,
            share=market.share[:, cells],
            price_usd_hour=market.price_usd_hour[:, cells],
            egress_usd=market.egress_usd[:, cells],
            unserved_usd=market.unserved_usd[cells],
            group_left=market.group_left[cells],
        )
        return _Need(market=some, demand=self.demand[cells], reserve=self.reserve[cells])


def joined(pieces: list[Cover], parts: list[Ints]) -> Cover:
    """One cover of all cells from covers of parts of them."""
    place = np.argsort(np.concatenate(parts), kind="stable")

    def of(name: str) -> Floats:
        values: Floats = np.concatenate([getattr(piece, name) for piece in pieces], axis=-1)[..., place]
        return values

    return Cover(
        count=of("count").astype(np.int64), unserved=of("unserved"), cost_usd=of("cost_usd"), bound_usd=of("bound_usd")
    )


def own_base(problem: Problem, counts: Floats) -> Ints:
    """(M, B, T) the columns' own counts, in every cell."""
    nodes = np.zeros(problem.base_work.shape, dtype=np.int64)
    for c, (m, b) in enumerate(problem.base_columns()):
        if m is not None:
            nodes[m, b] = round(float(counts[c]))
    return nodes


def burst_group(problem: Problem) -> str | None:
    """The only count group of burst options; None if there are none or several."""
    groups = {option.count_group for option in problem.burst if option.count_group is not None}
    return next(iter(groups)) if len(groups) == 1 else None


def split_group(covers: list[Cover], by_level: list[Cover], cells: Ints) -> list[Cover]:
    """The covers with the given cells replaced by the cheapest split of the group's nodes between models.

    `by_level[m]` covers the cells of model m with at most 0 nodes of the group, then at most 1, and so on. Nothing else
    joins the models, so the cheapest sum over splits is exact, and so is the sum of bounds.
    """
    here = np.arange(len(cells))
    costs = [cover.cost_usd.reshape(-1, len(cells)) for cover in by_level]
    bounds = [cover.bound_usd.reshape(-1, len(cells)) for cover in by_level]
    most = len(costs[0]) - 1
    cost, bound = costs[0], bounds[0]
    choices: list[Ints] = []
    for own_cost, own_bound in zip(costs[1:], bounds[1:], strict=True):
        given = [np.array([cost[g - k] + own_cost[k] for k in range(g + 1)]) for g in range(most + 1)]
        choices.append(np.array([one.argmin(axis=0) for one in given]))
        cost = np.array([one.min(axis=0) for one in given])
        bound = np.array([np.min([bound[g - k] + own_bound[k] for k in range(g + 1)], axis=0) for g in range(most + 1)])
    left = np.full(len(cells), most)
    share: list[Ints] = []
    for choice in reversed(choices):
        share.insert(0, choice[left, here])
        left = left - share[0]
    share.insert(0, left)
    found = []
    for m, (cover, levels) in enumerate(zip(covers, by_level, strict=True)):
        at = share[m] * len(cells) + here
        count, unserved = cover.count.copy(), cover.unserved.copy()
        usd, proven = cover.cost_usd.copy(), cover.bound_usd.copy()
        count[:, cells], unserved[cells], usd[cells] = levels.count[:, at], levels.unserved[at], levels.cost_usd[at]
        # The split's bound is one of all models together: the first carries it.
        proven[cells] = bound[most] if m == 0 else 0.0
        found.append(Cover(count=count, unserved=unserved, cost_usd=usd, bound_usd=proven))
    return found
