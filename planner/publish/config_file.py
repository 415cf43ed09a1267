"""LiteLLM's config.yaml: prices put in, comments and all that is not ours kept. Text in, text out."""

import difflib
from collections.abc import Sequence
from decimal import Decimal
from io import StringIO
from typing import Any

from planner.errors import InputError
from planner.publish.entry import COSTS, OURS, Change, Entry, Kind


def entries_of(text: str, *, source: str) -> list[Entry]:
    """The models the file lists. Raises InputError."""
    return [_plain(one) for one in _list_of(_read(text, source), source)]


def with_changes(text: str, changes: Sequence[Change], *, source: str) -> str:
    """The file with these changes made. Raises InputError."""
    document = _read(text, source)
    listed = _list_of(document, source)
    for change in changes:
        if change.kind is Kind.KEPT:
            continue
        if change.place is None:
            listed.append(change.after)
            continue
        held = listed[change.place]
        for part in ("litellm_params", "model_info"):
            if not isinstance(held.get(part), dict):  # written as an empty key
                held[part] = {}
            held[part].update(change.after[part])
    if "model_list" not in document:
        document["model_list"] = listed
    out = StringIO()
    _yaml().dump(document, out)
    return out.getvalue()


def diff(before: str, after: str, *, source: str) -> list[str]:
    """Lines of a unified diff."""
    return [
        line.rstrip("\n")
        for line in difflib.unified_diff(
            before.splitlines(keepends=True), after.splitlines(keepends=True), source, f"{source}, published", n=1
        )
    ]


def diff_of_entries(changes: Sequence[Change], *, source: str) -> list[str]:
    """Lines of a unified diff of what publishing changes at a proxy: of each entry, only what is told."""
    before, after = (
        [_told(entry) for one in changes if one.kind is not Kind.KEPT and (entry := getattr(one, side)) is not None]
        for side in ("before", "after")
    )
    return diff(_dumped(before), _dumped(after), source=source)


def _told(entry: Entry) -> Entry:
    """Costs and what is said beside them: the rest of a proxy's entry is its own, its keys among it."""
    params, info = (entry.get(part) or {} for part in ("litellm_params", "model_info"))
    return {
        "model_name": entry.get("model_name"),
        "litellm_params": {key: params[key] for key in ("model", "api_base", *COSTS) if key in params},
        "model_info": {key: info[key] for key in ("id", *COSTS, *OURS) if key in info},
    }


def _dumped(entries: list[Entry]) -> str:
    if not entries:
        return ""
    out = StringIO()
    _yaml().dump(entries, out)
    return out.getvalue()


def _read(text: str, source: str) -> Any:
    from ruamel.yaml.error import YAMLError

    try:
        document = _yaml().load(text) if text.strip() else {}
    except YAMLError as error:
        raise InputError(f"{source}: not readable as YAML ({' '.join(str(error).split())})") from None
    if not isinstance(document, dict):
        raise InputError(f"{source}: expected a table with model_list, got {type(document).__name__}")
    return document


def _list_of(document: Any, source: str) -> Any:
    listed = document.get("model_list")
    if listed is None:
        return []
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise InputError(f"{source}: model_list: expected a list of models")
    return listed


def _plain(value: Any) -> Any:
    """Without what the YAML library keeps for writing."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(float, _float)
    return yaml


def _float(representer: Any, value: float) -> Any:
    """Prices in plain decimals, for 7e-07 is a text to YAML 1.1, which LiteLLM reads."""
    text = format(Decimal(repr(value)), "f")
    return representer.represent_scalar("tag:yaml.org,2002:float", text if "." in text else f"{text}.0")
