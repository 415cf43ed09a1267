"""The loop: observe, decide, act, record; where the parts meet. No clock, no chance, no logging inside."""

from autoscaler.loop.controller import Controller
from autoscaler.loop.demand import KeptModel
from autoscaler.loop.report import Acted, TickReport

__all__ = ["Acted", "Controller", "KeptModel", "TickReport"]
