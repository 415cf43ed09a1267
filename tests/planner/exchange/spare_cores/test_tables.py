"""Rows of the database, before revision 0.9 and since; a file without its tables or columns is refused by name."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from planner.errors import InputError
from planner.exchange.spare_cores.tables import opened
from tests.planner.exchange.spare_cores.made import BEFORE_0_9, TABLES, rows, write


def test_a_price_comes_with_the_names_of_its_place_and_type(tmp_path: Path) -> None:
    with opened(write(tmp_path / "sc.db"), "sc.db") as held:
        found = {(one.product, one.price): one for one in held.prices()}
    ccx43 = found["ccx43", 0.25]
    assert ccx43.regions == {"4", "fsn1-dc14", "fsn1"}
    assert (ccx43.vendor, ccx43.allocation, ccx43.unit, ccx43.currency) == ("hcloud", "ondemand", "hour", "EUR")
    assert ccx43.observed_at == datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert found["r7a.4xlarge", 0.4].zones == {"use1-az1", "us-east-1a"}
    assert len(found) == 6  # of 7 rows: on demand, r7a.4xlarge has one price in both zones


@pytest.mark.parametrize("tables", [TABLES, BEFORE_0_9], ids=["0.9", "0.8"])
def test_speeds_are_read_of_both_revisions(tmp_path: Path, tables: dict[str, str]) -> None:
    held = rows()
    if tables is BEFORE_0_9:
        for row in held["benchmark_score"]:
            row["server_id"] = row.pop("resource_id")
            row.pop("resource_type")
    else:
        held["benchmark_score"].append({**held["benchmark_score"][0], "resource_type": "DATABASE"})
    with opened(write(tmp_path / "sc.db", held, tables), "sc.db") as found:
        speeds = [(one.product, one.is_prompt, one.tokens, one.tok_s) for one in found.speeds()]
    assert sorted(speeds) == [
        ("b3-64", False, 128, 10.0),
        ("b3-64", True, 128, 80.0),
        ("r7a.4xlarge", False, 128, 20.0),
        ("r7a.4xlarge", True, 128, 100.0),
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DROP TABLE zone", "has no table zone; expected Spare Cores' database with server, region, zone"),
        (
            "ALTER TABLE server_price DROP COLUMN currency",
            "table server_price has no column currency; expected vendor_id",
        ),
        ("ALTER TABLE benchmark_score DROP COLUMN score", "table benchmark_score has no column score"),
        ("ALTER TABLE region RENAME COLUMN aliases TO alias", "table region has no column aliases"),
        ("DROP TABLE zone; CREATE VIEW zone AS SELECT * FROM region", "has no table zone"),
        ("DROP TABLE zone; CREATE VIRTUAL TABLE zone USING fts5(vendor_id)", "has no table zone"),
    ],
)
def test_a_database_without_what_is_read_is_refused_by_name(tmp_path: Path, change: str, said: str) -> None:
    path = write(tmp_path / "sc.db")
    with closing(sqlite3.connect(path)) as made:
        made.executescript(change)
    with pytest.raises(InputError, match=f"^sc.db: {said}"), opened(path, "sc.db"):
        pass


def test_scores_that_name_no_server_are_refused(tmp_path: Path) -> None:
    tables = {**TABLES, "benchmark_score": "vendor_id, benchmark_id, resource_id, config, score, status, observed_at"}
    with (
        pytest.raises(InputError, match="no column resource_id with resource_type; expected them, or server_id"),
        opened(write(tmp_path / "sc.db", {}, tables), "sc.db"),
    ):
        pass


def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "sc.db")
    path.write_bytes(path.read_bytes()[:1000] + b"\xff" * 4000)
    with pytest.raises(InputError, match=r"sc\.db: cannot be read as a database"), opened(path, "sc.db") as held:
        list(held.prices())


def test_a_value_too_long_for_any_of_theirs_is_not_held_in_memory(tmp_path: Path) -> None:
    held = rows()
    held["server"][0]["api_reference"] = "x" * (5 << 20)
    path = write(tmp_path / "sc.db", held)
    with pytest.raises(InputError, match="string or blob too big"), opened(path, "sc.db"):
        pass


def test_a_column_that_computes_is_not_computed(tmp_path: Path) -> None:
    tables = {**TABLES, "server": "vendor_id, server_id, api_reference GENERATED ALWAYS AS (hex(zeroblob(9))) VIRTUAL"}
    path = write(tmp_path / "sc.db", {"server": [{"vendor_id": "aws", "server_id": "x"}]}, tables)
    with pytest.raises(InputError, match="table server has no column api_reference"), opened(path, "sc.db"):
        pass


def test_values_that_are_none_of_theirs_are_unknown(tmp_path: Path) -> None:
    held = rows()
    held["region"][0]["aliases"] = "not JSON"
    held["server_price"][0].update(observed_at="yesterday", price="dear", price_tiered=None)
    held["benchmark_score"][0]["config"] = '["a list"]'
    held["benchmark_score"][1]["config"] = '{"model": 7, "tokens": true}'
    with opened(write(tmp_path / "sc.db", held), "sc.db") as found:
        first = next(found.prices())
        unknown = [one for one in found.speeds() if one.model is None]
    assert (first.observed_at, first.price, first.is_tiered, first.regions) == (None, None, False, {"4", "fsn1-dc14"})
    assert [(one.model, one.tokens) for one in unknown] == [(None, None), (None, None)]
