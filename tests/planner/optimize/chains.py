"""Small chains of every kind, and their optimum by trying every combination of counts in every hour."""

import itertools
import math
from random import Random

import numpy as np

from planner.optimize.commitment.chain import Chain


def a_chain(
    need: list[float],
    *,
    price_usd_hour: list[float],
    launch_usd: list[float],
    size: list[float] | None = None,
    penalty_usd: float = 1000.0,
    group_left: float = math.inf,
    in_group: list[bool] | None = None,
    max_count: list[float] | None = None,
) -> Chain:
    """Hours that need so many nodes of size 1; nothing but nodes and launches costs."""
    options, hours = len(price_usd_hour), len(need)
    asked = np.maximum(np.array(need, dtype=np.float64), 1e-3)
    return Chain(
        price_usd_hour=np.array(price_usd_hour),
        launch_usd=np.array(launch_usd),
        share=np.array(size or [1.0] * options)[:, None] / asked[None, :],
        egress_usd=np.zeros((options, hours)),
        penalty_usd=np.full(hours, penalty_usd) * asked,
        demand=np.array(need) / asked,
        reserve=np.zeros(hours),
        max_count=np.full(options, math.inf) if max_count is None else np.array(max_count),
        in_group=np.zeros(options, dtype=bool) if in_group is None else np.array(in_group),
        group_left=np.full(hours, group_left),
        target_utilization=0.75,
    )


def random_chain(
    rng: Random,
    *,
    options: int = 2,
    hours: int = 5,
    peak: float = 3.0,
    most_launch: float = 1.0,
    egress: bool = False,
    reserve: bool = False,
    limits: bool = False,
) -> Chain:
    """`most_launch`: launches cost up to so many hours of the node."""
    price = np.array([rng.uniform(0.5, 2.0) for _ in range(options)])
    size = np.array([p * rng.uniform(0.7, 1.4) for p in price])
    asked = np.array([rng.uniform(0.05, peak) if rng.random() < 0.8 else 0.0 for _ in range(hours)])
    demand = np.array([1.0 - rng.choice([0.0, 0.3]) if need else 0.0 for need in asked])
    whole = np.where(asked > 0, asked, 1.0)
    shape = (options, hours)
    return Chain(
        price_usd_hour=price,
        launch_usd=price * np.array([rng.choice([0.0, 0.1, 0.6, 1.0]) * most_launch for _ in range(options)]),
        share=np.where(asked > 0, size[:, None] / whole * np.array([[rng.uniform(0.9, 1.1)] for _ in size]), 0.0),
        egress_usd=np.array([rng.choice([0.0, 0.05, 4.0]) for _ in range(options)])[:, None] * np.ones(shape) * egress,
        penalty_usd=asked * rng.choice([3.0, 1.0, 100.0]),
        demand=demand,
        reserve=np.array([rng.uniform(0.0, 1.5) if need else 0.0 for need in asked]) * reserve,
        max_count=np.array([rng.choice([math.inf, 0.0, 1.0, 2.0]) if limits else math.inf for _ in range(options)]),
        in_group=np.array([limits and rng.random() < 0.5 for _ in range(options)]),
        group_left=np.array([float(rng.randint(0, 3)) if limits else math.inf for _ in range(hours)]),
        target_utilization=rng.choice([0.6, 1.0]),
    )


def hour_usd(chain: Chain, nodes: tuple[int, ...], h: int) -> float:
    """What one hour costs with these nodes, launches apart: egress of the cheapest, penalty of the rest."""
    paid = sum(n * p for n, p in zip(nodes, chain.price_usd_hour.tolist(), strict=True))
    demand, reserve = float(chain.demand[h]), float(chain.reserve[h])
    if max(demand, reserve) <= 0:
        return paid
    capacity = [n * float(share) for n, share in zip(nodes, chain.share[:, h], strict=True)]
    penalty = float(chain.penalty_usd[h])
    # Unserved as the reserve asks at least; more only where serving costs more egress than the penalty.
    forced = max((reserve - sum(capacity)) / chain.target_utilization, 0.0)
    left, egress = max(demand - forced, 0.0), 0.0
    for v in sorted(range(len(nodes)), key=lambda v: chain.egress_usd[v, h]):
        if chain.egress_usd[v, h] < penalty:
            share = min(left, capacity[v])
            left, egress = left - share, egress + share * float(chain.egress_usd[v, h])
    return paid + egress + penalty * (forced + left)


def brute_total_usd(chain: Chain) -> float:
    """The least total, over every combination of counts in every hour."""
    ranges = [range(int(most) + 1) for most in chain.most]
    choices = list(itertools.product(*ranges))
    points = np.array(choices, dtype=np.int64).reshape(len(choices), chain.options)
    rises = np.maximum(points[None, :, :] - points[:, None, :], 0) @ chain.launch_usd
    value = points @ chain.launch_usd
    for h in range(chain.hours):
        if h:
            value = (value[:, None] + rises).min(axis=0)
        value = value + np.array([hour_usd(chain, nodes, h) for nodes in choices])
        value[points[:, chain.in_group].sum(axis=1) > chain.group_left[h]] = math.inf
    return float(value.min())
