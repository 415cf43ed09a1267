"""Windows: what each server did over a few minutes of its past in which it was busy all the time.

A window is kept where every scrape found requests in work, never fewer than half of the window's mean (so that the mean
says how full the server was), no counter fell, and no scrape is missing. The others are counted by why they are left
out. Input is what was read: what the prefix cache held is taken off where the engine counts it as input.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from planner.measure.dialect import Dialect
from planner.measure.prometheus import Prometheus, selector

STEADY = 0.5
"""The fewest requests in work, over their mean."""
WHOLE = 0.9
"""Scrapes of a window, over the most that one of the server's windows has."""

Key = tuple[str, str, int]
"""Instance, model and number of the window."""
Values = dict[Key, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One server over one window."""

    instance: str
    model: str
    """As the engine names it."""
    end_s: float
    running: float
    """Requests in work, the mean over the window."""
    waiting: float | None
    input_tok_s: float
    """Without what the prefix cache held."""
    output_tok_s: float
    cached_ratio: float | None
    """Of all input; None: not measured."""
    request_output: float | None
    """Output tokens of a mean request; None: the engine counts no requests."""
    ttft_ms: float | None
    """Median time to first token."""
    ttft_p95_ms: float | None
    tpot_ms: float | None
    """Mean time per output token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastWindows:
    """Those kept, in order of time, and how many were left out by why."""

    windows: tuple[Window, ...]
    left_out: Mapping[str, int]
    warnings: tuple[str, ...] = ()


def read_windows(
    prometheus: Prometheus, dialect: Dialect, *, start: datetime, end: datetime, window: timedelta, matchers: str = ""
) -> PastWindows:
    """The busy windows of [start, end). Raises MetricsError."""
    asked = _Asked(prometheus=prometheus, dialect=dialect, start=start, end=end, window=window, matchers=matchers)
    came = asked.first_of(dialect.input_tokens, "rate({}[{}])")
    made = asked.first_of(dialect.output_tokens, "rate({}[{}])")
    cached_apart = asked.first_of(dialect.cached_input_tokens, "rate({}[{}])")
    hits = asked.first_of(dialect.cache_hits, "rate({}[{}])")
    running = asked.first_of(dialect.running, "avg_over_time({}[{}])")
    least = asked.first_of(dialect.running, "min_over_time({}[{}])")
    waiting = asked.first_of(dialect.waiting, "avg_over_time({}[{}])")
    falls = asked.first_of(dialect.input_tokens, "resets({}[{}])")
    scrapes = asked.first_of(dialect.input_tokens, "count_over_time({}[{}])")
    lengths = asked.quotient(*dialect.request_output[0]) if dialect.request_output else {}
    median, p95 = asked.quantile(dialect.ttft, 0.5), asked.quantile(dialect.ttft, 0.95)
    tpot: Values = {}
    for name in reversed(dialect.tpot):
        tpot |= asked.quotient(f"{name}_sum", f"{name}_count")
    left_out: Counter[str] = Counter()
    left_out["not measured throughout"] = _missing(scrapes)
    most = _most(scrapes)
    kept = []
    for key in sorted(came, key=lambda key: (key[2], key)):
        why = _why_not(key, came, made, running, least, falls, scrapes, most)
        if why:
            left_out[why] += 1
            continue
        found = min(hits.get(key, 0.0), came[key])
        if came[key] - found <= 0:
            left_out["read from the cache alone"] += 1
            continue
        total = came[key] + cached_apart.get(key, 0.0)
        is_cached_known = key in hits or key in cached_apart
        kept.append(
            Window(
                instance=key[0],
                model=key[1],
                end_s=(start + (key[2] + 1) * window).timestamp(),
                running=running[key],
                waiting=waiting.get(key),
                input_tok_s=came[key] - found,
                output_tok_s=made[key],
                cached_ratio=(found + cached_apart.get(key, 0.0)) / total if is_cached_known else None,
                request_output=lengths.get(key),
                ttft_ms=_ms(median.get(key)),
                ttft_p95_ms=_ms(p95.get(key)),
                tpot_ms=_ms(tpot.get(key)),
            )
        )
    return PastWindows(
        windows=tuple(kept),
        left_out={why: count for why, count in left_out.items() if count},
        warnings=tuple(asked.warnings),
    )


def _why_not(
    key: Key,
    came: Values,
    made: Values,
    running: Values,
    least: Values,
    falls: Values,
    scrapes: Values,
    most: Mapping[tuple[str, str], float],
) -> str:
    """Why a window is left out; empty: it is not."""
    if scrapes.get(key, 0.0) < WHOLE * most[key[:2]] or key not in running or key not in made:
        return "not measured throughout"
    if falls.get(key, 0.0) > 0:
        return "with a restart"
    if least[key] < 1 or came[key] <= 0 or made[key] <= 0:
        return "idle for a part"
    return "unsteady" if least[key] < STEADY * running[key] else ""


def _most(scrapes: Values) -> dict[tuple[str, str], float]:
    """The most scrapes that a window of a server has."""
    most: dict[tuple[str, str], float] = {}
    for key, count in scrapes.items():
        most[key[:2]] = max(most.get(key[:2], 0.0), count)
    return most


def _missing(scrapes: Values) -> int:
    """Windows between a server's first and last that have no scrape at all."""
    numbers: dict[tuple[str, str], list[int]] = {}
    for key in scrapes:
        numbers.setdefault(key[:2], []).append(key[2])
    return sum(max(each) - min(each) + 1 - len(each) for each in numbers.values())


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds


@dataclass(slots=True, kw_only=True)
class _Asked:
    """Expressions asked at the end of each window, by server and model."""

    prometheus: Prometheus
    dialect: Dialect
    start: datetime
    end: datetime
    window: timedelta
    matchers: str
    warnings: dict[str, None] = field(default_factory=dict)

    def first_of(self, names: tuple[str, ...], form: str) -> Values:
        """Sums by server and model; where several names have one, the first of `names` counts."""
        found: Values = {}
        for name in reversed(names):
            found |= self._values(f"sum by ({self._by}) ({form.format(self._of(name), self._span)})")
        return found

    def quotient(self, above: str, below: str) -> Values:
        """What one counter rose by over what another did; absent where that is 0."""
        parts = (f"sum by ({self._by}) (rate({self._of(name)}[{self._span}]))" for name in (above, below))
        return self._values(" / ".join(parts))

    def quantile(self, names: tuple[str, ...], share: float) -> Values:
        """A quantile of a histogram's observations within each window."""
        found: Values = {}
        for name in reversed(names):
            buckets = f"rate({self._of(f'{name}_bucket')}[{self._span}])"
            found |= self._values(f"histogram_quantile({share:g}, sum by ({self._by}, le) ({buckets}))")
        return found

    @property
    def _by(self) -> str:
        return ", ".join(("job", "instance", *self.dialect.model_labels))

    @property
    def _span(self) -> str:
        return f"{self.window.total_seconds():.0f}s"

    def _of(self, name: str) -> str:
        return selector((name,), self.matchers)

    def _values(self, expression: str) -> Values:
        window_s, start_s = self.window.total_seconds(), self.start.timestamp()
        answer = self.prometheus.over(expression, start=self.start + self.window, end=self.end, step=self.window)
        self.warnings.update(dict.fromkeys(answer.warnings))
        found: Values = {}
        for one in answer.series:
            model = next((one.labels[name] for name in self.dialect.model_labels if one.labels.get(name)), "model")
            for at_s, value in zip(one.times_s, one.values, strict=True):
                found[one.labels.get("instance", ""), model, round((at_s - start_s) / window_s) - 1] = value
        return found
