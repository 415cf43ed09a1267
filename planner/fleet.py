"""Fleet: what a fleet.toml says (models, owned servers, catalog settings, policy), and the door that reads it.

Readers take text; `planner.files` opens. Limits: the sections of the autoscaler and of the report are not read by this
version and are refused by name. pydantic is imported when the first fleet is read, not when this module is.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from planner import files
from planner.errors import InputError
from planner.profile.model import Model
from policies.planning import PlanningPolicy

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

PRESETS = ("bootstrapped", "funded", "enterprise")
DEFAULT_SOURCE = "default fleet"

_LATER = {
    "metrics": "the autoscaler",
    "cluster": "the autoscaler",
    "providers": "the autoscaler",
    "database": "the ledger",
    "report": "the monthly report",
}
_LATER_POLICY = {"pricing": "prices", "scaling": "the autoscaler"}
_PLANNING_KEYS = tuple(one.name for one in fields(PlanningPolicy))

Table = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """Servers already rented by the month, at the price in force for them; their setup fee is paid."""

    offer: str
    """Id of the offer in the catalog, such as hetzner/ax102."""
    count: int = 1
    ordered_on: date | None = None
    fee_usd_month: Decimal | None = None
    """Price in force of one server; without it, the catalog's."""
    fee_eur_month: Decimal | None = None
    """The same in EUR, converted at the catalog's rate; give one of the two."""

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count must be 1 or more, got {self.count}")
        if self.fee_usd_month is not None and self.fee_eur_month is not None:
            raise ValueError("fee_usd_month and fee_eur_month are both given; expected one")
        for name in ("fee_usd_month", "fee_eur_month"):
            fee = getattr(self, name)
            if fee is not None and fee <= 0:
                raise ValueError(f"{name} must be above 0, got {fee}")

    def fee_in_force_usd(self, usd_per_eur: Decimal | None) -> Decimal | None:
        """Monthly fee of one server in USD, or None where the fleet names none (then the catalog's is meant)."""
        if self.fee_eur_month is None:
            return self.fee_usd_month
        if usd_per_eur is None:
            raise InputError(f"owned {self.offer}: fee_eur_month needs a rate; expected usd_per_eur in [catalog]")
        return self.fee_eur_month * usd_per_eur


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogSettings:
    """Which offers the fleet may rent."""

    shipped: bool | tuple[str, ...] = True
    """The catalogs that come with Baseload: all of them, none, or those of the named providers."""
    files: tuple[str, ...] = ()
    """Catalog files of one's own, relative to the fleet file; as read, relative to the working folder."""
    only: tuple[str, ...] = ()
    """Providers or offers to keep; empty: all."""
    without: tuple[str, ...] = ()
    """Providers or offers to leave out."""
    group_max: dict[str, int] = field(default_factory=dict)
    """Nodes that all offers of a count group may have together."""
    usd_per_eur: Decimal | None = None
    """USD for one EUR, instead of the shipped rate."""
    usd_per_eur_date: date | None = None

    def __post_init__(self) -> None:
        if (self.usd_per_eur is None) != (self.usd_per_eur_date is None):
            raise ValueError("usd_per_eur and usd_per_eur_date belong together; expected both or neither")
        if self.usd_per_eur is not None and self.usd_per_eur <= 0:
            raise ValueError(f"usd_per_eur must be above 0, got {self.usd_per_eur}")
        for group, most in self.group_max.items():
            if most < 0:
                raise ValueError(f"group_max.{group} must be 0 or more, got {most}")
        if self.shipped is False and not self.files:
            raise ValueError("shipped is false and files is empty; expected some catalog")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileSettings:
    """Throughput profiles beside the shipped ones."""

    files: tuple[str, ...] = ()
    """Profile files of one's own, relative to the fleet file; as read, relative to the working folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTable(PlanningPolicy):
    """The planning policy as written: a preset, and what differs from it."""

    preset: Literal["bootstrapped", "funded", "enterprise"] | None = None
    """Start from this shipped policy; the other keys here differ from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetFile:
    """fleet.toml as written."""

    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True, "allow_inf_nan": False}

    model: tuple[Model, ...]
    owned: tuple[Owned, ...] = ()
    catalog: CatalogSettings = CatalogSettings()
    policy: PolicyTable = PolicyTable()
    profiles: ProfileSettings = ProfileSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What is served, what is owned already, what may be rented, and what a plan must respect."""

    models: tuple[Model, ...]
    owned: tuple[Owned, ...] = ()
    catalog: CatalogSettings = CatalogSettings()
    policy: PlanningPolicy = field(default_factory=PlanningPolicy)
    profile_files: tuple[str, ...] = ()
    source: str = DEFAULT_SOURCE
    """The file it was read from."""
    policy_source: str = DEFAULT_SOURCE
    """Where the policy comes from, for the plan's provenance."""

    def __post_init__(self) -> None:
        if not self.models:
            raise ValueError("no model; expected at least one [[model]]")
        names = [model.name for model in self.models]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"model {name!r} appears twice; expected each name once")

    @property
    def model_names(self) -> tuple[str, ...]:
        """Names of the models, in the order of the file."""
        return tuple(model.name for model in self.models)


def read_fleet(text: str, *, source: str, folder: str = ".") -> Fleet:
    """The fleet of a TOML text. `folder` is where the paths in it start: the folder of the fleet file."""
    table = _parse(text, source)
    for name in table:
        if name in _LATER:
            raise InputError(f"{source}, [{name}]: not read by this version of baseload ({_LATER[name]}); remove it")
    policy_source = source
    policy = table.get("policy")
    if isinstance(policy, dict) and "preset" in policy:
        preset = policy["preset"]
        if preset not in PRESETS:
            raise InputError(f"{source}, [policy] preset: {_unknown(str(preset), PRESETS)}")
        policy_source = f"{source} (preset {preset})"
        table = {**table, "policy": {**_preset_table(preset), **policy}}
    return _fleet(_validated(table, source), source=source, folder=folder, policy_source=policy_source)


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
    if name not in PRESETS:
        raise InputError(f"policy preset: {_unknown(name, PRESETS)}")
    return read_policy(files.packaged_preset_text(name), source=f"preset {name}")


def read_policy(text: str, *, source: str) -> PlanningPolicy:
    """The planning policy of a TOML text with a [planning] table."""
    return _planning(_validated({"model": [_STAND_IN], "policy": _planning_table(text, source)}, source, "planning"))


def with_policy(fleet: Fleet, preset_or_file: str) -> Fleet:
    """The fleet under another policy: a preset by name, or a TOML file with a [planning] table (`--policy`)."""
    if preset_or_file in PRESETS:
        return replace(fleet, policy=planning_preset(preset_or_file), policy_source=f"preset {preset_or_file}")
    if not Path(preset_or_file).exists():
        raise InputError(f"--policy {preset_or_file}: no such file or preset; expected {', '.join(PRESETS)} or a file")
    policy = read_policy(files.read_text(preset_or_file), source=preset_or_file)
    return replace(fleet, policy=policy, policy_source=preset_or_file)


def known_set_keys() -> tuple[str, ...]:
    """The keys `apply_set` knows: those of the policy, then those of a model (also as MODEL.key)."""
    return (*_PLANNING_KEYS, *(key for key in _model_keys() if key not in _PLANNING_KEYS))


def apply_set(fleet: Fleet, setting: str) -> Fleet:
    """The fleet with one KEY=VALUE changed: a policy key, a model key (of every model), or MODEL.key (of one)."""
    if not setting.isprintable():
        raise InputError(f"--set {setting!r}: expected KEY=VALUE on one line")
    key, equals, written = (part.strip() for part in setting.partition("="))
    source = f"--set {setting}"
    if not (key and equals and written):
        raise InputError(f"{source}: expected KEY=VALUE, such as target_utilization=0.6")
    names, model_key = _of_model(fleet, key)
    document = _document(fleet)
    if model_key is None and key in _PLANNING_KEYS:
        document["policy"][key] = _value(written, _hint(PolicyTable, [key]))
    elif (model_key or key) in _model_keys():
        path = (model_key or key).split(".")
        value = _value(written, _hint(Model, path))
        for table in document["model"]:
            if table["name"] in names:
                _put(table, path, value)
    else:
        known = _model_keys() if model_key is not None else known_set_keys()
        raise InputError(f"{source}: {_unknown(model_key or key, known)}")
    return _fleet(_validated(document, source), source=fleet.source, folder=None, policy_source=fleet.policy_source)


def fleet_schema() -> Table:
    """The JSON Schema (2020-12) of fleet.toml, read as JSON: dates are strings, floats numbers."""
    from pydantic import TypeAdapter

    class Described(FleetFile):
        __pydantic_config__: ClassVar = {**FleetFile.__pydantic_config__, "use_attribute_docstrings": True}

    schema = TypeAdapter(Described).json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "fleet.toml",
        "description": "A fleet for `baseload plan`: models, owned servers, catalog settings, policy.",
        **{key: value for key, value in schema.items() if key not in ("title", "description")},
    }


def fleet_schema_text() -> str:
    """The published file docs/schemas/fleet.schema.json."""
    return json.dumps(fleet_schema(), indent=2, ensure_ascii=False) + "\n"


_STAND_IN: Table = {"name": "-", "profile": "-"}
"""A policy file is read as the policy of a fleet; this is the fleet's model."""


@cache
def _adapter() -> "TypeAdapter[FleetFile]":
    from pydantic import TypeAdapter  # here: --help and the core need not pay its 0.1-0.3 s

    return TypeAdapter(FleetFile)


def _parse(text: str, source: str) -> Table:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise InputError(f"{source}: not readable as TOML ({' '.join(str(error).split())})") from None


def _validated(table: Table, source: str, policy_name: str = "policy") -> FleetFile:
    """The document, checked; as JSON, because only there strict pydantic takes dates and Decimals as TOML has them."""
    from pydantic import ValidationError

    if not table.get("model"):
        raise InputError(f"{source}: no model; expected at least one [[model]] with a name and a profile")
    try:
        document = _adapter().validate_json(json.dumps(table, default=lambda value: value.isoformat()))
    except ValidationError as error:
        raise InputError(f"{source}, {_explained(error, table, policy_name)}") from None
    except (RecursionError, ValueError):  # tables a thousand deep, whole numbers of thousands of digits
        raise InputError(f"{source}: too deeply nested, or a number too long; expected a fleet") from None
    for index, model in enumerate(document.model):
        complaint = _complaint(model)
        if complaint is not None:
            raise InputError(f"{source}, {_place(('model', index), table, policy_name)} {complaint}")
    return document


def _fleet(document: FleetFile, *, source: str, folder: str | None, policy_source: str) -> Fleet:
    def placed(names: tuple[str, ...]) -> tuple[str, ...]:
        return names if folder is None else tuple(str(Path(folder) / name) for name in names)

    try:
        return Fleet(
            models=document.model,
            owned=document.owned,
            catalog=replace(document.catalog, files=placed(document.catalog.files)),
            policy=_planning(document),
            profile_files=placed(document.profiles.files),
            source=source,
            policy_source=policy_source,
        )
    except ValueError as error:
        raise InputError(f"{source}: {error}") from None


def _planning(document: FleetFile) -> PlanningPolicy:
    return PlanningPolicy(**{name: getattr(document.policy, name) for name in _PLANNING_KEYS})


def _document(fleet: Fleet) -> Table:
    """The fleet as a table that can be changed and read again."""
    written = FleetFile(
        model=fleet.models,
        owned=fleet.owned,
        catalog=fleet.catalog,
        policy=PolicyTable(**{name: getattr(fleet.policy, name) for name in _PLANNING_KEYS}),
        profiles=ProfileSettings(files=fleet.profile_files),
    )
    document: Table = _adapter().dump_python(written, mode="json")
    return document


@cache
def _preset_table(name: str) -> Mapping[str, Any]:
    return _planning_table(files.packaged_preset_text(name), f"preset {name}")


def _planning_table(text: str, source: str) -> Table:
    table = _parse(text, source)
    for name in table:
        if name in _LATER_POLICY:
            raise InputError(f"{source}, [{name}]: not read by this version ({_LATER_POLICY[name]}); remove it")
        if name != "planning":
            raise InputError(f"{source}, {name}: {_unknown(name, ('planning',))}")
    planning = table.get("planning")
    if not isinstance(planning, dict):
        raise InputError(f"{source}: no [planning] table; expected one with keys such as target_utilization")
    if "preset" in planning:
        raise InputError(f"{source}, [planning] preset: a policy file is complete; expected no preset in it")
    return planning


def _complaint(model: Model) -> str | None:
    """What is wrong with the numbers of a model, as `key ...`, or None."""
    if not model.name.strip() or not model.name.isprintable():
        return f"name must be a printable text, got {model.name!r}"
    if not 0 <= model.cache_hit_ratio < 1:
        return f"cache_hit_ratio must be in [0, 1), got {model.cache_hit_ratio:g}"
    if model.load_time_s < 0:
        return f"load_time_s must be 0 or more, got {model.load_time_s:g}"
    if model.memory is not None and not 0 < model.memory.gpu_memory_utilization <= 1:
        return f"memory.gpu_memory_utilization must be in (0, 1], got {model.memory.gpu_memory_utilization:g}"
    for key, value in _flat(asdict(model)).items():
        if isinstance(value, bool) or key in ("cache_hit_ratio", "load_time_s"):
            continue
        if isinstance(value, int | float | Decimal) and value <= 0:
            return f"{key} must be above 0, got {value}"
    return None


def _flat(table: Mapping[str, Any], prefix: str = "") -> Table:
    flat: Table = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


@cache
def _model_keys() -> tuple[str, ...]:
    """The keys of a model as --set writes them: cache_hit_ratio, slo.ttft_ms, memory.weights_gib ..."""
    keys: list[str] = []
    for name, hint in get_type_hints(Model).items():
        inner = _plain(hint)
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


def _value(written: str, hint: Any) -> Any:
    """The value of a --set: read as TOML writes it; bare words are text, and `none` empties a key that may be empty."""
    if written == "none" and NoneType in get_args(hint):
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


def _explained(error: "ValidationError", table: Table, policy_name: str) -> str:
    """Where and what, for the first thing wrong; a misspelt key goes before what is missing because of it."""
    faults = error.errors(include_url=False)
    fault = next((one for one in faults if one["type"] == "unexpected_keyword_argument"), faults[0])
    place = _place(fault["loc"], table, policy_name)
    if fault["type"] == "unexpected_keyword_argument":
        *parents, key = fault["loc"]
        holder = _plain(_hint(FleetFile, parents))
        return f"{place}: {_unknown(str(key), [one.name for one in fields(holder)])}"
    if fault["type"] == "missing":
        return f"{place}: missing; expected a value"
    if fault["type"] == "value_error":
        return f"{place}: {fault['msg'].removeprefix('Value error, ')}"
    expected = fault["msg"].replace("Input should be ", "expected ")
    if fault["type"] == "tuple_type" and fault["loc"] in (("model",), ("owned",)):
        expected = f"expected tables headed [[{fault['loc'][0]}]], with two brackets"
    if fault["loc"] == ("policy", "sharing") and fault["input"] == "colocated":
        expected = f"this version does not plan it, {expected}"
    if fault["loc"][:2] == ("catalog", "shipped"):
        expected = "expected true, false or a list of providers"
    given = repr(fault["input"])
    return f"{place} is {given if len(given) <= 60 else given[:57] + '...'}; {expected}"


def _place(path: Sequence[str | int], table: Table, policy_name: str) -> str:
    """A path in the document as a person finds it in the file: `[[model]] 'chat' slo.ttft_ms`, `[policy] sharing`."""
    head, *rest = path
    name = policy_name if head == "policy" else str(head)
    if head not in ("model", "owned", "catalog", "policy", "profiles"):
        return name
    place = f"[{name}]"
    if rest and isinstance(rest[0], int):
        index = rest[0]
        rest = rest[1:]
        entries = table[str(head)]
        entry = entries[index]
        label = entry.get("name" if head == "model" else "offer") if isinstance(entry, dict) else None
        place = f"[[{name}]] {label if isinstance(label, str) and label else f'number {index + 1}'}"
    known = [str(key) for key in rest if not (str(key).startswith("tuple[") or key in ("bool", "[key]"))]
    return " ".join([place, ".".join(known)]) if known else place


def _hint(holder: Any, path: Sequence[str | int]) -> Any:
    """The type of a key of nested dataclasses."""
    hint = holder
    for key in path:
        inner = _plain(hint)
        if isinstance(key, str) and is_dataclass(inner):
            hint = get_type_hints(inner)[key]
    return hint


def _plain(hint: Any) -> Any:
    """The dataclass in `X`, `X | None` or `tuple[X, ...]`; any other type as it is."""
    if isinstance(hint, type) and get_origin(hint) is None:
        return hint
    return next((inner for inner in get_args(hint) if is_dataclass(inner)), hint)


def _unknown(key: str, known: Sequence[str]) -> str:
    """The complaint about a key, with the nearest right one."""
    shown = key if len(key) <= 60 else key[:57] + "..."
    near = get_close_matches(key, known, n=1, cutoff=0.5)
    if not near:  # the same word in another table, such as ttft_ms for slo.ttft_ms
        near = [one for one in known if one.rpartition(".")[2] == key]
    if near:
        return f"unknown key {shown!r}; did you mean {near[0]!r}?"
    return f"unknown key {shown!r}; expected one of {', '.join(known)}"
