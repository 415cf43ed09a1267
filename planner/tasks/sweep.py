"""Sweeps: the points of several keys crossed, each with its values. Pure.

`KEY=a,b,c` is a list of values, `KEY=0..9` every whole number from the first to the last, `KEY=0.5..1:0.05` steps of
that size; `KEY=*0.5..*2:0.1` writes a factor before each.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product
from math import prod

from planner.errors import InputError

MOST_POINTS = 20_000
_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"
_RANGE = re.compile(rf"(\*?)({_NUMBER})\.\.(\*?)({_NUMBER})(?::({_NUMBER}))?", re.ASCII)


def crossed(sweeps: Sequence[str]) -> tuple[Mapping[str, str], ...]:
    """Every point of the crossed sweeps: key -> value. Raises InputError."""
    axes = axes_of(sweeps)
    return tuple(dict(zip(axes, values, strict=True)) for values in product(*axes.values()))


def axes_of(sweeps: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Key -> values, in the order given. Raises InputError."""
    axes: dict[str, tuple[str, ...]] = {}
    for written in sweeps:
        key, values = _axis(written)
        if key in axes:
            raise InputError(f"--sweep {written}: {key} is swept twice; expected each key once")
        axes[key] = values
    count = prod(map(len, axes.values()))
    if count > MOST_POINTS:
        raise InputError(f"--sweep: {count} points; expected at most {MOST_POINTS}")
    return axes


def _axis(written: str) -> tuple[str, tuple[str, ...]]:
    key, equals, text = (part.strip() for part in written.partition("="))
    if not (key and equals and text):
        raise InputError(f"--sweep {written}: expected KEY=a,b,c or KEY=0..9, such as scaling.hold_s=300,600")
    span = _RANGE.fullmatch(text)
    if span is not None:
        return key, _steps(written, span)
    values = tuple(part.strip() for part in text.split(","))
    if "" in values or len(set(values)) < len(values):
        raise InputError(f"--sweep {written}: expected values that differ, with commas between them")
    return key, values


def _steps(written: str, span: re.Match[str]) -> tuple[str, ...]:
    """The values of a range."""
    sign, first, last, step = span[1], Decimal(span[2]), Decimal(span[4]), Decimal(span[5] or 1)
    if span[3] != sign or (span[5] is None and "." in span[2] + span[4]) or step <= 0:
        raise InputError(f"--sweep {written}: expected FIRST..LAST or FIRST..LAST:STEP, such as 0..9 or *0.5..*2:0.1")
    count = int((last - first) / step) + 1 if first <= last else 0
    if not 1 <= count <= MOST_POINTS:
        raise InputError(f"--sweep {written}: expected a rising range of at most {MOST_POINTS} numbers, such as 0..9")
    return tuple(f"{sign}{(first + number * step).normalize():f}" for number in range(count))
