"""History from the ledger: usage facts by hour and model as the demand that forecasts are made from. Pure; numpy.

Demand is what was served and what was not: tokens recorded as unserved count at the hour's own mix of input and
output. An hour that no batch measured is unknown; one without rows that was measured is 0.
"""

import numpy as np

from planner.demand.history import History
from planner.errors import InputError
from planner.ledger import ServedHours
from policies.units import SECONDS_PER_HOUR


def history_of_served(served: ServedHours, *, source: str) -> History:
    """The demand of each model over the hours of `served`. Raises InputError where none was measured."""
    shape = (len(served.models), served.hours)
    came, made, lost = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    at = (served.model, served.hour)
    np.add.at(came, at, served.input_tokens)
    np.add.at(made, at, served.output_tokens)
    remarks: tuple[str, ...] = ()
    if served.unserved_tokens is not None:
        np.add.at(lost, at, served.unserved_tokens)
    if lost.any():
        both = came + made
        remarks = (
            f"{source}: demand is what was served and what was not, {lost.sum() / (both + lost).sum():.2%} of it",
        )
        mean = came.sum(axis=1, keepdims=True) / np.maximum(both.sum(axis=1, keepdims=True), 1)
        mix = np.where(both > 0, came / np.maximum(both, 1), mean)
        came, made = came + lost * mix, made + lost * (1 - mix)
    gaps = sorted(served.gaps)
    if not served.models or len(gaps) == served.hours:
        raise InputError(f"{source}: no usage is recorded; expected some, as `baseload ledger import` adds it")
    for counts in (came, made):
        counts[:, gaps] = np.nan
    if gaps:
        remarks += (f"{source}: {len(gaps)} of {served.hours} hours were not measured",)
    return History(
        start=served.start,
        models=served.models,
        input_tok_s=came / SECONDS_PER_HOUR,
        output_tok_s=made / SECONDS_PER_HOUR,
        source=source,
        remarks=remarks,
    )
