"""Small planning problems of every kind, for tests that hold one way of solving against another."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random

import numpy as np
from hypothesis import strategies as st

from planner.catalog.offer import Offer, Role
from planner.demand.forecast import Forecast
from planner.optimize.problem import BaseOption, BurstOption, Problem, build_problem
from planner.profile.model import Basis, Model, Rates
from policies.billing import Billing
from policies.planning import PlanningPolicy, Sharing

START = datetime(2026, 11, 1, tzinfo=UTC)


def an_offer(offer_id: str, *, role: Role, price_usd_hour: str = "0.5", is_spot: bool = False) -> Offer:
    """An offer of which only identity and role matter here."""
    return Offer(
        id=offer_id,
        provider="test",
        product=offer_id,
        role=role,
        region="here",
        is_spot=is_spot,
        billing=Billing.SECOND,
        price_usd_hour=Decimal(price_usd_hour),
        price_date=date(2026, 10, 1),
        source="made up",
    )


def a_base(
    key: str = "base0",
    *,
    fee_usd: str = "10",
    setup_usd: str = "0",
    egress_usd_mtok: str = "0",
    min_count: int = 0,
    max_count: int | None = None,
    count_group: str | None = None,
    owned_count: int | None = None,
) -> BaseOption:
    """A base option at `fee_usd` for the horizon; #owned in its key stands beside the offer it is of."""
    return BaseOption(
        key=key,
        offer=an_offer(key.partition("#")[0], role=Role.BASE),
        fee_usd=Decimal(fee_usd),
        setup_usd=Decimal(setup_usd),
        setup_due_usd=Decimal(setup_usd),
        egress_usd_mtok=Decimal(egress_usd_mtok),
        min_count=min_count,
        max_count=max_count,
        count_group=count_group,
        owned_count=owned_count,
    )


def a_burst(
    key: str = "burst0",
    *,
    price_usd_hour: str = "1",
    interruption_usd_hour: str = "0",
    egress_usd_mtok: str = "0",
    max_count: int | None = None,
    count_group: str | None = None,
    is_spot: bool = False,
) -> BurstOption:
    """A burst pool."""
    return BurstOption(
        key=key,
        offer=an_offer(key, role=Role.BURST, price_usd_hour=price_usd_hour, is_spot=is_spot),
        price_usd_hour=Decimal(price_usd_hour),
        interruption_usd_hour=Decimal(interruption_usd_hour),
        egress_usd_mtok=Decimal(egress_usd_mtok),
        max_count=max_count,
        count_group=count_group,
        is_spot=is_spot,
    )


def a_problem(
    demand_tok_s: list[list[float]],
    *,
    base: tuple[BaseOption, ...] = (),
    burst: tuple[BurstOption, ...] = (),
    node_tok_s: dict[str, float] | None = None,
    unserved_usd_mtok: str = "100",
    group_max: dict[str, int] | None = None,
    policy: PlanningPolicy | None = None,
) -> Problem:
    """Output tokens only, per model and hour; every option serves every model, by default at 100 tok/s a node."""
    speed = node_tok_s or {}
    rates = {
        key: Rates(prefill_tok_s=speed.get(key, 100.0), decode_tok_s=speed.get(key, 100.0), basis=Basis.MEASURED)
        for key in (*(o.key for o in base), *(o.key for o in burst))
    }
    names = tuple(f"model{m}" for m in range(len(demand_tok_s)))
    output = np.array([demand_tok_s], dtype=np.float64)
    return build_problem(
        forecast=Forecast(start=START, models=names, input_tok_s=np.zeros_like(output), output_tok_s=output),
        models=tuple(Model(name=name, profile=name, unserved_usd_mtok=Decimal(unserved_usd_mtok)) for name in names),
        base=base,
        burst=burst,
        rates=tuple(dict(rates) for _ in names),
        group_max=group_max or {},
        policy=policy or PlanningPolicy(target_utilization=1.0),
        months=Decimal(1),
    )


def two_futures(
    high_tok_s: float = 400.0, *, hours: int = 1, burst: BurstOption | None = None, setup_usd: str = "0"
) -> Problem:
    """100 tok/s with probability 0.75 or `high_tok_s` with 0.25; 100 tok/s a node; base 0.6 USD/h, burst 1."""
    base = a_base("base0", fee_usd=str(Decimal("0.6") * hours), setup_usd=setup_usd)
    pool = burst or a_burst("burst0")
    rates = {key: Rates(prefill_tok_s=100.0, decode_tok_s=100.0, basis=Basis.MEASURED) for key in (base.key, pool.key)}
    output = np.repeat(np.array([100.0, high_tok_s])[:, None, None], hours, axis=2)
    return build_problem(
        forecast=Forecast(
            start=START,
            models=("model0",),
            scenarios=("low", "high"),
            probability=(0.75, 0.25),
            input_tok_s=np.zeros_like(output),
            output_tok_s=output,
        ),
        models=(Model(name="model0", profile="model0"),),
        base=(base,),
        burst=(pool,),
        rates=(rates,),
        group_max={},
        policy=PlanningPolicy(target_utilization=1.0),
        months=Decimal(1),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Which parts of the problem an instance has."""

    models: int = 1
    base: int = 2
    burst: int = 2
    hours: int = 3
    scenarios: int = 1
    sharing: Sharing = Sharing.NONE
    survive: int = 0
    max_pool_share: float = 1.0
    max_spot_share: float = 1.0
    max_counts: bool = False
    groups: bool = False
    egress: bool = False
    budget: bool = False
    peak_nodes: float = 3.0
    """Roughly how many of the smaller nodes the largest demand keeps busy."""


def random_problem(rng: Random, kind: Kind) -> Problem:
    """An instance of the kind. Some hours ask for nothing and some options cannot serve some model."""
    groups = {"account": rng.randint(2, 4)} if kind.groups else {}
    base = tuple(_random_base(rng, b, kind, groups) for b in range(kind.base))
    burst = tuple(_random_burst(rng, v, kind, groups) for v in range(kind.burst))
    rates = tuple(_random_rates(rng, (*base, *burst)) for _ in range(kind.models))
    base = tuple(o if any(o.key in known for known in rates) else replace(o, min_count=0) for o in base)
    shape = (kind.scenarios, kind.models, kind.hours)
    input_tok_s, output_tok_s = np.zeros(shape), np.zeros(shape)
    for index in np.ndindex(*shape):
        if rng.random() < 0.85:
            load = rng.uniform(0.05, kind.peak_nodes)
            mix = rng.random()
            input_tok_s[index], output_tok_s[index] = 500 * load * mix, 100 * load * (1 - mix)
    parts = [rng.uniform(0.2, 1) for _ in range(kind.scenarios)]
    names = tuple(f"model{m}" for m in range(kind.models))
    policy = PlanningPolicy(
        target_utilization=rng.choice([0.6, 0.75, 1.0]),
        survive_base_losses=kind.survive,
        sharing=kind.sharing,
        max_pool_share=kind.max_pool_share,
        max_spot_share=kind.max_spot_share,
    )
    problem = build_problem(
        forecast=Forecast(
            start=START,
            models=names,
            scenarios=tuple(f"s{s}" for s in range(kind.scenarios)),
            probability=tuple(part / sum(parts) for part in parts),
            input_tok_s=input_tok_s,
            output_tok_s=output_tok_s,
        ),
        models=tuple(_random_model(rng, name) for name in names),
        base=base,
        burst=burst,
        rates=rates,
        group_max=groups,
        policy=policy,
        months=Decimal(1),
    )
    return _with_budget(rng, problem) if kind.budget else problem


def _random_base(rng: Random, b: int, kind: Kind, groups: dict[str, int]) -> BaseOption:
    return a_base(
        f"base{b}",
        fee_usd=f"{rng.uniform(0.4, 1.6) * kind.hours:.4f}",
        setup_usd=rng.choice(["0", "0.2171"]),
        egress_usd_mtok=rng.choice(["0", "0.0313"]) if kind.egress else "0",
        min_count=rng.choice([0, 0, 0, 1]),
        max_count=rng.choice([None, 1, 2, 3]) if kind.max_counts else None,
        count_group="account" if groups and b == 0 else None,
    )


def _random_burst(rng: Random, v: int, kind: Kind, groups: dict[str, int]) -> BurstOption:
    return a_burst(
        f"burst{v}",
        price_usd_hour=f"{rng.uniform(0.7, 2.5):.4f}",
        interruption_usd_hour=rng.choice(["0", "0.1093"]),
        egress_usd_mtok=rng.choice(["0", "0.0937", "2.13"]) if kind.egress else "0",
        max_count=rng.choice([None, 0, 1, 2]) if kind.max_counts else None,
        count_group="account" if groups and rng.random() < 0.6 else None,
        is_spot=rng.random() < 0.5,
    )


def _random_model(rng: Random, name: str) -> Model:
    return Model(
        name=name,
        profile=name,
        cache_hit_ratio=rng.choice([0.0, 0.3]),
        unserved_usd_mtok=rng.choice([None, Decimal(8), Decimal(20)]),
    )


def _random_rates(rng: Random, options: tuple[BaseOption | BurstOption, ...]) -> dict[str, Rates]:
    known = {}
    for option in options:
        if rng.random() < 0.85:
            size = rng.uniform(0.8, 2.4)
            known[option.key] = Rates(
                prefill_tok_s=500 * size * rng.uniform(0.8, 1.2), decode_tok_s=100 * size, basis=Basis.MEASURED
            )
    return known if known else {options[0].key: Rates(prefill_tok_s=500, decode_tok_s=100, basis=Basis.MEASURED)}


def _with_budget(rng: Random, problem: Problem) -> Problem:
    """A budget between the least fees and what serving everything by burst could cost."""
    least = sum(float(cost) * o.min_count for cost, o in zip(problem.base_cost_usd(), problem.base, strict=True))
    work = np.where(np.isfinite(problem.burst_work), problem.burst_work, 0.0)
    most = float((work.mean(axis=1) * problem.weight).sum()) * 1.5 if len(problem.burst) else 1.0
    budget = Decimal(f"{least + 0.01 + rng.uniform(0.05, 0.9) * most:.4f}")
    return replace(problem, policy=replace(problem.policy, max_usd_month=budget))


def kinds(
    *,
    max_models: int = 2,
    max_base: int = 2,
    max_burst: int = 3,
    max_hours: int = 3,
    max_scenarios: int = 2,
    budget: bool | None = None,
    peak_nodes: float = 3.0,
) -> st.SearchStrategy[Kind]:
    """Every combination of the problem's parts. `budget`: always, never, or (None) sometimes."""
    return st.builds(
        Kind,
        models=st.integers(1, max_models),
        base=st.integers(1, max_base),
        burst=st.integers(1, max_burst),
        hours=st.integers(1, max_hours),
        scenarios=st.integers(1, max_scenarios),
        sharing=st.sampled_from(list(Sharing)),
        survive=st.sampled_from([0, 1, 2]),
        max_pool_share=st.sampled_from([1.0, 0.5, 0.3, 0.0]),
        max_spot_share=st.sampled_from([1.0, 0.5, 0.0]),
        max_counts=st.booleans(),
        groups=st.booleans(),
        egress=st.booleans(),
        budget=st.booleans() if budget is None else st.just(budget),
        peak_nodes=st.just(peak_nodes),
    )


def problems(kind: st.SearchStrategy[Kind] | None = None) -> st.SearchStrategy[Problem]:
    """Random problems of every kind."""
    return st.builds(
        lambda k, seed: random_problem(Random(seed), k), kinds() if kind is None else kind, st.integers(0, 2**32)
    )
