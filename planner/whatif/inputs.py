"""Uncertain inputs of a plan: which, and how far each may lie below and above what was given. Opens nothing.

The defaults are stated amounts, not measured spreads; `--vary` and a file replace them:

[[input]]
name = "AWS dearer or cheaper"
low = ["price.aws=*0.7"]      # KEY=VALUE each, as --set takes them
high = ["price.aws=*1.5"]
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from planner.case import Case
from planner.catalog.nearest import nearest
from planner.catalog.select import chosen
from planner.errors import InputError
from planner.profile.model import Model
from planner.whatif.settings import provider_lines

DEMAND, MIX, PRICE, THROUGHPUT = ("*0.8", "*1.2"), ("*0.8", "*1.25"), ("*0.8", "*1.2"), (0.85, 1.15)
PENALTY, INTERRUPTIONS = (Decimal("0.5"), Decimal(2)), ("*0.5", "*2")
CACHE_STEP, UTILIZATION_STEP = 0.1, 0.1
LEAST_UTILIZATION, MOST_CACHED = 0.05, 0.99
MARKETS = ("base", "on-demand", "spot")
KEYS = ("name", "low", "high")
MOST_INPUTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """One input and its two ends."""

    name: str
    low: Mapping[str, str]
    """Settings, key -> value as --set takes them."""
    high: Mapping[str, str]
    option: str = "--vary"
    """What a person wrote them with."""


def default_inputs(case: Case) -> tuple[Uncertain, ...]:
    """What moves most plans, each by its stated amounts; what the case has none of is left out."""
    found = [
        _one("demand", *DEMAND),
        _one("demand.mix", *MIX),
        _of_models(case, "cache_hit_ratio", _cached),
        _of_models(case, "throughput_factor", lambda model: tuple(model.throughput_factor * f for f in THROUGHPUT)),
        *(_one(f"price.{group}", *PRICE) for group in price_groups(case)),
        _penalty(case),
        _utilization(case),
    ]
    if any(offer.is_spot and offer.interruptions_per_hour for offer in case.catalog):
        found.append(_one("interruptions.spot", *INTERRUPTIONS))
    return tuple(found)


def price_groups(case: Case) -> Iterator[str]:
    """Each market of each provider line that the catalog has offers of, such as aws.spot."""
    for line in provider_lines(case.catalog):
        for market in MARKETS:
            try:
                chosen(case.catalog, f"{line}.{market}")
            except InputError:
                continue
            yield f"{line}.{market}"


def varied(inputs: Sequence[Uncertain], written: Sequence[str]) -> tuple[Uncertain, ...]:
    """The inputs with each KEY=LOW,HIGH in place of the one of that name, or after them."""
    found = {one.name: one for one in inputs}
    for text in written:
        key, equals, ends = (part.strip() for part in text.partition("="))
        values = [part.strip() for part in ends.split(",")]
        if not (key and equals and len(values) == 2 and all(values)):
            raise InputError(f"--vary {text}: expected KEY=LOW,HIGH, such as demand=*0.7,*1.5")
        found[key] = _one(key, *values)
    return tuple(found.values())


def read_inputs(text: str, source: str) -> tuple[Uncertain, ...]:
    """The inputs of a TOML text, in its order."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise InputError(f"{source}: not readable as TOML ({' '.join(str(error).split())})") from None
    for key in table:
        if key != "input":
            raise InputError(f"{source}: unknown key {key!r}; expected [[input]]")
    blocks = table.get("input")
    if not (isinstance(blocks, list) and blocks and all(isinstance(block, dict) for block in blocks)):
        raise InputError(f"{source}: no input; expected at least one [[input]] with name, low and high")
    if len(blocks) > MOST_INPUTS:
        raise InputError(f"{source}: {len(blocks)} inputs; expected at most {MOST_INPUTS}")
    found = [_input(block, number, source) for number, block in enumerate(blocks, start=1)]
    for one in found:
        if sum(other.name == one.name for other in found) > 1:
            raise InputError(f"{source}, [[input]] {one.name!r}: the name appears twice; expected each name once")
    return tuple(found)


def _input(block: Mapping[str, Any], number: int, source: str) -> Uncertain:
    name = block.get("name")
    place = (
        f"{source}, [[input]] {name!r}" if isinstance(name, str) and name else f"{source}, [[input]] number {number}"
    )
    for key in block:
        if key not in KEYS:
            near = nearest(key, KEYS)
            raise InputError(f"{place}: unknown key {key!r}; expected {near[0] if near else ', '.join(KEYS)}")
    if not (isinstance(name, str) and name.strip() and name.isprintable()):
        raise InputError(f"{place} name is {name!r}; expected a short text on one line")
    low, high = (_settings(block.get(end), f"{place} {end}") for end in ("low", "high"))
    return Uncertain(name=name.strip(), low=low, high=high, option=f"{source}:")


def _settings(written: object, place: str) -> dict[str, str]:
    if not (
        isinstance(written, list) and all(isinstance(one, str) and one.partition("=")[2].strip() for one in written)
    ):
        raise InputError(f'{place} is {written!r:.60}; expected a list of texts such as ["demand=*0.8"]')
    return {key.strip(): value.strip() for key, _, value in (one.partition("=") for one in written)}


def _one(key: str, low: str, high: str) -> Uncertain:
    return Uncertain(name=key, low={key: low}, high={key: high})


def _of_models(case: Case, key: str, ends: Callable[[Model], tuple[float, ...]]) -> Uncertain:
    """A key of every model that has demand, each around its own value."""
    around = {_key(case, model, key): ends(model) for model in case.models}
    return Uncertain(
        name=key,
        low={named: _plain(low) for named, (low, _) in around.items()},
        high={named: _plain(high) for named, (_, high) in around.items()},
    )


def _key(case: Case, model: Model, key: str) -> str:
    return key if len(case.fleet.models) == 1 else f"{model.name}.{key}"


def _cached(model: Model) -> tuple[float, ...]:
    ratio = model.cache_hit_ratio
    return max(0.0, ratio - CACHE_STEP), min(MOST_CACHED, ratio + CACHE_STEP)


def _utilization(case: Case) -> Uncertain:
    target = case.fleet.policy.target_utilization
    low, high = max(LEAST_UTILIZATION, target - UTILIZATION_STEP), min(1.0, target + UTILIZATION_STEP)
    return _one("target_utilization", _plain(low), _plain(high))


def _penalty(case: Case) -> Uncertain:
    """The penalty of the policy, and of each model that has its own."""
    key, policy = "unserved_usd_mtok", case.fleet.policy.unserved_usd_mtok
    own = {f"{model.name}.{key}": model.unserved_usd_mtok for model in case.models if model.unserved_usd_mtok}
    low, high = (
        {name: f"{(usd * factor).normalize():f}" for name, usd in {key: policy, **own}.items()} for factor in PENALTY
    )
    return replace(_one(key, "", ""), low=low, high=high)


def _plain(value: float) -> str:
    return f"{value:.6g}"
