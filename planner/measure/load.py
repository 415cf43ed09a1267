"""Load: what a model is asked for, from the samples of its servers over a window. Pure.

Work is measured at the input: what is begun or finished hides what waits, so that an overloaded fleet would look as if
it were asked for just what it can do. Over a window of W seconds, with Δ for what a counter rose by or a gauge grew by,

    requests/s = (Δfinished + Δrunning + Δwaiting) / W
    input      = (Δinput tokens + p · Δwaiting) / W       where input tokens are counted as requests begin
               = (Δinput tokens + p · (Δrunning + Δwaiting)) / W                      as they end (gateways)
    output     = g · requests/s                           where ended requests are counted, and enough have ended
               = (Δoutput tokens + g · Δwaiting) / W      where not, and tokens are counted as they are generated
               = (Δoutput tokens + g · (Δrunning + Δwaiting)) / W      where not, and they are counted at the end
    queue      = waiting · p input tokens, waiting · g output tokens

p and g are the tokens of a mean request of the recent past (`RequestMeans`). What ends up below 0 is 0.

Limits: a request that is refused before it is queued is in no metric; a mix that changes within the window is seen as
late as requests of the new kind end; p and g cannot be measured where an engine counts no requests (llama.cpp), and are
then what the settings say; a gateway does not know what waits in the engines from what they work on.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from planner.measure.dialect import Dialect, first_of
from planner.measure.series import Series, growth, increase, is_whole

UP = "up"
"""Prometheus' own metric of a target: 1 where the last scrape was answered."""
LATE = 2.5
"""A target is silent once its newest sample is older than this many of its own intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMeans:
    """Tokens of a mean request."""

    input_tokens: float
    output_tokens: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one model was asked for over a window, all its servers together."""

    at_s: float
    """Time of the newest sample, seconds since 1970."""
    input_tok_s: float
    """Arrivals, cached ones included."""
    output_tok_s: float
    """What the arrivals will make."""
    requests_s: float | None
    """Arrivals; None: the engine counts none."""
    running: float
    waiting: float
    queue_input_tokens: float
    queue_output_tokens: float
    cache_hit_ratio: float | None
    """Of the window's input tokens; None: not measured, or none came."""
    kv_cache_ratio: float | None
    """Of the fullest server."""
    preempted: float | None
    """Requests put back into the queue over the window; None: the engine does not say."""
    targets: int
    """Servers it is the sum of."""

    @property
    def is_zero(self) -> bool:
        """Whether it was measured that nothing is asked for: not the same as nothing measured."""
        return not (self.input_tok_s or self.output_tok_s or self.waiting or self.running)


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """No server of the model has said anything."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """The last thing said is too old to be the present."""

    at_s: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """Some that should answer do not; `load` is what the others say."""

    load: Load
    missing: tuple[str, ...]
    """Those that do not answer: nodes, or instances that are no known node's; sorted."""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """All that should answer do. It may be zero: `load.is_zero`."""

    load: Load


Standing: TypeAlias = Absent | Stale | Partial | Whole


@dataclass(slots=True, kw_only=True)
class Target:
    """One scrape target: its own series, by metric, and what Prometheus says of its scrapes."""

    instance: str
    labels: Mapping[str, str]
    up: Series | None = None
    by_name: dict[str, list[Series]] = field(default_factory=dict)

    @property
    def is_up(self) -> bool | None:
        """Whether its last scrape was answered; None: Prometheus does not say."""
        return None if self.up is None else self.up.values[-1] == 1

    @property
    def at_s(self) -> float | None:
        """Time of the newest sample of its own metrics; None: it has none."""
        return max((one.times_s[-1] for found in self.by_name.values() for one in found), default=None)

    def of(self, names: tuple[str, ...]) -> list[Series]:
        """The series of the newest of `names` that it has."""
        name = first_of(names, self.by_name)
        return [] if name is None else self.by_name[name]

    def last(self, names: tuple[str, ...]) -> float | None:
        """Sum of the newest values; None: it has none of the metrics."""
        found = self.of(names)
        return sum(one.values[-1] for one in found) if found else None

    def is_silent(self, now_s: float, window_s: float) -> bool:
        """Whether its last scrape failed, or it has not been scraped for longer than it is used to."""
        if self.is_up is False or self.at_s is None:
            return True
        times_s = self.up.times_s if self.up is not None else next(iter(self.by_name.values()))[0].times_s
        interval_s = (times_s[-1] - times_s[0]) / (len(times_s) - 1) if len(times_s) > 1 else window_s / 2
        return now_s - self.at_s > LATE * max(interval_s, 1.0)


Whose: TypeAlias = Callable[[Mapping[str, str]], str | None]
"""Labels of a series -> the model it is about, by our name; None: about no one model."""


def targets_of(series: Iterable[Series]) -> tuple[Target, ...]:
    """The targets that series belong to, in order of job and instance."""
    targets: dict[tuple[str, str], Target] = {}
    for one in series:
        key = (one.labels.get("job", ""), one.labels.get("instance", ""))
        target = targets.get(key)
        if target is None:
            target = targets[key] = Target(instance=key[1], labels=one.labels)
        if one.name == UP:
            target.up, target.labels = one, one.labels
        else:
            target.by_name.setdefault(one.name, []).append(one)
    return tuple(target for _, target in sorted(targets.items(), key=lambda pair: pair[0]))


def loads_of(
    targets: Sequence[Target],
    dialect: Dialect,
    *,
    whose: Whose,
    means: Mapping[str, RequestMeans],
    default_means: RequestMeans,
    now_s: float,
    window_s: float,
) -> dict[str, Load]:
    """By model, what it was asked for; a model without a rate, for want of two samples, is not in it."""
    sums: dict[str | None, _Sums] = {}
    for target in targets:
        _add(target, dialect, sums, whose=whose, now_s=now_s, window_s=window_s)
    shared = sums.pop(None, None)
    known = {model: one for model, one in sums.items() if model is not None and one.at_s is not None}
    if shared is not None:
        _share(shared, tuple(known.values()))
    return {
        model: one.load(dialect, means.get(model), default_means, start_s=now_s - window_s)
        for model, one in known.items()
    }


@dataclass(slots=True, kw_only=True)
class _Sums:
    """What the servers of one model add up to, over the window."""

    at_s: float | None = None
    """Of the newest sample of a counter of input tokens that has a rate."""
    input_rise: float = 0.0
    rises: dict[str, float] = field(default_factory=dict)
    """What the other counters rose by; one that no server has is not in it."""
    running: float = 0.0
    waiting: float = 0.0
    running_growth: float = 0.0
    waiting_growth: float = 0.0
    kv_cache_ratio: float | None = None
    targets: set[str] = field(default_factory=set)

    def load(self, dialect: Dialect, measured: RequestMeans | None, default: RequestMeans, *, start_s: float) -> Load:
        """The formulas of the module."""
        means = default if measured is None else measured
        assert self.at_s is not None  # only models with a rate have a load
        span_s = self.at_s - start_s
        in_flight_growth = self.running_growth + self.waiting_growth
        came = self.input_rise + self.rises.get("cached_input_tokens", 0.0)
        not_counted = self.waiting_growth if dialect.input_counted == "begun" else in_flight_growth
        finished = self.rises.get("finished")
        requests_s = None if finished is None else max(finished + in_flight_growth, 0.0) / span_s
        if requests_s is not None and measured is not None:
            output_tok_s = measured.output_tokens * requests_s
        else:
            unseen = self.waiting_growth if dialect.output_counted == "generated" else in_flight_growth
            made = self.rises.get("output_tokens", 0.0) + means.output_tokens * unseen
            output_tok_s = max(made, 0.0) / span_s
        return Load(
            at_s=self.at_s,
            input_tok_s=max(came + means.input_tokens * not_counted, 0.0) / span_s,
            output_tok_s=output_tok_s,
            requests_s=requests_s,
            running=self.running,
            waiting=self.waiting,
            queue_input_tokens=self.waiting * means.input_tokens,
            queue_output_tokens=self.waiting * means.output_tokens,
            cache_hit_ratio=self._cache_hit_ratio(came),
            kv_cache_ratio=self.kv_cache_ratio,
            preempted=self.rises.get("preemptions"),
            targets=len(self.targets),
        )

    def _cache_hit_ratio(self, came: float) -> float | None:
        cached = self.rises.get("cached_input_tokens")
        hits, of = self.rises.get("cache_hits"), self.rises.get("cache_queries", came)
        if cached is not None:
            hits, of = cached, came
        return None if hits is None or of <= 0 else min(hits / of, 1.0)


_COUNTED = ("cached_input_tokens", "output_tokens", "finished", "cache_queries", "cache_hits", "preemptions")
"""Fields of a dialect whose counters are added up."""


def _add(
    target: Target,
    dialect: Dialect,
    sums: dict[str | None, _Sums],
    *,
    whose: Whose,
    now_s: float,
    window_s: float,
) -> None:
    """Adds what one target did over the window, and what it works on now, to the sums of its models."""
    start_s, end_s = now_s - window_s, target.at_s or now_s
    restarted = set()

    def risen(names: tuple[str, ...]) -> Iterator[tuple[_Sums, Series, float]]:
        for one in target.of(names):
            was_born = dialect.is_gateway and _was_born(one, target)
            if is_whole(one) or was_born:
                amount = increase(one, start_s, end_s, was_born=was_born)
                yield sums.setdefault(whose(one.labels), _Sums()), one, amount

    for found, one, amount in risen(dialect.input_tokens):
        found.input_rise += amount
        found.at_s = max(found.at_s or 0.0, one.times_s[-1])
        found.targets.add(target.instance)
        if one.has_restarted:
            restarted.add(id(found))
    for name in _COUNTED:
        for found, _, amount in risen(getattr(dialect, name)):
            found.rises[name] = found.rises.get(name, 0.0) + amount
    if target.is_silent(now_s, window_s):
        return  # what it works on now is not known
    for one in target.of(dialect.running):
        found = sums.setdefault(whose(one.labels), _Sums())
        found.running += one.values[-1]
        found.running_growth += one.values[-1] if id(found) in restarted else growth(one)
    for one in target.of(dialect.waiting):
        found = sums.setdefault(whose(one.labels), _Sums())
        found.waiting += one.values[-1]
        found.waiting_growth += one.values[-1] if id(found) in restarted else growth(one)
    for one in target.of(dialect.kv_cache_ratio):
        found = sums.setdefault(whose(one.labels), _Sums())
        found.kv_cache_ratio = max(found.kv_cache_ratio or 0.0, one.values[-1])


def _was_born(series: Series, target: Target) -> bool:
    """Whether the target answered within the window before it had the series."""
    up = target.up
    return up is not None and any(
        at_s < series.times_s[0] and value == 1 for at_s, value in zip(up.times_s, up.values, strict=True)
    )


def _share(shared: _Sums, models: Sequence[_Sums]) -> None:
    """Gives what is about no one model to all of them, by their input tokens."""
    total = sum(one.input_rise for one in models)
    for one in models:
        part = one.input_rise / total if total > 0 else 1 / len(models)
        one.running += shared.running * part
        one.waiting += shared.waiting * part
        one.running_growth += shared.running_growth * part
        one.waiting_growth += shared.waiting_growth * part
