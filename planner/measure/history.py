"""History: what models were asked for over past days, by the hour, from the counters of their servers.

A span is asked for in slots (5 minutes unless said otherwise), each the rate over itself, and a row is the mean of the
slots that were measured. A row of which less than half was measured is a gap: it says nothing, where 0 would say that
nobody came. A model's rows begin and end with the span, so that the hours before its first server are gaps.

Over hours what was begun is what was asked for, but for what was refused or waited longer than a row.

A model whose counters have other names is told by expressions of its own, PromQL that says tokens per second: they are
evaluated at the end of each slot, and their series are added up.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from planner.demand.history import History
from planner.errors import InputError
from planner.measure.dialect import Dialect
from planner.measure.prometheus import Prometheus, selector

if TYPE_CHECKING:
    from planner.measure.series import Series

SLOT = timedelta(minutes=5)
LEAST_MEASURED = 0.5
"""Share of a row's slots that must be measured."""

ModelOf = Callable[[Mapping[str, str]], str | None]
Slots = dict[tuple[str, int], float]
"""Model and number of the slot -> tokens per second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRow:
    """One model over one step."""

    start: datetime
    model: str
    input_tok_s: float | None
    output_tok_s: float | None
    """None: not measured."""
    measured_ratio: float
    """Share of the step that was measured."""

    @property
    def is_gap(self) -> bool:
        """Whether too little was measured to say anything."""
        return self.input_tok_s is None or self.output_tok_s is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expressions:
    """PromQL of a model's tok/s, instead of the engine's counters; a direction that is not named keeps them."""

    input_tok_s: Mapping[str, str]
    """By model."""
    output_tok_s: Mapping[str, str]


NO_EXPRESSIONS = Expressions(input_tok_s={}, output_tok_s={})


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTraffic:
    """Rows in order of time and model."""

    rows: tuple[PastRow, ...]
    step: timedelta
    warnings: tuple[str, ...] = ()

    def as_history(self, *, source: str) -> History:
        """The same as the values that forecasts are made from; rows of an hour. Raises InputError without rows."""
        if self.step != timedelta(hours=1):
            raise ValueError(f"expected rows of an hour, got {self.step}")
        if not self.rows:
            raise InputError(f"{source}: nothing was measured")
        models = tuple(dict.fromkeys(row.model for row in self.rows))
        rates = [
            np.array([np.nan if rate is None else rate for rate in rates]).reshape(-1, len(models)).T
            for rates in ([row.input_tok_s for row in self.rows], [row.output_tok_s for row in self.rows])
        ]
        return History(
            start=self.rows[0].start, models=models, input_tok_s=rates[0], output_tok_s=rates[1], source=source
        )


def read_history(
    prometheus: Prometheus,
    dialect: Dialect,
    *,
    start: datetime,
    end: datetime,
    model_of: ModelOf,
    step: timedelta = timedelta(hours=1),
    slot: timedelta = SLOT,
    matchers: str = "",
    expressions: Expressions = NO_EXPRESSIONS,
) -> PastTraffic:
    """What was measured in [start, end). Raises InputError, MetricsError."""
    if step % slot or (end - start) % step or end <= start:
        raise InputError(f"expected whole steps of {step} from start to end, and whole slots of {slot} in a step")
    warnings: dict[str, None] = {}
    came, cached, made = (
        _slots(
            prometheus, dialect, names, warnings, start=start, end=end, slot=slot, model_of=model_of, matchers=matchers
        )
        for names in (dialect.input_tokens, dialect.cached_input_tokens, dialect.output_tokens)
    )
    for told, into in ((expressions.input_tok_s, came), (expressions.output_tok_s, made)):
        for model, expression in told.items():
            _replace(into, model, _told(prometheus, model, expression, warnings, start=start, end=end, slot=slot))
    for model in expressions.input_tok_s:
        _replace(cached, model, {})
    rows = tuple(_rows(came, cached, made, start=start, steps=(end - start) // step, step=step, slot=slot))
    return PastTraffic(rows=rows, step=step, warnings=tuple(warnings))


def _slots(
    prometheus: Prometheus,
    dialect: Dialect,
    names: tuple[str, ...],
    warnings: dict[str, None],
    *,
    start: datetime,
    end: datetime,
    slot: timedelta,
    model_of: ModelOf,
    matchers: str,
) -> Slots:
    """Rates by model and slot; where several names have one, the first of `names` counts."""
    found: Slots = {}
    by = ", ".join(dialect.model_labels)
    for name in reversed(names):  # so that the newest name is the last to be written
        rate = f"rate({selector((name,), matchers)}[{slot.total_seconds():.0f}s])"
        answer = prometheus.over(f"sum by ({by}) ({rate})", start=start + slot, end=end, step=slot)
        warnings.update(dict.fromkeys(answer.warnings))
        found |= _by_model(answer.series, start_s=start.timestamp(), slot_s=slot.total_seconds(), model_of=model_of)
    return found


def _told(
    prometheus: Prometheus,
    model: str,
    expression: str,
    warnings: dict[str, None],
    *,
    start: datetime,
    end: datetime,
    slot: timedelta,
) -> Slots:
    """Rates of one model by its own expression."""
    answer = prometheus.over(expression, start=start + slot, end=end, step=slot)
    warnings.update(dict.fromkeys(answer.warnings))
    return _by_model(
        answer.series, start_s=start.timestamp(), slot_s=slot.total_seconds(), model_of=lambda _labels: model
    )


def _replace(slots: Slots, model: str, by: Slots) -> None:
    """Other slots of a model in the place of those it has."""
    for key in [key for key in slots if key[0] == model]:
        del slots[key]
    slots |= by


def _by_model(series: "tuple[Series, ...]", *, start_s: float, slot_s: float, model_of: ModelOf) -> Slots:
    found: Slots = {}
    for one in series:
        model = model_of(one.labels)
        if model is None:
            continue
        for at_s, value in zip(one.times_s, one.values, strict=True):
            key = (model, round((at_s - start_s) / slot_s) - 1)
            found[key] = found.get(key, 0.0) + value
    return found


def _rows(
    came: Slots, cached: Slots, made: Slots, *, start: datetime, steps: int, step: timedelta, slot: timedelta
) -> Iterator[PastRow]:
    each = step // slot
    models = sorted({model for model, _ in came})
    for number in range(steps):
        for model in models:
            keys = [(model, number * each + index) for index in range(each)]
            measured = [key for key in keys if key in came and key in made]
            is_gap = len(measured) < LEAST_MEASURED * each
            yield PastRow(
                start=(start + number * step).astimezone(UTC),
                model=model,
                input_tok_s=None if is_gap else sum(came[k] + cached.get(k, 0.0) for k in measured) / len(measured),
                output_tok_s=None if is_gap else sum(made[key] for key in measured) / len(measured),
                measured_ratio=len(measured) / each,
            )
