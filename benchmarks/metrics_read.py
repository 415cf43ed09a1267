"""How long it takes to read a month of Prometheus: 30 days of 50 counters, a sample a minute, all 2.16 million of them.

Prometheus is a real one on this machine, over samples that promtool wrote; its own seconds are in each row. The rivals
ask it the same in the naive ways, with urllib and a new connection each time: hour after hour, and each counter by
itself for as long as a range query may be. All three must come to the same samples.

`python -m benchmarks.metrics_read` prints these rows alone; `make bench` has them among the others.
"""

import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import urlopen

from benchmarks.measure import MeasurementError, Row, Spent, Spread, in_child, seconds

if TYPE_CHECKING:
    from planner.measure.prometheus import Answer

START = datetime(2026, 10, 1, tzinfo=UTC)
STEP = timedelta(minutes=1)
DAYS, SERIES = 30, 50
STEPS = DAYS * 24 * 60
METRIC = "vllm:prompt_tokens"
SEED = 20261127
PATIENCE_S = 600.0
MAX_STEPS = 11_000
"""Prometheus answers no longer range query."""

Found = dict[str, list[tuple[float, float]]]
"""Time and value of the samples, by instance."""


def metrics_read_rows(runs: int) -> Iterator[Row]:
    """Our reader beside both rivals, in one run of one Prometheus."""
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        yield Row(
            what=_WHAT,
            unit="s",
            measured=None,
            at_most=20.0,
            note="prometheus is not installed here; on Debian: apt-get install prometheus",
        )
        return
    found = in_child("month_read", module="benchmarks.metrics_read", timeout_s=PATIENCE_S, runs=runs)
    if found is None:
        raise MeasurementError(f"reading a month of Prometheus did not end within {PATIENCE_S:g} s")
    ours = Spread.of(found["ours"]["wall_s"])
    yield Row(
        what=_WHAT,
        unit="s",
        measured=ours,
        processor_s=Spread.of(found["ours"]["processor_s"]).median,
        at_most=20.0,
        note=f"{found['samples']:,} samples; processor seconds are ours, without Prometheus' own",
    )
    for name, what in (("by_hour", "hour after hour"), ("by_series", "each counter by itself")):
        theirs = Spread.of(found[name]["wall_s"])
        yield Row(
            what=f"the same, naively: {what}, urllib and a new connection for each query",
            unit="s",
            measured=theirs,
            processor_s=Spread.of(found[name]["processor_s"]).median,
            rival_ratio=theirs.median / ours.median,
            note=f"{found['queries'][name]} queries; the same samples",
        )


_WHAT = f"Prometheus: {DAYS} days × {SERIES} series at a step of one minute, read"


def month_read(runs: int) -> dict[str, Any]:
    """Seconds of our reader and of the rivals, which live in this process; Prometheus does not."""
    with _month() as url:
        reads: dict[str, Callable[[], object]] = {
            "ours": lambda: _ours(url),
            "by_hour": lambda: _asked(url, _by_hour()),
            "by_series": lambda: _asked(url, _by_series()),
        }
        _check(url)
        spent = {name: Spent(wall_s=[], processor_s=[]) for name in reads}
        for _ in range(runs):  # in turn: what else the machine does then meets all of them
            for name, read in reads.items():
                once = seconds(read, 1, unmeasured=0)
                spent[name].wall_s.extend(once.wall_s)
                spent[name].processor_s.extend(once.processor_s)
    return {
        **{name: asdict(each) for name, each in spent.items()},
        "samples": SERIES * STEPS,
        "queries": {"by_hour": len(list(_by_hour())), "by_series": len(list(_by_series()))},
    }


def _check(url: str) -> None:
    """Raises MeasurementError where one of them does not find what was written."""
    wanted = _expected()
    ours = {one.labels["instance"]: list(zip(one.times_s, one.values, strict=True)) for one in _ours(url).series}
    for found in (ours, _asked(url, _by_hour()), _asked(url, _by_series())):
        if found != wanted:
            raise MeasurementError("reading a month of Prometheus did not find the samples that were written")


def _ours(url: str) -> "Answer":
    from planner.measure.prometheus import Prometheus

    with Prometheus(url, timeout_s=120.0) as client:
        return client.over(f"{METRIC}_total", start=START, end=START + (STEPS - 1) * STEP, step=STEP)


def _asked(url: str, queries: Iterator[tuple[str, datetime, datetime]]) -> Found:
    """What the queries find, one after the other."""
    found: Found = {}
    for query, first, last in queries:
        form = {"query": query, "start": first.timestamp(), "end": last.timestamp(), "step": STEP.total_seconds()}
        with urlopen(f"{url}/api/v1/query_range?{urlencode(form)}") as response:
            document = json.load(response)
        for one in document["data"]["result"]:
            points = [(float(at), float(value)) for at, value in one["values"]]
            found.setdefault(one["metric"]["instance"], []).extend(points)
    return found


def _by_hour() -> Iterator[tuple[str, datetime, datetime]]:
    for hour in range(DAYS * 24):
        first = START + timedelta(hours=hour)
        yield f"{METRIC}_total", first, first + 59 * STEP


def _by_series() -> Iterator[tuple[str, datetime, datetime]]:
    for number in range(SERIES):
        for begun in range(0, STEPS, MAX_STEPS):
            last = min(begun + MAX_STEPS, STEPS) - 1
            yield f'{METRIC}_total{{instance="{_instance(number)}"}}', START + begun * STEP, START + last * STEP


def _expected() -> Found:
    """The samples as they were written."""
    begun_s = START.timestamp()
    return {
        _instance(number): [(begun_s + 60 * step, float(value)) for step, value in enumerate(_counted(number))]
        for number in range(SERIES)
    }


def _counted(number: int) -> Iterator[int]:
    """A counter's values: tokens of a minute at 0 to 2,000 a second."""
    chance, counted = random.Random(SEED + number), 0
    for _ in range(STEPS):
        counted += chance.randrange(120_000)
        yield counted


def _instance(number: int) -> str:
    return f"10.0.0.{number}:8000"


@contextmanager
def _month() -> Iterator[str]:
    """The address of a Prometheus with the month in it, while the block runs."""
    from tests.servers.real_prometheus import real_prometheus

    with tempfile.TemporaryDirectory() as folder:
        written, data = Path(folder) / "month.om", Path(folder) / "data"
        with written.open("w", encoding="utf-8") as lines:
            lines.write(f"# TYPE {METRIC} counter\n")
            for number in range(SERIES):
                labels = f'job="vllm",instance="{_instance(number)}",model_name="chat"'
                lines.writelines(
                    f"{METRIC}_total{{{labels}}} {value} {int(START.timestamp()) + 60 * step}\n"
                    for step, value in enumerate(_counted(number))
                )
            lines.write("# EOF\n")
        # As long a block as Prometheus itself would have merged after a month.
        made = ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=720h", "openmetrics"]
        subprocess.run([*made, str(written), str(data)], check=True, capture_output=True)
        written.unlink()
        with real_prometheus(data=data) as server:
            yield server.url


TASKS = {"month_read": month_read}


def main() -> None:
    """The rows alone where nothing is named, else what a task found, as JSON."""
    if len(sys.argv) > 1:
        print(json.dumps(TASKS[sys.argv[1]](**json.loads(sys.argv[2]))))
        return
    for row in metrics_read_rows(3):
        print(json.dumps(row.document(), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
