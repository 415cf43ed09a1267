"""The chain as an integer program in PuLP: the readable statement of the problem and the cross-check. Slow beyond days.

Sets: burst options v, hours h. Variables: n(v, h) nodes that are ready, y(v, h) nodes launched for the hour, f(v, h)
share of the hour's demand served, u(h) share left unserved.
"""

from dataclasses import dataclass, field
from typing import Literal

import pulp

from planner.optimize.commitment.chain import Chain
from planner.optimize.model import Expression
from planner.optimize.solver import bound_usd, run


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The program and its variables, keyed by option and hour."""

    lp: pulp.LpProblem
    chain: Chain
    nodes: dict[tuple[int, int], pulp.LpVariable] = field(default_factory=dict)
    launched: dict[tuple[int, int], pulp.LpVariable] = field(default_factory=dict)
    served: dict[tuple[int, int], pulp.LpVariable] = field(default_factory=dict)
    unserved: dict[int, pulp.LpVariable] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """What the solver found: its total, and the bound it proved."""

    total_usd: float
    bound_usd: float
    status: Literal["optimal", "limit"]


def build(chain: Chain) -> Statement:
    """The program of a chain."""
    page = Statement(lp=pulp.LpProblem("commitment", pulp.LpMinimize), chain=chain)
    define(page)
    launch_what_rises(page)
    serve_demand(page)
    serve_from_nodes(page)
    keep_reserve(page)
    keep_group(page)
    page.lp.setObjective(cost_usd(page))
    return page


def solve_statement(chain: Chain, *, time_limit_s: float | None = None) -> Solution:
    """The cheapest chain that HiGHS finds within the limit, and its bound."""
    page = build(chain)
    status = run(page.lp, "highs", time_limit_s, 0.0)
    total = float(pulp.value(page.lp.objective) or 0.0)
    bound = bound_usd(page.lp, "highs", proven=status == "optimal")
    return Solution(total_usd=total, bound_usd=total if bound is None else bound, status=status)


def define(page: Statement) -> None:
    """0 <= n <= max_count whole, y >= 0, 0 <= f, 0 <= u; no more nodes than could serve."""
    chain = page.chain
    for h in range(chain.hours):
        page.unserved[h] = page.lp.add_variable(f"u_{h}", 0)
        for v in range(chain.options):
            page.nodes[v, h] = page.lp.add_variable(f"n_{v}_{h}", 0, int(chain.most[v]), pulp.LpInteger)
            page.launched[v, h] = page.lp.add_variable(f"y_{v}_{h}", 0)
            page.served[v, h] = page.lp.add_variable(f"f_{v}_{h}", 0)


def launch_what_rises(page: Statement) -> None:
    """y(v, h) >= n(v, h) - n(v, h-1): every node more than in the hour before is launched."""
    for (v, h), launched in page.launched.items():
        before: Expression = page.nodes[v, h - 1] if h else 0
        page.lp.addConstraint(launched >= page.nodes[v, h] - before, f"launch_{v}_{h}")


def serve_demand(page: Statement) -> None:
    """sum_v f(v, h) + u(h) >= demand(h)."""
    chain = page.chain
    for h in range(chain.hours):
        if chain.need[h] > 0:
            served = pulp.lpSum(page.served[v, h] for v in range(chain.options))
            page.lp.addConstraint(served + page.unserved[h] >= float(chain.demand[h]), f"serve_{h}")


def serve_from_nodes(page: Statement) -> None:
    """f(v, h) <= share(v, h) n(v, h)."""
    for (v, h), served in page.served.items():
        page.lp.addConstraint(served <= float(page.chain.share[v, h]) * page.nodes[v, h], f"capacity_{v}_{h}")


def keep_reserve(page: Statement) -> None:
    """sum_v share n + target * u >= reserve(h): survivors of lost base nodes carry what is served, at utilization 1."""
    chain = page.chain
    for h in range(chain.hours):
        if chain.need[h] > 0 and chain.reserve[h] > 0:
            ready = pulp.lpSum(float(chain.share[v, h]) * page.nodes[v, h] for v in range(chain.options))
            carried = ready + chain.target_utilization * page.unserved[h]
            page.lp.addConstraint(carried >= float(chain.reserve[h]), f"reserve_{h}")


def keep_group(page: Statement) -> None:
    """The group's nodes, all options together, are at most what is left of it."""
    chain = page.chain
    for h in range(chain.hours):
        if chain.in_group.any():
            held = pulp.lpSum(page.nodes[v, h] for v in range(chain.options) if chain.in_group[v])
            page.lp.addConstraint(held <= float(chain.group_left[h]), f"group_{h}")


def cost_usd(page: Statement) -> Expression:
    """Node-hours and launches, egress of what is served, penalty of what is not."""
    chain = page.chain
    nodes = [float(chain.price_usd_hour[v]) * n for (v, _), n in page.nodes.items()]
    launches = [float(chain.launch_usd[v]) * y for (v, _), y in page.launched.items()]
    egress = [float(chain.egress_usd[v, h]) * f for (v, h), f in page.served.items()]
    penalty = [float(chain.penalty_usd[h]) * u for h, u in page.unserved.items()]
    return pulp.lpSum(nodes + launches + egress + penalty)
