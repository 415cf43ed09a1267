"""`baseload replay`: its options, what it is made of, the running, and where the result goes."""

from autoscaler.cli.replay.command import replay

__all__ = ["replay"]
