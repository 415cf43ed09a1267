"""The door that reads a fleet.toml and a policy file. Text in; `planner.files` opens.

pydantic is imported when the first fleet is read, not when this module is.
"""

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner import files
from planner.errors import InputError
from planner.fleet.daemon import DaemonSettings
from planner.fleet.faults import Table, complaint, explained, place, unknown
from planner.fleet.publish import PublishSettings
from planner.fleet.scaling import IN_COMMON, followed, scaling_table
from planner.fleet.value import DEFAULT_SOURCE, PRESETS, DatabaseSettings, Fleet, FleetFile
from policies.planning import PlanningPolicy
from policies.pricing import DEFAULT_PRICING, PricingPolicy
from policies.scaling import ScalingPolicy

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_POLICY_TABLES = ("planning", "pricing", "scaling", "catalog")
PLANNING_KEYS = tuple(one.name for one in fields(PlanningPolicy))


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile:
    """What a policy file says: how to plan, what to charge, how to scale, what to rent. None: nothing about it."""

    planning: PlanningPolicy | None
    pricing: PricingPolicy | None
    scaling: Mapping[str, Any] | None = None
    """As written; checked. What it leaves out is the plan's (`planner.fleet.scaling`)."""
    offers: tuple[str, ...] = ()
    """Providers or offers to keep to; empty: all."""


def read_fleet(text: str, *, source: str, folder: str = ".") -> Fleet:
    """The fleet of a TOML text. `folder` is where the paths in it start: the folder of the fleet file."""
    table = parse(text, source)
    policy_source = source
    policy = table.get("policy")
    if isinstance(policy, dict):
        preset: Mapping[str, Any] = {}
        if "preset" in policy:
            if policy["preset"] not in PRESETS:
                raise InputError(f"{source}, [policy] preset: {unknown(str(policy['preset']), PRESETS)}")
            policy_source = f"{source} (preset {policy['preset']})"
            preset = _preset_tables(policy["preset"])
        merged = {**preset.get("planning", {}), **policy}
        if "pricing" in policy or "pricing" in preset:
            merged["pricing"] = _merged_pricing(preset.get("pricing", {}), policy.get("pricing", {}))
        merged["scaling"] = scaling_table(merged, preset.get("scaling", {}), policy.get("scaling", {}))
        table = {**table, "policy": merged}
    return fleet_of(validated(table, source), source=source, folder=folder, policy_source=policy_source)


def read_fleet_file(path: str | Path) -> Fleet:
    """The fleet of a TOML file."""
    return read_fleet(files.read_text(path), source=str(path), folder=str(Path(path).parent))


def default_fleet_text() -> str:
    """The commented fleet.toml that `baseload init` writes, and that is used without -c."""
    return files.packaged_text("defaults/fleet.toml")


def default_fleet() -> Fleet:
    """The packaged fleet: a 7B model in 4 bits on CPU nodes of every shipped catalog."""
    return read_fleet(default_fleet_text(), source=DEFAULT_SOURCE)


def sample_forecast_text() -> str:
    """The packaged sample: two weeks of real LLM traffic (ServeGen m-large) at one hundredth, hourly CSV."""
    return files.packaged_text("defaults/forecast.csv")


def planning_preset(name: str) -> PlanningPolicy:
    """The planning numbers of a shipped preset: bootstrapped, funded or enterprise."""
    planning = _preset(name).planning
    assert planning is not None  # every shipped preset has the table
    return planning


def pricing_preset(name: str) -> PricingPolicy:
    """The pricing numbers of a shipped preset."""
    pricing = _preset(name).pricing
    assert pricing is not None
    return pricing


def read_policy(text: str, *, source: str) -> PlanningPolicy:
    """The planning policy of a TOML text with a [planning] table."""
    planning = read_policy_file(text, source=source).planning
    if planning is None:
        raise InputError(f"{source}: no [planning] table; expected one with keys such as target_utilization")
    return planning


def read_policy_file(text: str, *, source: str) -> PolicyFile:
    """All that a policy file says: [planning], [pricing], [scaling], and in [catalog] which offers to keep to."""
    tables = _policy_tables(text, source)
    written: Table = dict(tables.get("planning", {}))
    if "pricing" in tables:
        written["pricing"] = _merged_pricing({}, tables["pricing"])
    if "scaling" in tables:
        written["scaling"] = scaling_table(written, {}, tables["scaling"])
    document = validated({"model": [_STAND_IN], "policy": written}, source, "planning")
    return PolicyFile(
        planning=planning_of(document) if "planning" in tables else None,
        pricing=document.policy.pricing,
        scaling=tables.get("scaling"),
        offers=_offers(tables.get("catalog", {}), source),
    )


def with_policy(fleet: Fleet, preset_or_file: str) -> Fleet:
    """The fleet under another policy: a preset by name, or a TOML file with [planning], [pricing] or [scaling]."""
    if preset_or_file in PRESETS:
        found, source = _preset(preset_or_file), f"preset {preset_or_file}"
    elif not Path(preset_or_file).exists():
        raise InputError(f"--policy {preset_or_file}: no such file or preset; expected {', '.join(PRESETS)} or a file")
    else:
        found, source = read_policy_file(files.read_text(preset_or_file), source=preset_or_file), preset_or_file
    policy = fleet.policy if found.planning is None else found.planning
    return replace(
        fleet,
        policy=policy,
        scaling=_scaling_under(fleet, policy, found, source),
        pricing=fleet.pricing if found.pricing is None else found.pricing,
        policy_offers=found.offers,
        policy_source=source,
    )


def _scaling_under(fleet: Fleet, policy: PlanningPolicy, found: PolicyFile, source: str) -> ScalingPolicy:
    """The scaling policy under another policy: the one it writes, or the fleet's, which follows the plan's."""
    if found.scaling is None:
        return followed(fleet.scaling, fleet.policy, policy)
    table = scaling_table({key: getattr(policy, key) for key in IN_COMMON}, {}, found.scaling)
    return scaling_of(validated({"model": [_STAND_IN], "policy": {"scaling": table}}, source, "planning"))


_STAND_IN: Table = {"name": "-", "profile": "-"}
"""A policy file is read as the policy of a fleet; this is the fleet's model."""


@cache
def adapter() -> "TypeAdapter[FleetFile]":
    """What reads and writes a fleet as data."""
    from pydantic import TypeAdapter  # here: --help and the core need not pay its 0.1-0.3 s

    return TypeAdapter(FleetFile)


def parse(text: str, source: str) -> Table:
    """The table of a TOML text."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise InputError(f"{source}: not readable as TOML ({' '.join(str(error).split())})") from None


def validated(table: Table, source: str, policy_name: str = "policy") -> FleetFile:
    """The document, checked; as JSON, because only there strict pydantic takes dates and Decimals as TOML has them."""
    from pydantic import ValidationError

    if not table.get("model"):
        raise InputError(f"{source}: no model; expected at least one [[model]] with a name and a profile")
    try:
        document = adapter().validate_json(json.dumps(table, default=lambda value: value.isoformat()))
    except ValidationError as error:
        raise InputError(f"{source}, {explained(error, table, policy_name)}") from None
    except (RecursionError, ValueError):  # tables a thousand deep, whole numbers of thousands of digits
        raise InputError(f"{source}: too deeply nested, or a number too long; expected a fleet") from None
    for index, model in enumerate(document.model):
        wrong = complaint(model)
        if wrong is not None:
            raise InputError(f"{source}, {place(('model', index), table, policy_name)} {wrong}")
    return document


def fleet_of(document: FleetFile, *, source: str, folder: str | None, policy_source: str) -> Fleet:
    """The fleet a document means; its paths start at `folder`, or are kept where it is None."""

    def placed(names: tuple[str, ...]) -> tuple[str, ...]:
        return names if folder is None else tuple(str(Path(folder) / name) for name in names)

    url, url_file = document.database.url, document.database.url_file
    if url is not None and "://" not in url:
        url = placed((url,))[0]
    try:
        return Fleet(
            models=document.model,
            owned=document.owned,
            catalog=replace(document.catalog, files=placed(document.catalog.files)),
            policy=planning_of(document),
            pricing=document.policy.pricing or DEFAULT_PRICING,
            scaling=scaling_of(document),
            profile_files=placed(document.profiles.files),
            report=document.report,
            publish=_published(document.publish, placed),
            database=DatabaseSettings(url=url, url_file=None if url_file is None else placed((url_file,))[0]),
            daemon=DaemonSettings(
                autoscale=document.autoscale,
                metrics=document.metrics,
                cluster=document.cluster,
                router=document.router,
                server=document.server,
                providers=document.providers,
                folder="." if folder is None else folder,
            ),
            source=source,
            policy_source=policy_source,
        )
    except ValueError as error:
        raise InputError(f"{source}: {error}") from None


def _published(settings: PublishSettings, placed: Callable[[tuple[str, ...]], tuple[str, ...]]) -> PublishSettings:
    """The settings with their paths placed."""

    def at(name: str | None) -> str | None:
        return None if name is None else placed((name,))[0]

    return replace(settings, config_file=at(settings.config_file), key_file=at(settings.key_file))


def planning_of(document: FleetFile) -> PlanningPolicy:
    """The planning part of the policy as written."""
    return PlanningPolicy(**{name: getattr(document.policy, name) for name in PLANNING_KEYS})


def scaling_of(document: FleetFile) -> ScalingPolicy:
    """The scaling part of the policy as meant."""
    return document.policy.scaling or ScalingPolicy()


def scaling_preset(name: str) -> ScalingPolicy:
    """The scaling numbers of a shipped preset, with those it has in common with its plan."""
    return with_policy(default_fleet(), name).scaling


def _preset(name: str) -> PolicyFile:
    if name not in PRESETS:
        raise InputError(f"policy preset: {unknown(name, PRESETS)}")
    return read_policy_file(files.packaged_preset_text(name), source=f"preset {name}")


@cache
def _preset_tables(name: str) -> Mapping[str, Any]:
    return _policy_tables(files.packaged_preset_text(name), f"preset {name}")


def _policy_tables(text: str, source: str) -> Table:
    """The tables of a policy file by name, each known; one of [planning], [pricing] and [scaling] at least is there."""
    table = parse(text, source)
    for name, value in table.items():
        if name not in _POLICY_TABLES:
            raise InputError(f"{source}, {name}: {unknown(name, _POLICY_TABLES)}")
        if not isinstance(value, dict):
            raise InputError(f"{source}: {name} is no table; expected [{name}] and its keys")
    if not {"planning", "pricing", "scaling"} & set(table):
        raise InputError(f"{source}: no [planning] table; expected one with keys such as target_utilization")
    for key in ("preset", "pricing", "scaling"):
        if key in table.get("planning", {}):
            hint = f"a policy file is complete; expected no {key} in it" if key == "preset" else f"expected [{key}]"
            raise InputError(f"{source}, [planning] {key}: {hint}")
    return table


def _merged_pricing(base: Mapping[str, Any], written: Any) -> Any:
    """The pricing table as meant: what is written wins over `base`, also markup over margin and margin over markup."""
    if not isinstance(written, Mapping):
        return written  # refused by name when it is validated
    kinds = ("markup_ratio", "margin_ratio")
    if any(kind in written for kind in kinds):
        base = {key: value for key, value in base.items() if key not in kinds}
    merged = {**base, **written}
    if not any(kind in merged for kind in kinds):
        merged["margin_ratio"] = float(DEFAULT_PRICING.margin_ratio or 0)
    return merged


def _offers(table: Table, source: str) -> tuple[str, ...]:
    for key in table:
        if key != "only":
            raise InputError(f"{source}, [catalog] {key}: {unknown(key, ('only',))}")
    offers = table.get("only", [])
    if not isinstance(offers, list) or not all(isinstance(one, str) for one in offers):
        raise InputError(f"{source}, [catalog] only is {offers!r}; expected a list of providers or offers")
    return tuple(offers)
