"""The daemon's process killed at every step of a whole day, one day for each, and what the clouds' books say of it.

make soak-kills                                           SQLite, and a plain fleet
make soak-kills KILLS="--database postgres"               the same over PostgreSQL
make soak-kills KILLS="--side cluster --every 4"          in a real cluster over PostgreSQL, each fourth step
python -m benchmarks.daemon_kills --from 40 --to 60       some steps alone

A step is what lasts of a process: a transaction about to be committed and one that is, a call that changed something at
a cloud or in the cluster, a file that was written; with --all the lease, the status and served hours too. A day without
a death is counted first; then each day has one death, at its step, and is held against S1 to S9 and S11. It needs what
the tests need. The day and its books are tests/rented's.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.rented.standing import Forge, StandingWorld


def main() -> int:
    """Prints a line for each kind of step, and what was wrong; 1 where anything was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--side", choices=("plain", "cluster"), default="plain", help="a cluster is over PostgreSQL")
    parser.add_argument("--from", dest="first", type=int, default=0, help="step to begin with")
    parser.add_argument("--to", dest="last", type=int, help="step to end before")
    parser.add_argument("--every", type=int, default=1, help="leave out the steps between")
    parser.add_argument("--all", action="store_true", help="steps beside the journal too")
    asked = parser.parse_args()
    from tests.rented.killed_day import a_day_of
    from tests.rented.standing import forging

    began_s, wrong, died = time.monotonic(), [], Counter[str]()
    with forging() as forge:
        with worlds(asked, forge) as world:
            a_day_of(world)
            steps = len(world.steps)
        chosen = range(asked.first, min(steps, steps if asked.last is None else asked.last), asked.every)
        print(f"{steps} steps in a day; {len(chosen)} days with one death each", flush=True)
        for step in chosen:
            with worlds(asked, forge) as world:
                world.lives = iter([step])
                try:
                    a_day_of(world)
                except AssertionError as error:
                    wrong.append(f"step {step}, {world.killed_at}: {error}")
                    print(wrong[-1], flush=True)
                died.update(kind_of(one) for one in world.killed_at)
    for kind, count in sorted(died.items()):
        print(f"{count:5} deaths at: {kind}")
    days = f"{len(chosen)} days in {time.monotonic() - began_s:.0f} s"
    print(f"{days}, {died.total()} deaths, {len(wrong)} days with something wrong")
    return int(bool(wrong) or died.total() != len(chosen))


@contextmanager
def worlds(asked: argparse.Namespace, forge: "Forge") -> "Iterator[StandingWorld]":
    """A world of its own for each day."""
    from tests import postgres
    from tests.rented.in_cluster import in_cluster
    from tests.rented.standing import standing_world

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = side = None
        if asked.side == "cluster":
            side = stack.enter_context(in_cluster(folder))
        if asked.side == "cluster" or asked.database == "postgres":
            database = postgres.new_database(stack.enter_context(postgres.running()).url)
        world = stack.enter_context(standing_world(folder, forge, database=database, side=side))
        world.counts_all = asked.all
        yield world


def kind_of(step: str) -> str:
    """Without names of what it was about."""
    words = step.split()
    return " ".join([*words[:1], *(word.split("?")[0].rsplit("/", 1)[0] for word in words[1:])])


if __name__ == "__main__":
    sys.exit(main())
