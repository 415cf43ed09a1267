"""Solve: the cheapest orders of base servers over several months, burst being the recourse of each month.

The decomposition of one month's plan (planner/optimize/decompose.py) with one program over all months: each month's
burst and unserved demand is a convex function of that month's counts, cut by cut, so the least value of the program
bounds every schedule. What is ordered is the same in every scenario; burst is not. The months found are then dispatched
in whole nodes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from planner.errors import InputError, SolverError
from planner.optimize.assemble import count_money
from planner.optimize.bill import exact
from planner.optimize.limits import CountLimits, count_limits
from planner.optimize.months.program import Orders, Program, setup_left_usd
from planner.optimize.months.rent import Rent, rents_of
from planner.optimize.months.value import MonthOrders, Schedule, Terms
from planner.optimize.prepare import Prepared
from planner.optimize.problem import Ints, Problem
from planner.optimize.recourse import Cut, Recourse
from planner.optimize.walk import Report
from planner.optimize.whole import WholeNodes
from policies.planning import Aim, Sharing, SpotLoss

CLOSE = 1e-6
"""Relative distance at which program and recourse have met; below what a cent is of a month's bill."""
FRACTION_CLOSE = 1e-4
MAX_ROUNDS = 300


@dataclass(slots=True)
class _Months:
    """The months while they are solved, and the cuts found so far, which hold for every program over them."""

    prepared: Sequence[Prepared]
    rents: tuple[Rent, ...]
    limits: list[CountLimits]
    recourse: list[Recourse]
    cuts: list[dict[bytes, Cut]]
    tenure_months: int
    on_progress: Report | None
    rounds: int = 0

    @property
    def problems(self) -> list[Problem]:
        return [one.problem for one in self.prepared]

    def program(self, terms: Terms) -> Program:
        made = Program(self.problems, self.limits, self.rents, terms=terms, tenure_months=self.tenure_months)
        for t, known in enumerate(self.cuts):
            for cut in known.values():
                made.add(t, cut)
        return made


def solve_months(prepared: Sequence[Prepared], terms: Terms, on_progress: Report | None = None) -> Schedule:
    """The cheapest schedule of consecutive calendar months, each prepared with the same base options.

    Raises InputError where a policy's limit joins fees and burst in a way that is planned a month at a time.
    """
    problems = [one.problem for one in prepared]
    _refuse(problems)
    months = _Months(
        prepared=prepared,
        rents=rents_of(problems),
        limits=[count_limits(problem) for problem in problems],
        recourse=[Recourse(problem) for problem in problems],
        cuts=[{} for _ in problems],
        tenure_months=problems[0].policy.tenure_months,
        on_progress=on_progress,
    )
    free = replace(terms, min_saving_usd=Decimal(0))
    best, bound_usd = _meet(months, months.program(free))
    chosen = best
    if terms.min_saving_usd:
        chosen, _ = _meet(months, months.program(terms))
    orders = _dispatched(months, chosen)
    unhindered = _total_usd(_dispatched(months, best), months, best) if terms.min_saving_usd else None
    remarks = tuple(dict.fromkeys(remark for one in prepared for remark in one.remarks))
    return Schedule(
        months=orders,
        setup_left_usd=_setup_left_usd(months, chosen),
        bound_usd=min(exact(bound_usd), _total_usd(orders, months, chosen)),
        terms=terms,
        tenure_months=months.tenure_months,
        as_it_is_usd=_as_it_is_usd(months, free),
        unhindered_usd=unhindered,
        rounds=months.rounds,
        remarks=remarks,
    )


def _refuse(problems: Sequence[Problem]) -> None:
    first = problems[0]
    if any([option.key for option in one.base] != [option.key for option in first.base] for one in problems):
        raise InputError("months: base offers come or go between the months; expected the same in each")
    if first.policy.max_usd_month is not None:
        raise InputError("months: max_usd_month limits one month's plan; expected a fleet without a budget")
    if first.policy.aim is not Aim.EXPECTED:
        raise InputError(f"months: aim is '{first.policy.aim}'; expected 'expected', the mean of what months may cost")
    if first.policy.survive_spot_loss is not SpotLoss.NONE:
        lost = first.policy.survive_spot_loss
        raise InputError(
            f"months: survive_spot_loss is '{lost}'; expected 'none', as outages are planned a month at a time"
        )
    if first.policy.sharing is not Sharing.NONE:
        raise InputError("months: sharing is 'hourly'; expected 'none', as each month's servers serve one model")


def _meet(months: _Months, program: Program) -> tuple[Orders, float]:
    """The best orders under the program, and what no orders can be below; in fractions first where recourse allows."""
    whole = not all(recourse.takes_fractions for recourse in months.recourse)
    best: tuple[float, Orders] | None = None
    for number in range(MAX_ROUNDS):
        if months.on_progress is not None:
            months.on_progress("orders over all months", number / MAX_ROUNDS)
        months.rounds += 1
        orders = program.solve(whole=whole)
        missed_usd, is_new = _price(months, program, orders)
        total = orders.promised_usd + missed_usd
        if whole and (best is None or total < best[0]):
            best = (total, orders)
        if whole and best is not None and (not is_new or best[0] - orders.promised_usd <= CLOSE * (1 + abs(best[0]))):
            return best[1], min(orders.promised_usd, best[0])
        whole = whole or not is_new or missed_usd <= FRACTION_CLOSE * (1 + abs(total))
    raise SolverError(f"the months did not settle within {MAX_ROUNDS} rounds")


def _price(months: _Months, program: Program, orders: Orders) -> tuple[float, bool]:
    """Cuts at the orders' counts: by how much more they cost than the program promised, and whether any was new."""
    value, is_new = 0.0, False
    for t, (counts, recourse) in enumerate(zip(orders.counts, months.recourse, strict=True)):
        key = counts.tobytes()
        cut = months.cuts[t].get(key)
        if cut is None:
            cut = months.cuts[t][key] = recourse.evaluate(counts)
            program.add(t, cut)
            is_new = True
        value += cut.value_usd
    return max(value - orders.recourse_usd, 0.0), is_new


def _as_it_is_usd(months: _Months, terms: Terms) -> Decimal | None:
    """Total with what is owned and nothing else, in every month; None where nothing is owned."""
    owned = np.array([[rent.owned] * len(months.prepared) for rent in months.rents], dtype=np.int64)
    if not owned.any():
        return None
    program = months.program(terms)
    program.hold(owned)
    orders, _ = _meet(months, program)
    return _total_usd(_dispatched(months, orders), months, orders)


def _dispatched(months: _Months, orders: Orders) -> tuple[MonthOrders, ...]:
    """The months in whole nodes with the counts ordered, and what changes between them."""
    found = []
    before: dict[str, int] = _by_key(months.rents, np.array([rent.owned for rent in months.rents]))
    for t, problem in enumerate(months.problems):
        if months.on_progress is not None:
            months.on_progress("the months in whole nodes", t / len(months.prepared))
        held = _by_key(months.rents, orders.held[:, t])
        bought = _by_key(months.rents, orders.bought[:, t])
        gone = {key: before[key] + bought[key] - held[key] for key in held}
        money = count_money(problem, WholeNodes(problem).dispatch(orders.counts[t]))
        chances = zip(problem.probability, money.scenarios, strict=True)
        found.append(
            MonthOrders(
                month=f"{problem.start:%Y-%m}",
                start=problem.start,
                base={key: count for key, count in held.items() if count},
                buy={key: count for key, count in bought.items() if count},
                cancel={key: count for key, count in gone.items() if count},
                fees_usd=_sum(rent.fee_usd[t] * int(orders.held[r, t]) for r, rent in enumerate(months.rents)),
                setup_due_usd=_sum(rent.setup_usd * int(orders.bought[r, t]) for r, rent in enumerate(months.rents)),
                burst_usd=money.cost.burst_usd,
                egress_usd=money.cost.egress_usd,
                interruption_usd=money.cost.interruption_usd,
                unserved_penalty_usd=money.cost.unserved_penalty_usd,
                unserved_ratio=sum(chance * one.unserved_ratio for chance, one in chances),
            )
        )
        before = held
    return tuple(found)


def _by_key(rents: Sequence[Rent], counts: Ints) -> dict[str, int]:
    found: dict[str, int] = {}
    for rent, count in zip(rents, counts, strict=True):
        found[rent.key] = found.get(rent.key, 0) + int(count)
    return found


def _setup_left_usd(months: _Months, orders: Orders) -> Decimal:
    """What later months bear of setup fees; of what is still held the last bought, as the first are cancelled first."""
    left = Decimal(0)
    span = len(months.prepared)
    for r, rent in enumerate(months.rents):
        still = int(orders.held[r, -1])
        for t in reversed(rent.orders):
            kept = min(int(orders.bought[r, t]), still)
            still -= kept
            left += setup_left_usd(rent.setup_usd, span - t, months.tenure_months) * kept
    return left


def _total_usd(orders: tuple[MonthOrders, ...], months: _Months, chosen: Orders) -> Decimal:
    return _sum(one.total_usd for one in orders) - _setup_left_usd(months, chosen)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
