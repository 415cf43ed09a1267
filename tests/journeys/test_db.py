"""`baseload db`: whole commands, against a ledger of the test's own."""

import json
import sqlite3
from pathlib import Path

import jsonschema
import pytest

from autoscaler.cli import baseload, run
from planner.report.ledger_schema import db_schema
from planner.store.schema import HEAD

USAGE = "hour,model,input_tokens,output_tokens\n2026-11-01T00:00:00Z,m,100,50\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of usage, and a ledger yet to be made in it."""
    monkeypatch.setenv("BASELOAD_DATABASE_URL", str(tmp_path / "ledger.sqlite"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "usage.csv").write_text(USAGE)
    return tmp_path


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `baseload …`."""
    code = run(baseload(), list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def test_a_ledger_is_made_backed_up_and_restored(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validator = jsonschema.Draft202012Validator(db_schema(), format_checker=jsonschema.FormatChecker())
    code, out, _ = command(capsys, "db", "upgrade", "--json")
    validator.validate(json.loads(out))
    assert (code, json.loads(out)["what"]) == (0, f"made a ledger, revision {HEAD}")
    assert command(capsys, "db", "upgrade")[1].endswith(f"up to date already, revision {HEAD}\n")
    command(capsys, "ledger", "import", "usage.csv")
    code, out, _ = command(capsys, "db", "backup", "ledger.gz", "--json")
    validator.validate(json.loads(out))
    assert json.loads(out)["rows"]["ledger_served"] == 1
    _, listed, _ = command(capsys, "ledger", "list", "--json")
    code, _, err = command(capsys, "db", "restore", "ledger.gz")
    assert code == 2
    assert "holds a ledger already, which a restore would mix with" in err
    monkeypatch.setenv("BASELOAD_DATABASE_URL", str(folder / "new" / "ledger.sqlite"))
    code, out, _ = command(capsys, "db", "restore", "ledger.gz", "--json")
    validator.validate(json.loads(out))
    assert command(capsys, "ledger", "list", "--json")[1] == listed
    code, out, _ = command(capsys, "db", "check", "--json")
    validator.validate(json.loads(out))
    assert (code, json.loads(out)["is_ok"]) == (0, True)


def test_a_check_that_finds_something_wrong_ends_with_5(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    command(capsys, "ledger", "import", "usage.csv")
    raw = sqlite3.connect(folder / "ledger.sqlite")
    raw.execute("DROP TRIGGER ledger_served_no_delete")
    raw.commit()
    raw.close()
    code, out, err = command(capsys, "db", "check")
    assert code == 5
    (line,) = [line for line in out.splitlines() if "WRONG" in line]
    assert line.split() == ["append-only", "WRONG", "missing", "on", "ledger_served"]
    assert "something is wrong with the ledger" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check",), "no ledger there"),
        (("backup", "x.gz"), "no ledger there; nothing to back up"),
        (("backup", "no/x.gz"), "the folder no does not exist"),
        (("backup", "ledger.sqlite"), "is the ledger itself; expected another file"),
        (("restore", "absent.gz"), "absent.gz: no such file"),
        (("restore", "usage.csv"), "usage.csv: is no whole backup of a ledger"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    capsys: pytest.CaptureFixture[str], folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = command(capsys, "db", *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert [path.name for path in folder.iterdir()] == ["usage.csv"]


def test_a_server_that_does_not_answer_ends_with_5(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASELOAD_DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:1/money")
    for arguments in (("db", "check"), ("ledger", "import", "usage.csv"), ("ledger", "list")):
        code, out, err = command(capsys, *arguments)
        assert (code, out) == (5, "")
        assert err.startswith("baseload: postgresql://me:***@127.0.0.1:1/money: the database failed: ")
        assert "hunter2" not in err
        assert err.count("\n") == 1


def test_a_verbose_run_shows_no_password_either(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASELOAD_DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:1/money")
    _, _, err = command(capsys, "-v", "db", "check")
    assert "hunter2" not in err


def test_a_backup_may_have_the_name_of_a_database_on_a_server(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASELOAD_DATABASE_URL", "postgresql://127.0.0.1:1/ledger")
    code, _, err = command(capsys, "db", "backup", "ledger")
    assert code == 5  # nobody answers; on SQLite the name would be the ledger's own
    assert "is the ledger itself" not in err
