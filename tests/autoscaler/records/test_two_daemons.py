"""Two processes on one database: one acts; cut off, it is followed, and can write nothing more."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autoscaler.journal import Intent
from autoscaler.records import open_records
from tests.autoscaler.records.entries import NOON

ROOT = Path(__file__).parents[3]


class Daemon:
    """A process that does what it is told."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, command: str) -> str:
        """What it says to the command."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@contextmanager
def a_daemon(url: str, name: str) -> Iterator[Daemon]:
    words = [sys.executable, "-m", "tests.autoscaler.records.daemon_process", url, name]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield Daemon(process)
    finally:
        process.communicate(timeout=60)


def test_one_acts_and_once_it_is_cut_off_the_other_follows_and_the_first_is_fenced(url: str) -> None:
    with open_records(url, fleet="blue") as records, a_daemon(url, "one") as one, a_daemon(url, "two") as two:
        assert one("lead 0") == "epoch 1"
        assert two("lead 1") == "no"
        assert one("intend a") == "written"
        assert two("lead 59") == "no"
        # the first one's clock stops here, at 0 s, in the middle of the call it meant by its intent
        assert two("lead 61") == "epoch 2"
        assert two("intend b") == "written"
        assert one("settle a") == "LostLeadership: epoch 2 leads, this one is 1"
        assert one("intend c") == "LostLeadership: epoch 2 leads, this one is 1"
        assert one("lead 2") == "no"
        assert two("settle a") == "written"
        assert two("resign") == "resigned"
        assert one("lead 3") == "epoch 3"
        assert two("intend d") == "LostLeadership: epoch 3 leads, this one is 2"
        intents = [entry.key for entry in records.journal.entries(NOON) if isinstance(entry, Intent)]
    assert intents == ["a", "b"]


def test_of_many_who_want_to_lead_at_once_one_does(url: str) -> None:
    with open_records(url, fleet="blue"):
        pass
    words = [sys.executable, "-m", "tests.autoscaler.records.daemon_process", url]
    many = [
        subprocess.Popen([*words, f"d{n}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for n in range(4)
    ]
    for process in many:
        assert process.stdin is not None
        process.stdin.write("lead 0\n" * 5)
        process.stdin.flush()
    said = [process.communicate(timeout=120)[0].split("\n")[:5] for process in many]
    assert sorted(set(map(tuple, said))) == [("epoch 1",) * 5, ("no",) * 5]
    assert said.count(["epoch 1"] * 5) == 1
