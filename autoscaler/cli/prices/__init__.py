"""`baseload catalog refresh`: what providers ask today, recorded in the ledger.

The command stands here and not with the planner's others because providers are asked with the daemon's secrets.
"""

from autoscaler.cli.prices.refresh import refresh

__all__ = ["refresh"]
