"""How things are measured: whole processes from outside, repeated runs inside one, and the row a measurement becomes.

This process stays small and imports nothing heavy: on Linux a child's peak memory starts at its parent's.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal


class MeasurementError(Exception):
    """What was to be measured failed; the message holds its own words."""


Verdict = Literal["reached", "at best", "missed", "–"]
_KIB_OF_MAXRSS = 1 / 1024 if sys.platform == "darwin" else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Repeated measurements of one thing."""

    least: float
    median: float
    most: float
    runs: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of one value or more."""
        return cls(least=min(values), median=median(values), most=max(values), runs=len(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    what: str
    unit: Literal["s", "MB", "×", "relative", "ratio", "tok/s"]
    measured: Spread | None
    """None: not measured, the note says why."""
    processor_s: float | None = None
    """Median processor seconds beside the wall's: where the wall's are far above, others used the machine."""
    at_most: float | None = None
    at_least: float | None = None
    rival_ratio: float | None = None
    """Seconds of this rival / our seconds on the same instance; medians of this run."""
    note: str = ""
    is_whole_instance: bool = True
    """False: tried on less than what was promised, so it neither reaches nor misses."""

    @property
    def verdict(self) -> Verdict:
        """Whether the median keeps the promise; "at best": only the best run does (a busy machine, or a close call).

        – where nothing was promised, or too little was measured.
        """
        if self.measured is None or not self.is_whole_instance or (self.at_most is None and self.at_least is None):
            return "–"
        if self._keeps(self.measured.median):
            return "reached"
        best = self.measured.least if self.at_least is None else self.measured.most
        return "at best" if self._keeps(best) else "missed"

    def _keeps(self, value: float) -> bool:
        return (self.at_most is None or value <= self.at_most) and (self.at_least is None or value >= self.at_least)

    def document(self) -> dict[str, Any]:
        """The row as JSON."""
        return {**asdict(self), "verdict": self.verdict}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Seconds of each run, on the wall and on the processors."""

    wall_s: list[float]
    processor_s: list[float]


def seconds(run: Callable[[], object], runs: int, *, unmeasured: int = 1) -> Spent:
    """What each run of a function took, after some that are not counted."""
    spent = Spent(wall_s=[], processor_s=[])
    for number in range(unmeasured + runs):
        wall, processor = time.perf_counter(), time.process_time() + _children_s()
        run()
        if number >= unmeasured:
            spent.wall_s.append(time.perf_counter() - wall)
            spent.processor_s.append(time.process_time() + _children_s() - processor)
    return spent


def peak_mb() -> float:
    """The most memory this process has held at once, in MB (10⁶ bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB_OF_MAXRSS * 1024 / 1e6


def command_seconds(command: Sequence[str], runs: int) -> Spent:
    """What a whole process took from start to end, each run a new one, after one that fills the disk cache."""
    spent = Spent(wall_s=[], processor_s=[])
    for run in range(runs + 1):
        before, started = _children_s(), time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
        ended = time.perf_counter()
        if done.returncode != 0:
            raise MeasurementError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
        if run:
            spent.wall_s.append(ended - started)
            spent.processor_s.append(_children_s() - before)
    return spent


def in_child(
    task: str, *, timeout_s: float, module: str = "benchmarks.tasks", **arguments: Any
) -> dict[str, Any] | None:
    """What a task of that module reports from a process of its own; None where `timeout_s` was not enough."""
    command = [sys.executable, "-m", module, task, json.dumps(arguments)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0:
        raise MeasurementError(f"benchmark {task} {arguments} failed:\n{done.stderr.strip()}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])  # a solver may print before it
    return found


def _environment() -> dict[str, str]:
    """This process's, so that Python keeps what it compiled: after one run an installed command finds it on disk."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {"COLUMNS": "120"}


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
