"""Named scenarios from a TOML file: what to change, in the words of the command line. Takes text; opens nothing.

[[scenario]]
name = "AWS dearer"
set = ["price.aws=*1.2"]      # also: without, only, slo (lists), policy (text), measured_only (true)
"""

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

from planner.catalog.nearest import nearest
from planner.errors import InputError
from planner.fleet import PRESETS
from planner.whatif.change import Change

LISTS = {"set": "demand=*1.5", "without": "ovh", "only": "hetzner", "slo": "ttft_ms=500"}
"""Keys that hold a list, each with an example of an entry."""
KEYS = ("name", *LISTS, "policy", "measured_only")
MAX_SCENARIOS = 5_000


def read_scenarios(text: str, source: str, folder: str = ".") -> tuple[Change, ...]:
    """The scenarios of a TOML text, in its order. `folder` is where the policy files named in it are looked for."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise InputError(f"{source}: not readable as TOML ({' '.join(str(error).split())})") from None
    for key in table:
        if key != "scenario":
            raise InputError(f"{source}: {_unknown(key, ('scenario',))}")
    blocks = table.get("scenario")
    if isinstance(blocks, dict):
        raise InputError(f"{source}: [scenario] has one bracket; expected tables headed [[scenario]], with two")
    if not (isinstance(blocks, list) and blocks and all(isinstance(block, dict) for block in blocks)):
        raise InputError(f"{source}: no scenario; expected at least one [[scenario]] with a name and what it changes")
    if len(blocks) > MAX_SCENARIOS:
        raise InputError(f"{source}: {len(blocks)} scenarios; expected at most {MAX_SCENARIOS}")
    changes = tuple(_change(block, number, source, folder) for number, block in enumerate(blocks, start=1))
    for name, count in Counter(change.name for change in changes).items():
        if count > 1:
            raise InputError(f"{source}, [[scenario]] {name!r}: the name appears twice; expected each name once")
    return changes


def _change(block: dict[str, Any], number: int, source: str, folder: str) -> Change:
    name = block.get("name")
    is_named = isinstance(name, str) and bool(name.strip())
    place = f"{source}, [[scenario]] {name!r}" if is_named else f"{source}, [[scenario]] number {number}"
    for key in block:
        if key not in KEYS:
            raise InputError(f"{place}: {_unknown(key, KEYS)}")
    if not (is_named and isinstance(name, str) and name.isprintable()):
        raise InputError(f"{place} name is {name!r}; expected a short text on one line")
    policy = block.get("policy")
    if policy is not None and not (isinstance(policy, str) and policy.strip()):
        raise InputError(f"{place} policy is {policy!r}; expected {', '.join(PRESETS)} or a file")
    measured_only = block.get("measured_only", False)
    if not isinstance(measured_only, bool):
        raise InputError(f"{place} measured_only is {measured_only!r}; expected true or false")
    change = Change(
        name=name.strip(),
        settings=_list(block, "set", place),
        without=_list(block, "without", place),
        only=_list(block, "only", place),
        slo=_list(block, "slo", place),
        policy=policy if policy is None or policy in PRESETS else str(Path(folder) / policy),
        measured_only=measured_only,
    )
    if not change.words:
        raise InputError(f"{place} changes nothing; expected one of {', '.join(KEYS[1:])}")
    return change


def _list(block: dict[str, Any], key: str, place: str) -> tuple[str, ...]:
    written = block.get(key, [])
    if isinstance(written, list) and all(isinstance(one, str) and one.strip() for one in written):
        return tuple(written)
    raise InputError(f'{place} {key} is {_short(written)}; expected a list of texts such as ["{LISTS[key]}"]')


def _unknown(key: str, known: tuple[str, ...]) -> str:
    near = nearest(key, known)
    return f"unknown key {_short(key)}; " + (f"did you mean {near[0]!r}?" if near else f"expected {', '.join(known)}")


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
