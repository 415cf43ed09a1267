"""Decide: what to do about a fleet, from a snapshot, a plan and a policy. Pure and deterministic."""

from autoscaler.decide.asked import asked_for
from autoscaler.decide.blind import contradicts
from autoscaler.decide.decision import decide
from autoscaler.decide.doubt import doubts_of

__all__ = ["asked_for", "contradicts", "decide", "doubts_of"]
