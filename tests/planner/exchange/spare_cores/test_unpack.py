"""Spare Cores' file in each of its forms becomes one database; what is none, too large or unsafe is refused."""

import bz2
import lzma
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.errors import InputError
from planner.exchange.spare_cores import dump as dumping
from planner.exchange.spare_cores.unpack import database
from tests.planner.exchange.spare_cores.made import dump, server, write

Pack = Callable[[bytes], bytes]


def tables(path: Path) -> dict[str, int]:
    """How many rows each table has."""
    with closing(sqlite3.connect(path)) as held:
        names = [name for (name,) in held.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: held.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in sorted(names)}


READ = {"benchmark_score": 4, "region": 4, "server": 4, "server_price": 7, "zone": 5}


@pytest.mark.parametrize("name", ["sc-data-all.db", "sc-data-all.db.bz2", "sc-data-all.db.xz", "named.wrongly"])
def test_a_database_is_read_plain_or_packed_whatever_its_name(tmp_path: Path, name: str) -> None:
    whole = write(tmp_path / "made.sqlite").read_bytes()
    packs: dict[str, Pack] = {".bz2": bz2.compress, ".xz": lzma.compress, ".wrongly": bz2.compress}
    pack = packs.get(Path(name).suffix, bytes)
    (tmp_path / name).write_bytes(pack(whole))

    with database(str(tmp_path / name)) as path:
        assert tables(path) == {**READ, "storage": 1}


@pytest.mark.parametrize("pack", [bytes, bz2.compress, lzma.compress], ids=["sql", "sql.bz2", "sql.xz"])
def test_of_a_dump_only_the_tables_that_are_read_are_made(tmp_path: Path, pack: Pack) -> None:
    text = dump(write(tmp_path / "made.sqlite"))
    assert "it''s; gp3" in text  # a quote and a semicolon within a text, in a table that is passed over
    (tmp_path / "dump").write_bytes(pack(text.encode()))

    with database(str(tmp_path / "dump")) as path:
        assert tables(path) == READ
    assert not path.exists()


def test_sqlites_own_shell_writes_dumps_a_little_differently(tmp_path: Path) -> None:
    text = (
        dump(write(tmp_path / "made.sqlite"))
        .replace("BEGIN TRANSACTION;", "PRAGMA foreign_keys=OFF;\nBEGIN;")
        .replace("'fsn1-dc14','fsn1-dc14'", "replace('fsn1\\n','\\n',char(10)),'fsn1;\nx'", 1)
        .replace("COMMIT;", "CREATE UNIQUE INDEX one ON server (server_id);\nCOMMIT;")
    )
    (tmp_path / "shell.sql").write_text("-- a comment\n\n" + text)

    with database(str(tmp_path / "shell.sql")) as path, closing(sqlite3.connect(path)) as held:
        assert held.execute("SELECT name, api_reference FROM region WHERE region_id = '4'").fetchone() == (
            "fsn1\n",
            "fsn1;\nx",
        )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is something else; expected a SQLite database or its SQL dump"),
        (b"<html>not here</html>", "is something else"),
        (bz2.compress(b"timestamp,price\n"), "is something else"),
        (bz2.compress(b"x" * 100_000)[:30], "is cut short"),
        (lzma.compress(b"SQLite format 3\x00" + bytes(range(256)) * 400)[:200], "is cut short"),
        (lzma.compress(b"x" * 100_000)[:20] + b"garbage" * 10, "cannot be read"),
    ],
    ids=["empty", "a page", "a packed table", "bzip2 cut short", "xz cut short", "xz damaged"],
)
def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "given").write_bytes(content)
    with pytest.raises(InputError, match=said), database(str(tmp_path / "given")):
        pass


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"), database(str(tmp_path / "none.db")):
        pass
    with pytest.raises(InputError, match="is a directory"), database(str(tmp_path)):
        pass


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress], ids=["bz2", "xz"])
@pytest.mark.parametrize("as_dump", [False, True], ids=["database", "dump"])
def test_what_unpacks_to_more_than_allowed_is_refused(tmp_path: Path, pack: Pack, as_dump: bool) -> None:
    whole = write(tmp_path / "made.sqlite")
    data = dump(whole).encode() if as_dump else whole.read_bytes()
    (tmp_path / "given").write_bytes(pack(data))
    with database(str(tmp_path / "given"), max_bytes=len(data)):
        pass  # exactly as much
    said = "given: more than .* GiB unpacked; expected a smaller file"
    with pytest.raises(InputError, match=said), database(str(tmp_path / "given"), max_bytes=len(data) - 1):
        pass


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ATTACH DATABASE '{other}' AS other;", "expected only CREATE TABLE and INSERT INTO"),
        ("SELECT load_extension('evil');", "expected only CREATE TABLE and INSERT INTO"),
        ("PRAGMA writable_schema = ON;", "expected only CREATE TABLE and INSERT INTO"),
        ("CREATE TRIGGER t AFTER INSERT ON server BEGIN DELETE FROM server; END;", "expected only CREATE TABLE"),
        ("DROP TABLE server;", "expected only CREATE TABLE"),
        ("VACUUM INTO '{other}';", "expected only CREATE TABLE"),
        ("INSERT INTO server SELECT 1;", "not authorized"),
        ("INSERT INTO server(server_id) VALUES((SELECT name FROM sqlite_master));", "not authorized"),
        ("INSERT INTO server(server_id) VALUES(load_extension('evil'));", "not authorized"),
        ("INSERT INTO server(server_id) VALUES(zeroblob(1000000000));", "not authorized"),
        ("INSERT INTO server(server_id) VALUES('x'); ATTACH DATABASE '{other}' AS other;", "one statement at a time"),
        ("CREATE TABLE region AS SELECT * FROM sqlite_master;", "not authorized"),
        ("CREATE INDEX i ON server (server_id); ATTACH DATABASE '{other}' AS other;", "expected only CREATE TABLE"),
        ("INSERT INTO server(server_id) VALUES('not closed);", "ends within"),
        ("INSERT INTO server(wrong) VALUES('x');", "has no column named wrong"),
    ],
)
def test_a_dump_that_would_do_anything_else_is_refused_and_does_nothing(tmp_path: Path, line: str, said: str) -> None:
    other = tmp_path / "other.sqlite"
    (tmp_path / "evil.sql").write_text(
        f"BEGIN TRANSACTION;\nCREATE TABLE server (server_id);\n{line.format(other=other)}\n"
    )
    with pytest.raises(InputError, match=said) as caught, database(str(tmp_path / "evil.sql")):
        pass
    assert "evil.sql" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not other.exists()


@settings(max_examples=60, deadline=None)
@given(
    words=st.lists(
        st.text(
            st.sampled_from("a;'\"\n\r-/*(), é") | st.characters(exclude_characters="\0", exclude_categories=["Cs"])
        ),
        max_size=5,
        unique=True,
    )
)
def test_whatever_text_a_dump_holds_comes_out_as_it_went_in(words: list[str]) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        whole = write(folder / "whole.sqlite", {"server": [server("aws", word, word) for word in words]})
        (folder / "dump.sql.xz").write_bytes(lzma.compress(dump(whole).encode(), preset=0))
        with database(str(folder / "dump.sql.xz")) as path, closing(sqlite3.connect(path)) as held:
            found = [reference for (reference,) in held.execute("SELECT api_reference FROM server ORDER BY rowid")]
    assert found == words


def test_a_statement_that_never_ends_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dumping, "MAX_VALUE_BYTES", 1 << 20)
    (tmp_path / "long.sql").write_text(
        "CREATE TABLE server (server_id);\nINSERT INTO server VALUES('" + "x\n" * (1 << 20)
    )
    with pytest.raises(InputError, match="a statement of more than 1 MiB"), database(str(tmp_path / "long.sql")):
        pass


def test_a_dump_of_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.sql").write_bytes("CREATE TABLE server (café);\n".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8"), database(str(tmp_path / "latin.sql")):
        pass
