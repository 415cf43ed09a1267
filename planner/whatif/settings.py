"""One KEY=VALUE of a what-if applied to a case: demand, prices, limits here; policy and model keys by `fleet`.

Demand keys, also as MODEL.key for one model. All keep every scenario's probability and the horizon's hours:
- `demand=*1.5`, `demand.input=*2`, `demand.output=*0.5`: times a factor;
- `demand.shift=0.3@12h`: of each hour's demand, 0.3 comes 12 hours later (earlier: `-12h`); the horizon's last hours
  wrap around to its first, so that the tokens stay the same. `6h` alone shifts all of it;
- `demand.floor=0.5`: every hour has at least 0.5 x the mean hour of its model and scenario, input and output apart;
- `demand.mix=*1.2`, `demand.peakiness=2`: more input tokens for each output token; higher peaks (see `reshape`).

`price.OFFERS=`, `interruptions.OFFERS=`, `max_count.OFFERS=` and `group_max.GROUP=` change the catalog.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from planner.case import Case
from planner.catalog.nearest import nearest
from planner.catalog.offer import Catalog
from planner.catalog.select import chosen, reprice
from planner.demand.forecast import Forecast
from planner.errors import InputError
from planner.fleet import apply_set, known_set_keys
from planner.whatif.reshape import mixed, peaked

Floats = NDArray[np.float64]
Reshape = Callable[[Floats], Floats]
"""Demand of one model to other demand, (scenarios, hours) tok/s."""

DEMAND_KEYS = (
    "demand",
    "demand.input",
    "demand.output",
    "demand.shift",
    "demand.floor",
    "demand.mix",
    "demand.peakiness",
)
CATALOG_KEYS = {
    "price": "price.aws=*1.2",
    "interruptions": "interruptions.aws.spot=*2",
    "max_count": "max_count.ovh=5",
    "group_max": "group_max.hetzner-cloud=20",
}
"""Keys that are followed by offers or a group, each with an example."""
MAX_FACTOR = 1_000_000
"""Demand beyond this is a slip of the pen, and numbers no solver can compare."""
MAX_PEAKINESS = 10
"""Demand to a higher power is a single hour."""
MAX_PRICE_USD = 1_000_000_000
MARKET_WORDS = {
    "base": ("base",),
    "burst": ("on-demand", "spot"),
    "on-demand": ("on-demand",),
    "spot": ("spot",),
}
"""Selectors that mean a market of every provider."""


def apply_setting(case: Case, setting: str) -> Case:
    """The case with one KEY=VALUE changed; what is wrong with it is an InputError naming the setting."""
    source = f"--set {setting}"
    if not setting.isprintable():
        raise InputError(f"--set {setting!r}: expected KEY=VALUE on one line")
    key, equals, value = (part.strip() for part in setting.partition("="))
    if not (key and equals and value):
        raise InputError(f"{source}: expected KEY=VALUE, such as demand=*1.5")
    model, plain = _of_model(case, key)
    try:
        if plain in DEMAND_KEYS:
            forecast = _demand(case, model, plain, value)
            return replace(case, forecast=replace(forecast, source=f"{forecast.source}, {setting.strip()}"))
        head, dot, rest = key.partition(".")
        if head in CATALOG_KEYS:
            if not (dot and rest):
                raise InputError(f"{head} of what? expected {CATALOG_KEYS[head]}")
            return replace(case, catalog=_catalog(case.catalog, head, rest, value))
    except (InputError, ValueError) as error:
        raise InputError(f"{source}: {error}") from None
    except ArithmeticError:
        raise InputError(f"{source}: makes a price without end; expected one that could be paid") from None
    if plain not in known_set_keys():
        raise InputError(f"{source}: {_unknown(case, key)}")
    fleet = apply_set(case.fleet, setting)
    return replace(case, fleet=replace(fleet, policy_source=f"{fleet.policy_source}, {setting.strip()}"))


def spelt_out(catalog: Catalog, selectors: Iterable[str]) -> tuple[str, ...]:
    """The selectors with `base`, `burst`, `spot` and `on-demand` spelt out as those of every provider line."""
    found: list[str] = []
    for selector in selectors:
        lines = provider_lines(catalog)
        if selector not in MARKET_WORDS or selector in lines:
            found.append(selector)
            continue
        markets = [f"{line}.{market}" for line in lines for market in MARKET_WORDS[selector]]
        spelt = [market for market in markets if _means_any(catalog, market)]
        if not spelt:
            raise InputError(f"selector {selector!r} matches no offer; expected one that is in the catalog")
        found += spelt
    return tuple(found)


def provider_lines(catalog: Catalog) -> list[str]:
    """Providers, without those a shorter name means too: hetzner stands for hetzner-cloud."""
    providers = sorted({offer.provider for offer in catalog})
    return [one for one in providers if not any(one.startswith(f"{other}-") for other in providers)]


def _means_any(catalog: Catalog, selector: str) -> bool:
    try:
        return bool(chosen(catalog, selector))
    except InputError:
        return False


def _catalog(catalog: Catalog, key: str, rest: str, value: str) -> Catalog:
    if key == "price":
        for selector in spelt_out(catalog, [rest]):
            catalog = reprice(catalog, selector, value)
        if any(max(offer.price_usd_hour or 0, offer.fee_usd_month or 0) > MAX_PRICE_USD for offer in catalog):
            raise InputError(f"makes a price of over {MAX_PRICE_USD:,} USD; expected one that could be paid")
        return catalog
    if key == "group_max":
        return _with_group_max(catalog, rest, value)
    ids = {offer.id for selector in spelt_out(catalog, [rest]) for offer in chosen(catalog, selector)}
    if key == "interruptions":
        return _interrupted(catalog, ids, _factor(value))
    most = _count(value)
    offers = tuple(replace(offer, max_count=most) if offer.id in ids else offer for offer in catalog)
    return replace(catalog, offers=offers)


def _interrupted(catalog: Catalog, ids: set[str], factor: float) -> Catalog:
    """The catalog with interruptions of these offers times a factor; one that knows of none is an error."""
    taken = {offer.id: offer.interruptions_per_hour for offer in catalog if offer.id in ids}
    if not any(rate is not None for rate in taken.values()):
        raise InputError("none of these offers has a rate of interruptions; expected spot offers")
    offers = tuple(
        offer if (rate := taken.get(offer.id)) is None else replace(offer, interruptions_per_hour=rate * factor)
        for offer in catalog
    )
    return replace(catalog, offers=offers)


def _with_group_max(catalog: Catalog, group: str, value: str) -> Catalog:
    """The catalog with another limit for a count group; `none` takes its offers out of the group."""
    if group not in catalog.group_max:
        near = nearest(group, catalog.group_max)
        known = ", ".join(sorted(catalog.group_max)) or "none in this catalog"
        raise InputError(f"unknown group {group!r}; " + (f"did you mean {near[0]!r}?" if near else f"expected {known}"))
    most = _count(value)
    if most is not None:
        return replace(catalog, group_max={**catalog.group_max, group: most})
    return replace(
        catalog,
        offers=tuple(replace(o, count_group=None) if o.count_group == group else o for o in catalog),
        group_max={name: limit for name, limit in catalog.group_max.items() if name != group},
    )


def _count(value: str) -> int | None:
    if value == "none":
        return None
    if value.isascii() and value.isdigit() and len(value) <= 9:
        return int(value)
    raise InputError(f"expected a number of nodes such as 5, or none for no limit, got {value!r}")


def _demand(case: Case, model: str | None, key: str, value: str) -> Forecast:
    """The forecast with the demand of one model, or of all, reshaped."""
    forecast = case.forecast
    if model is not None and model not in forecast.models:
        raise InputError(f"model {model} has no demand in {forecast.source}; expected {' or '.join(forecast.models)}")
    rows = [index for index, name in enumerate(forecast.models) if model in (None, name)]
    if key == "demand.mix":
        return mixed(forecast, rows, _factor(value))
    if key == "demand.peakiness":
        return peaked(forecast, rows, _power(value))
    reshape = {"demand.shift": _shift, "demand.floor": _floor}.get(key, _times)(value)

    def reshaped(tok_s: Floats) -> Floats:
        new = tok_s.copy()
        for row in rows:
            new[:, row] = reshape(tok_s[:, row])
        return new

    return replace(
        forecast,
        input_tok_s=forecast.input_tok_s if key == "demand.output" else reshaped(forecast.input_tok_s),
        output_tok_s=forecast.output_tok_s if key == "demand.input" else reshaped(forecast.output_tok_s),
    )


def _times(value: str) -> Reshape:
    factor = _factor(value)
    return lambda tok_s: tok_s * factor


def _factor(value: str) -> float:
    factor = _number(value[1:]) if value.startswith("*") else None
    if factor is None or not 0 <= factor <= MAX_FACTOR:
        raise InputError(f"expected a factor such as *1.5, from *0 to *{MAX_FACTOR:,}, got {value!r}")
    return factor


def _power(value: str) -> float:
    power = _number(value)
    if power is None or not 0 <= power <= MAX_PEAKINESS:
        raise InputError(f"expected a power from 0 (flat) over 1 (as it is) to {MAX_PEAKINESS}, got {value!r}")
    return power


def _shift(value: str) -> Reshape:
    share_text, at, hours_text = value.rpartition("@")
    share = _number(share_text) if at else 1.0
    written = hours_text.strip()
    hours = _number(written[:-1]) if written.endswith("h") else None
    if share is None or not 0 <= share <= 1 or hours is None or hours != round(hours):
        raise InputError(f"expected a share of 0 to 1 and whole hours such as 0.3@12h, got {value!r}")
    return lambda tok_s: (1 - share) * tok_s + share * np.roll(tok_s, round(hours), axis=-1)


def _floor(value: str) -> Reshape:
    share = _number(value)
    if share is None or not 0 <= share <= 1:
        raise InputError(f"expected a share of the mean hour, 0 to 1, such as 0.5, got {value!r}")
    return lambda tok_s: np.maximum(tok_s, share * tok_s.mean(axis=-1, keepdims=True))


def _number(text: str) -> float | None:
    """The finite number a text is, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


def _of_model(case: Case, key: str) -> tuple[str | None, str]:
    """The model a key names, and the key without it; no model where it names none."""
    for name in sorted(case.fleet.model_names, key=len, reverse=True):
        if key.startswith(f"{name}."):
            return name, key.removeprefix(f"{name}.")
    return None, key


def _unknown(case: Case, key: str) -> str:
    """The complaint about a key, with the nearest right one."""
    shown = key if len(key) <= 60 else key[:57] + "..."
    head, dot, rest = key.partition(".")
    near_head = nearest(head, CATALOG_KEYS)
    model, plain = _of_model(case, key)
    plain_keys = (*DEMAND_KEYS, *known_set_keys())
    prefixes = [model] if model is not None else case.fleet.model_names
    of_models = [f"{name}.{one}" for name in prefixes for one in plain_keys]
    if model is not None:
        near = nearest(key, of_models)
    else:
        near = nearest(key, (*plain_keys, *of_models)) or [one for one in plain_keys if one.rpartition(".")[2] == plain]
        if dot and near_head:
            near = [f"{near_head[0]}.{rest}"]
    if near:
        return f"unknown key {shown!r}; did you mean {near[0]!r}?"
    kinds = ", ".join((*DEMAND_KEYS, *(f"{one}.…" for one in CATALOG_KEYS), *known_set_keys()))
    return f"unknown key {shown!r}; expected one of {kinds}"
