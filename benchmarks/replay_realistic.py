"""Replays in the realistic world, every controller on four real traffics: spot that is taken back, calls that fail.

Nothing is promised here: the world is what it is. The rows say what each controller paid and missed on it.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import MeasurementError, Row, Spread

ROOT = Path(__file__).resolve().parent.parent
TRAFFIC = {
    "ServeGen m-large × 0.01, two weeks": ("benchmarks/data/servegen_m_large_10min.csv.gz", "--set", "demand=*0.01"),
    "ServeGen m-small × 0.01, two weeks": ("benchmarks/data/servegen_m_small_10min.csv.gz", "--set", "demand=*0.01"),
    "Azure 2024 code × 0.05, a week": ("examples/forecasts/azure2024_code_week_x0.05.csv",),
    "Azure 2023 conversations, an hour of single requests": ("benchmarks/data/azure2023_conv_requests.csv.gz",),
}
UNSERVED = 3
PATIENCE_S = 1800.0


def realistic_rows() -> Iterator[Row]:
    """For each traffic: ours, then the others, those that keep to 0.1 % unserved first, the cheapest first."""
    for name, arguments in TRAFFIC.items():
        policies = _compared(*arguments)
        order = sorted(policies, key=lambda one: (policies[one]["unserved_ratio"] > 0.001, _bill(policies[one])))
        yield _row(f"realistic world, {name}: bill ÷ bound, baseload", policies["baseload"])
        for other in order:
            if other != "baseload":
                yield _row(f"    {other}", policies[other])


def _row(what: str, found: dict[str, Any]) -> Row:
    ratio, p95_s = found["ratio_to_bound"], found["delay"]["p95_s"]
    note = (
        f"USD {_bill(found):,.2f}, {found['unserved_ratio']:.3%} unserved, p95 {p95_s:.2f} s, "
        f"{found['launches']:,} launches, {found['interruptions']:,} interruptions"
    )
    return Row(what=what, unit="ratio", measured=None if ratio is None else Spread.of([ratio]), note=note)


def _bill(found: dict[str, Any]) -> float:
    return float(found["bill_usd"])


def _compared(traffic: str, *more: str) -> dict[str, Any]:
    baseload = str(Path(sys.executable).with_name("baseload"))
    command = [baseload, "-q", "replay", "--traffic", str(ROOT / traffic), *more, "--compare", "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired as late:
        raise MeasurementError(f"{' '.join(command)} took more than {PATIENCE_S:.0f} s") from late
    if done.returncode not in {0, UNSERVED}:
        raise MeasurementError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    found: dict[str, Any] = json.loads(done.stdout)["policies"]
    return found
