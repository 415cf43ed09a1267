"""Sweeps: which points to replay, and which of them nobody beats in both cost and service. Pure.

`KEY=a,b,c` is a list of values, `KEY=0..9` every whole number from the first to the last; several keys are crossed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from autoscaler.replay.result import Replayed
from planner.errors import InputError

MOST_POINTS = 1000
SEED = "seed"
_RANGE = re.compile(r"(\d{1,9})\.\.(\d{1,9})", re.ASCII)


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
    """Every point of the crossed sweeps: key -> value. Raises InputError."""
    axes: dict[str, tuple[str, ...]] = {}
    for written in sweeps:
        key, values = _axis(written)
        if key in axes:
            raise InputError(f"--sweep {written}: {key} is swept twice; expected each key once")
        axes[key] = values
    points = tuple(dict(zip(axes, values, strict=True)) for values in product(*axes.values()))
    if len(points) > MOST_POINTS:
        raise InputError(f"--sweep: {len(points)} points; expected at most {MOST_POINTS}")
    return points


def _axis(written: str) -> tuple[str, tuple[str, ...]]:
    key, equals, text = (part.strip() for part in written.partition("="))
    if not (key and equals and text):
        raise InputError(f"--sweep {written}: expected KEY=a,b,c or KEY=0..9, such as scaling.hold_s=300,600")
    span = _RANGE.fullmatch(text)
    if span is not None:
        first, last = int(span[1]), int(span[2])
        if first > last or last - first >= MOST_POINTS:
            raise InputError(
                f"--sweep {written}: expected a rising range of at most {MOST_POINTS} numbers, such as 0..9"
            )
        return key, tuple(str(number) for number in range(first, last + 1))
    values = tuple(part.strip() for part in text.split(","))
    if "" in values or len(set(values)) < len(values):
        raise InputError(f"--sweep {written}: expected values that differ, with commas between them")
    if key == SEED and not all(value.isascii() and value.isdigit() and len(value) < 10 for value in values):
        raise InputError(f"--sweep {written}: expected seeds as whole numbers, such as seed=0..9")
    return key, values


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
