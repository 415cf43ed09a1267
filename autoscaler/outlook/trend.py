"""Trend: recent demand as a mixture of straight lines, each with the kink it began at. Pure: no clock, no chance.

Demand is taken to run along a straight line that bends now and then (a kink), measured with noise in proportion to its
level. Nobody knows when the last kink was, so several lines are followed at once, each a Kalman filter of level and
slope: at every measurement all lines go on, and new ones are born that bend here, by little, more or much against the
usual slope. How well each foretold the measurement is its weight. This is a switching Kalman filter with pruning
(Bar-Shalom, Li and Kirubarajan, Estimation with Applications to Tracking and Navigation, 2001, ch. 11).

The usual slope and the noise are learnt as they come, so a calm and a wild service need no settings of their own.
"""

from dataclasses import dataclass
from math import exp, sqrt
from typing import TypeAlias

Line: TypeAlias = tuple[float, float, float, float, float, float, int]
"""One hypothesis: demand has run straight since its kink. Weight, level, slope per second, variance of the level,
covariance of both, variance of the slope, measurements since the kink. A plain tuple: a dozen are made per measurement.
"""

Part: TypeAlias = tuple[float, float, float]
"""One normal part of a mixture that foretells a measurement: weight, mean, standard deviation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendModel:
    """What demand is like before any is seen. Found on two-week LLM traces; none depends on the trace."""

    kink_every_s: float = 620.0
    """Mean time between kinks."""
    kink_scales: tuple[float, ...] = (0.3, 1.4, 4.5)
    """Slopes after a kink, against the usual slope: standard deviations of a mixture around 0."""
    kink_weights: tuple[float, ...] = (0.35, 0.4, 0.25)
    usual_slope_over_s: float = 14_400.0
    """Memory of the usual slope."""
    least_slope_ratio_s: float = 0.0043 / 60
    """The usual slope is never below this share of the level per second."""
    noise_ratio: float = 0.03
    """Standard deviation of one measurement over its level, at first."""
    noise_over: int = 120
    """Memory of the noise, in measurements."""
    lines: int = 12
    """Lines followed at once; young ones are spared `spare_factor` in weight for `spare_for` measurements."""
    spare_for: int = 4
    spare_factor: float = 5.0
    least_work: float = 0.05
    """Reference nodes; slopes and noise are in proportion to no less."""

    def __post_init__(self) -> None:
        if len(self.kink_scales) != len(self.kink_weights) or abs(sum(self.kink_weights) - 1) > 1e-9:
            raise ValueError("kink_weights must sum to 1, one per scale")
        if self.lines < 2 or min(self.kink_every_s, self.usual_slope_over_s, self.least_work) <= 0:
            raise ValueError("expected 2 lines or more, and times and least_work above 0")


class Trend:
    """Follows one demand: `observe` each measurement, then ask for the `mixture` at a horizon."""

    def __init__(self, model: TrendModel) -> None:
        self._model = model
        self._lines: list[Line] = []
        self._recent: tuple[tuple[float, float], ...] = ()
        self._noise_var = model.noise_ratio**2
        self._usual_slope = 0.0
        self.level = 0.0
        """Demand now, noise taken out."""
        self.slope = 0.0
        """Its change per second."""
        self._level_var = 0.0
        self._cross_var = 0.0
        self._slope_var = 0.0

    def observe(self, at_s: float, work: float) -> None:
        """Take in one measurement, later than the last."""
        model = self._model
        if not self._lines:
            scale = max(work, model.least_work)
            self._usual_slope = 3 * model.least_slope_ratio_s * scale
            first_slope = 5 * model.least_slope_ratio_s * scale
            self._lines = [(1.0, work, 0.0, self._noise_var * scale * scale, 0.0, first_slope**2, 0)]
        else:
            step_s = at_s - self._recent[-1][0]
            self._learn_noise(at_s, work)
            self._follow(step_s, work)
            self._learn_slope(step_s)
        self._recent = (*self._recent[-1:], (at_s, work))
        self._sum_up()

    def mixture(self, ahead_s: float) -> list[Part]:
        """What a measurement `ahead_s` after the last would read: lines going on, and lines that bend before then."""
        model = self._model
        scale = max(self.level, model.least_work)
        noise = self._noise_var * scale * scale
        straight = exp(-ahead_s / model.kink_every_s)
        parts: list[Part] = []
        for weight, level, slope, level_var, cross_var, slope_var, _ in self._lines:
            if weight >= _NEGLIGIBLE:
                var = level_var + 2 * ahead_s * cross_var + ahead_s * ahead_s * slope_var + noise
                parts.append((weight * straight, level + ahead_s * slope, sqrt(var)))
        kinds = [
            ((1 - straight) * weight / len(_BENDS), scale * self._usual_slope)
            for scale, weight in zip(model.kink_scales, model.kink_weights, strict=True)
        ]
        for bend in _BENDS:
            before_s, after_s = bend * ahead_s, (1 - bend) * ahead_s
            mean = self.level + before_s * self.slope
            var = self._level_var + 2 * before_s * self._cross_var + before_s * before_s * self._slope_var + noise
            for weight, slope in kinds:
                spread = after_s * slope
                parts.append((weight, mean, sqrt(var + spread * spread)))
        return parts

    def _follow(self, step_s: float, work: float) -> None:
        """Every line goes on, some bend; each is weighed by the measurement, and the likeliest are kept."""
        model = self._model
        kinked = 1 - exp(-step_s / model.kink_every_s)
        born: list[Line] = [
            (kinked * weight, self.level, 0.0, self._level_var, 0.0, (scale * self._usual_slope) ** 2, -1)
            for scale, weight in zip(model.kink_scales, model.kink_weights, strict=True)
        ]
        least = max(0.3 * self.level, model.least_work)
        noise_var = self._noise_var
        lines: list[Line] = []
        total = 0.0
        for index, (weight, level, slope, level_var, cross_var, slope_var, age) in enumerate(self._lines + born):
            ahead = level + step_s * slope
            along = step_s * slope_var
            ahead_var = level_var + step_s * (2 * cross_var + along)
            ahead_cross = cross_var + along
            scale = ahead if ahead > least else least
            var = ahead_var + noise_var * scale * scale
            miss = work - ahead
            fit = (exp(-0.5 * miss * miss / var) + _UNLIKELY) / sqrt(var)
            if index < len(self._lines):
                fit *= 1 - kinked
            gain, slope_gain = ahead_var / var, ahead_cross / var
            total += weight * fit
            lines.append(
                (
                    weight * fit,
                    ahead + gain * miss,
                    slope + slope_gain * miss,
                    ahead_var * (1 - gain),
                    ahead_cross * (1 - gain),
                    slope_var - slope_gain * ahead_cross,
                    age + 1,
                )
            )
        self._lines = _likeliest(lines, total, model)

    def _learn_noise(self, at_s: float, work: float) -> None:
        """Noise is what the middle of three measurements lies off the straight line through its neighbours."""
        if len(self._recent) < 2:
            return
        (first_s, first), (middle_s, middle) = self._recent
        share = (middle_s - first_s) / (at_s - first_s)
        off = middle - (1 - share) * first - share * work
        unit = 1 + share * share + (1 - share) ** 2
        seen = off * off / unit / max(self.level, self._model.least_work) ** 2
        self._noise_var += (min(seen, _WILD * self._noise_var) - self._noise_var) / self._model.noise_over
        self._noise_var = max(self._noise_var, _LEAST_NOISE_VAR)

    def _learn_slope(self, step_s: float) -> None:
        """The usual slope is the mean of recent slopes, long ones forgotten."""
        model = self._model
        level, slope = self._level_and_slope()
        least = model.least_slope_ratio_s * max(level, model.least_work)
        share = 1 - exp(-step_s / model.usual_slope_over_s)
        self._usual_slope += share * (max(abs(slope), least) - self._usual_slope)

    def _level_and_slope(self) -> tuple[float, float]:
        """Means over all lines."""
        mean_level = mean_slope = 0.0
        for weight, level, slope, _, _, _, _ in self._lines:
            mean_level += weight * level
            mean_slope += weight * slope
        return mean_level, mean_slope

    def _sum_up(self) -> None:
        """Mean and variance of level and slope over all lines."""
        self.level, self.slope = self._level_and_slope()
        level_var = cross_var = slope_var = 0.0
        for weight, level, slope, own_level, own_cross, own_slope, _ in self._lines:
            off, bend = level - self.level, slope - self.slope
            level_var += weight * (own_level + off * off)
            cross_var += weight * (own_cross + off * bend)
            slope_var += weight * (own_slope + bend * bend)
        self._level_var, self._cross_var, self._slope_var = level_var, cross_var, slope_var


def _likeliest(lines: list[Line], total: float, model: TrendModel) -> list[Line]:
    """The likeliest lines, weights summing to 1; the young get a bonus, since evidence takes a few measurements."""
    if len(lines) > model.lines:
        spared, factor = model.spare_for, model.spare_factor
        lines.sort(key=lambda line: line[0] * (factor if line[6] < spared else 1), reverse=True)
        del lines[model.lines :]
        total = sum([line[0] for line in lines])
    return [
        (weight / total, level, slope, level_var, cross_var, slope_var, age)
        for weight, level, slope, level_var, cross_var, slope_var, age in lines
    ]


_BENDS = (1 / 6, 1 / 2, 5 / 6)
"""Where in a horizon a kink is looked at, as shares of it."""
_NEGLIGIBLE = 0.005
_UNLIKELY = 1e-30
"""Keeps weights above 0 when no line comes near a measurement."""
_WILD = 9.0
"""One measurement counts as no more than this many variances, so that a jump is not taken for noise."""
_LEAST_NOISE_VAR = 1e-6
