"""`python -m benchmarks`: measures, prints the table; ends with 1 where a promise was missed, 2 where one broke off."""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.bench_client import bench_client_rows
from benchmarks.catalog_refresh import catalog_refresh_rows
from benchmarks.commitment import commitment_rows
from benchmarks.daemon_tick import daemon_tick_rows
from benchmarks.decide_speed import decide_speed_rows
from benchmarks.forecast_accuracy import forecast_accuracy_rows
from benchmarks.measure import MeasurementError, Row, in_child
from benchmarks.metrics_read import metrics_read_rows
from benchmarks.months import months_rows
from benchmarks.profile_fit import profile_fit_rows
from benchmarks.publish import publish_rows
from benchmarks.replay_bills import SEEDS, replay_bill_rows
from benchmarks.replay_realistic import realistic_rows
from benchmarks.replay_speed import replay_speed_rows
from benchmarks.report import report_rows
from benchmarks.rows import FULL, QUICK, Effort, chargeback_rows, command_rows, month_rows, rival_rows, year_rows
from benchmarks.table import render
from benchmarks.uncertainty import uncertainty_rows

PACKAGES = ("baseload", "numpy", "PuLP", "highspy", "linopy")


def main() -> int:
    """Runs the benchmarks; 0 if every promise was kept, 1 if one was missed, 2 if a measurement failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs, the rival on one scenario: about a minute")
    parser.add_argument("--json", action="store_true", help="the rows as JSON in place of the table")
    chosen = parser.parse_args()
    effort = QUICK if chosen.quick else FULL
    started = time.perf_counter()
    rows, failed = [], None
    try:
        for row in measure(effort, say=lambda what: print(f"measuring: {what} ...", file=sys.stderr)):
            rows.append(row)  # noqa: PERF402 - what was measured before a failure is kept
    except MeasurementError as error:
        failed = error
    spent_s = time.perf_counter() - started
    facts = machine()
    if chosen.json:
        document = {"facts": facts, "spent_s": spent_s, "rows": [row.document() for row in rows]}
        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        print(render(rows, facts, spent_s))
    if failed is not None:
        print(f"broke off: {failed}", file=sys.stderr)
        return 2
    return int(any(row.verdict == "missed" for row in rows))


def measure(effort: Effort, *, say: Callable[[str], None]) -> Iterator[Row]:
    """Every row, as it is measured."""
    say("baseload as a whole process")
    yield from command_rows(effort)
    say("a month")
    yield from month_rows(effort)
    say("a year of 100 scenarios, by aim")
    yield from uncertainty_rows(effort.runs)
    if effort is FULL:
        say("whole nodes hour after hour, with launches")
        yield from commitment_rows(min(effort.runs, 3))
    say("a month's report")
    with tempfile.TemporaryDirectory() as folder:
        yield from report_rows(effort.runs, Path(folder))
    say("a replay's speed")
    yield from replay_speed_rows(min(effort.runs, 3))
    say("one decision about a thousand nodes")
    yield from decide_speed_rows(effort.runs)
    say("the client of `baseload bench`")
    yield from bench_client_rows(min(effort.runs, 3))
    if effort is FULL:
        say("workloads foretold by others: the vLLM sweep, llama.cpp here")
        yield from profile_fit_rows()
    say("prices of fifty models")
    yield from publish_rows(min(effort.runs, 3))
    say("price lists of four clouds")
    yield from catalog_refresh_rows(min(effort.runs, 3))
    say("a month of Prometheus")
    yield from metrics_read_rows(min(effort.runs, 3))
    say("the daemon's ticks at a thousand nodes")
    yield from daemon_tick_rows(effort.runs)
    say("a replay's bill beside the bound and rivals")
    yield from replay_bill_rows(SEEDS if effort is FULL else SEEDS[:1])
    say("forecasts of real series, from origin to origin")
    yield from forecast_accuracy_rows(every=1 if effort is FULL else 12)
    if effort is FULL:
        say("every controller in the realistic world")
        yield from realistic_rows()
    with tempfile.TemporaryDirectory() as folder:
        say("chargeback of a million usage rows")
        yield from chargeback_rows(effort, Path(folder) / "ledger.sqlite")
        year = Path(folder) / "year.csv"
        say("a year of 20 scenarios")
        in_child("write_year", timeout_s=120, path=str(year))
        yield from year_rows(effort, year)
        say("the orders of twelve months")
        yield from months_rows(1, year)
        if _version("linopy") is None:
            yield Row(
                what="times faster than linopy + HiGHS",
                unit="×",
                measured=None,
                at_least=300,
                note="linopy is not installed here: `make bench` makes an environment that has it",
            )
        else:
            yield from rival_rows(effort, year, say)


def machine() -> dict[str, str]:
    """Where and with what was measured."""
    versions = {name: _version(name) for name in PACKAGES}
    load = os.getloadavg()[0]
    return {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors{_processor()}",
        "load": f"{load:.1f} at the end (mean of the last minute)",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": ", ".join(f"{name} {found}" for name, found in versions.items() if found is not None),
        "chance": "year: numpy.random.default_rng(20250303); usage: numpy.random.default_rng(20261001)",
    }


def _processor() -> str:
    """Name of the processor where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f" ({names[0]})" if names else ""


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
