"""Claims: a figure someone states, held against the one computed. Pure.

A claim agrees where the computed figure, rounded to the decimals the claim is written with, is the claim; a range is
held against as it stands. What a claim is about is a path into the computed document.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Verdict(StrEnum):
    """How a claim stands."""

    AGREES = "agrees"
    TOO_LOW = "too low"
    TOO_HIGH = "too high"
    UNKNOWN = "unknown"
    """Nothing is computed there, or it is no number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is said of one computed figure."""

    of: str
    """Path in the document, steps apart by " / "."""
    claimed: tuple[Decimal, Decimal]
    """From and to; the same figure twice where it is one."""
    why: str = ""
    """Why it differs, in one line."""
    name: str = ""
    """What a reader calls it; empty: the path."""
    within_ratio: Decimal = Decimal(0)
    """How far a rounded claim may be off and still agree, as a share of it."""

    def __post_init__(self) -> None:
        if not self.of.strip():
            raise ValueError("of is empty; expected a path such as tiers / policy")
        low, high = self.claimed
        if not (low.is_finite() and high.is_finite() and low <= high):
            raise ValueError(f"claimed must be a number or a range that rises, got {low} to {high}")
        if self.within_ratio < 0:
            raise ValueError(f"within_ratio must be 0 or more, got {self.within_ratio}")

    @property
    def steps(self) -> tuple[str, ...]:
        """The path's steps."""
        return tuple(step.strip() for step in self.of.split(" / "))

    @property
    def places(self) -> int:
        """Decimals it is written with."""
        return max(0, *(-int(one.as_tuple().exponent) for one in self.claimed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A claim and what is computed."""

    claim: Claim
    computed: Decimal | None
    verdict: Verdict

    @property
    def off(self) -> Decimal | None:
        """claimed - computed, of the nearer end of a range; None: agrees, or unknown."""
        if self.computed is None or self.verdict in (Verdict.AGREES, Verdict.UNKNOWN):
            return None
        low, high = self.claim.claimed
        return (high if self.verdict is Verdict.TOO_LOW else low) - self.computed

    @property
    def off_ratio(self) -> Decimal | None:
        """(claimed - computed) / |computed|, of the nearer end of a range; None: agrees, unknown, or of nothing."""
        off = self.off
        return None if off is None or not self.computed else off / abs(self.computed)


def checked(claim: Claim, computed: Decimal | None) -> Checked:
    """The claim held against the figure."""
    if computed is None:
        return Checked(claim=claim, computed=None, verdict=Verdict.UNKNOWN)
    low, high = claim.claimed
    slack = Decimal(1).scaleb(-claim.places) / 2
    if high + max(slack, abs(high) * claim.within_ratio) < computed:
        verdict = Verdict.TOO_LOW
    elif low - max(slack, abs(low) * claim.within_ratio) > computed:
        verdict = Verdict.TOO_HIGH
    else:
        verdict = Verdict.AGREES
    return Checked(claim=claim, computed=computed, verdict=verdict)
