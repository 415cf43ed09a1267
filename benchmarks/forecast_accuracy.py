"""How good forecasts are: rolling origins over every real series, beside seasonal-naive with bands calibrated alike."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from statistics import fmean
from typing import Any

from benchmarks.forecast_series import TRIALS, Trial, history, origins
from benchmarks.measure import MeasurementError, Row, Spent, Spread, in_child, seconds
from planner.demand.backtest.run import run_from
from planner.demand.backtest.score import scored
from planner.demand.local_time import local_time
from planner.demand.methods import fan_of
from planner.demand.methods.choose import RIVALS

PATIENCE_S = 1200.0
_KINDS = {
    "year": "a year known, 4 weeks ahead",
    "weeks": "8 weeks known, 4 ahead",
    "llm": "LLM traffic, 10 days known, 1 to 4 ahead",
    "llm_week": "LLM traffic, 5 days known, 1 to 2 ahead",
    "web": "bursty web traffic, 4 weeks known, 1 ahead",
}
_MASE = {
    "year": (0.85, 1.05),
    "weeks": (0.90, 1.05),
    "llm": (0.90, 1.10),
    "llm_week": (None, 1.10),
    "web": (None, 1.10),
}
"""At most, on average and on each; the averages of one week of LLM traffic and of web series were not promised."""
_INTERVAL = {"year": 0.75, "weeks": 0.75}
_LLM = ("llm", "llm_week")


def forecast_accuracy_rows(every: int = 1) -> Iterator[Row]:
    """Errors, bands and speed; `every`: how many of the origins are left out but one."""
    found = [(trial, _own("trial", number=number, every=every)) for number, trial in enumerate(TRIALS)]
    for kind, what in _KINDS.items():
        inside = [(trial, one) for trial, told in found if trial.kind == kind for one in told["targets"]]
        yield from _kind_rows(kind, what, inside, is_whole=every == 1)
    long = [one for trial, told in found if trial.kind in ("year", "weeks") for one in told["targets"]]
    yield _ratio(
        "forecast: 90 % bands cover, mean of the long series",
        [one["covered"] for one in long],
        at_least=0.88,
        at_most=0.92,
        is_whole=every == 1,
    )
    llm = [one for trial, told in found if trial.kind in _LLM for one in told["targets"]]
    pooled = sum(one["covered"] * one["hours"] for one in llm) / sum(one["hours"] for one in llm)
    yield _ratio(
        "forecast: 90 % bands cover, hours of all LLM series",
        [pooled],
        at_least=0.85,
        at_most=0.95,
        is_whole=every == 1,
    )
    yield _ratio(
        "forecast: interval score ÷ seasonal-naive's, mean of the LLM series",
        [one["interval"] for one in llm],
        at_most=0.55,
        is_whole=every == 1,
    )
    for zone, error in _own("zones")["mase"].items():
        yield _ratio(f"forecast: electricity, four weeks over a change of clocks, days of {zone}: MASE", [error])
    spent = Spent(**_own("speed")["spent"])
    yield Row(
        what="forecast of 744 h from a year of hourly history, all methods of the core tried",
        unit="s",
        measured=Spread.of(spent.wall_s),
        processor_s=sorted(spent.processor_s)[len(spent.processor_s) // 2],
        at_most=1.5,
    )


def _kind_rows(
    kind: str, what: str, inside: Sequence[tuple[Trial, dict[str, Any]]], *, is_whole: bool
) -> Iterator[Row]:
    of_all, of_each = _MASE[kind]
    scores = [one for _, one in inside]
    count = f"{sum(one['origins'] for one in scores)} origins"
    yield _ratio(
        f"forecast, {what}: MASE, mean", [one["mase"] for one in scores], at_most=of_all, note=count, is_whole=is_whole
    )
    most = _INTERVAL.get(kind)
    yield _ratio(
        "  interval score ÷ seasonal-naive's, bands calibrated alike, mean",
        [one["interval"] for one in scores],
        at_most=most,
        is_whole=is_whole,
    )
    is_long = kind in ("year", "weeks")
    for trial, one in inside:
        named = trial.name if len(trial.targets) == 1 else f"{trial.name}, {one['target']}"
        note = f"{one['origins']} origins; width {one['width']:.2f} of demand; peak off by {one['peak']:.0%}"
        yield _ratio(f"  {named}: MASE", [one["mase"]], at_most=of_each, note=note, is_whole=is_whole)
        yield _ratio("    interval score ÷ seasonal-naive's", [one["interval"]], at_most=1.0, is_whole=is_whole)
        yield _ratio(
            "    90 % band covers",
            [one["covered"]],
            at_least=0.84 if is_long else None,
            at_most=0.95 if is_long else None,
            note=", ".join(f"{float(level):.0%} {share:.1%}" for level, share in one["coverage"].items()),
            is_whole=is_whole,
        )


def trial(number: int, every: int) -> dict[str, Any]:
    """Scores of one series, of each of its targets."""
    one = TRIALS[number]
    whole = history(one)
    when = partial(local_time, zone=one.zone)
    firsts = origins(one, whole.hours)[::every]
    found = []
    for target in one.targets:
        runs: dict[str, list[Any]] = {name: [] for name in ("auto", *RIVALS)}
        for first in firsts:
            begin = 0 if one.kind in _LLM or one.least_ahead_hours < one.ahead_hours else first - one.known_hours
            end = min(first + one.ahead_hours, whole.hours)
            part = replace(
                whole,
                start=whole.hour(begin),
                input_tok_s=whole.input_tok_s[:, begin:end],
                output_tok_s=whole.output_tok_s[:, begin:end],
            )
            for name, held in runs.items():
                held.append(run_from(part, when, first - begin, end - first, method=name, target=target))
        score = scored(runs["auto"], {name: runs[name] for name in RIVALS}, method="auto", target=target)
        found.append(
            {
                "target": target,
                "origins": score.origins,
                "hours": sum(run.actual.size for run in score.runs),
                "mase": score.mase_vs_seasonal_naive,
                "interval": score.interval_score_vs_seasonal_naive,
                "covered": score.coverage[0.9],
                "coverage": {str(level): share for level, share in score.coverage.items()},
                "width": score.mean_width_ratio,
                "peak": score.peak_error_ratio,
            }
        )
    return {"targets": found}


def zones() -> dict[str, Any]:
    """The same forecasts over the changes of Melbourne's clocks, with days of Melbourne and days of UTC."""
    one = next(trial for trial in TRIALS if trial.zone != "UTC" and trial.kind == "weeks")
    whole = history(one)
    known, ahead = one.known_hours, one.ahead_hours
    melbourne = local_time(whole.start, whole.hours, one.zone)
    shift = (melbourne.hour_of_day - local_time(whole.start, whole.hours).hour_of_day) % 24
    changes = [hour for hour in range(1, whole.hours) if shift[hour] != shift[hour - 1]]
    runs: dict[str, list[Any]] = {name: [] for name in ("of Melbourne", "of UTC", *RIVALS)}
    for change in changes:
        for first in (change - 336, change - 24):
            if first >= known and first + ahead <= whole.hours:
                part = replace(
                    whole,
                    start=whole.hour(first - known),
                    input_tok_s=whole.input_tok_s[:, first - known : first + ahead],
                    output_tok_s=whole.output_tok_s[:, first - known : first + ahead],
                )
                for name, held in runs.items():
                    zone = "UTC" if name == "of UTC" else one.zone
                    method = name if name in RIVALS else "robust"
                    run = run_from(part, partial(local_time, zone=zone), known, ahead, method=method, target="output")
                    held.append(run)
    rivals = {name: runs[name] for name in RIVALS}
    return {
        "mase": {
            zone: scored(runs[name], rivals, method="robust", target="output").mase_vs_seasonal_naive
            for zone, name in (("Australia/Melbourne", "of Melbourne"), ("UTC", "of UTC"))
        }
    }


def speed(runs: int = 5) -> dict[str, Any]:
    """Seconds of a forecast from a year."""
    one = next(trial for trial in TRIALS if trial.kind == "year" and trial.zone != "UTC")
    whole = history(one)
    year = replace(whole, input_tok_s=whole.input_tok_s[:, :8760], output_tok_s=whole.output_tok_s[:, :8760])
    when = partial(local_time, zone=one.zone)
    return {
        "spent": asdict(seconds(lambda: fan_of(year, when, hours=744, quantiles=(0.05, 0.5, 0.95), paths=100), runs))
    }


def _own(task: str, **arguments: Any) -> dict[str, Any]:
    found = in_child(task, timeout_s=PATIENCE_S, module="benchmarks.forecast_accuracy", **arguments)
    if found is None:
        raise MeasurementError(f"benchmark {task} took more than {PATIENCE_S:.0f} s")
    return found


def _ratio(
    what: str,
    values: Sequence[float],
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    note: str = "",
    is_whole: bool = True,
) -> Row:
    return Row(
        what=what,
        unit="ratio",
        measured=Spread.of([fmean(values)]),
        at_most=at_most,
        at_least=at_least,
        note=note,
        is_whole_instance=is_whole,
    )


if __name__ == "__main__":
    print(json.dumps({task.__name__: task for task in (trial, zones, speed)}[sys.argv[1]](**json.loads(sys.argv[2]))))
