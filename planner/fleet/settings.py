"""`--set KEY=VALUE`: a fleet with one key of its policy or of a model changed. Pure."""

import tomllib
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from types import NoneType
from typing import Any, get_args, get_type_hints

from planner.errors import InputError
from planner.fleet.faults import Table, hint, plain, unknown
from planner.fleet.read import PLANNING_KEYS, adapter, fleet_of, validated
from planner.fleet.scaling import BAND, followed, has_own_band, scaling_table
from planner.fleet.value import Fleet, FleetFile, PolicyTable, ProfileSettings
from planner.profile.model import Model
from policies.scaling import ScalingPolicy

SCALING_KEYS = tuple(f"scaling.{one.name}" for one in fields(ScalingPolicy))


def known_set_keys() -> tuple[str, ...]:
    """The keys `apply_set` knows: those of the policy, of its scaling, then those of a model (also as MODEL.key)."""
    return (*PLANNING_KEYS, *SCALING_KEYS, *(key for key in _model_keys() if key not in PLANNING_KEYS))


def apply_set(fleet: Fleet, setting: str) -> Fleet:
    """The fleet with one KEY=VALUE changed: a key of the policy, scaling.KEY, a model key (of every model), MODEL.KEY.

    A key of the plan that scaling has in common changes both, unless they differed.
    """
    if not setting.isprintable():
        raise InputError(f"--set {setting!r}: expected KEY=VALUE on one line")
    key, equals, written = (part.strip() for part in setting.partition("="))
    source = f"--set {setting}"
    if not (key and equals and written):
        raise InputError(f"{source}: expected KEY=VALUE, such as target_utilization=0.6")
    names, model_key = _of_model(fleet, key)
    document = _document(fleet)
    if model_key is None and key in PLANNING_KEYS:
        document["policy"][key] = _value(written, hint(PolicyTable, [key]))
    elif key.startswith("scaling."):
        _put_scaling(document["policy"]["scaling"], key.removeprefix("scaling."), written, fleet.scaling, source)
    elif (model_key or key) in _model_keys():
        path = (model_key or key).split(".")
        value = _value(written, hint(Model, path))
        for table in document["model"]:
            if table["name"] in names:
                _put(table, path, value)
    else:
        known = _model_keys() if model_key is not None else known_set_keys()
        raise InputError(f"{source}: {unknown(model_key or key, known)}")
    changed = fleet_of(validated(document, source), source=fleet.source, folder=None, policy_source=fleet.policy_source)
    scaling = followed(changed.scaling, fleet.policy, changed.policy)
    daemon = replace(changed.daemon, folder=fleet.daemon.folder)
    return replace(changed, policy_offers=fleet.policy_offers, scaling=scaling, daemon=daemon)


def _put_scaling(table: Table, key: str, written: str, scaling: ScalingPolicy, source: str) -> None:
    """One key of [policy.scaling]; of min_nodes one model's, too. A band that lies around the target moves with it."""
    name, _, model = key.partition(".")
    if f"scaling.{name}" not in SCALING_KEYS or (model and name != "min_nodes"):
        raise InputError(f"{source}: {unknown(f'scaling.{key}', SCALING_KEYS)}")
    value = _value(written, hint(PolicyTable, ["scaling", name]))
    _put(table, (name, model) if model else (name,), value)
    if name == "target_utilization" and not has_own_band(scaling):
        for edge in BAND:
            del table[edge]
        table |= scaling_table({}, {}, table)


def _document(fleet: Fleet) -> Table:
    """The fleet as a table that can be changed and read again."""
    written = FleetFile(
        model=fleet.models,
        owned=fleet.owned,
        catalog=fleet.catalog,
        policy=PolicyTable(
            **{name: getattr(fleet.policy, name) for name in PLANNING_KEYS},
            pricing=fleet.pricing,
            scaling=fleet.scaling,
        ),
        profiles=ProfileSettings(files=fleet.profile_files),
        database=fleet.database,
        report=fleet.report,
        autoscale=fleet.daemon.autoscale,
        metrics=fleet.daemon.metrics,
        cluster=fleet.daemon.cluster,
        router=fleet.daemon.router,
        providers=fleet.daemon.providers,
    )
    document: Table = adapter().dump_python(written, mode="json")
    return document


@cache
def _model_keys() -> tuple[str, ...]:
    """The keys of a model as --set writes them: cache_hit_ratio, slo.ttft_ms, memory.weights_gib ..."""
    keys: list[str] = []
    for name, kind in get_type_hints(Model).items():
        inner = plain(kind)
        if is_dataclass(inner):
            keys += [f"{name}.{one.name}" for one in fields(inner)]
        elif name != "name":
            keys.append(name)
    return tuple(keys)


def _of_model(fleet: Fleet, key: str) -> tuple[tuple[str, ...], str | None]:
    """The models a --set key speaks of, and the key without the model's name where it names one."""
    for name in sorted(fleet.model_names, key=len, reverse=True):
        if key.startswith(f"{name}."):
            return (name,), key.removeprefix(f"{name}.")
    return fleet.model_names, None


def _value(written: str, kind: Any) -> Any:
    """The value of a --set: read as TOML writes it; bare words are text, and `none` empties a key that may be empty."""
    if written == "none" and NoneType in get_args(kind):
        return None
    try:
        table = tomllib.loads(f"value = {written}")
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return written
    return table["value"] if set(table) == {"value"} else written


def _put(table: Table, path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        if table.get(name) is None:
            table[name] = {}
        table = table[name]
    table[path[-1]] = value
