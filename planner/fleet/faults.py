"""What is wrong with a fleet.toml, in one line: where in the file, and what was expected."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from planner.fleet.value import FleetFile
from planner.profile.model import Model

if TYPE_CHECKING:
    from pydantic import ValidationError

Table = dict[str, Any]
_LABELS = {"owned": "offer", "publish.model": "model"}
"""By what an entry of a list is called, where that is not its name."""
_TABLES = frozenset(one.name for one in fields(FleetFile))


def complaint(model: Model) -> str | None:
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


def explained(error: "ValidationError", table: Table, policy_name: str) -> str:
    """Where and what, for the first thing wrong; a misspelt key goes before what is missing because of it."""
    faults = error.errors(include_url=False)
    fault = next((one for one in faults if one["type"] == "unexpected_keyword_argument"), faults[0])
    where = place(fault["loc"], table, policy_name)
    if fault["type"] == "unexpected_keyword_argument":
        *parents, key = fault["loc"]
        holder = plain(hint(FleetFile, parents))
        return f"{where}: {unknown(str(key), [one.name for one in fields(holder)])}"
    if fault["type"] == "missing":
        return f"{where}: missing; expected a value"
    if fault["type"] == "value_error":
        return f"{where}: {fault['msg'].removeprefix('Value error, ')}"
    expected = fault["msg"].replace("Input should be ", "expected ")
    if fault["type"] == "tuple_type" and fault["loc"] in (("model",), ("owned",)):
        expected = f"expected tables headed [[{fault['loc'][0]}]], with two brackets"
    if fault["loc"] == ("policy", "sharing") and fault["input"] == "colocated":
        expected = f"this version does not plan it, {expected}"
    if fault["loc"][:2] == ("catalog", "shipped"):
        expected = "expected true, false or a list of providers"
    given = repr(fault["input"])
    return f"{where} is {given if len(given) <= 60 else given[:57] + '...'}; {expected}"


def place(path: Sequence[str | int], table: Table, policy_name: str) -> str:
    """A path in the document as a person finds it in the file: `[[model]] 'chat' slo.ttft_ms`, `[policy] sharing`."""
    head, *rest = path
    name = policy_name if head == "policy" else str(head)
    if head not in _TABLES:
        return name
    if head == "providers" and rest:
        name, rest = f"providers.{rest[0]}", rest[1:]
    if head == "policy" and rest and rest[0] in ("pricing", "scaling"):
        name = f"policy.{rest[0]}" if policy_name == "policy" else str(rest[0])
        rest = rest[1:]
    where = f"[{name}]"
    entries = table.get(str(head))
    if head == "publish" and rest and rest[0] == "model" and isinstance(entries, dict):
        name, entries, rest = "publish.model", entries.get("model"), rest[1:]
    if isinstance(entries, list) and rest and isinstance(rest[0], int):
        index = rest[0]
        rest = rest[1:]
        entry = entries[index]
        label = entry.get(_LABELS.get(name, "name")) if isinstance(entry, dict) else None
        where = f"[[{name}]] {label if isinstance(label, str) and label else f'number {index + 1}'}"
    known = [str(key) for key in rest if not (str(key).startswith("tuple[") or key in ("bool", "[key]"))]
    return " ".join([where, ".".join(known)]) if known else where


def hint(holder: Any, path: Sequence[str | int]) -> Any:
    """The type of a key of nested dataclasses."""
    kind = holder
    for key in path:
        inner = plain(kind)
        if isinstance(key, str) and is_dataclass(inner):
            kind = get_type_hints(inner)[key]
    return kind


def plain(kind: Any) -> Any:
    """The dataclass in `X`, `X | None` or `tuple[X, ...]`; any other type as it is."""
    if isinstance(kind, type) and get_origin(kind) is None:
        return kind
    return next((inner for inner in get_args(kind) if is_dataclass(inner)), kind)


def unknown(key: str, known: Sequence[str]) -> str:
    """The complaint about a key, with the nearest right one."""
    shown = key if len(key) <= 60 else key[:57] + "..."
    near = get_close_matches(key, known, n=1, cutoff=0.5)
    if not near:  # the same word in another table, such as ttft_ms for slo.ttft_ms
        near = [one for one in known if one.rpartition(".")[2] == key]
    if near:
        return f"unknown key {shown!r}; did you mean {near[0]!r}?"
    return f"unknown key {shown!r}; expected one of {', '.join(known)}"
