"""The plan in force: taken when its file changes, kept when the new one is bad."""

import os
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from autoscaler.daemon.plan_watch import PlanWatch
from planner.plan import Plan
from planner.report.plan_json import plan_text
from tests.planner.report.plans import START, small_plan

HOUR = timedelta(hours=1)
NOW = START + HOUR


def write(path: Path, text: str) -> None:
    """A new version of the file, also to a clock that ticks too slowly to tell."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(before + 10**9, before + 10**9))


def with_bill(bill: str, plan: Plan | None = None) -> Plan:
    return replace(plan or small_plan(), price_basis=bill)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    write(path, plan_text(with_bill("first")))
    return path


def basis(watch: PlanWatch, now: datetime = NOW) -> str:
    found = watch.look(now)
    assert found is not None
    return found.plan.price_basis


def test_a_plan_that_changed_is_in_force_at_the_next_look(path: Path) -> None:
    watch = PlanWatch(path, models=["m"])
    assert basis(watch) == "first"
    write(path, plan_text(with_bill("second")))
    assert basis(watch) == "second"
    assert watch.problem == ""
    assert watch.in_force is not None
    assert watch.in_force.since == NOW


def test_a_file_that_did_not_change_is_not_read_again(path: Path) -> None:
    reads: list[Path] = []

    def read(asked: Path) -> bytes:
        reads.append(asked)
        return asked.read_bytes()

    watch = PlanWatch(path, models=["m"], read=read)
    for _ in range(3):
        watch.look(NOW)
    assert len(reads) == 1


def test_a_file_only_touched_is_no_news(path: Path) -> None:
    watch = PlanWatch(path, models=["m"])
    first = watch.look(NOW)
    write(path, path.read_text(encoding="utf-8"))
    assert watch.look(NOW + HOUR) is first


BAD = {
    "broken": ("{", "not readable as JSON"),
    "cut short": (plan_text(small_plan())[:-200], "not readable as JSON"),
    "another document": ('{"schema": "baseload.replay/1"}', "baseload.plan/1"),
    "past": (plan_text(replace(small_plan(), start=START - 9 * HOUR, end=START - 5 * HOUR)), "ended 2026-11-30 19:00"),
    "without burst": (
        plan_text(replace(small_plan(), offers={k: t for k, t in small_plan().offers.items() if t.role == "base"})),
        "no burst offer",
    ),
}


@pytest.mark.parametrize(("text", "said"), list(BAD.values()), ids=list(BAD))
def test_a_bad_plan_keeps_the_last_good_one_and_says_why(path: Path, text: str, said: str) -> None:
    watch = PlanWatch(path, models=["m"])
    watch.look(NOW)
    write(path, text)
    assert basis(watch) == "first"
    assert said in watch.problem
    assert str(path) in watch.problem


def test_a_plan_that_lost_a_model_of_the_fleet_is_not_taken(path: Path) -> None:
    watch = PlanWatch(path, models=["m", "n"])
    assert watch.look(NOW) is None
    assert "does not plan n" in watch.problem


def test_a_file_that_is_gone_keeps_the_plan_and_its_return_ends_the_problem(path: Path) -> None:
    watch = PlanWatch(path, models=["m"])
    watch.look(NOW)
    text = path.read_text(encoding="utf-8")
    path.unlink()
    assert basis(watch) == "first"
    assert "No such file" in watch.problem
    write(path, text)
    assert basis(watch) == "first"
    assert watch.problem == ""


def test_the_good_plan_put_back_ends_the_problem(path: Path) -> None:
    watch = PlanWatch(path, models=["m"])
    watch.look(NOW)
    text = path.read_text(encoding="utf-8")
    write(path, "{")
    watch.look(NOW)
    assert watch.problem
    write(path, text)
    watch.look(NOW)
    assert watch.problem == ""


def test_a_past_plan_is_better_than_none(path: Path) -> None:
    watch = PlanWatch(path, models=["m"])
    assert basis(watch, START + 48 * HOUR) == "first"


def test_a_plan_of_later_hours_waits_for_the_first_of_them(path: Path) -> None:
    watch = PlanWatch(path, models=["m"])
    watch.look(NOW)
    later = replace(with_bill("later"), start=START + 3 * HOUR, end=START + 7 * HOUR)
    write(path, plan_text(later))
    assert basis(watch) == "first"
    assert watch.next_start == START + 3 * HOUR
    assert watch.problem == ""
    assert basis(watch, START + 3 * HOUR) == "later"
    assert watch.next_start is None
