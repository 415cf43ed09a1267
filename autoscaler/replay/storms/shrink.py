"""Shrink: a storm made smaller while it still breaks the same invariant, as a list of edits anyone can repeat.

An edit is a short text, so that a case is its seed and what was left out: "minutes=12", "no pool aws/type1/spot",
"no model n", "no base", "no plan", "no controls", "no strangers", "no successions", "no fault stale_list", and
"default hold_s" for a number of the policy.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType

from autoscaler.providers.simulated.spec import NO_FAULTS
from autoscaler.replay.invariants import Violation
from autoscaler.replay.storms.run import StormRun
from autoscaler.replay.storms.storm import MINUTE_S, Storm
from autoscaler.replay.traffic.change import first
from planner.errors import InputError
from policies.scaling import ScalingPolicy

DEFAULTS = ScalingPolicy()
BAND = ("low_utilization", "target_utilization", "high_utilization")
"""Kept in their order, so they go back to their defaults together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """The smallest storm found, how it came about, and what it breaks."""

    storm: Storm
    edits: tuple[str, ...]
    violation: Violation
    tried: int

    def again(self) -> str:
        """The command that runs it again."""
        return " ".join(
            ["python -m benchmarks.soak --seed", str(self.storm.seed), *(f"--but '{e}'" for e in self.edits)]
        )


def violation_of(storm: Storm) -> Violation | None:
    """What the storm breaks; None: nothing."""
    try:
        StormRun(storm).run()
    except Violation as violation:
        return violation
    return None


def shrink(storm: Storm, violation: Violation) -> Shrunk:
    """The storm with everything left out without which the same invariant is still broken: greedy, to a fixed point."""
    edits: list[str] = []
    tried = 0
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for edit in list(_candidates(storm, violation)):
            smaller = edited(storm, edit)
            if smaller is None:
                continue
            tried += 1
            found = violation_of(smaller)
            if found is not None and found.invariant == violation.invariant:
                storm, violation, is_smaller = smaller, found, True
                edits = [*(e for e in edits if e.partition("=")[0] != "minutes" or "=" not in edit), edit]
    return Shrunk(storm=storm, edits=tuple(edits), violation=violation, tried=tried)


def with_edits(storm: Storm, edits: Iterable[str]) -> Storm:
    """The storm after the edits. Raises InputError where one cannot be made."""
    for edit in edits:
        after = edited(storm, edit)
        if after is None:
            raise InputError(f"edit {edit!r} changes nothing in storm {storm.seed}")
        storm = after
    return storm


def edited(storm: Storm, edit: str) -> Storm | None:
    """The storm after one edit; None: it changes nothing, or leaves nothing to run."""
    for start, change in EDITS.items():
        if edit.startswith(start):
            return change(storm, edit.removeprefix(start))
    raise InputError(f"edit {edit!r} is not known; expected one that starts with {', '.join(EDITS)}")


def _candidates(storm: Storm, violation: Violation) -> Iterator[str]:
    """Edits to try, those that leave out most first."""
    yield f"minutes={int(violation.at_s // MINUTE_S) + 1}"
    yield from (f"no {what}" for what in ("successions", "strangers", "controls", "plan", "base"))
    yield from (f"no model {name}" for name in storm.world.models)
    yield from (f"no pool {pool.key}" for pool in storm.world.pools)
    yield from (f"no fault {field.name}" for field in fields(storm.world.faults) if field.name != "name")
    yield "default band"
    yield from (f"default {field.name}" for field in fields(storm.policy) if field.name not in BAND)


def _cut(storm: Storm, minutes: str) -> Storm | None:
    """The storm's first minutes."""
    traffic = storm.world.traffic
    steps = int(float(minutes) * MINUTE_S // traffic.step_s)
    if steps < 1 or steps >= traffic.steps:
        return None
    return replace(storm, world=replace(storm.world, traffic=first(traffic, steps)))


def _without_fault(storm: Storm, name: str) -> Storm | None:
    faults, calm = storm.world.faults, getattr(NO_FAULTS, name)
    if getattr(faults, name) == calm:
        return None
    return replace(storm, world=replace(storm.world, faults=replace(faults, **{name: calm})))


def _without_base(storm: Storm, _: str) -> Storm | None:
    return replace(storm, world=replace(storm.world, base=())) if storm.world.base else None


def _with_default(storm: Storm, name: str) -> Storm | None:
    names = BAND if name == "band" else (name,)
    changes = {one: getattr(DEFAULTS, one) for one in names}
    if all(getattr(storm.policy, one) == value for one, value in changes.items()):
        return None
    try:
        return replace(storm, policy=replace(storm.policy, **changes))
    except ValueError:  # not with what the other numbers are
        return None


def _without_pool(storm: Storm, key: str) -> Storm | None:
    world = storm.world
    pools = tuple(pool for pool in world.pools if pool.key != key)
    if not pools or len(pools) == len(world.pools) or any(model.reference == key for model in world.models.values()):
        return None
    strangers = tuple(one for one in storm.strangers if one.pool != key)
    return replace(storm, world=replace(world, pools=pools), strangers=strangers)


def _without_model(storm: Storm, name: str) -> Storm | None:
    world = storm.world
    if name not in world.models or len(world.models) == 1:
        return None
    rows = [index for index, model in enumerate(world.traffic.models) if model != name]
    traffic = replace(
        world.traffic,
        models=tuple(world.traffic.models[row] for row in rows),
        input_tok_s=world.traffic.input_tok_s[rows],
        output_tok_s=world.traffic.output_tok_s[rows],
    )
    models = {key: model for key, model in world.models.items() if key != name}
    base = tuple(one for one in world.base if one.model != name)
    strangers = tuple(one for one in storm.strangers if one.model != name)
    return replace(storm, world=replace(world, traffic=traffic, models=models, base=base), strangers=strangers)


EDITS: Mapping[str, Callable[[Storm, str], Storm | None]] = MappingProxyType(
    {
        "minutes=": _cut,
        "default ": _with_default,
        "no pool ": _without_pool,
        "no model ": _without_model,
        "no fault ": _without_fault,
        "no base": _without_base,
        "no plan": lambda storm, _: None if storm.plan is None else replace(storm, plan=None),
        "no controls": lambda storm, _: replace(storm, controls=()) if storm.controls else None,
        "no strangers": lambda storm, _: replace(storm, strangers=()) if storm.strangers else None,
        "no successions": lambda storm, _: replace(storm, successions=()) if storm.successions else None,
    }
)
"""How an edit begins -> what it does with the rest of it."""
