"""The program over all months in PuLP: orders, cancellations and the recourse each month promises, under cuts.

minimise  sum fee * held + sum setup * bought - sum setup * (tenure - months held) / tenure * kept
          + sum_t theta_t + min_saving * (bought + cancelled)
          held_t = held_(t-1) + bought_t - cancelled_t              of each rent; bought while its price holds
          held_t >= bought within the last max(notice, 1) months          notice; what is owned stays for the notice
          sum over models N = sum over rents held                         in each month, of each option
          kept <= bought, sum kept <= held in the last month              whose setup fee later months share
          theta_t >= value_k + slope_k (N_t - N_k) + z_slope_k (z - z_k)  for every cut k of month t
          count limits on N_t; z_j = 1 where N >= j                       (survive k)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pulp

from planner.optimize.limits import CountLimits
from planner.optimize.months.rent import Rent
from planner.optimize.months.value import Terms
from planner.optimize.problem import Floats, Ints, Problem
from planner.optimize.recourse import Cut
from planner.optimize.solver import solve_exactly, weighted


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """A solution. R rents, T months."""

    held: Ints
    """(R, T) servers; whole where the program was solved whole."""
    bought: Ints
    """(R, T)"""
    counts: tuple[Floats, ...]
    """By month (C,) base counts by column."""
    promised_usd: float
    """Least total under the cuts, what changes must save included."""
    recourse_usd: float
    """What the cuts promise of burst and unserved demand in all months."""


class Program:
    """The program of consecutive months; cuts are added as they are found."""

    def __init__(
        self,
        problems: Sequence[Problem],
        limits: Sequence[CountLimits],
        rents: Sequence[Rent],
        *,
        terms: Terms,
        tenure_months: int,
    ) -> None:
        """`limits`: of each month's counts; a month's columns are those of its problem."""
        self._problems, self._rents = problems, rents
        self._program = pulp.LpProblem("months", pulp.LpMinimize)
        self._whole: list[pulp.LpVariable] = []
        self._cuts = 0
        months = range(len(problems))
        self._held = [[self._count(f"held_{r}_{t}") for t in months] for r in range(len(rents))]
        self._bought = [
            {t: self._count(f"bought_{r}_{t}") for t in rent.orders if t in months} for r, rent in enumerate(rents)
        ]
        self._cancelled = [[self._count(f"cancelled_{r}_{t}") for t in months] for r in range(len(rents))]
        self._recourse = [self._program.add_variable(f"recourse_{t}", 0) for t in months]
        kept_usd = self._kept_usd(tenure_months)
        changed = [one for r in range(len(rents)) for one in (*self._bought[r].values(), *self._cancelled[r])]
        self._program += (
            pulp.lpSum(float(rent.fee_usd[t]) * self._held[r][t] for r, rent in enumerate(rents) for t in months)
            + pulp.lpSum(
                float(rent.setup_usd) * one for r, rent in enumerate(rents) for one in self._bought[r].values()
            )
            - kept_usd
            + float(terms.min_saving_usd) * pulp.lpSum(changed)
            + pulp.lpSum(self._recourse),
            "total_usd",
        )
        for r, rent in enumerate(rents):
            self._flow(r, rent, terms)
        self._counts = [self._columns(t, limits[t]) for t in months]
        self._levels = [self._levels_of(t, limits[t]) for t in months]

    def _count(self, name: str, most: float | None = None) -> pulp.LpVariable:
        variable = self._program.add_variable(name, 0, most, pulp.LpInteger)
        self._whole.append(variable)
        return variable

    def _kept_usd(self, tenure_months: int) -> pulp.LpAffineExpression:
        """What later months bear of setup fees: the tenure's rest of what is bought here and still held at the end."""
        months, parts = len(self._problems), []
        for r, rent in enumerate(self._rents):
            kept = {t: self._program.add_variable(f"kept_{r}_{t}", 0) for t in self._bought[r]}
            for t, one in kept.items():
                self._program += one <= self._bought[r][t], f"kept_of_bought_{r}_{t}"
                parts.append(float(setup_left_usd(rent.setup_usd, months - t, tenure_months)) * one)
            if kept:
                self._program += pulp.lpSum(kept.values()) <= self._held[r][-1], f"kept_of_held_{r}"
        return pulp.lpSum(parts)

    def _flow(self, r: int, rent: Rent, terms: Terms) -> None:
        """Each month's servers are those of the month before, with those bought and without those cancelled."""
        for t, held in enumerate(self._held[r]):
            before = self._held[r][t - 1] if t else rent.owned
            came = self._bought[r].get(t, 0)
            self._program += held == before + came - self._cancelled[r][t], f"flow_{r}_{t}"
            recent = [
                self._bought[r][u] for u in range(t - max(terms.notice_months, 1) + 1, t + 1) if u in self._bought[r]
            ]
            if recent:
                self._program += held >= pulp.lpSum(recent), f"term_{r}_{t}"
            if t < terms.notice_months and rent.owned:
                self._program += held >= rent.owned, f"notice_{r}_{t}"

    def _columns(self, t: int, limits: CountLimits) -> list[pulp.LpVariable]:
        """The month's counts by column, within its limits; together they are the servers held."""
        problem = self._problems[t]
        columns = problem.base_columns()
        # A server under notice is there whether it is of use or not: the limits' upper counts are of use only.
        counts = [self._count(f"count_{t}_{c}") for c in range(len(columns))]
        for b, option in enumerate(problem.base):
            mine = pulp.lpSum(counts[c] for c, (_, own) in enumerate(columns) if own == b)
            held = pulp.lpSum(self._held[r][t] for r, rent in enumerate(self._rents) if rent.key == option.key)
            self._program += mine == held, f"held_{t}_{b}"
        for row in limits.rows:
            self._program += weighted(row.coefficient, counts) <= row.most, f"{row.name}_{t}"
        for c, least in enumerate(limits.lower):
            counts[c].lowBound = float(least)
        return counts

    def _levels_of(self, t: int, limits: CountLimits) -> list[list[pulp.LpVariable]]:
        """z_j = 1 whenever N >= j: N <= z_1 + ... + z_(k-1) + (most - k + 1) z_k, z falling."""
        losses = self._problems[t].policy.survive_base_losses
        found = []
        for c, count in enumerate(self._counts[t]):
            levels = [self._count(f"level_{t}_{c}_{j}", 1) for j in range(losses)]
            if levels:
                most = float(limits.upper[c]) + sum(rent.owned for rent in self._rents)
                count.upBound = most
                reach = pulp.lpSum(levels[:-1]) + max(most - losses + 1, 1.0) * levels[-1]
                self._program += count <= reach, f"levels_reach_{t}_{c}"
                self._program += count >= pulp.lpSum(levels), f"levels_rented_{t}_{c}"
            for j in range(1, losses):
                self._program += levels[j] <= levels[j - 1], f"levels_fall_{t}_{c}_{j}"
            found.append(levels)
        return found

    def add(self, t: int, cut: Cut) -> None:
        """Promise no less than the cut in month t."""
        slopes = pulp.lpSum(
            float(slope) * level
            for levels, row in zip(self._levels[t], cut.z_slope_usd, strict=True)
            for level, slope in zip(levels, row, strict=True)
        )
        self._program += (
            self._recourse[t] >= weighted(cut.slope_usd, self._counts[t]) + slopes + cut.constant_usd,
            f"cut_{t}_{self._cuts}",
        )
        self._cuts += 1

    def hold(self, held: Ints) -> None:
        """Fixes what is held (R, T)."""
        for r, row in enumerate(held):
            for t, count in enumerate(row):
                self._held[r][t].lowBound = self._held[r][t].upBound = float(count)

    def solve(self, *, whole: bool) -> Orders:
        """The best orders under the cuts."""
        for variable in self._whole:
            variable.cat = pulp.LpInteger if whole else pulp.LpContinuous
        solve_exactly(self._program, "the program of all months", gap_ratio=1e-9 if whole else 0.0)
        read = _whole if whole else _value
        months = range(len(self._problems))
        return Orders(
            held=np.array([[read(one) for one in row] for row in self._held]),
            bought=np.array([[read(row[t]) if t in row else 0 for t in months] for row in self._bought]),
            counts=tuple(np.array([read(one) for one in row], dtype=np.float64) for row in self._counts),
            promised_usd=float(pulp.value(self._program.objective)),
            recourse_usd=sum(_value(one) for one in self._recourse),
        )


def setup_left_usd(setup_usd: Decimal, months_held: int, tenure_months: int) -> Decimal:
    """The part of a setup fee that is not borne yet after so many months; a fee is spread evenly over the tenure."""
    return setup_usd * max(tenure_months - months_held, 0) / tenure_months


def _value(variable: pulp.LpVariable) -> float:
    return float(pulp.value(variable))


def _whole(variable: pulp.LpVariable) -> int:
    return round(_value(variable))
