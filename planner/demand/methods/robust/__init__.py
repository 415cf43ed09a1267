"""The core method: a robust profile of the week in local time, a level, last year's season, events."""

from planner.demand.methods.robust.core import ROBUST

__all__ = ["ROBUST"]
