"""Several processes at one ledger: nothing is lost, nothing is taken twice."""

import subprocess
import sys
from pathlib import Path

from planner.store import open_ledger
from tests.planner.store.facts import DECEMBER, NOVEMBER, a_lease, an_origin

ROOT = Path(__file__).parents[3]
WRITER = """
import sys
from tests.planner.store.facts import an_origin, usage
from planner.errors import InputError
from planner.store import open_ledger
url, name = sys.argv[1:]
refused = 0
for number in range(4):
    with open_ledger(url, create=True) as ledger:
        ledger.add_served(usage((number, "m", name, 1, 1)), an_origin(f"{name} {number}"))
        try:
            ledger.add_served(usage((number, "m", "shared", 1, 1)), an_origin(f"shared {name} {number}"))
        except InputError:
            refused += 1
print(refused)
"""


def test_two_writers_lose_no_row_and_take_none_twice(url: str) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, name], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for name in ("x", "y")
    ]
    said = [writer.communicate(timeout=60)[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    with open_ledger(url) as ledger:
        served = ledger.served(NOVEMBER, DECEMBER)
        batches = ledger.batches()
    by_team = {dict(tags)["team"]: int((served.tag == index).sum()) for index, tags in enumerate(served.tags)}
    assert by_team == {"x": 4, "y": 4, "shared": 4}
    assert sum(map(int, said)) == 4  # of each pair of shared rows one was refused
    assert [batch.id for batch in batches] == list(range(1, 13))


KILLED = """
import os, sys
from tests.planner.store.facts import a_lease, an_origin, usage
from planner.store import open_ledger
with open_ledger(sys.argv[1], create=True) as ledger, ledger.together():
    ledger.add_leases([a_lease()], an_origin("a"))
    ledger.add_served(usage((0, "m", "x", 1, 1)), an_origin("b"))
    os._exit(9)
"""


def test_an_import_that_is_killed_leaves_nothing(url: str) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, url], cwd=ROOT, check=False)
    assert killed.returncode == 9
    with open_ledger(url, create=True) as ledger:
        assert (ledger.exists, ledger.batches()) == (False, ())
        ledger.add_leases([a_lease()], an_origin("a"))
    with open_ledger(url) as ledger:
        assert ledger.leases() == (a_lease(),)


def test_a_reader_sees_one_state_while_another_writes(url: str) -> None:
    with open_ledger(url, create=True) as first, open_ledger(url, create=True) as second:
        first.add_leases([a_lease("a")], an_origin("a"))
        with first.together():
            first.add_leases([a_lease("b")], an_origin("b"))
            second._exists = True  # it was opened before the ledger was made
            assert [lease.id for lease in second.leases()] == ["a"]
        assert [lease.id for lease in second.leases()] == ["a", "b"]
