"""What a node handed from one hour to the next is worth: prices that take the hours apart. Pure.

A launch is a row: y(v, h) >= n(v, h) - n(v, h-1), y >= 0 at launch_v. Its price in [0, launch_v] is what the hour pays
for a node it starts with; the hour before gets it. With the rows priced each hour is a problem of its own, at node
prices price_v + price(v, h) - price(v, h+1), and the sum of the hours' least costs is a bound for any such prices.

The best prices are those of a linear program over configurations of each hour; it and the list of configurations take
turns until the bound no longer rises (column generation). Its prices leap while the list is short, so only a part of
the way from the best prices to its own is gone, a longer one after each rise of the bound and a shorter one after each
fall (Wentges 1997). With many types the first prices come from steps along subgradients, which need no program.
"""

from dataclasses import dataclass

import numpy as np

from planner.errors import SolverError
from planner.optimize.commitment.chain import Chain
from planner.optimize.commitment.configurations import Configurations, Lister
from planner.optimize.linear import Assembly, Method, least
from planner.optimize.problem import Floats, Ints

POOL_SLACK = 0.01
"""Configurations within this ratio of the hours' mean least cost join the program at once."""
CLOSE = 1e-4
"""Relative distance between bound and program at which the prices are good enough."""
LONGER, SHORTER, SHORTEST = 1.3, 0.6, 0.1
"""What the part of the way is multiplied by after a rise and after a fall of the bound, and the least it becomes."""
MANY_OPTIONS = 8
"""Options from which on the first prices come from subgradients: the program's first prices are worse than none."""
MANY_POOL_SLACK = 0.004
"""POOL_SLACK with many options, whose hours have many more configurations that near."""
STEPS = 40
STEP = 0.1
"""Of the distance from the bound to the best total known, at first."""
PATIENCE = 6
"""Steps without a rise after which they become half as long."""
NEW = 0.3
"""Weight of the newest subgradient in the direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """Prices of launches and the bound they prove."""

    launch_usd: Floats
    """(H + 1, V) price of starting the hour with a node; the first is the launch itself, the last 0."""
    bound_usd: float
    """No chain of nodes costs less."""
    pool: Configurations
    """Those of the program: near the least of their hours at one time or another."""


def node_prices(chain: Chain, launch: Floats) -> Floats:
    """(V, H) what a node costs in an hour when launches have prices (H + 1, V)."""
    return chain.price_usd_hour[:, None] + (launch[:-1] - launch[1:]).T


def allowed(chain: Chain, launch: Floats) -> Floats:
    """The prices cut to what keeps the bound one."""
    cut = np.clip(launch, 0.0, chain.launch_usd)
    cut[0], cut[-1] = chain.launch_usd, 0.0
    return cut


def least_by_hour(listed: Configurations, launch: Floats) -> Floats:
    """(H,) the least cost of each hour at the prices of launches; what was dropped counts too."""
    least_usd = listed.dropped_usd.copy()
    np.minimum.at(least_usd, listed.hour, priced_usd(listed, launch))
    return least_usd


def priced_usd(listed: Configurations, launch: Floats) -> Floats:
    """(K,) what each configuration costs at the prices of launches."""
    hour, nodes = listed.hour, listed.nodes
    value: Floats = listed.cost_usd + (nodes * (launch[hour] - launch[hour + 1])).sum(axis=1)
    return value


def launch_prices(
    lister: Lister, *, most_rounds: int, start: Floats | None = None, worth_usd: float = np.inf
) -> Priced:
    """The best prices found in so many rounds, from `start` or half of each launch; a bound of `worth_usd` will do."""
    chain = lister.chain
    half = np.repeat(chain.launch_usd[None, :] / 2, chain.hours + 1, axis=0)
    launch = allowed(chain, half if start is None else start)
    best, best_bound, way = launch, -np.inf, 1.0
    pool: Configurations | None = None
    slack, ratio = np.zeros(chain.hours), POOL_SLACK
    if chain.options >= MANY_OPTIONS and chain.launch_usd.any():
        climbed = _climbed(lister, launch)
        launch = best = climbed.launch_usd
        best_bound, pool, ratio = climbed.bound_usd, climbed.pool, MANY_POOL_SLACK
        slack = np.full(chain.hours, ratio * abs(best_bound) / chain.hours)
    for number in range(1, most_rounds + 1):
        listed = lister.near_least(node_prices(chain, launch), slack)
        least_usd = least_by_hour(listed, launch)
        bound = float(least_usd.sum())
        way = min(1.0, way * LONGER) if bound > best_bound else max(way * SHORTER, SHORTEST)
        if bound > best_bound:
            best, best_bound = launch, bound
        slack = np.full(chain.hours, ratio * float(np.abs(least_usd).mean()))
        pool = listed if pool is None else merged(pool, listed)
        if not chain.launch_usd.any() or number == most_rounds or bound >= worth_usd or lister.is_half_spent:
            break
        promised, prices = _program(chain, pool)
        if promised - best_bound <= CLOSE * abs(promised):
            break
        launch = best + way * (prices - best)
    assert pool is not None
    return Priced(launch_usd=best, bound_usd=best_bound, pool=pool)


def _climbed(lister: Lister, launch: Floats) -> Priced:
    """The best prices of some steps along subgradients, averaged with those before, and what was the least on the way.

    The subgradient of a launch's price is what the hour starts with less what it had: the nodes of an hour that is
    dearer to start than to hold. Steps are as long as the best total known is far (Polyak).
    """
    chain = lister.chain
    exact = np.zeros(chain.hours)
    best, best_bound, least_total, step, since = launch, -np.inf, np.inf, STEP, 0
    direction = np.zeros_like(launch)
    pool: Configurations | None = None
    for number in range(STEPS):
        listed = lister.near_least(node_prices(chain, launch), exact)
        pool = listed if pool is None else merged(pool, listed)
        bound = float(least_by_hour(listed, launch).sum())
        nodes = _cheapest_nodes(listed, launch, chain.hours)
        least_total = min(least_total, chain.total_usd(nodes))
        since = 0 if bound > best_bound + CLOSE * abs(bound) else since + 1
        if bound > best_bound:
            best, best_bound = launch, bound
        if since >= PATIENCE:
            step, since = step / 2, 0
        rise = np.zeros_like(launch)
        rise[1:-1] = np.diff(nodes, axis=0)
        direction = rise if number == 0 else NEW * rise + (1 - NEW) * direction
        ends = ((launch <= 0) & (direction < 0)) | ((launch >= chain.launch_usd) & (direction > 0))
        free = np.where(ends, 0.0, direction)
        length = float((free**2).sum())
        if length == 0 or lister.is_half_spent:
            break
        launch = allowed(chain, launch + step * (least_total - bound) / length * free)
    assert pool is not None
    return Priced(launch_usd=best, bound_usd=best_bound, pool=pool)


def _cheapest_nodes(listed: Configurations, launch: Floats, hours: int) -> Ints:
    """(H, V) each hour's cheapest configuration at the prices of launches."""
    order = np.lexsort((priced_usd(listed, launch), listed.hour))
    first = np.searchsorted(listed.hour[order], np.arange(hours))
    return listed.nodes[order[first]]


def merged(one: Configurations, other: Configurations) -> Configurations:
    """The configurations of both, each once; what was dropped is as in the second."""
    hour, nodes = np.concatenate([one.hour, other.hour]), np.concatenate([one.nodes, other.nodes])
    cost = np.concatenate([one.cost_usd, other.cost_usd])
    radix = np.concatenate([[1], np.cumprod(nodes.max(axis=0, initial=0).astype(np.float64) + 1)])
    if radix[-1] * (hour.max(initial=0) + 1) < 2**62:
        key: Ints = hour * int(radix[-1]) + nodes @ radix[:-1].astype(np.int64)
        _, first = np.unique(key, return_index=True)
    else:
        _, first = np.unique(np.column_stack([hour, nodes]), axis=0, return_index=True)
    return Configurations(hour=hour[first], nodes=nodes[first], cost_usd=cost[first], dropped_usd=other.dropped_usd)


def _program(chain: Chain, pool: Configurations) -> tuple[float, Floats]:
    """Least cost of mixing the pool's configurations in each hour, and the prices of the launch rows."""
    used = np.flatnonzero(pool.nodes.any(axis=0))
    place = {int(v): k for k, v in enumerate(used)}
    page = Assembly()
    share = page.add_columns(len(pool.hour), cost=pool.cost_usd, upper=1.0)
    most = float(pool.nodes.max(initial=0))
    started = page.add_columns(
        chain.hours * len(used), cost=np.tile(chain.launch_usd[used], chain.hours), upper=most
    ).reshape(chain.hours, len(used))
    one = page.add_rows(chain.hours, lower=1.0, upper=1.0)
    launches = page.add_rows(chain.hours * len(used), lower=0.0).reshape(chain.hours, len(used))
    page.add_terms(one[pool.hour], share, 1.0)
    page.add_terms(launches.ravel(), started.ravel(), 1.0)
    k, v = np.nonzero(pool.nodes)
    column = np.array([place[int(option)] for option in v], dtype=np.int64)
    count = pool.nodes[k, v].astype(np.float64)
    page.add_terms(launches[pool.hour[k], column], share[k], -count)
    after = pool.hour[k] + 1 < chain.hours
    page.add_terms(launches[pool.hour[k][after] + 1, column[after]], share[k[after]], count[after])
    found = least(page.program(), method=Method.SIMPLEX)
    if found is None:
        raise SolverError("an hour of the commitment has no configuration")
    launch = np.zeros((chain.hours + 1, chain.options))
    launch[:-1, used] = found.row_price[launches]
    return found.cost, allowed(chain, launch)
