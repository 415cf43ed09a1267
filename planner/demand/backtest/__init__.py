"""How good a forecast would have been: from moments of the past, against what came after them."""

from planner.demand.backtest.run import backtest
from planner.demand.backtest.value import Backtest, Run

__all__ = ["Backtest", "Run", "backtest"]
