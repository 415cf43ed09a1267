"""A backup restores into either database, whole or not at all; a check finds what is wrong."""

import gzip
import hashlib
import json
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from planner.errors import InputError
from planner.store import open_ledger
from planner.store.address import read_url
from planner.store.backup import backup, restore
from planner.store.check import check
from tests import postgres
from tests.planner.store.facts import (
    DECEMBER,
    NOVEMBER,
    a_lease,
    a_price,
    a_published_price,
    an_euro_cost,
    an_origin,
    rows_of,
    spot_facts,
    usage,
)


def fill(url: str) -> None:
    """Some of every fact, and a retraction."""
    with open_ledger(url, create=True) as ledger:
        ledger.add_leases(
            [a_lease("a", tags=(("team", "ü"),)), a_lease("b", end=DECEMBER)], an_origin("a", tags=("team",))
        )
        ledger.add_served(usage((0, "m", "x", 10**15, 1), (1, "m", "", 3, 4), gaps=frozenset({9})), an_origin("b"))
        ledger.add_other_costs([an_euro_cost()], an_origin("c"))
        price = a_price(fee="104.000000000001", effective_from=DECEMBER.date())
        ledger.add_prices([price], an_origin("d"), spot=spot_facts())
        ledger.add_plan('{"a": 1}', an_origin("e"), start=NOVEMBER, end=DECEMBER, forecast="f", forecast_source="f.csv")
        ledger.add_leases([a_lease("c")], an_origin("wrong"))
        ledger.retract(6, why="wrong", at=DECEMBER + timedelta(seconds=1))
        ledger.add_published([a_published_price()], an_origin("g"))


def everything(url: str) -> object:
    with open_ledger(url) as ledger:
        served = ledger.served(NOVEMBER, DECEMBER)
        return (
            ledger.published(NOVEMBER, DECEMBER),
            ledger.batches(),
            ledger.leases(),
            rows_of(served),
            served.gaps,
            ledger.other_costs(),
            ledger.prices(),
            ledger.interruptions(),
            ledger.spot_means(),
            ledger.spot_prices("aws", NOVEMBER),
            ledger.plans(NOVEMBER, DECEMBER),
        )


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_backup_restores_into_either_database(
    url: str, target: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    fill(url)
    data, made = backup(read_url(url, source="test"))
    if target == "sqlite":
        place = str(tmp_path / "new" / "restored.sqlite")
    else:
        place = postgres.new_database(request.getfixturevalue("server"))
    done = restore(read_url(place, source="test"), gzip.decompress(data), source="ledger.gz")
    assert everything(place) == everything(url)
    assert (done.rows, done.sha256) == (made.rows, made.sha256)
    assert backup(read_url(place, source="test"))[0] == data
    with open_ledger(place) as ledger:  # and facts go on being added
        assert ledger.add_leases([a_lease("z")], an_origin("z")).id == 8


def test_a_backup_is_never_restored_over_facts(url: str) -> None:
    fill(url)
    data, _ = backup(read_url(url, source="test"))
    with pytest.raises(InputError, match="holds a ledger already, which a restore would mix with"):
        restore(read_url(url, source="test"), gzip.decompress(data), source="ledger.gz")


def altered(lines: bytes) -> list[tuple[bytes, str]]:
    rows = lines.splitlines(keepends=True)
    newer = json.loads(rows[0]) | {"revision": "9999"}
    return [
        (b"".join(rows[:-1]), "its checksum does not hold"),
        (lines[: len(lines) // 2], "is no whole backup"),
        (b"", "is no whole backup"),
        (b'{"schema": "x"}\n{}\n', "schema is 'x'; expected 'baseload.backup/1'"),
        (lines.replace(b"104.000000000001", b"1.000000000001"), "its checksum does not hold"),
        (b"".join([json.dumps(newer).encode() + b"\n", *rows[1:]]), "its checksum does not hold"),
        (b"".join([*rows[:3], *rows[4:]]), "its checksum does not hold"),
    ]


def test_a_backup_that_is_not_whole_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    url = str(tmp_path / "a.sqlite")
    fill(url)
    data, _ = backup(read_url(url, source="test"))
    place = tmp_path / "new" / "b.sqlite"
    for text, said in altered(gzip.decompress(data)):
        with pytest.raises(InputError, match=said):
            restore(read_url(str(place), source="test"), text, source="ledger.gz")
    assert not place.parent.exists()


def test_a_whole_backup_of_a_newer_baseload_is_refused_by_name(tmp_path: Path) -> None:
    url, place = str(tmp_path / "a.sqlite"), tmp_path / "new" / "b.sqlite"
    fill(url)
    rows = gzip.decompress(backup(read_url(url, source="test"))[0]).splitlines(keepends=True)
    head, foot = json.loads(rows[0]) | {"revision": "9999"}, json.loads(rows[-1])
    body = b"".join([json.dumps(head).encode() + b"\n", *rows[1:-1]])
    whole = body + json.dumps(foot | {"sha256": hashlib.sha256(body).hexdigest()}).encode() + b"\n"
    with pytest.raises(InputError, match=r"has revision 9999, made by a newer baseload; .*: upgrade baseload"):
        restore(read_url(str(place), source="test"), whole, source="ledger.gz")
    assert not place.parent.exists()


def test_a_sound_ledger_has_nothing_wrong(url: str) -> None:
    fill(url)
    health = check(read_url(url, source="test"))
    assert [(one.name, one.is_ok) for one in health.checks] == [
        (name, True) for name in ("schema", "integrity", "references", "append-only", "batches", "plans")
    ]
    assert health.rows["ledger_served"] == 2
    assert (health.newest_batch_at, health.newest_hour) == (DECEMBER, NOVEMBER + timedelta(hours=1))


def test_the_newest_hour_is_none_that_was_retracted(url: str) -> None:
    with open_ledger(url, create=True) as ledger:
        ledger.add_served(usage((0, "m", "x", 1, 1)), an_origin("a"))
        ledger.add_served(usage((9, "m", "x", 1, 1)), an_origin("b"))
        ledger.retract(2, why="wrong", at=DECEMBER)
    assert check(read_url(url, source="test")).newest_hour == NOVEMBER


def test_what_was_changed_past_the_guards_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    fill(str(path))
    raw = sqlite3.connect(path)
    for table in ("served", "plan", "batch"):
        raw.execute(f"DROP TRIGGER ledger_{table}_no_delete")
        raw.execute(f"DROP TRIGGER ledger_{table}_no_update")
    raw.execute("DELETE FROM ledger_served WHERE hour % 2 = 1")
    raw.execute("DELETE FROM ledger_batch WHERE id = 3")
    raw.execute("UPDATE ledger_plan SET forecast_gz = ?", (gzip.compress(b"g"),))
    raw.commit()
    raw.close()
    wrong = {one.name: one.detail for one in check(read_url(str(path), source="test")).checks if not one.is_ok}
    assert set(wrong) == {"references", "append-only", "batches", "plans"}
    assert wrong["batches"] == "batch 2 has 1 rows, 2 came in"
    assert wrong["references"] == "1 rows of ledger_other_cost without ledger_batch.id"
    assert wrong["plans"] == "the forecast of batch 5 is not the one recorded"
    assert "ledger_served" in wrong["append-only"]
