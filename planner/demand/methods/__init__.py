"""How demand is forecast: methods, the choice among them, and the fan they make."""

from planner.demand.methods.fan import fan_of
from planner.demand.methods.result import FanResult, MethodError

__all__ = ["FanResult", "MethodError", "fan_of"]
