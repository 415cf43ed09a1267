"""The level a mixture exceeds with a given chance. Pure."""

from collections.abc import Sequence
from math import erfc, exp, inf, log, pi, sqrt

from autoscaler.outlook.trend import Part


def level_exceeded(parts: Sequence[Part], chance: float, *, near: float) -> float:
    """The level that a draw from `parts` exceeds with `chance`, to `_CLOSE` of the widest part.

    Newton's method on the logarithm of the chance, which is nearly straight far out, kept inside a bracket.
    `near`: where to start; the answer of the last call serves well.
    """
    scaled: list[tuple[float, float, float, float]] = []
    total = widest = 0.0
    low, high = inf, -inf
    for weight, mean, sd in parts:
        unit = 1 / (sd * _SQRT2)
        scaled.append((weight, mean, unit, weight * unit))
        total += weight
        widest = sd if sd > widest else widest
        low = mean - _FAR * sd if mean - _FAR * sd < low else low
        high = mean + _FAR * sd if mean + _FAR * sd > high else high
    close = _CLOSE * widest
    wanted = log(chance * total * 2)
    level = min(max(near, low), high)
    for _ in range(_ROUNDS):
        above = density = 0.0
        for weight, mean, unit, height in scaled:
            z = (level - mean) * unit
            above += weight * erfc(z)
            density += height * exp(-z * z)
        if above <= 0:
            high = level
            level = (low + high) / 2
            continue
        excess = log(above) - wanted
        if excess > 0:
            low = level
        else:
            high = level
        step = excess * above / (density * _DENSITY) if density > 0 else 0.0
        aimed = level + step
        if not low < aimed < high:
            aimed = (low + high) / 2
        if abs(aimed - level) < close:
            return aimed
        level = aimed
    return level


_SQRT2 = sqrt(2)
_DENSITY = 2 / sqrt(pi)
_FAR = 9.0
"""Standard deviations beyond which no chance is left that anyone asks for."""
_CLOSE = 0.005
_ROUNDS = 40
