"""Makes a replay's world: a world file meets a fleet, its catalog and the traffic. One seed gives one world."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from autoscaler.providers.simulated.mixes import MIXES
from autoscaler.providers.simulated.spec import FaultMix
from autoscaler.replay.traffic.file import NOMINAL_START
from autoscaler.replay.world import ServedModel, Traffic, World
from autoscaler.replay.worlds.base_nodes import RatedBase, plan_for, planned_base, written_base
from autoscaler.replay.worlds.file import load_world
from autoscaler.replay.worlds.lengths import length_remarks
from autoscaler.replay.worlds.pools import ChosenPool, catalog_pools, own_pool
from autoscaler.replay.worlds.settings import WorldFile
from autoscaler.replay.worlds.shipped import lead_times
from autoscaler.replay.worlds.size import check_size
from autoscaler.replay.worlds.sold import Sold
from planner.case import load_catalog, load_profiles
from planner.catalog.offer import Catalog
from planner.errors import InputError
from planner.fleet import Fleet
from planner.plan import Plan
from planner.profile.model import Model
from policies.billing import Billing
from policies.planning import Sharing

REFERENCE_MODEL = "reference"
MINUTE_S = 60.0
OF_MEANS = "as `baseload plan` would rent for this traffic's hourly means"
"""Where base nodes come from that are planned for the very traffic."""


def world_from(
    settings: WorldFile,
    *,
    traffic: Traffic,
    fleet: Fleet | None = None,
    seed: int = 0,
    faults: FaultMix | str | None = None,
    plan: Plan | None = None,
    catalog: Catalog | None = None,
    whose_plan: str = "of the plan given",
) -> World:
    """The world of `settings` for this traffic. `faults` and the base nodes of `plan` win over what the file says.

    `catalog`: what the fleet may rent where that was changed. `whose_plan`: what a remark says of the base nodes.
    Without a fleet, pools and base nodes must be written out in the file. Raises InputError.
    """
    source = f"world {settings.name}"
    sold = None
    if fleet is not None:
        sold = Sold(fleet=fleet, catalog=catalog or load_catalog(fleet), profiles=load_profiles(fleet))
    pools, missing = _pools(settings, sold, traffic, seed=seed, source=source)
    base, why = _base(settings, sold, traffic, pools, plan, whose_plan=whose_plan, source=source)
    counts = ", ".join(f"{one.nodes.offer} x {one.nodes.count}" for one in base) or "none"
    served = {name: _served(name, settings, sold, pools, base, source) for name in traffic.models}
    world = World(
        name=settings.name,
        traffic=traffic,
        models=served,
        base=tuple(one.nodes for one in base),
        pools=tuple(one.pool for one in pools),
        group_max=_group_max(settings, sold, base, pools),
        tick_s=settings.tick_s,
        faults=_faults(settings, faults),
        seed=seed,
        remarks=(
            *([settings.about] if settings.about else []),
            *(remark for one in pools for remark in one.remarks),
            *missing,
            *_lead_time_remarks(settings, pools),
            *(length_remarks(traffic, served, sold.fleet.models, sold.profiles) if sold is not None else ()),
            f"base nodes {why}: {counts}",
        ),
    )
    check_size(world)
    return world


def reference_world(series: Traffic | NDArray[np.float64], *, billing: Billing = Billing.SECOND) -> World:
    """The reference world of the design, in which figures can be compared; `series`: output tok/s by the minute.

    Everything in it is certain: one pool without end, 360 s from order to serving, no faults, no queue. Of a Traffic
    the output tokens alone count.
    """
    traffic = series if isinstance(series, Traffic) else _by_minute(series)
    traffic = replace(traffic, input_tok_s=np.zeros_like(traffic.input_tok_s), requests={})
    world = world_from(load_world("reference"), traffic=traffic)
    if billing is Billing.SECOND:
        return world
    pools = tuple(replace(pool, tariff=replace(pool.tariff, billing=billing)) for pool in world.pools)
    return replace(world, name=f"{world.name} by {billing.value.replace('_', ' ')}", pools=pools)


def _by_minute(output_tok_s: NDArray[np.float64]) -> Traffic:
    asked = np.asarray(output_tok_s, dtype=np.float64)[np.newaxis]
    return Traffic(
        start=NOMINAL_START,
        step_s=MINUTE_S,
        models=(REFERENCE_MODEL,),
        input_tok_s=np.zeros_like(asked),
        output_tok_s=asked,
        is_gap=np.zeros(asked.shape[1], dtype=np.bool_),
        source=REFERENCE_MODEL,
    )


def _pools(
    settings: WorldFile, sold: Sold | None, traffic: Traffic, *, seed: int, source: str
) -> tuple[tuple[ChosenPool, ...], tuple[str, ...]]:
    """The pools of all blocks, and which optional blocks have none."""
    pools: list[ChosenPool] = []
    missing: list[str] = []
    for block in settings.pool:
        if block.offer is not None:
            pools.append(own_pool(block, traffic, seed=seed))
            continue
        if sold is None:
            raise InputError(f"{source}, [[pool]] {block.offers}: a selector needs a fleet's catalog; expected a fleet")
        taken = frozenset(one.pool.key for one in pools)
        try:
            pools.extend(catalog_pools(block, sold, traffic, taken=taken, seed=seed, source=source))
        except InputError as error:
            if not block.is_optional:
                raise
            missing.append(f"{error}; the world does without")
    keys = [one.pool.key for one in pools]
    for key in keys:
        if keys.count(key) > 1:
            raise InputError(f"{source}, [[pool]] {key}: appears twice; expected each pool once")
    return tuple(pools), tuple(missing)


def _base(
    settings: WorldFile,
    sold: Sold | None,
    traffic: Traffic,
    pools: tuple[ChosenPool, ...],
    plan: Plan | None,
    *,
    whose_plan: str,
    source: str,
) -> tuple[tuple[RatedBase, ...], str]:
    """The base nodes, and where they come from."""
    if plan is not None:
        return planned_base(plan, traffic, sold, source=source), f"{whose_plan}{_staying(plan)}"
    base = tuple(written_base(block, traffic, sold, source=source) for block in settings.base)
    if settings.base_from == "none":
        return base, "of the world file"
    keys = frozenset(one.pool.key for one in pools)
    if sold is None or not any(key in sold.catalog for key in keys):
        raise InputError(f"{source}, base_from is 'plan'; expected pools of a fleet's catalog to plan with")
    plan = plan_for(traffic, sold, keys)
    return (*base, *planned_base(plan, traffic, sold, source=source)), f"{OF_MEANS}{_staying(plan)}"


def _staying(plan: Plan) -> str:
    """What a plan that moves base nodes between models loses in a replay."""
    if plan.policy.sharing is Sharing.NONE or len(plan.models) == 1:
        return ""
    return " (each stays with the model it serves in the plan's first hour)"


def _served(
    name: str,
    settings: WorldFile,
    sold: Sold | None,
    pools: tuple[ChosenPool, ...],
    base: tuple[RatedBase, ...],
    source: str,
) -> ServedModel:
    able = sorted((one.cost[name], index) for index, one in enumerate(pools) if name in one.rates)
    own_base = {one.nodes.offer: one for one in base if one.nodes.model == name}
    if not able and not own_base:
        raise InputError(f"{source}: no pool and no base node serves {name}; expected one at least")
    serving = settings.serving
    model = Model(name=name, profile="") if sold is None else _model(sold, name)
    return ServedModel(
        name=name,
        rates={
            **{one.pool.key: one.rates[name] for one in pools if name in one.rates},
            **{offer: one.rates for offer, one in own_base.items()},
        },
        reference=pools[able[0][1]].pool.key if able else next(iter(own_base)),
        cache_hit_ratio=model.cache_hit_ratio,
        cache_warmup_s=serving.cache_warmup_s,
        load_s=model.load_time_s if serving.load_s is None else serving.load_s,
        patience_s=serving.patience_s,
        service_s=serving.service_s,
        slo=model.slo,
        curves={
            **{one.pool.key: one.curves[name] for one in pools if name in one.curves},
            **{offer: one.curve for offer, one in own_base.items() if one.curve is not None},
        },
    )


def _model(sold: Sold, name: str) -> Model:
    for model in sold.fleet.models:
        if model.name == name:
            return model
    raise InputError(f"{sold.fleet.source}: no model {name!r}, of which there is traffic")


def _group_max(
    settings: WorldFile, sold: Sold | None, base: tuple[RatedBase, ...], pools: tuple[ChosenPool, ...]
) -> dict[str, int]:
    """What base nodes leave of each count group that a pool of the world is in."""
    most = {**({} if sold is None else sold.catalog.group_max), **settings.group_max}
    groups = {one.pool.count_group for one in pools}
    for group in settings.group_max:
        if group not in groups:
            raise InputError(f"world {settings.name}, group_max.{group}: no pool of the world has this count_group")
    for one in base:
        if sold is not None and one.nodes.offer in sold.catalog:
            group_of = sold.catalog[one.nodes.offer].count_group
            if group_of in most:
                most[group_of] = max(0, most[group_of] - one.nodes.count)
    return {group: count for group, count in most.items() if group in groups}


def _faults(settings: WorldFile, faults: FaultMix | str | None) -> FaultMix:
    if isinstance(faults, FaultMix):
        return faults
    name = settings.faults if faults is None else faults
    if name not in MIXES:
        raise InputError(f"--faults {name}: expected one of {', '.join(MIXES)}")
    return MIXES[name]


def _lead_time_remarks(settings: WorldFile, pools: tuple[ChosenPool, ...]) -> tuple[str, ...]:
    """How many measured starts stand behind the lead times of each provider that sells a pool here."""
    drawn = {one.pool.lead_times_s for one in pools}
    remarks = []
    for name in dict.fromkeys(block.lead_times for block in settings.pool):
        if name is None or lead_times()[name].seconds not in drawn:
            continue
        known = lead_times()[name]
        middle = known.seconds[len(known.seconds) // 2]
        starts = "1 measured start" if len(known.seconds) == 1 else f"{len(known.seconds)} measured starts"
        remarks.append(f"lead times of {name}: {starts}, {middle:g} s in the middle, {known.seconds[-1]:g} s at most")
    return tuple(remarks)
