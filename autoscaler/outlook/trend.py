"""Trend: recent demand as a mixture of straight lines, each with the kink it began at. Pure: no clock, no chance.

Demand is taken to run along a straight line that bends now and then (a kink), measured with noise in proportion to its
level. Nobody knows when the last kink was, so several lines are followed at once, each a Kalman filter of level and
slope: at every measurement all lines go on, and new ones are born that bend here, by little or by much against the
usual slope. How well each foretold the measurement is its weight. This is a switching Kalman filter with pruning
(Bar-Shalom, Li and Kirubarajan, Estimation with Applications to Tracking and Navigation, 2001, ch. 11).

The usual slope and the noise are learnt as they come, so a calm and a wild service need no settings of their own.
Lines are plain tuples and one loop does all that is done to a line, since this runs at every tick of a replay.
"""

from dataclasses import dataclass
from math import exp, sqrt
from typing import TypeAlias

from policies.units import SECONDS_PER_HOUR

Line: TypeAlias = tuple[float, float, float, float, float, float, int]
"""Weight, level, slope per second, variance of level, covariance, variance of slope, measurements since its kink."""

Part: TypeAlias = tuple[float, float, float]
"""Weight, mean and standard deviation of one normal part of a mixture."""

_BENDS = (1 / 6, 1 / 2, 5 / 6)
"""Where in a horizon a kink is looked at, as shares of it."""
_NEGLIGIBLE = 0.005
_UNLIKELY = 1e-30
"""Keeps weights above 0 when no line comes near a measurement."""
_WILD = 9.0
"""One measurement counts as no more than this many variances, so that a jump is not taken for noise."""
_LEAST_NOISE_VAR = 1e-6
_NOISE_GUESS_FOR = 8
"""Measurements that the first guess of the noise counts for: a service of few requests is soon known to be wild."""
_FLAT_FOR = 8
"""Measurements at the start in which nothing is taken for a slope: whose noise is not known may as well be noise."""
_WARM_UP_S = float(SECONDS_PER_HOUR)
_LONGEST_STEPS = 3.0
"""After a gap longer than this many kinks it is as good as certain that the line has bent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendModel:
    """What demand is like before any is seen. Found on two-week LLM traces; none is of one trace."""

    kink_every_s: float = 450.0
    """Mean time between kinks."""
    kink_scales: tuple[float, ...] = (0.16, 4.4)
    """Slopes after a kink, against the usual slope: standard deviations of a mixture around 0."""
    kink_weights: tuple[float, ...] = (0.64, 0.36)
    level_power: float = 0.19
    """Usual slopes grow with this power of the level (1: in proportion)."""
    usual_slope_over_s: float = 3800.0
    """Memory of the usual slope."""
    long_run_s: float = 140_000.0
    """Memory of the long-run level and slope."""
    least_slope_ratio_s: float = 6.2e-5
    """The usual slope is taken for no less than this share of the level per second ..."""
    long_run_share: float = 0.045
    """... and this share of its long-run mean."""
    present_share: float = 0.11
    """Share of the present slope that adds to the usual one: steep bends follow steep ones."""
    noise_ratio: float = 0.03
    """Standard deviation of one measurement over its level, at first."""
    noise_over: int = 120
    """Memory of the noise, in measurements; shorter until so many were seen."""
    lines: int = 12
    """Lines followed at once; young ones count `spare_factor` times in pruning for `spare_for` measurements."""
    spare_for: int = 4
    spare_factor: float = 2.8
    least_work: float = 0.05
    """Reference nodes; slopes and noise are in proportion to no less."""

    def __post_init__(self) -> None:
        if len(self.kink_scales) != len(self.kink_weights) or abs(sum(self.kink_weights) - 1) > 1e-9:
            raise ValueError("kink_weights must sum to 1, one per scale")
        if self.lines < 2 or min(self.kink_every_s, self.usual_slope_over_s, self.long_run_s, self.least_work) <= 0:
            raise ValueError("expected 2 lines or more, and times and least_work above 0")


class Trend:
    """Follows one demand: `observe` each measurement, then ask for the `mixture` at a horizon."""

    def __init__(self, model: TrendModel) -> None:
        self._model = model
        self._lines: list[Line] = []
        self._weight = 1.0
        self._recent: tuple[tuple[float, float], ...] = ()
        self._began_s = 0.0
        self._noise_var = model.noise_ratio**2
        self._noise_seen = _NOISE_GUESS_FOR
        self._usual_slope = self._long_slope = 3 * model.least_slope_ratio_s
        self._long_level = 0.0
        self._kink_slope = 0.0
        self.level = 0.0
        """Demand now, noise taken out."""
        self.slope = 0.0
        """Its change per second."""
        self._level_var = self._cross_var = self._slope_var = 0.0

    def observe(self, at_s: float, work: float) -> None:
        """Take in one measurement, later than the last."""
        model = self._model
        if not self._lines:
            scale = max(work, model.least_work)
            first_slope = 5 * model.least_slope_ratio_s * scale
            self._lines = [(1.0, work, 0.0, self._noise_var * scale * scale, 0.0, first_slope * first_slope, 0)]
            self._began_s, self._long_level = at_s, scale
            self._sum_up()
            self._kink_slope = self._usual_slope * scale
        elif self._noise_seen < _NOISE_GUESS_FOR + _FLAT_FOR:
            self._learn_noise(at_s, work)
            self._stand(work)
            self._sum_up()
        else:
            step_s = at_s - self._recent[-1][0]
            self._learn_noise(at_s, work)
            self._follow(step_s, work)
            self._sum_up()
            self._learn_slope(step_s, at_s - self._began_s)
        self._recent = (*self._recent[-1:], (at_s, work))

    def expected(self, ahead_s: float) -> float:
        """Mean of what a measurement `ahead_s` after the last would read: a line that bends goes on flat."""
        straight = exp(-ahead_s / self._model.kink_every_s)
        return self.level + ahead_s * self.slope * (1 + straight) / 2

    def spread(self, ahead_s: float) -> tuple[float, float]:
        """Mean and standard deviation of a measurement so soon that no line bends before it."""
        return self.level + ahead_s * self.slope, sqrt(self._ahead_var(ahead_s) + self._noise())

    def mixture(self, ahead_s: float) -> list[Part]:
        """What a measurement `ahead_s` after the last would read: lines going on, and lines that bend before then."""
        model, noise = self._model, self._noise()
        straight = exp(-ahead_s / model.kink_every_s)
        share = straight / self._weight
        negligible = _NEGLIGIBLE * self._weight
        parts = [
            (
                weight * share,
                level + ahead_s * slope,
                sqrt(level_var + ahead_s * (2 * cross_var + ahead_s * slope_var) + noise),
            )
            for weight, level, slope, level_var, cross_var, slope_var, _ in self._lines
            if weight >= negligible
        ]
        for bend in _BENDS:
            before_s, after_s = bend * ahead_s, (1 - bend) * ahead_s
            mean = self.level + before_s * self.slope
            var = self._ahead_var(before_s) + noise
            for scale, weight in zip(model.kink_scales, model.kink_weights, strict=True):
                by = after_s * scale * self._kink_slope
                parts.append(((1 - straight) * weight / len(_BENDS), mean, sqrt(var + by * by)))
        return parts

    def _ahead_var(self, ahead_s: float) -> float:
        return self._level_var + ahead_s * (2 * self._cross_var + ahead_s * self._slope_var)

    def _noise(self) -> float:
        scale = max(self.level, self._model.least_work)
        return self._noise_var * scale * scale

    def _born(self, step_s: float) -> list[Line]:
        """Lines that bend where the last measurement was taken."""
        model = self._model
        odds = (exp(step_s / model.kink_every_s) - 1) * self._weight
        return [
            (odds * weight, self.level, 0.0, self._level_var, 0.0, (scale * self._kink_slope) ** 2, -1)
            for scale, weight in zip(model.kink_scales, model.kink_weights, strict=True)
        ]

    def _stand(self, work: float) -> None:
        """The one line of a start: level, halfway to each measurement."""
        level = self.level + (work - self.level) / 2
        first_slope = 5 * self._model.least_slope_ratio_s * max(level, self._model.least_work)
        self._lines = [(1.0, level, 0.0, self._noise(), 0.0, first_slope * first_slope, 0)]

    def _follow(self, step_s: float, work: float) -> None:
        """Every line goes on, some bend; each is weighed by the measurement, and the likeliest are kept."""
        model, noise_var = self._model, self._noise_var
        least = max(0.3 * self.level, model.least_work)
        born = self._born(min(step_s, _LONGEST_STEPS * model.kink_every_s))
        before = self._weight + sum(line[0] for line in born)
        lines: list[Line] = []
        for weight, level, slope, level_var, cross_var, slope_var, age in self._lines + born:
            ahead = level + step_s * slope
            along = step_s * slope_var
            ahead_var = level_var + step_s * (cross_var + cross_var + along)
            ahead_cross = cross_var + along
            scale = ahead if ahead > least else least
            sure = 1 / (ahead_var + noise_var * scale * scale)
            miss = work - ahead
            gain, bent = ahead_var * sure, ahead_cross * sure
            fit = (exp(-0.5 * miss * miss * sure) + _UNLIKELY) * sqrt(sure)
            lines.append(
                (
                    weight / before * fit,
                    ahead + gain * miss,
                    slope + bent * miss,
                    ahead_var * (1 - gain),
                    ahead_cross * (1 - gain),
                    slope_var - bent * ahead_cross,
                    age + 1,
                )
            )
        self._lines = _likeliest(lines, model)

    def _learn_noise(self, at_s: float, work: float) -> None:
        """Noise is what the middle of three measurements lies off the straight line through its neighbours."""
        if len(self._recent) < 2:
            return
        (first_s, first), (middle_s, middle) = self._recent
        share = (middle_s - first_s) / (at_s - first_s)
        off = middle - (1 - share) * first - share * work
        unit = 1 + share * share + (1 - share) ** 2
        scale = max(self.level, self._model.least_work)
        seen = off * off / (unit * scale * scale)
        self._noise_seen = min(self._noise_seen + 1, self._model.noise_over)
        self._noise_var += (min(seen, _WILD * self._noise_var) - self._noise_var) / self._noise_seen
        self._noise_var = max(self._noise_var, _LEAST_NOISE_VAR)

    def _learn_slope(self, step_s: float, age_s: float) -> None:
        """The usual slope is the mean of recent slopes at this level; the long-run ones keep it from falling asleep."""
        model = self._model
        level = max(self.level, model.least_work)
        long_share = min(1.0, step_s / min(model.long_run_s, age_s + _WARM_UP_S))
        self._long_level += long_share * (level - self._long_level)
        unit = self._long_level * (level / self._long_level) ** model.level_power
        seen = abs(self.slope) / unit
        least = model.least_slope_ratio_s
        self._long_slope += long_share * (max(seen, least) - self._long_slope)
        share = 1 - exp(-step_s / model.usual_slope_over_s)
        least += model.long_run_share * self._long_slope
        self._usual_slope += share * (max(seen, least) - self._usual_slope)
        self._kink_slope = self._usual_slope * unit + model.present_share * abs(self.slope)

    def _sum_up(self) -> None:
        """Mean and variance of level and slope over all lines, taken from the first line to keep digits."""
        first_level, first_slope = self._lines[0][1:3]
        total = offs = bends = level_var = cross_var = slope_var = 0.0
        for weight, level, slope, own_level, own_cross, own_slope, _ in self._lines:
            off, bend = level - first_level, slope - first_slope
            total += weight
            offs += weight * off
            bends += weight * bend
            level_var += weight * (own_level + off * off)
            cross_var += weight * (own_cross + off * bend)
            slope_var += weight * (own_slope + bend * bend)
        off, bend = offs / total, bends / total
        self._weight = total
        self.level, self.slope = first_level + off, first_slope + bend
        self._level_var = max(0.0, level_var / total - off * off)
        self._cross_var = cross_var / total - off * bend
        self._slope_var = max(0.0, slope_var / total - bend * bend)


def _likeliest(lines: list[Line], model: TrendModel) -> list[Line]:
    """The likeliest lines; the young get a bonus, since evidence takes a few measurements."""
    spare_for, spare_factor = model.spare_for, model.spare_factor
    worth = [line[0] * spare_factor if line[6] < spare_for else line[0] for line in lines]
    for _ in range(len(lines) - model.lines):
        least = worth.index(min(worth))
        del worth[least], lines[least]
    return lines
