"""Soak: storm after storm with fresh seeds until one breaks an invariant, which is then made as small as it goes.

make soak                                            ten minutes of storms that nobody has seen
python -m benchmarks.soak --minutes 60 --first 100000   an hour, from that seed on
python -m benchmarks.soak --seed 42 --but 'no plan'     one storm, with edits (autoscaler/replay/storms/shrink.py)
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from random import SystemRandom

from autoscaler.replay.invariants import Violation
from autoscaler.replay.storms.shrink import shrink, violation_of, with_edits
from autoscaler.replay.storms.storm import Storm, storm
from planner.errors import InputError

CHUNK = 50
FRESH = range(10_000, 2**31)
"""Seeds below are the test suite's."""


def broken_in(first: int) -> tuple[int, int | None]:
    """A chunk of seeds, and the first of them that breaks something."""
    return first, next((seed for seed in range(first, first + CHUNK) if violation_of(storm(seed)) is not None), None)


def main() -> int:
    """Runs until something breaks (1) or the time is over (0); 2 where an edit cannot be made."""
    options = _options()
    if options.seed is not None:
        try:
            return _one(with_edits(storm(options.seed), options.but), is_edited=bool(options.but))
        except InputError as error:
            print(error, file=sys.stderr)
            return 2
    first = SystemRandom().choice(FRESH) if options.first is None else options.first
    print(f"storms from seed {first} on, for {options.minutes:g} minutes, {options.jobs} at a time", flush=True)
    deadline, seeds = time.monotonic() + 60 * options.minutes, 0
    with ProcessPoolExecutor(options.jobs) as pool:
        while time.monotonic() < deadline:
            starts = range(first + seeds, first + seeds + 4 * options.jobs * CHUNK, CHUNK)
            for _, seed in pool.map(broken_in, starts):
                if seed is not None:
                    return _one(storm(seed), is_edited=False)
            seeds += len(starts) * CHUNK
            print(f"{seeds} storms, nothing broken", flush=True)
    return 0


def _one(case: Storm, *, is_edited: bool) -> int:
    violation = violation_of(case)
    if violation is None:
        print(f"storm {case.seed}: nothing is broken")
        return 0
    if is_edited:
        return _told(violation)
    shrunk = shrink(case, violation)
    _told(shrunk.violation)
    print(f"\nmade smaller {len(shrunk.edits)} times in {shrunk.tried} tries; again: {shrunk.again()}")
    return 1


def _told(violation: Violation) -> int:
    print(violation.story())
    return 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long to look")
    parser.add_argument("--first", type=int, help="first seed; without it, one nobody has seen")
    parser.add_argument("--jobs", type=int, default=2, help="storms at a time")
    parser.add_argument("--seed", type=int, help="run this one storm")
    parser.add_argument("--but", action="append", default=[], metavar="EDIT", help="an edit of that storm")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
