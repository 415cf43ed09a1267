"""The plan in force: taken when its file changes, kept when the new one is bad."""

import os
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from autoscaler.daemon.plan.source import PlanFile, RecordedPlans
from autoscaler.daemon.plan.watch import PlanWatch
from planner.errors import StoreError
from planner.ledger import PlanRecord
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
    watch = PlanWatch(PlanFile(path), models=["m"])
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

    watch = PlanWatch(PlanFile(path, read), models=["m"])
    for _ in range(3):
        watch.look(NOW)
    assert len(reads) == 1


def test_a_file_only_touched_is_no_news(path: Path) -> None:
    watch = PlanWatch(PlanFile(path), models=["m"])
    first = watch.look(NOW)
    write(path, path.read_text(encoding="utf-8"))
    assert watch.look(NOW + HOUR) is first


BAD = {
    "broken": ("{", "not readable as JSON"),
    "cut short": (plan_text(small_plan())[:-200], "not readable as JSON"),
    "another document": ('{"schema": "baseload.replay/1"}', "baseload.plan/1"),
    "without hours": (plan_text(replace(small_plan(), hours_detail=())), "no fleet can be kept by it"),
    "past": (plan_text(replace(small_plan(), start=START - 9 * HOUR, end=START - 5 * HOUR)), "ended 2026-11-30 19:00"),
    "without burst": (
        plan_text(replace(small_plan(), offers={k: t for k, t in small_plan().offers.items() if t.role == "base"})),
        "no burst offer",
    ),
}


@pytest.mark.parametrize(("text", "said"), list(BAD.values()), ids=list(BAD))
def test_a_bad_plan_keeps_the_last_good_one_and_says_why(path: Path, text: str, said: str) -> None:
    watch = PlanWatch(PlanFile(path), models=["m"])
    watch.look(NOW)
    write(path, text)
    assert basis(watch) == "first"
    assert said in watch.problem
    assert str(path) in watch.problem


def test_a_plan_that_lost_a_model_of_the_fleet_is_not_taken(path: Path) -> None:
    watch = PlanWatch(PlanFile(path), models=["m", "n"])
    assert watch.look(NOW) is None
    assert "does not plan n" in watch.problem


def test_a_file_that_is_gone_keeps_the_plan_and_its_return_ends_the_problem(path: Path) -> None:
    watch = PlanWatch(PlanFile(path), models=["m"])
    watch.look(NOW)
    text = path.read_text(encoding="utf-8")
    path.unlink()
    assert basis(watch) == "first"
    assert "No such file" in watch.problem
    write(path, text)
    assert basis(watch) == "first"
    assert watch.problem == ""


def test_the_good_plan_put_back_ends_the_problem(path: Path) -> None:
    watch = PlanWatch(PlanFile(path), models=["m"])
    watch.look(NOW)
    text = path.read_text(encoding="utf-8")
    write(path, "{")
    watch.look(NOW)
    assert watch.problem
    write(path, text)
    watch.look(NOW)
    assert watch.problem == ""


def test_a_past_plan_is_better_than_none(path: Path) -> None:
    watch = PlanWatch(PlanFile(path), models=["m"])
    assert basis(watch, START + 48 * HOUR) == "first"


def test_a_plan_of_later_hours_waits_for_the_first_of_them(path: Path) -> None:
    watch = PlanWatch(PlanFile(path), models=["m"])
    watch.look(NOW)
    later = replace(with_bill("later"), start=START + 3 * HOUR, end=START + 7 * HOUR)
    write(path, plan_text(later))
    assert basis(watch) == "first"
    assert watch.next_start == START + 3 * HOUR
    assert watch.problem == ""
    assert basis(watch, START + 3 * HOUR) == "later"
    assert watch.next_start is None


def a_record(batch: int, first_h: int, last_h: int, basis: str) -> PlanRecord:
    start, end = START + first_h * HOUR, START + last_h * HOUR
    plan = replace(with_bill(basis), start=start, end=end)
    return PlanRecord(batch=batch, start=start, end=end, saved_at=START, document=plan_text(plan), forecast=None)


class Records:
    """Recorded plans, and how often they were asked for."""

    def __init__(self, *plans: PlanRecord) -> None:
        self.plans = list(plans)
        self.asked = 0
        self.is_down = False

    def __call__(self, start: datetime, end: datetime) -> list[PlanRecord]:
        self.asked += 1
        if self.is_down:
            raise StoreError("the database is gone")
        return [one for one in self.plans if one.start < end and one.end > start]


def recorded(records: Records) -> PlanWatch:
    return PlanWatch(RecordedPlans(records, name="the ledger"), models=["m"])


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        pytest.param(-9, "november", id="before all of them, the next"),
        pytest.param(1, "november again", id="of those that cover now the last saved"),
        pytest.param(6, "december", id="between two, the next"),
        pytest.param(9, "december", id="inside the later one"),
        pytest.param(99, "december", id="after all of them, the last"),
    ],
)
def test_of_recorded_plans_the_one_of_now_is_in_force(hour: int, expected: str) -> None:
    records = Records(
        a_record(1, 0, 4, "november"), a_record(2, 8, 12, "december"), a_record(3, 0, 4, "november again")
    )
    if hour < 0:
        records.plans.pop()
    assert basis(recorded(records), START + hour * HOUR) == expected


def test_recorded_plans_change_over_by_themselves_and_are_asked_for_once_a_minute() -> None:
    records = Records(a_record(1, 0, 4, "november"), a_record(2, 4, 8, "december"))
    watch = recorded(records)
    assert basis(watch, START) == "november"
    assert basis(watch, START + timedelta(seconds=59)) == "november"
    assert records.asked == 1
    assert basis(watch, START + 4 * HOUR) == "december"
    assert records.asked == 2


def test_a_database_that_fails_keeps_the_plan_and_says_so() -> None:
    records = Records(a_record(1, 0, 4, "november"))
    watch = recorded(records)
    watch.look(START)
    records.is_down = True
    assert basis(watch, START + HOUR) == "november"
    assert watch.problem == "the database is gone"


def test_without_any_recorded_plan_it_is_said_how_to_make_one() -> None:
    watch = recorded(Records())
    assert watch.look(START) is None
    assert "expected one of `baseload plan --record`" in watch.problem


def test_who_starts_where_the_last_recorded_plan_cannot_be_used_goes_by_the_one_before_it() -> None:
    other_model = a_record(3, 0, 4, "of another model")
    other_model = replace(other_model, document=other_model.document.replace('"m"', '"x"'))
    broken = replace(a_record(2, 0, 4, "broken"), document="{")
    watch = recorded(Records(a_record(1, 0, 4, "good"), broken, other_model))
    for minute in range(3):
        assert basis(watch, START + timedelta(minutes=minute)) == "good"
        assert watch.problem == "plans recorded in the ledger: does not plan m; expected every model of the fleet"


def test_a_good_plan_recorded_after_one_that_cannot_be_used_is_taken() -> None:
    records = Records(a_record(1, 0, 4, "good"), replace(a_record(2, 0, 4, "broken"), document="{"))
    watch = recorded(records)
    assert basis(watch, START) == "good"
    records.plans.append(a_record(3, 0, 4, "mended"))
    assert basis(watch, START + timedelta(minutes=1)) == "mended"
    assert watch.problem == ""
