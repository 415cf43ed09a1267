"""The monthly report, from a ledger on disk to a file: a month of 744 h, 50 leases, 20 teams, the whole command.

The facts are drawn for size, not for truth: 20 teams with a daily and weekly rhythm, 8 base and 42 burst leases.
"""

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import MeasurementError, Row, Spread, command_seconds

MONTH = "2026-10"
START = datetime(2026, 10, 1, tzinfo=UTC)
HOURS, TEAMS, BASE_LEASES, BURST_LEASES = 744, 20, 8, 42
MODEL = "llama-7b-q4"
BASE, BURST = "hetzner/ax162-r", "hetzner-cloud/cpx62"


def report_rows(runs: int, folder: Path) -> Iterator[Row]:
    """`baseload report` as HTML, and as HTML and PDF; reading the ledger and three plans are part of it."""
    baseload = Path(sys.executable).with_name("baseload")
    with _ledger(folder / "bench.sqlite"):
        _facts(folder)
        _done(baseload, "ledger", "import", *sorted(folder.glob("facts-*.csv")), "--tag", "team")
        command = [str(baseload), "report", "--month", MONTH, "-o", str(folder)]
        size = f"{HOURS} h, {BASE_LEASES + BURST_LEASES} leases, {TEAMS} teams"
        yield _row(f"`baseload report`, {size}, HTML", command_seconds([*command, "--format", "html"], runs), 5.0)
        what = "  the same, HTML and PDF"
        if find_spec("weasyprint") is None:
            yield Row(what=what, unit="s", measured=None, at_most=15.0, note="WeasyPrint is not installed here")
        else:
            yield _row(what, command_seconds([*command, "--format", "html,pdf"], runs), 15.0)


def _row(what: str, spent: Any, at_most: float) -> Row:
    found = asdict(spent)
    return Row(
        what=what,
        unit="s",
        measured=Spread.of(found["wall_s"]),
        processor_s=median(found["processor_s"]),
        at_most=at_most,
        note="hindsight and next month planned in it",
    )


@contextmanager
def _ledger(path: Path) -> Iterator[None]:
    """Commands within use the ledger at that path."""
    before = os.environ.get("BASELOAD_DATABASE_URL")
    os.environ["BASELOAD_DATABASE_URL"] = f"sqlite:///{path}"
    try:
        yield
    finally:
        if before is None:
            del os.environ["BASELOAD_DATABASE_URL"]
        else:
            os.environ["BASELOAD_DATABASE_URL"] = before


def _facts(folder: Path) -> None:
    """Writes the files of facts."""
    _write(folder / "facts-1-prices.csv", PRICES)
    _write(folder / "facts-2-leases.csv", ["id,offer,model,role,start,end", *_leases()])
    _write(folder / "facts-3-usage.csv", ["timestamp,model,team,input_tokens,output_tokens", *_usage()])


PRICES = (
    "offer,billing,currency,usd_per_unit,rate_date,fee_month,price_hour,effective_from,price_source",
    f"{BASE},month_prorated,EUR,1.1403,2026-09-25,238.00,,2026-01-01,benchmark",
    f"{BURST},started_hour_capped,USD,,,42.99,0.069,2026-01-01,benchmark",
)


def _leases() -> Iterator[str]:
    for number in range(BASE_LEASES):
        yield f"base-{number},{BASE},{MODEL},base,2026-03-01T00:00:00Z,"
    for number in range(BURST_LEASES):
        start = START + timedelta(hours=9 + 17 * number)
        yield f"burst-{number},{BURST},{MODEL},burst,{_stamp(start)},{_stamp(start + timedelta(hours=8))}"


def _usage() -> Iterator[str]:
    for hour in range(HOURS):
        moment = START + timedelta(hours=hour)
        rhythm = (1.2 + math.sin((moment.hour - 9) / 24 * math.tau)) * (1.0 if moment.weekday() < 5 else 0.5)
        for team in range(TEAMS):
            tokens = round(rhythm * 400_000 / (1 + team) ** 0.7)
            yield f"{_stamp(moment)},{MODEL},team-{team:02},{tokens},{tokens // 7}"


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _write(path: Path, lines: Any) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _done(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MeasurementError(f"{' '.join(map(str, command))} ended with {done.returncode}: {done.stderr.strip()}")
