"""What publishing came to: each model's change, which of them the gateway was told, and what its probes found. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from planner.publish.entry import COSTS, Change, published_cost
from planner.publish.made_of import KEY, Trigger, triggers

TOLERANCE = Decimal("0.000001")
"""Relative, of what a probe was charged; LiteLLM reckons in floats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One chat request, what it was charged and what our price comes to."""

    name: str
    input_tokens: int
    output_tokens: int
    charged_usd: Decimal | None
    """None: the proxy did not say."""
    expected_usd: Decimal

    @property
    def alarm(self) -> str | None:
        """What is wrong; None: it was charged our price."""
        if self.charged_usd is None:
            return "the proxy does not say what it charged"
        if self.charged_usd == 0:
            return "it was charged nothing"
        if abs(self.charged_usd - self.expected_usd) > TOLERANCE * self.expected_usd:
            return f"it was charged USD {self.charged_usd:f}, our price comes to {self.expected_usd:f}"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What is shown and kept."""

    where: str
    """The file or the proxy."""
    changes: Sequence[Change]
    told: Sequence[Change] = ()
    """Those the gateway took; a dry run tells it none."""
    is_dry_run: bool
    diff: Sequence[str] = ()
    """Of the file, or of what the proxy shows; of a dry run."""
    probes: Sequence[Probe] = ()
    problem: str | None = None
    """What broke off once something was told; None: nothing."""
    is_check: bool = False
    """Whether the reasons to review a price were asked for."""
    notes: Sequence[str] = ()
    """What else its reader should know."""
    announced_for: datetime | None = None
    """Until then the gateway is told nothing; None: prices hold at once."""

    @property
    def alarms(self) -> list[str]:
        """What went wrong, and what the probes found wrong."""
        broken = [] if self.problem is None else [self.problem]
        return broken + [f"{self.where}: {one.name}: {one.alarm}" for one in self.probes if one.alarm is not None]


def reasons_of(change: Change) -> tuple[Trigger, ...] | None:
    """The four reasons for an entry; None: it does not say what its price was made of."""
    before = {} if change.before is None else change.before.get("model_info") or {}
    return triggers(before[KEY], change.price.made_of) if before.get(KEY) else None


def why_of(change: Change) -> str:
    """Why the price moved, in words, for the change log; a bound it was held at is said last."""
    bound = change.price.bound
    return _moved_for(change) if bound is None else f"{_moved_for(change)}; held at {bound}"


def _moved_for(change: Change) -> str:
    if change.price.announced_why is not None:
        return f"as announced: {change.price.announced_why}"
    if change.before is None or not any(published_cost(change.before, cost) for cost in COSTS):
        return "first price"
    reasons = reasons_of(change)
    if reasons is None:
        return "what the price before was made of is not known"
    said = [f"{one.name}: {one.said}" for one in reasons if one.said is not None]
    return "; ".join(said) or "load or mix: machines, rates and prices are the same"
