"""The schema: made from nothing, held equal to the tables, guarded, and refused where a newer version made it."""

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, text

from planner.errors import InputError, StoreError
from planner.store import open_ledger, tables
from planner.store.address import read_url
from planner.store.check import upgrade_database
from planner.store.engine import engine_of, reading, writing
from planner.store.schema import HEAD, REVISIONS, VERSION_TABLE, upgrade
from tests.planner.store.facts import DECEMBER, NOVEMBER, a_cost, a_lease, a_price, an_origin, usage


def test_the_revisions_known_are_those_of_the_migrations() -> None:
    scripts = ScriptDirectory(str(Path(tables.__file__).parent / "migrations"))
    assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == REVISIONS


def test_the_migrations_make_the_tables_this_version_reads(url: str) -> None:
    upgrade_database(read_url(url, source="test"))
    with reading(engine_of(read_url(url, source="test"))) as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, tables.metadata) == []


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_older_revision_is_brought_up_to_date(url: str, revision: str) -> None:
    place = read_url(url, source="test")
    with writing(engine_of(place)) as connection:
        upgrade(connection, revision)
    assert upgrade_database(place) == (revision, HEAD)
    with open_ledger(url) as ledger:
        assert ledger.batches() == ()


def set_revision(url: str, revision: str) -> None:
    with writing(engine_of(read_url(url, source="test"))) as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{revision}'"))


def test_a_newer_schema_is_refused_by_name_and_left_as_it_is(url: str) -> None:
    with open_ledger(url, create=True) as ledger:
        ledger.add_leases([a_lease()], an_origin())
    set_revision(url, "9999")
    for create in (False, True):
        with (
            pytest.raises(InputError, match=r"revision 9999, made by a newer baseload; .*upgrade baseload"),
            open_ledger(url, create=create),
        ):
            pass
    with pytest.raises(InputError, match="revision 9999"):
        upgrade_database(read_url(url, source="test"))


def test_an_older_schema_asks_for_its_upgrade(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade_database(read_url(url, source="test"))
    set_revision(url, "0000")
    monkeypatch.setattr("planner.store.schema.REVISIONS", ("0000", "0001"))
    said = r"has revision 0000, this version needs 0001; .*`baseload db upgrade`"
    with pytest.raises(InputError, match=said), open_ledger(url, create=True):
        pass


def stop_after_upgrade(place: URL) -> None:
    with writing(engine_of(place)) as connection:
        upgrade(connection)
        raise RuntimeError("stop")


def test_a_failed_migration_leaves_nothing(url: str) -> None:
    place = read_url(url, source="test")
    with pytest.raises(RuntimeError, match="stop"):
        stop_after_upgrade(place)
    with pytest.raises(InputError, match="no ledger there"), open_ledger(url):
        pass


def test_facts_cannot_be_changed_or_deleted(url: str) -> None:
    with open_ledger(url, create=True) as ledger:
        ledger.add_leases([a_lease()], an_origin("a"))
        ledger.add_served(usage((0, "m", "x", 1, 1), gaps=frozenset({3})), an_origin("b"))
        ledger.add_other_costs([a_cost()], an_origin("c"))
        ledger.add_prices([a_price()], an_origin("d"))
        ledger.add_plan("{}", an_origin("e"), start=NOVEMBER, end=DECEMBER)
        ledger.retract(1, why="test", at=DECEMBER)
    for table in tables.metadata.sorted_tables:
        column = table.columns[0].name
        for statement in (f"UPDATE {table.name} SET {column} = {column}", f"DELETE FROM {table.name}"):
            with pytest.raises(StoreError, match=f"{table.name} is append-only: {statement[:6]} is refused"):
                run(url, statement)


def run(url: str, statement: str) -> None:
    """Runs a statement past the store."""
    with writing(engine_of(read_url(url, source="test"))) as connection:
        connection.exec_driver_sql(statement)


def test_postgresql_refuses_truncate_too(postgres_url: str) -> None:
    upgrade_database(read_url(postgres_url, source="test"))
    with pytest.raises(StoreError, match="is append-only: TRUNCATE is refused"):
        run(postgres_url, "TRUNCATE ledger_lease")


def test_sqlite_refuses_a_replacing_insert(tmp_path: Path) -> None:
    url = str(tmp_path / "l.sqlite")
    with open_ledger(url, create=True) as ledger:
        ledger.add_leases([a_lease()], an_origin())
    with pytest.raises(StoreError, match="is append-only"):
        run(url, "INSERT OR REPLACE INTO ledger_batch SELECT * FROM ledger_batch")


def test_a_database_of_something_else_is_no_ledger(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE songs (name TEXT)")
    other.close()
    said = r"other.sqlite: is a database of something else \(table songs\)"
    before = path.read_bytes()
    with pytest.raises(InputError, match=said), open_ledger(str(path), create=True):
        pass
    assert path.read_bytes() == before  # nor is its journal ours to choose
    path.write_text("no database at all, but long enough to be looked at as one" * 20)
    with pytest.raises(InputError, match="is not a SQLite database"), open_ledger(str(path), create=True):
        pass


def test_tables_of_others_in_a_shared_database_are_let_be(postgres_url: str) -> None:
    with writing(engine_of(read_url(postgres_url, source="test"))) as connection:
        connection.exec_driver_sql("CREATE TABLE songs (name TEXT)")
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num TEXT)")
    with open_ledger(postgres_url, create=True) as ledger:
        ledger.add_leases([a_lease()], an_origin())
        assert ledger.leases() == (a_lease(),)


def test_a_sqlite_ledger_writes_ahead_and_keeps_its_references(tmp_path: Path) -> None:
    url = str(tmp_path / "ledger.sqlite")
    upgrade_database(read_url(url, source="test"))
    connection = sqlite3.connect(url)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        run(url, "INSERT INTO ledger_gap (batch_id, hour) VALUES (77, 1)")
