"""Invariants: what may never be so, whatever happens: S1 to S10 of the design, judged after every event."""

from autoscaler.replay.invariants.judge import Invariants
from autoscaler.replay.invariants.violation import Happening, Violation

__all__ = ["Happening", "Invariants", "Violation"]
