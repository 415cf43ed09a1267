"""The daemon's real process through 24 simulated hours with faults, in about 90 s: what it held, spent and left.

make soak-daemon                                a day
python -m benchmarks.daemon_day --hours 72      three, the faults on the first

It needs what the tests need. The world, its pace and its faults are tests/rented/day.py's.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.rented.day import Day, Sample

MOST_MB = 200.0
MAY_GROW_MB = 6.0


def main() -> int:
    """Prints what came of the day; 1 where something was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0, help="simulated")
    hours = parser.parse_args().hours
    from tests.rented.day import fast_world, faults_of, run_day

    with tempfile.TemporaryDirectory() as folder, fast_world(Path(folder)) as (world, prometheus):
        day = run_day(world, prometheus, hours=hours, faults=faults_of(world.clouds, prometheus))
        books = world.books()
    return told(day, hours, books)


def told(day: "Day", hours: float, books: list[str]) -> int:
    """Prints each figure beside what it must reach."""
    from tests.rented.day import MAX_NODES, MAX_USD_HOUR

    first, last = day.between(2.0, 3.0), day.between(hours - 1.0, hours)
    missed = 0

    def line(what: str, measured: str, reach: str, *, is_kept: bool) -> None:
        nonlocal missed
        missed += not is_kept
        print(f"{what:58} {reach:>18} {measured:>26}  {'reached' if is_kept else 'missed'}")

    def median(samples: "list[Sample]", of: "Callable[[Sample], float]") -> float:
        return statistics.median(of(one) for one in samples)

    peak = max(one.rss_mb for one in day.samples)
    line("memory at most", f"{peak:.0f} MB", f"<= {MOST_MB:.0f} MB", is_kept=peak <= MOST_MB)
    held: list[tuple[str, Callable[[Sample], float], float]] = [
        ("memory, MB: 3rd hour, last hour", lambda one: one.rss_mb, MAY_GROW_MB),
        ("open files: the same", lambda one: one.files, 0),
        ("threads: the same", lambda one: one.threads, 0),
        ("TCP connections: the same", lambda one: one.connections, 0),
    ]
    for what, of, may_grow in held:
        before, after = median(first, of), median(last, of)
        line(what, f"{before:.1f}, {after:.1f}", f"+{may_grow:g} at most", is_kept=after - before <= may_grow)
    line("machines left or told of at the end", str(len(day.left)), "0", is_kept=not day.left)
    line(
        "machines bought twice or unknown to the journal", str(len(day.bought_twice)), "0", is_kept=not day.bought_twice
    )
    line("nodes at once", str(day.most_nodes), f"<= {MAX_NODES}", is_kept=day.most_nodes <= MAX_NODES)
    usd_hour = day.most_usd_hour
    line("USD per hour at once", f"{usd_hour}", f"<= {MAX_USD_HOUR}", is_kept=usd_hour <= MAX_USD_HOUR)
    apart = abs(day.bill_usd - day.report_usd)
    bills = f"{day.bill_usd:.2f}, {day.report_usd:.2f}"
    line(
        "USD: the clouds' books, the month's report",
        bills,
        f"{day.slack_usd:.2f} apart",
        is_kept=apart <= day.slack_usd,
    )
    troubles = ", ".join(f"{number:.0f} {name}" for name, number in sorted(day.contained.items())) or "none"
    print(
        f"\n{hours:g} simulated hours in {day.wall_s:.0f} s: {day.ticks:.0f} ticks, {day.machines} machines made,"
        f" {day.interruptions} spot interruptions, {day.unknown} calls of unknown outcome; {day.cpu_s:.0f} processor"
        f" seconds of the daemon; in its log: {troubles}"
    )
    if missed:
        print("\n".join(["", *books, *day.left, *day.bought_twice]))
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
