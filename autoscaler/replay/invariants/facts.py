"""Facts: what the rules of all invariants are judged on. Pure: kept up by `Invariants`."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from autoscaler.fleet import Action
from autoscaler.journal import Intent, Result
from autoscaler.replay.invariants.money import Charges
from autoscaler.replay.invariants.watch import Watch
from autoscaler.replay.truth import Truth

BEGUN = frozenset({Result.DONE, Result.UNKNOWN})
"""An action with one of these was done, or may have been."""
IMPOSED = frozenset({"cap", "ceiling", "notice"})
"""Kinds of reasons to give a node up that come before floor and demand: the first word of an action's reason."""


@dataclass(slots=True, kw_only=True)
class SinceLastTick:
    """What happened since the tick before was over."""

    intents: list[Intent] = field(default_factory=list)
    made: int = 0
    ended: int = 0
    """Machines whose end was accepted."""
    decided: list[Action] | None = None
    """What the decider asked for; None: it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """How a tick ended in which the loop could act."""

    at: datetime
    charged_usd: Decimal
    """What all leases of ours were charged this month to then."""
    unreachable: frozenset[str]


@dataclass(slots=True, kw_only=True)
class Facts:
    """One replay."""

    truth: Truth
    fleet: str
    """The tag of our machines."""
    watch: Watch
    base: frozenset[str]
    """Ids of base nodes."""
    charges: Charges = field(default_factory=Charges)
    scaled_out_at: dict[str, datetime] = field(default_factory=dict)
    """By model: when the last launch that made a machine was intended."""
    highest_epoch: int = 0
    orphans: list[tuple[float, str]] = field(default_factory=list)
    """A heap: (when to look, id) of machines nobody intended."""
    orphan_since_s: dict[str, float] = field(default_factory=dict)
    """By machine: the first tick at which it could be found."""
    before: "Before | None" = None
    """How the last tick ended, where the month is capped; None: it was paused, or the loop died in it."""
    tick: SinceLastTick = field(default_factory=SinceLastTick)


def kind_of(action: Action) -> str:
    """The kind of an action's reason: its first word."""
    return action.reason.partition(":")[0]


def said(action: Action) -> str:
    """The action in words."""
    about = getattr(action, "node_id", None) or getattr(action, "pool", "")
    return f"{type(action).__name__.lower()} {about}"
