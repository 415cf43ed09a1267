"""The level a mixture exceeds with a given chance, and how far it lies above a level. Pure."""

from collections.abc import Sequence
from math import erfc, exp, log, pi, sqrt

from autoscaler.outlook.trend import Part

_SQRT2 = sqrt(2)
_DENSITY = 2 / sqrt(pi)
_FAR = 9.0
"""Standard deviations beyond which no chance is left that anyone asks for."""
_CLOSE = 0.02
"""Of the logarithm, before the last step."""
_NEWTON_ROUNDS = 8
_ROUNDS = 48
_MOST_SDS = 2.0
"""A rise or fall of more is as certain."""


def level_exceeded(parts: Sequence[Part], chance: float, *, near: float) -> float:
    """The level that a draw from `parts` exceeds with `chance`, give or take a hundredth of that chance.

    Newton's method on the logarithm of the chance, which is nearly straight far out, kept inside a bracket; where a
    narrow part holds it up, the bracket is halved.
    `near`: where to start; the answer of the last call serves well.
    """
    scaled = [(weight, mean, 1 / (sd * _SQRT2)) for weight, mean, sd in parts]
    total = sum(weight for weight, _, _ in parts)
    widest = max(sd for _, _, sd in parts)
    low = min(mean for _, mean, _ in parts) - _FAR * widest
    high = max(mean for _, mean, _ in parts) + _FAR * widest
    wanted = log(chance * total * 2)
    level = min(max(near, low), high)
    for turn in range(_ROUNDS):
        above = density = 0.0
        for weight, mean, unit in scaled:
            z = (level - mean) * unit
            above += weight * erfc(z)
            density += weight * unit * exp(-z * z)
        excess = log(above) - wanted if above > 0 else -1.0
        if excess > 0:
            low = level
        else:
            high = level
        aimed = level + excess * above / (density * _DENSITY) if density > 0 else low
        if abs(excess) < _CLOSE:
            return aimed
        level = aimed if low < aimed < high and turn < _NEWTON_ROUNDS else (low + high) / 2
    return level


def rise_in_sds(parts: Sequence[Part], level: float) -> float:
    """How far the mean of `parts` lies above `level`, in standard deviations of the whole, from -2 (below) to 2."""
    total = means = squares = 0.0
    for weight, mean, sd in parts:
        off = mean - level
        total += weight
        means += weight * off
        squares += weight * (sd * sd + off * off)
    rise = means / total
    variance = squares / total - rise * rise
    if variance <= 0:
        return 0.0
    return min(max(rise / sqrt(variance), -_MOST_SDS), _MOST_SDS)
