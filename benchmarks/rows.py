"""The rows of the table: which measurement stands beside which promise."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import MeasurementError, Row, Spread, command_seconds, in_child

SAME = 1e-6
"""Relative difference up to which two optima are one."""
EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "forecasts" / "servegen_m_large_x0.01.csv"
PATIENCE_S = 600.0
"""After this long one of our own children is given up; none takes a tenth of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured."""

    runs: int
    """Of what takes a second or less."""
    rival_runs: int
    """Of the month by PuLP."""
    scenarios: tuple[int, ...]
    """Of the year, given to linopy one after another, until one does not end within the limit."""
    time_limit_s: float
    """Of one run of linopy."""


FULL = Effort(runs=7, rival_runs=3, scenarios=(1, 2, 5), time_limit_s=200)
QUICK = Effort(runs=3, rival_runs=1, scenarios=(1,), time_limit_s=40)

Say = Callable[[str], None]


def command_rows(effort: Effort) -> Iterator[Row]:
    """`baseload` as a person types it: a fresh process, its imports cold."""
    baseload = Path(sys.executable).with_name("baseload")
    plan = [str(baseload), "plan", "-f", str(EXAMPLE), "--month", "2025-03", "--fill", "weekly"]
    for what, command, most in (
        ("`baseload plan --without-launches`, month of 744 h, whole process", [*plan, "--without-launches"], 1.5),
        ("the same, launches part of the optimum, as is usual", plan, 20.0),
        ("`baseload --help`, whole process", [str(baseload), "--help"], 0.3),
    ):
        yield _timed(what, asdict(command_seconds(command, effort.runs)), at_most=most)


def month_rows(effort: Effort) -> Iterator[Row]:
    """The month in process, and by PuLP's monolith."""
    ours = _own("month", runs=effort.runs)
    our_s = median(ours["relaxed_s"]["wall_s"])
    proof = "proven optimal" if ours["is_proven"] else "limit reached"
    gap = (ours["total_usd"] - ours["bound_usd"]) / ours["total_usd"]
    yield _timed(
        f"month, 744 h × {ours['offers']} offers: N, bound, whole-node dispatch",
        ours["walked_s"],
        at_most=0.5,
        note=f"{proof}, gap {gap:.4%}; peak {ours['peak_mb']:.0f} MB",
    )
    yield _timed("  of that N and bound alone", ours["relaxed_s"], note=f"N = {_counted(ours['counts'])}")
    worst = 0.0
    for solver, name in (("cbc", "CBC"), ("highs", "HiGHS")):
        rival = _own("month_pulp", solver=solver, runs=effort.rival_runs)
        worst = max(worst, _difference(rival["objective_usd"], ours["relaxed_usd"]))
        yield _timed(
            f"  rival: N and bound by our PuLP monolith + {name}",
            rival["solved_s"],
            rival_ratio=median(rival["solved_s"]["wall_s"]) / our_s,
            note=f"N = {_counted(rival['counts'])}; building {rival['built_s']:.2f} s of it",
        )
    yield Row(what="  largest difference between the three optima", unit="relative", measured=_one(worst), at_most=SAME)
    case = _own("month_case", runs=effort.runs)
    yield _timed(
        f"month, all {case['offers']} shipped offers: rates to leases and bill",
        case["solved_s"],
        note=f"{case['options']} options after dominance; gap {case['gap_ratio']:.2%}",
    )


def year_rows(effort: Effort, year: Path) -> Iterator[Row]:
    """The year of 20 scenarios: reading, the relaxed optimum, memory, whole nodes."""
    ours = _own("year", path=str(year), runs=effort.runs)
    yield _timed(
        f"reading {ours['rows']:,} rows",
        ours["read_s"],
        at_most=1.0,
        note=f"first read of the process {ours['first_read_s']:.2f} s",
    )
    yield _timed(
        "8,760 h × 20 scenarios × 8 burst: N, bound, expected recourse",
        ours["solved_s"],
        at_most=0.5,
        note=f"from the forecast in memory; {ours['rounds']} rounds; N = {_counted(ours['counts'])}",
    )
    yield Row(
        what="  cost of these N above the bound",
        unit="relative",
        measured=_one(_difference(ours["total_usd"], ours["bound_usd"])),
        at_most=SAME,
    )
    yield Row(
        what="  peak memory, reading included",
        unit="MB",
        measured=_one(ours["solved_mb"]),
        at_most=500,
        note=f"{ours['read_mb']:.0f} MB after reading",
    )
    whole = _own("year_whole", path=str(year))
    yield _timed(
        "  dispatched in whole nodes, with leases and bill",
        whole["solved_s"],
        at_most=30,
        note=f"gap {whole['gap_ratio']:.2%}, search {whole['search']}; peak {whole['peak_mb']:.0f} MB",
    )


def rival_rows(effort: Effort, year: Path, say: Say) -> Iterator[Row]:
    """The year by linopy and HiGHS, with as many scenarios as the time limit allows, each against ours on the same."""
    worst: float | None = None
    fastest: tuple[int, float] | None = None
    for scenarios in effort.scenarios:
        say(f"linopy + HiGHS, {scenarios} of 20 scenarios, at most {effort.time_limit_s:g} s")
        what = f"  rival: linopy + HiGHS monolith, {scenarios} of 20 scenarios"
        ours = _own("year_part", path=str(year), scenarios=scenarios, runs=effort.runs)
        our_s = median(ours["solved_s"]["wall_s"])
        limit = effort.time_limit_s
        # HiGHS looks at its clock now and then: a minute of grace before the process is ended.
        rival = in_child("year_linopy", timeout_s=limit + 60, path=str(year), scenarios=scenarios, time_limit_s=limit)
        if rival is None or rival["status"] != "optimal":
            note = f"no optimum within {limit:g} s, {limit / our_s:,.0f} times ours ({our_s:.3f} s)"
            yield Row(what=what, unit="s", measured=None, note=note)
            break
        spent = rival["build_s"] + rival["solve_s"]
        fastest = (scenarios, spent / our_s)
        worst = max(worst or 0.0, _difference(rival["objective_usd"], ours["total_usd"]))
        yield Row(
            what=what,
            unit="s",
            measured=_one(spent),
            rival_ratio=spent / our_s,
            note=f"ours {our_s:.3f} s; building {rival['build_s']:.1f} s of it; peak {rival['peak_mb']:.0f} MB",
        )
    if fastest is None or worst is None:
        yield Row(what="times faster than linopy + HiGHS", unit="×", measured=None, at_least=300, note="no rival ended")
        return
    yield Row(
        what="  largest difference between our optima and linopy's", unit="relative", measured=_one(worst), at_most=SAME
    )
    scenarios, ratio = fastest
    yield Row(
        what=f"times faster than linopy + HiGHS, {scenarios} of 20 scenarios",
        unit="×",
        measured=_one(ratio),
        at_least=300,
        is_whole_instance=effort is FULL,
        note="on the most scenarios it solved within the limit"
        + ("" if effort is FULL else "; one scenario tells little, `python -m benchmarks` takes more"),
    )


def chargeback_rows(effort: Effort, ledger: Path) -> Iterator[Row]:
    """A million usage rows charged to teams, reading included, and the same by a loop over rows."""
    rows = _own("write_usage", path=str(ledger))["rows"]
    ours = _own("charge_usage", path=str(ledger), runs=effort.rival_runs)
    yield _timed(
        f"chargeback of {rows:,} usage rows, from the ledger's file to whole cents",
        ours["charged_s"],
        at_most=10,
        note=f"{ours['charges']} charges of a bill of USD {ours['bill_usd']:,.2f}",
    )
    yield Row(what="  peak memory", unit="MB", measured=_one(ours["peak_mb"]), at_most=1000)
    rival = _own("charge_usage_by_row", path=str(ledger))
    worst = max(abs(usd - rival["usage_usd"][team]) for team, usd in ours["usage_usd"].items())
    yield _timed(
        "  rival: usage alone, by a Python loop over the rows",
        rival["charged_s"],
        rival_ratio=median(rival["charged_s"]["wall_s"]) / median(ours["charged_s"]["wall_s"]),
        note=f"no idle, no shared cost, no cents; teams differ by USD {worst:.2f} at most, our rounding to cents",
    )


def _timed(what: str, spent: dict[str, list[float]], **rest: Any) -> Row:
    """A row of seconds, from a `Spent` as a dictionary."""
    return Row(
        what=what,
        unit="s",
        measured=Spread.of(spent["wall_s"]),
        processor_s=median(spent["processor_s"]),
        **rest,
    )


def _own(task: str, **arguments: Any) -> dict[str, Any]:
    found = in_child(task, timeout_s=PATIENCE_S, **arguments)
    if found is None:
        raise MeasurementError(f"benchmark {task} {arguments} did not end within {PATIENCE_S:g} s")
    return found


def _one(value: float) -> Spread:
    return Spread.of([value])


def _difference(one: float, other: float) -> float:
    return abs(one - other) / max(abs(other), 1e-12)


def _counted(counts: list[int]) -> str:
    return " + ".join(map(str, counts))
