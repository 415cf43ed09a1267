"""The real series that forecasts are judged on, as hourly histories, and what is asked of each."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np

from planner.demand.history import History

DATA = Path(__file__).resolve().parent / "data"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Kind = Literal["year", "weeks", "llm", "llm_week", "web"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A series, how much of it a forecast knows, and how far it looks."""

    name: str
    kind: Kind
    file: str
    series: str = ""
    """Of a file with several."""
    zone: str = "UTC"
    targets: tuple[Literal["input", "output"], ...] = ("output",)
    known_hours: int
    """Before each origin; of LLM traces at least as many."""
    ahead_hours: int
    least_ahead_hours: int
    """LLM traces end: the last origins look less far."""
    every_hours: int
    """From origin to origin."""


def _year(name: str, file: str, zone: str = "UTC") -> Trial:
    return Trial(
        name=name,
        kind="year",
        file=file,
        zone=zone,
        known_hours=8760,
        ahead_hours=672,
        least_ahead_hours=672,
        every_hours=216,
    )


def _weeks(name: str, file: str, every_hours: int, zone: str = "UTC") -> Trial:
    return Trial(
        name=name,
        kind="weeks",
        file=file,
        zone=zone,
        known_hours=1344,
        ahead_hours=672,
        least_ahead_hours=672,
        every_hours=every_hours,
    )


def _llm(name: str, file: str, known_hours: int, ahead_hours: int) -> Trial:
    return Trial(
        name=name,
        kind="llm" if known_hours >= 240 else "llm_week",
        file=file,
        targets=("output", "input"),
        known_hours=known_hours,
        ahead_hours=ahead_hours,
        least_ahead_hours=24,
        every_hours=6,
    )


def _web(name: str, known_hours: int, ahead_hours: int, every_hours: int) -> Trial:
    return Trial(
        name=name,
        kind="web",
        file="bursty_web_5min.csv.gz",
        series=name,
        known_hours=known_hours,
        ahead_hours=ahead_hours,
        least_ahead_hours=ahead_hours if every_hours > 6 else 24,
        every_hours=every_hours,
    )


_BIKES = "bikeshare_washington_2011_2012_hourly.csv.gz"
_ELECTRICITY = "electricity_victoria_2012_2013_hourly.csv.gz"
TRIALS: tuple[Trial, ...] = (
    _year("bike rentals, Washington", _BIKES),
    _year("electricity, Victoria", _ELECTRICITY, "Australia/Melbourne"),
    _weeks("bike rentals, Washington", _BIKES, 360),
    _weeks("electricity, Victoria", _ELECTRICITY, 360, "Australia/Melbourne"),
    _weeks("taxi passengers, New York", "nyc_taxi_2014_07_2015_01_hourly.csv.gz", 120),
    _llm("ServeGen m-large", "servegen_m_large_10min.csv.gz", 240, 96),
    _llm("ServeGen m-small", "servegen_m_small_10min.csv.gz", 240, 96),
    _llm("Azure 2024 code", "azure2024_code_week_hourly_digitised.csv", 120, 48),
    *(_web(f"twitter_{name}", 672, 168, 72) for name in ("AAPL", "GOOG", "IBM", "KO", "PFE")),
    _web("aws_elb_request_count", 240, 96, 6),
)
"""A year known, 4 weeks ahead; 8 weeks, 4 ahead; LLM traffic of two weeks: 10 days, up to 4 ahead; of one: 5, up to 2;
web series of 8 weeks: 4, 1 ahead."""


def origins(trial: Trial, hours: int) -> list[int]:
    """First hour of each forecast."""
    return list(range(trial.known_hours, hours - trial.least_ahead_hours + 1, trial.every_hours))


def history(trial: Trial) -> History:
    """The whole series; where it holds one value, input and output are that."""
    path = DATA / trial.file
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = content.decode().splitlines()
    rows = [row for row in csv.DictReader(lines) if not trial.series or row["series"] == trial.series]
    held: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        moment = datetime.fromisoformat(row["timestamp"])
        held[int((moment - _EPOCH) / timedelta(hours=1))] += _measured(row)
    first, end = min(held), max(held) + 1
    values = np.full((2, 1, end - first), np.nan)
    for hour, pairs in held.items():
        if pairs:
            values[:, 0, hour - first] = np.mean(pairs, axis=0)
    return History(
        start=_EPOCH + timedelta(hours=first),
        models=(trial.name,),
        input_tok_s=values[0],
        output_tok_s=values[1],
        source=trial.file,
    )


def _measured(row: Mapping[str, str]) -> Iterable[tuple[float, float]]:
    """Input and output of a row; nothing of one that was not measured."""
    if row.get("gap") == "1":
        return []
    if "value" in row:
        return [(float(row["value"]), float(row["value"]))] if row["value"] else []
    return [(float(row["input_tokens_per_s"]), float(row["output_tokens_per_s"]))]
