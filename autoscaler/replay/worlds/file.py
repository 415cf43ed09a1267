"""The door of a replay's world: a TOML text in, WorldFile out. What is wrong is one line: file, key, what was expected.

The keys are those of settings.py; packaged worlds, commented, lie beside this module.
pydantic is imported when the first file is read.
"""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from importlib.resources import files as packaged
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoscaler.replay.worlds.settings import WorldFile
from planner import files
from planner.errors import InputError
from planner.fleet.faults import Table, hint, plain, unknown

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

PACKAGED = ("reference", "realistic")
"""Worlds that come with the package, as `--world` names them."""


def load_world(name_or_path: str) -> WorldFile:
    """The world of a packaged name, or of a TOML file."""
    if name_or_path in PACKAGED:
        return read_world(packaged_world_text(name_or_path), source=f"world {name_or_path}", name=name_or_path)
    if not Path(name_or_path).exists():
        raise InputError(f"--world {name_or_path}: no such file or world; expected {', '.join(PACKAGED)} or a file")
    return read_world(files.read_text(name_or_path), source=name_or_path, name=Path(name_or_path).stem)


def packaged_world_text(name: str) -> str:
    """The commented TOML of a packaged world."""
    return (packaged("autoscaler.replay") / "worlds" / f"{name}.toml").read_text(encoding="utf-8")


def read_world(text: str, *, source: str, name: str = "") -> WorldFile:
    """The world of a TOML text; `name` is what it is called where it does not say."""
    from pydantic import ValidationError

    table: Table = {}
    try:
        table = tomllib.loads(text)
        document = json.dumps({"name": name, **table}, default=lambda value: value.isoformat())
        return _adapter().validate_json(document)
    except ValidationError as error:
        raise InputError(f"{source}, {_explained(error, table)}") from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise InputError(f"{source}: not readable as TOML ({' '.join(str(error).split())})") from None


@cache
def _adapter() -> "TypeAdapter[WorldFile]":
    from pydantic import TypeAdapter

    return TypeAdapter(WorldFile)


def _explained(error: "ValidationError", table: Table) -> str:
    """Where and what, for the first thing wrong; a misspelt key goes before what is missing because of it."""
    faults = error.errors(include_url=False)
    fault = next((one for one in faults if one["type"] == "unexpected_keyword_argument"), faults[0])
    where = _place(fault["loc"], table)
    if fault["type"] == "unexpected_keyword_argument":
        *parents, key = fault["loc"]
        known = [one.name for one in fields(plain(hint(WorldFile, parents)))]
        return f"{_place(parents, table)}: {unknown(str(key), known)}".removeprefix(": ")
    if fault["type"] == "missing":
        return f"{where}: missing; expected a value"
    if fault["type"] == "value_error":
        return f"{where}: {fault['msg'].removeprefix('Value error, ')}".removeprefix(": ")
    expected = fault["msg"].replace("Input should be ", "expected ")
    if fault["type"] == "tuple_type" and fault["loc"] in (("pool",), ("base",)):
        expected = f"expected tables headed [[{fault['loc'][0]}]], with two brackets"
    given = repr(fault["input"])
    return f"{where} is {given if len(given) <= 60 else given[:57] + '...'}; {expected}"


def _place(path: Sequence[str | int], table: Table) -> str:
    """A path in the document as a person finds it in the file: `[[pool]] aws.spot price_walk.revert_h`, `tick_s`."""
    if not path:
        return ""
    head, *rest = path
    if head not in ("pool", "base", "serving", "group_max"):
        return str(head)
    where = f"[{head}]"
    if head in ("pool", "base") and rest and isinstance(rest[0], int):
        index, *rest = rest
        where = f"[[{head}]] {_label(table[str(head)][index], int(index))}"
    keys = ".".join(str(key) for key in rest)
    return f"{where} {keys}" if keys else where


def _label(entry: Any, index: int) -> str:
    """What a block is called: its selector or offer, else its number."""
    label = (entry.get("offers") or entry.get("offer")) if isinstance(entry, dict) else None
    return label if isinstance(label, str) and label else f"number {index + 1}"
