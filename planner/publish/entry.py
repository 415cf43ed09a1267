"""An entry of LiteLLM's list of models, and what publishing changes of it. Pure.

The body is that of `/model/new`: model_name, litellm_params, model_info. Costs stand in both parts: LiteLLM charges by
litellm_params and shows model_info. Keys that are not ours stay as they are.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from planner.fleet.publish import PublishedModel
from planner.publish.made_of import KEY, MadeOf

COSTS = ("input_cost_per_token", "output_cost_per_token")
FACTS = ("mode", "max_tokens", "base_model")
"""What model_info says beside prices: told where it changed, whatever became of the price."""
EFFECTIVE_AT = "baseload_effective_at"
"""In model_info: since when the entry has its price, UTC."""
OURS = ("mode", "description", "max_tokens", "base_model", KEY, EFFECTIVE_AT)
"""What publishing says in model_info beside costs."""
PLACES = 12
"""Decimals of a price per token: a millionth of a dollar per million tokens."""

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Towards:
    """What a smoothed price is on its way to."""

    input_usd_token: Decimal
    output_usd_token: Decimal
    weight_ratio: float
    """How much of the way it goes now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a model is to cost, and why; rounded once, here, so that what is charged is what is said."""

    model: str
    """Of the fleet."""
    input_usd_token: Decimal
    output_usd_token: Decimal
    max_tokens: int | None
    """Longest context its nodes hold; None: no memory figures."""
    description: str
    """Machines, their prices, the basis of the price."""
    policy: str
    made_of: MadeOf = field(default_factory=dict)
    input_ratio: Decimal | None = None
    """Of the tokens served, those that are input; None: not known."""
    towards: Towards | None = None
    """None: it is what was computed."""
    bound: str | None = None
    """The bound it was held at, min_usd_mtok or max_usd_mtok."""
    announced_why: str | None = None
    """Why it was announced as it is, where it was: then it is not computed now, and what it was made of is not kept."""

    @property
    def is_announced(self) -> bool:
        """Whether it is what customers were told before."""
        return self.announced_why is not None

    @property
    def blended_usd_token(self) -> Decimal | None:
        """Of a token of the mix that is served; None: the mix is not known."""
        if self.input_ratio is None:
            return None
        return self.input_ratio * self.input_usd_token + (1 - self.input_ratio) * self.output_usd_token

    def __post_init__(self) -> None:
        for name in ("input_usd_token", "output_usd_token"):
            object.__setattr__(self, name, round(getattr(self, name), PLACES))
            if getattr(self, name) <= 0:
                raise ValueError(f"{self.model}: {name} must be above 0, got {getattr(self, name)}")


class Kind(StrEnum):
    """What becomes of an entry."""

    CREATED = "created"
    UPDATED = "updated"
    KEPT = "kept"
    """Neither its price moved enough nor did anything else change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One entry of a model at the gateway, before and after; a model may have several, a node each."""

    name: str
    price: Price
    kind: Kind
    place: int | None
    """Where in the gateway's list; None: it is new."""
    before: Entry | None
    after: Entry

    @property
    def is_repriced(self) -> bool:
        """Whether it has another price than before."""
        return self.before is None or any(
            published_cost(self.before, cost) != published_cost(self.after, cost) for cost in COSTS
        )

    @property
    def moved_ratio(self) -> Decimal | None:
        """The larger move of input and output price; None: it had none."""
        return None if self.before is None else moved_ratio(self.before, self.after)


def entries_named(held: Sequence[Entry], name: str) -> list[int]:
    """Places of the entries that answer to a name."""
    return [index for index, one in enumerate(held) if one.get("model_name") == name]


def changes_of(
    price: Price,
    how: PublishedModel,
    held: Sequence[Entry],
    *,
    min_change_ratio: Decimal,
    effective_at: datetime | None = None,
) -> tuple[Change, ...]:
    """What publishing this price means where the gateway has these entries: one change for each of the model's.

    `effective_at`: since when a price that moves is charged; None: it is not said.
    A new entry needs to know where the model is served: ValueError without api_base.
    """
    name = how.name or price.model
    places = entries_named(held, name)
    if not places:
        if how.api_base is None:
            raise ValueError(f"{name}: the gateway does not have it; expected api_base in [[publish.model]] to make it")
        new = _since(_new(name, price, how), effective_at)
        return (Change(name=name, price=price, kind=Kind.CREATED, place=None, before=None, after=new),)
    wanted = [(place, priced(held[place], price, how)) for place in places]
    # Decided once for the name: with two prices for one name, LiteLLM would charge now the one and now the other.
    moves = [moved_ratio(held[place], after) for place, after in wanted]
    is_moved = any(moved is None or (moved > 0 and moved >= min_change_ratio) for moved in moves)
    found = []
    for place, repriced in wanted:
        after = _since(repriced, effective_at) if is_moved else at_old_costs(repriced, held[place])
        is_same = not is_moved and all(_facts(held[place], key) == _facts(after, key) for key in FACTS)
        found.append(
            Change(
                name=name,
                price=price,
                kind=Kind.KEPT if is_same else Kind.UPDATED,
                place=place,
                before=held[place],
                after=held[place] if is_same else after,
            )
        )
    return tuple(found)


def at_old_costs(after: Entry, before: Mapping[str, Any]) -> Entry:
    """The new entry at the price of the old one, with what that was made of: other facts may still have changed."""
    found = deepcopy(after)
    for part in ("litellm_params", "model_info"):
        for key in (*COSTS, "description", KEY, EFFECTIVE_AT):
            old = (before.get(part) or {}).get(key)
            if old is None:
                found[part].pop(key, None)
            else:
                found[part][key] = old
    return found


def _since(entry: Entry, effective_at: datetime | None) -> Entry:
    if effective_at is not None:
        entry["model_info"][EFFECTIVE_AT] = effective_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return entry


def _facts(entry: Mapping[str, Any], key: str) -> Any:
    return (entry.get("model_info") or {}).get(key)


def priced(entry: Mapping[str, Any], price: Price, how: PublishedModel) -> Entry:
    """The entry at this price, all else as it was."""
    found: Entry = deepcopy(dict(entry))
    costs = costs_of(price)
    found["litellm_params"] = {**(found.get("litellm_params") or {}), **costs}
    found["model_info"] = {**(found.get("model_info") or {}), **costs, **_told(price, how)}
    return found


def costs_of(price: Price) -> dict[str, float]:
    """The two costs as JSON numbers: they read back as the decimals they were."""
    return {
        "input_cost_per_token": float(price.input_usd_token),
        "output_cost_per_token": float(price.output_usd_token),
    }


def moved_ratio(before: Mapping[str, Any], after: Mapping[str, Any]) -> Decimal | None:
    """By how much the price moved, the larger of input and output; None where there was none, or it was 0."""
    moves = []
    for cost in COSTS:
        old, new = published_cost(before, cost), published_cost(after, cost)
        if not old or new is None:
            return None
        moves.append(abs(new - old) / old)
    return max(moves)


def published_cost(entry: Mapping[str, Any], cost: str) -> Decimal | None:
    """What the entry charges per token: litellm_params' figure, or model_info's; None: it says nothing."""
    for part in ("litellm_params", "model_info"):
        value = (entry.get(part) or {}).get(cost)
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            try:
                return Decimal(str(value))
            except ArithmeticError:
                return None
    return None


def _new(name: str, price: Price, how: PublishedModel) -> Entry:
    entry: Entry = {
        "model_name": name,
        "litellm_params": {
            "model": f"openai/{how.served_model or price.model}",
            "api_base": how.api_base,
            "api_key": how.api_key,
        },
        "model_info": {"id": name},
    }
    return priced(entry, price, how)


def _told(price: Price, how: PublishedModel) -> dict[str, Any]:
    """What model_info says beside costs."""
    told: dict[str, Any] = {"mode": "chat", "description": price.description, KEY: price.made_of}
    if price.max_tokens is not None:
        told["max_tokens"] = price.max_tokens
    if how.base_model is not None:
        told["base_model"] = how.base_model
    return told
