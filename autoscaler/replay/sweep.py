"""Sweeps: which points to replay, and which of them nobody beats in both cost and service. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoscaler.replay.result import Replayed
from planner.errors import InputError
from planner.tasks.sweep import crossed

SEED = "seed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweptPoint:
    """One point of a sweep, replayed."""

    settings: Mapping[str, str]
    """Key -> value as written; `seed` among them where it is swept."""
    replayed: Replayed

    @property
    def cost(self) -> float:
        """Bill over the bound where there is one, else the bill, USD."""
        ratio = self.replayed.ratio_to_bound
        return float(self.replayed.bill_usd) if ratio is None else ratio

    @property
    def label(self) -> str:
        """The point in few words: the last word of each key, and the value."""
        return ", ".join(f"{key.rpartition('.')[2]}={value}" for key, value in self.settings.items())


def points_of(sweeps: Sequence[str]) -> tuple[Mapping[str, str], ...]:
    """Every point of the crossed sweeps: key -> value; seeds are whole numbers. Raises InputError."""
    points = crossed(sweeps)
    for point in points:
        seed = point.get(SEED, "0")
        if not (seed.isascii() and seed.isdigit() and len(seed) < 10):
            raise InputError(f"--sweep {SEED}: {seed!r} is none; expected seeds as whole numbers, such as seed=0..9")
    return points


def frontier(points: Sequence[SweptPoint]) -> tuple[int, ...]:
    """Indices of the points that no other one of the same controller beats in both cost and service, as they stand.

    Of points alike in both the first is taken.
    """
    best: list[int] = []
    for name in dict.fromkeys(point.replayed.policy for point in points):
        mine = [at for at, point in enumerate(points) if point.replayed.policy == name]
        least = float("inf")
        for at in sorted(mine, key=lambda at: (points[at].replayed.unserved_ratio, points[at].cost, at)):
            if points[at].cost < least:
                least = points[at].cost
                best.append(at)
    return tuple(sorted(best))
