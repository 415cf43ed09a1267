"""What a replay is made of: files and options in, worlds with their policies and plans out.

A world is made of the traffic (cut and changed as asked), the fleet's catalog and a world file; the plan is the one
given, or that of the traffic's own hourly means where the world takes its base nodes from a plan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from autoscaler.decide import doubts_of
from autoscaler.fleet import FleetPlan
from autoscaler.plan_levels import laid_over
from autoscaler.replay.controllers import CONTROLLERS, OURS
from autoscaler.replay.market import Market
from autoscaler.replay.score.expected import slo_target
from autoscaler.replay.sweep import SEED
from autoscaler.replay.traffic.change import as_forecast, changed_as, cut, traffic_of_plan
from autoscaler.replay.traffic.file import TrafficScenario, read_scenarios
from autoscaler.replay.traffic.join import joined
from autoscaler.replay.traffic.reference import reference_demand, reference_policy
from autoscaler.replay.world import Traffic, World
from autoscaler.replay.worlds.base_nodes import plan_for
from autoscaler.replay.worlds.file import load_world
from autoscaler.replay.worlds.making import OF_MEANS, reference_world, world_from
from autoscaler.replay.worlds.settings import PoolBlock, WorldFile
from autoscaler.replay.worlds.sold import Sold
from planner import files
from planner.case import Case, fleet_and_catalog, load_fleet, load_profiles
from planner.catalog.stale import catalog_stale_remarks
from planner.cli import clock
from planner.errors import InputError
from planner.exchange.plan_file import read_plan
from planner.fleet import PRESETS
from planner.plan import Plan
from planner.whatif import Change, changed
from policies.scaling import ScalingPolicy, band_around
from policies.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from planner.fleet import Fleet

DEFAULT_WORLD = "realistic"
REFERENCE = "reference"
FROM_SLO = "scaling.target_utilization=slo"
PLAN_TICK_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks for."""

    traffic: Path | None
    config: Path | None
    plan: Path | None
    world: str | None
    policy: str | None
    """Preset or policy file."""
    controllers: tuple[str, ...]
    change: Change
    is_comparison: bool = False
    """Every controller that can run."""
    is_from_slo: bool = False
    """The target utilization is the highest that the SLO allows."""
    seed: int = 0
    days: float | None = None
    faults: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One world, and what the controllers are told."""

    scenario: str
    probability: float
    world: World
    policy: ScalingPolicy
    plan: Plan | None
    """The plan given or made; None: the world has none."""
    levels: FleetPlan | None
    remarks: tuple[str, ...]


@dataclass(slots=True)
class Kept:
    """What all points of a sweep share is read, changed, planned and made once, by what it is made of."""

    read: "Read | None" = None
    cases: dict[tuple[object, ...], tuple[Case, Traffic]] = field(default_factory=dict)
    plans: dict[tuple[object, ...], Plan] = field(default_factory=dict)
    """Base nodes of a world; a seed changes none of them."""
    worlds: dict[tuple[object, ...], tuple[World, Plan | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What stands in the files."""

    fleet: "Fleet"
    remarks: tuple[str, ...]
    plan: Plan | None
    scenarios: tuple[TrafficScenario, ...]


def controllers_of(policies: Sequence[str], *, compare: bool) -> tuple[tuple[str, ...], str | None]:
    """Controllers named by --policy, or all, or ours; and the preset or policy file named by it."""
    named = tuple(dict.fromkeys(one for one in policies if one in CONTROLLERS))
    others = [one for one in policies if one not in CONTROLLERS]
    if len(others) > 1:
        raise InputError(f"--policy {others[1]}: expected one preset or policy file, and controllers such as hpa")
    if compare and named:
        raise InputError(f"--policy {named[0]}: --compare runs every controller; expected one of the two")
    other = others[0] if others else None
    if other is not None and other not in PRESETS and not Path(other).exists():
        expected = f"a controller ({', '.join(CONTROLLERS)}), a preset ({', '.join(PRESETS)}) or a file"
        raise InputError(f"--policy {other}: no such controller, preset or file; expected {expected}")
    return (tuple(CONTROLLERS) if compare else named or (OURS,)), other


def asked_change(settings: Sequence[str], slo: Sequence[str], *, measured_only: bool) -> tuple[Change, bool]:
    """What --set and --slo change of the inputs, and whether the target utilization is to come from the SLO."""
    own = [one for one in settings if one.replace(" ", "") != FROM_SLO]
    change = Change(settings=tuple(own), slo=tuple(slo), measured_only=measured_only)
    return change, len(own) < len(settings)


def at_point(asked: Asked, point: Mapping[str, str]) -> Asked:
    """What is asked for at one point of a sweep."""
    settings = [f"{key}={value}" for key, value in point.items() if key != SEED]
    own = [one for one in settings if one != FROM_SLO]
    return replace(
        asked,
        change=replace(asked.change, settings=(*asked.change.settings, *own)),
        is_from_slo=asked.is_from_slo or len(own) < len(settings),
        seed=int(point.get(SEED, asked.seed)),
    )


def prepare(asked: Asked, kept: Kept | None = None) -> tuple[Prepared, ...]:
    """The worlds asked for: one, or one for each scenario of the traffic where a plan is replayed."""
    kept = kept or Kept()
    if kept.read is None:
        kept.read = _read(asked)
    read = kept.read
    return tuple(_prepared(asked, one, read, kept) for one in read.scenarios)


def _read(asked: Asked) -> Read:
    fleet, remarks = load_fleet(asked.config, asked.policy)
    given = None if asked.plan is None else read_plan(files.read_text(asked.plan), source=str(asked.plan))
    return Read(fleet=fleet, remarks=tuple(remarks), plan=given, scenarios=_scenarios(asked, fleet, given))


def _scenarios(asked: Asked, fleet: "Fleet", given: Plan | None) -> tuple[TrafficScenario, ...]:
    if asked.traffic is None:
        if given is None:
            raise InputError("nothing to replay; expected --traffic FILE or --plan plan.json")
        traffic = traffic_of_plan(given, str(asked.plan))
        return (TrafficScenario(name=given.scenario_shown, probability=1.0, traffic=traffic),)
    models = fleet.model_names if given is None else tuple(given.models)
    held = read_scenarios(files.read_text(asked.traffic), source=str(asked.traffic), models=models)
    if len(held) > 1 and given is None:
        names = ", ".join(one.name for one in held)
        raise InputError(f"{asked.traffic}: holds {len(held)} scenarios ({names}); expected one, or --plan with them")
    known = [] if given is None else [one.name for one in given.scenarios]
    for one in held:
        if one.name and given is not None and one.name not in known:
            planned = ", ".join(filter(None, known)) or "none"
            raise InputError(f"{asked.traffic}: scenario {one.name!r} is not in {asked.plan}; its scenarios: {planned}")
    return held


def _prepared(asked: Asked, scenario: TrafficScenario, read: Read, kept: Kept) -> Prepared:
    as_changed = (asked.change, scenario.name)
    if as_changed not in kept.cases:
        kept.cases[as_changed] = _case(asked, scenario, read)
    case, traffic = kept.cases[as_changed]
    seedless = (tuple(one for one in asked.change.settings if not one.startswith("scaling.")), scenario.name)
    key = (*seedless, asked.seed)
    if key not in kept.worlds:
        kept.worlds[key] = _world(asked, traffic, case, read.plan, kept.plans.get(seedless))
    world, plan = kept.worlds[key]
    if plan is not None:
        kept.plans[seedless] = plan
    policy = reference_policy(case.fleet.scaling) if _is_reference(asked) else case.fleet.scaling
    remarks = (*case.remarks, *dict.fromkeys((*scenario.traffic.remarks, *world.traffic.remarks)), *world.remarks)
    if asked.is_from_slo:
        target = slo_target(world)
        policy = at_target(policy, target)
        remarks = (*remarks, f"target utilization {target:g}: the highest at which the SLO is met, waiting included")
    remarks = (*remarks, *doubts_of(Market(world).pools.values(), policy))
    levels: FleetPlan | None = None
    said: tuple[str, ...] = ()
    if plan is not None:
        start = traffic.start.replace(minute=0, second=0, microsecond=0)
        hours = -int((start - traffic.end).total_seconds() // SECONDS_PER_HOUR)
        levels, said = laid_over(plan, start, hours, models=traffic.models)
    return Prepared(
        scenario=scenario.name,
        probability=scenario.probability,
        world=world,
        policy=policy,
        plan=plan,
        levels=levels,
        remarks=(*remarks, *said),
    )


def _case(asked: Asked, scenario: TrafficScenario, read: Read) -> tuple[Case, Traffic]:
    """The case of the traffic with everything changed as asked, and the traffic as changed."""
    traffic = scenario.traffic if asked.days is None else cut(scenario.traffic, asked.days)
    _check_models(asked, read.fleet, read.plan, traffic)
    fleet, catalog = fleet_and_catalog(read.fleet, as_of=clock.today())
    case = Case(
        fleet=fleet,
        catalog=catalog,
        forecast=as_forecast(traffic),
        profiles=load_profiles(fleet),
        remarks=read.remarks,
    )
    _check_shift(asked.change, traffic)
    case = changed(case, asked.change)
    case = replace(case, remarks=(*case.remarks, *catalog_stale_remarks(case.catalog)))
    return case, changed_as(traffic, case.forecast)


def at_target(policy: ScalingPolicy, target: float) -> ScalingPolicy:
    """The policy at another target, with the band that goes with it."""
    low, high = band_around(target)
    return replace(policy, target_utilization=target, low_utilization=low, high_utilization=high)


def _world(
    asked: Asked, traffic: Traffic, case: Case, given: Plan | None, known: Plan | None
) -> tuple[World, Plan | None]:
    """The world, and the plan its base nodes are of; `known`: that of another seed, which is the same."""
    if _is_reference(asked):
        return _reference(traffic, asked), None
    if asked.traffic is not None:
        traffic = joined(traffic)
    settings = (
        _of_plan(given) if given is not None and asked.world is None else load_world(asked.world or DEFAULT_WORLD)
    )

    def made(settings: WorldFile, plan: Plan | None) -> World:
        return world_from(
            settings,
            traffic=traffic,
            fleet=case.fleet,
            catalog=case.catalog,
            seed=asked.seed,
            faults=asked.faults,
            plan=plan,
            **({} if plan is given else {"whose_plan": OF_MEANS}),
        )

    if given is not None or settings.base_from == "none" or settings.base:
        return made(settings, given), given
    if known is None:
        pools = frozenset(pool.key for pool in made(replace(settings, base_from="none"), None).pools)
        known = plan_for(traffic, Sold(fleet=case.fleet, catalog=case.catalog, profiles=case.profiles), pools)
    return made(settings, known), known


def _is_reference(asked: Asked) -> bool:
    """Whether the reference world is played; with a plan it is a world file like any other."""
    return asked.world == REFERENCE and asked.plan is None


def _of_plan(plan: Plan) -> WorldFile:
    """A world of the plan's own burst offers as it assumed them: at hand after their lead time, never taken back."""
    used = dict.fromkeys(lease.offer for lease in plan.leases)
    burst = [key for key, terms in plan.offers.items() if terms.role == "burst"]
    cheapest = sorted(burst, key=lambda key: plan.offers[key].rate_usd_hour or 0)[:1]
    return WorldFile(
        name="plan",
        about="plan: the plan's own burst offers at today's prices, at hand after their lead time, never taken back",
        tick_s=PLAN_TICK_S,
        pool=tuple(PoolBlock(offers=plan.offers[key].offer_id) for key in (used or cheapest)),
    )


def _reference(traffic: Traffic, asked: Asked) -> World:
    """The reference world of the design, for figures that can be compared; its noise is of the seed."""
    if len(traffic.models) > 1:
        raise InputError(f"--world {REFERENCE}: {traffic.source} has {len(traffic.models)} models; expected one")
    minutes = traffic.step_s / 60
    if minutes != int(minutes):
        raise InputError(f"--world {REFERENCE}: steps are {traffic.step_s:g} s; expected whole minutes")
    series = reference_demand(traffic.output_tok_s[0], traffic.is_gap, seed=asked.seed, minutes_per_row=int(minutes))
    world = reference_world(series)
    made = replace(
        world.traffic,
        start=traffic.start,
        source=f"{traffic.source}, by the minute, with noise, at a mean of {series.mean():,.0f} output tok/s",
    )
    return replace(world, traffic=made, seed=asked.seed)


def _check_models(asked: Asked, fleet: "Fleet", given: Plan | None, traffic: Traffic) -> None:
    missing = [name for name in traffic.models if name not in fleet.model_names]
    if given is not None and missing:
        raise InputError(
            f"{asked.plan}: plans {', '.join(missing)}, which {fleet.source} has not; expected the plan's fleet with -c"
        )


def _check_shift(change: Change, traffic: Traffic) -> None:
    for setting in change.settings:
        if "demand.shift" in setting.partition("=")[0] and traffic.step_s != SECONDS_PER_HOUR:
            raise InputError(f"--set {setting}: counts hours; expected traffic of hourly rows to shift")
