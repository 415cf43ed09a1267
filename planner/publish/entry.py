"""An entry of LiteLLM's list of models, and what publishing changes of it. Pure.

The body is that of `/model/new`: model_name, litellm_params, model_info. Costs stand in both parts: LiteLLM charges by
litellm_params and shows model_info. Keys that are not ours stay as they are.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from planner.fleet.publish import PublishedModel
from planner.publish.made_of import KEY, MadeOf

COSTS = ("input_cost_per_token", "output_cost_per_token")
PLACES = 12
"""Decimals of a price per token: a millionth of a dollar per million tokens."""

Entry = dict[str, Any]


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
    """The price has not moved enough."""


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
    def moved_ratio(self) -> Decimal | None:
        """The larger move of input and output price; None: it had none."""
        return None if self.before is None else moved_ratio(self.before, self.after)


def changes_of(
    price: Price, how: PublishedModel, held: Sequence[Entry], *, min_change_ratio: Decimal
) -> tuple[Change, ...]:
    """What publishing this price means where the gateway has these entries: one change for each of the model's.

    A new entry needs to know where the model is served: ValueError without api_base.
    """
    name = how.name or price.model
    places = [index for index, one in enumerate(held) if one.get("model_name") == name]
    if not places:
        if how.api_base is None:
            raise ValueError(f"{name}: the gateway does not have it; expected api_base in [[publish.model]] to make it")
        new = _new(name, price, how)
        return (Change(name=name, price=price, kind=Kind.CREATED, place=None, before=None, after=new),)
    found = []
    for place in places:
        before, after = held[place], priced(held[place], price, how)
        moved = moved_ratio(before, after)
        is_kept = moved is not None and (moved == 0 or moved < min_change_ratio)
        found.append(
            Change(
                name=name,
                price=price,
                kind=Kind.KEPT if is_kept else Kind.UPDATED,
                place=place,
                before=before,
                after=before if is_kept else after,
            )
        )
    return tuple(found)


def priced(entry: Mapping[str, Any], price: Price, how: PublishedModel) -> Entry:
    """The entry at this price, all else as it was."""
    found: Entry = deepcopy(dict(entry))
    costs = costs_of(price)
    found["litellm_params"] = {**found.get("litellm_params", {}), **costs}
    found["model_info"] = {**found.get("model_info", {}), **costs, **_told(price, how)}
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
