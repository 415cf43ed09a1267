"""`baseload ledger`: whole commands, against a ledger of the test's own."""

import json
from pathlib import Path

import pytest

from autoscaler.cli import baseload, run

LEASES = """id,offer,start,end,model
a,hetzner/ax102,2026-11-01T00:00:00Z,,m
b,ovh/b3-64,2026-11-03T10:00:00Z,2026-11-03T12:30:00Z,m
"""
USAGE = """hour,model,team,customer,input_tokens,output_tokens
2026-11-01T00:00:00Z,m,x,joe,100,50
2026-11-01T00:00:00Z,m,x,ann,10,5
2026-11-02T03:00:00Z,m,y,ann,10,5
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two files, and a ledger yet to be made in it."""
    monkeypatch.setenv("BASELOAD_DATABASE_URL", str(tmp_path / "money" / "ledger.sqlite"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leases.csv").write_text(LEASES)
    (tmp_path / "usage.csv").write_text(USAGE)
    return tmp_path


def ledger(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `baseload ledger …`."""
    code = run(baseload(), ["ledger", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_files_are_taken_and_listed(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, out, err = ledger(capsys, "import", "leases.csv", "usage.csv", "--tag", "team")
    assert code == 0
    assert [line.split()[:3] for line in out.splitlines()[2:]] == [
        ["1", "leases", "leases.csv"],
        ["2", "usage", "usage.csv"],
    ]
    assert "note: hetzner/ax102: priced as in the catalog of" in err
    assert "note: usage.csv: columns not kept: customer; --tag NAME keeps one as a tag" in err
    assert f"note: made the ledger {folder / 'money' / 'ledger.sqlite'}" in err
    _, out, _ = ledger(capsys, "list", "--json")
    document = json.loads(out)
    assert [batch["rows"] for batch in document["batches"]] == [2, 2]
    assert document["months"] == [
        {"month": "2026-11", "leases": 2, "usage_rows": 2, "hours": 720, "gap_hours": 692, "other_costs": 0, "plans": 0}
    ]


def test_one_wrong_file_leaves_nothing_behind(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "wrong.csv").write_text(USAGE.replace(",10,", ",ten,"))
    code, out, err = ledger(capsys, "import", "leases.csv", "wrong.csv", "--tag", "team")
    assert (code, out) == (2, "")
    assert err == ("baseload: wrong.csv, row 3: input_tokens is 'ten'; expected a whole number of tokens, 0 or more\n")
    assert not (folder / "money").exists()


def test_a_file_is_taken_once_and_can_be_taken_back(capsys: pytest.CaptureFixture[str]) -> None:
    ledger(capsys, "import", "usage.csv", "--tag", "team")
    code, _, err = ledger(capsys, "import", "usage.csv", "--tag", "team")
    assert code == 2
    assert "the same text is in the ledger already, as batch 1 (usage.csv," in err
    code, out, err = ledger(capsys, "retract", "1", "--why", "wrong month")
    assert code == 0
    assert "retracted: wrong month" in out
    assert ledger(capsys, "import", "usage.csv", "--tag", "team")[0] == 0


def test_an_absent_ledger_is_no_empty_ledger(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, _, err = ledger(capsys, "list")
    assert code == 2
    assert err.endswith("ledger.sqlite: no ledger there; `baseload ledger import` makes one\n")
    assert not (folder / "money").exists()


def test_a_file_of_no_known_kind_asks_for_the_kind(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "odd.csv").write_text("a,b\n1,2\n")
    code, _, err = ledger(capsys, "import", "odd.csv")
    assert code == 2
    assert "odd.csv: its columns do not tell what it holds; expected --kind, one of leases, usage" in err
    assert "--kind usages: unknown; did you mean 'usage'?" in ledger(capsys, "import", "odd.csv", "--kind", "usages")[2]
