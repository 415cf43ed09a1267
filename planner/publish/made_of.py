"""What a published price was made of, kept in the entry itself, and what of it has changed since. Pure.

The chargeback guide names four reasons to review a price: the price of an instance, its type, throughput, spot. Each
is answered by comparing what the entry says it was made of with what the plan says now; LiteLLM keeps keys of
model_info it does not know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from planner.publish.basis import MachineUse

KEY = "baseload_made_of"
"""In model_info."""
THROUGHPUT_RATIO = 0.01
"""Rates that moved by less are the same measurement."""
SPOT_POINTS = 0.05
"""Change of spot's share of node-hours worth a word."""

MadeOf = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One of the four reasons, and whether it applies."""

    name: str
    said: str | None
    """What has changed; None: nothing."""


def made_of(machines: Sequence[MachineUse]) -> MadeOf:
    """By offer: its price, share of node-hours, whether it is spot, and the model's rates on it; null: unknown."""
    total = sum((one.node_hours for one in machines), Decimal(0))
    return {
        one.offer: {
            "usd_hour": None if one.usd_hour is None else f"{one.usd_hour:.6f}",
            "node_hours_ratio": round(float(one.node_hours / total), 4),
            "is_spot": one.is_spot,
            "prefill_tok_s": None if one.rates is None else round(one.rates.prefill_tok_s, 2),
            "decode_tok_s": None if one.rates is None else round(one.rates.decode_tok_s, 2),
        }
        for one in machines
    }


def triggers(before: Any, after: MadeOf) -> tuple[Trigger, ...] | None:
    """The four, in the guide's order; None: the entry does not say what it was made of."""
    try:
        return (
            Trigger(name="price", said=_price(before, after)),
            Trigger(name="instance type", said=_types(before, after)),
            Trigger(name="throughput", said=_throughput(before, after)),
            Trigger(name="spot", said=_spot(before, after)),
        )
    except (TypeError, KeyError, AttributeError, ArithmeticError, ValueError):
        return None


def _price(before: MadeOf, after: MadeOf) -> str | None:
    moved = [
        f"{name} USD {Decimal(old):.4f} → {Decimal(new):.4f} per hour"
        for name in after
        if name in before
        and (old := before[name]["usd_hour"]) is not None
        and (new := after[name]["usd_hour"]) is not None
        and Decimal(old) != Decimal(new)
    ]
    return ", ".join(moved) or None


def _types(before: MadeOf, after: MadeOf) -> str | None:
    gone, new = (
        sorted({*map(_type, before)} - {*map(_type, after)}),
        sorted({*map(_type, after)} - {*map(_type, before)}),
    )
    if not gone and not new:
        return None
    parts = [f"no longer on {', '.join(gone)}"] if gone else []
    return "; ".join([*parts, *([f"now on {', '.join(new)}"] if new else [])])


def _throughput(before: MadeOf, after: MadeOf) -> str | None:
    moved = []
    for name in after:
        for key, what in (("prefill_tok_s", "input"), ("decode_tok_s", "output")):
            old, new = (float(side[name][key] or 0) if name in side else 0.0 for side in (before, after))
            if old > 0 and new > 0 and abs(new / old - 1) > THROUGHPUT_RATIO:
                moved.append(f"{name} {what} {old:,.1f} → {new:,.1f} tok/s")
    return ", ".join(moved) or None


def _spot(before: MadeOf, after: MadeOf) -> str | None:
    old, new = (sum(one["node_hours_ratio"] for one in side.values() if one["is_spot"]) for side in (before, after))
    return f"{old:.0%} → {new:.0%} of node-hours on spot" if abs(new - old) >= SPOT_POINTS else None


def _type(offer: str) -> str:
    """The machine of an offer, whatever market it is rented on."""
    return "/".join(offer.split("/")[:2])
