"""How planner/defaults/spot_outages.csv is made of the shipped availability traces; `python -m` this writes it anew."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoscaler.replay.worlds.shipped import AvailabilityTrace, availability_traces

TABLE = Path(__file__).parents[2] / "planner" / "defaults" / "spot_outages.csv"
HEADER = "group,pools,hours,lost_pool_hours,outages,up_pool_hours,all_lost_hours"
GROUPS = {
    "zones of us-east-1": ("us-east-1", "2023-02-16"),
    "zones of us-east-2": ("us-east-2", "2023-02-16"),
    "types in us-west-2a": ("us-west-2", "2022-10-26"),
}
"""Pools on one clock: where they are, and when their traces begin."""

Lost = NDArray[np.bool_]


def measured() -> list[str]:
    """The lines of the table."""
    return [HEADER, *(_line(name, _lost(*where)) for name, where in GROUPS.items())]


def _lost(region: str, start: str) -> Lost:
    """(pools, hours) whether the pool was away for more than half of the hour; whole hours all pools have."""
    traces = [one for one in availability_traces().values() if one.zone.startswith(region) and one.start == start]
    return lost_hours(traces)


def lost_hours(traces: Iterable[AvailabilityTrace]) -> Lost:
    up = [_up_ratio(one) for one in traces]
    hours = min(map(len, up))
    return np.array([ratio[:hours] < 0.5 for ratio in up])


def _up_ratio(trace: AvailabilityTrace) -> NDArray[np.float64]:
    hours = int(trace.duration_s // 3600)
    edges = np.arange(hours + 1) * 3600.0
    up = np.zeros(hours)
    for start, end, available in trace.spans:
        if available:
            up += np.clip(np.minimum(end, edges[1:]) - np.maximum(start, edges[:-1]), 0.0, None) / 3600
    return up


def _line(name: str, lost: Lost) -> str:
    return ",".join(map(str, (name, *counted(lost))))


def counted(lost: Lost) -> Sequence[int]:
    """pools, hours, lost pool-hours, outages, pool-hours there, hours in which all are lost."""
    begun = lost & ~np.concatenate([np.zeros((len(lost), 1), dtype=bool), lost[:, :-1]], axis=1)
    return (*lost.shape, int(lost.sum()), int(begun.sum()), int((~lost).sum()), int(lost.all(axis=0).sum()))


if __name__ == "__main__":
    TABLE.write_text("\n".join(measured()) + "\n", encoding="utf-8")
