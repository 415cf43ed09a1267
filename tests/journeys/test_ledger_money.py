"""`baseload ledger charges` and `export`: whole commands, against a ledger of the test's own."""

import csv
import json
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

from autoscaler.cli import baseload, run
from planner.report.charges_schema import charges_schema

LEASES = """id,offer,start,end,model
a,ovh/b3-64,2026-10-01T00:00:00Z,2026-10-01T10:00:00Z,llama-7b-q4
b,hetzner/ax102,2026-10-01T00:00:00Z,,llama-7b-q4
"""
USAGE = """hour,model,team,input_tokens,output_tokens
2026-10-01T00:00:00Z,llama-7b-q4,x,100000,50000
2026-10-02T03:00:00Z,llama-7b-q4,y,10000,5000
2026-10-31T23:00:00Z,llama-7b-q4,,10000,5000
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A ledger of October 2026."""
    monkeypatch.setenv("BASELOAD_DATABASE_URL", str(tmp_path / "ledger.sqlite"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leases.csv").write_text(LEASES)
    (tmp_path / "usage.csv").write_text(USAGE)
    assert ledger(capsys, "import", "leases.csv", "usage.csv", "--tag", "team")[0] == 0
    return tmp_path


def ledger(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `baseload ledger …`."""
    code = run(baseload(), ["ledger", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_charges_as_table_json_and_csv_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ledger(capsys, "charges", "--month", "2026-10", "--json")
    assert code == 0
    document = json.loads(out)
    jsonschema.Draft202012Validator(charges_schema()).validate(document)
    allocated = [Decimal(charge["allocated_usd"]) for charge in document["charges"]]
    assert sum(allocated) + Decimal(document["unallocated_usd"]) == Decimal(document["bill_usd"])
    parts = [document["usage_usd"], document["shared_usd"], *document["idle_usd"].values()]
    assert sum(map(Decimal, parts)) == Decimal(document["bill_usd"])
    assert [charge["tag"] for charge in document["charges"]] == ["x", "y", ""]
    _, text, err = ledger(capsys, "charges", "--month", "2026-10")
    (row,) = [line.split() for line in text.splitlines() if line.startswith("x ")]
    assert row[-3] == f"{allocated[0]:,}"
    assert f"= bill {Decimal(document['bill_usd']):,} USD" in text
    assert "741 hours without measurement" not in err  # the file's span is measured, with hours of nothing
    _, text, _ = ledger(capsys, "export", "--month", "2026-10", "--format", "charges")
    assert [Decimal(row["allocated_usd"]) for row in csv.DictReader(text.splitlines())] == allocated


def test_focus_is_written_whole_and_sums_to_the_bill(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, out, err = ledger(
        capsys, "export", "--month", "2026-10", "--format", "focus", "--allocated", "-o", "f.csv", "--account", "ovh=77"
    )
    assert (code, out) == (0, "")
    assert "note: wrote f.csv" in err
    rows = list(csv.DictReader((folder / "f.csv").read_text("utf-8").splitlines()))
    assert {row["BillingAccountId"] for row in rows if row["ProviderName"] == "OVHcloud"} == {"77"}
    _, charges, _ = ledger(capsys, "charges", "--month", "2026-10", "--json")
    billed = sum(Decimal(row["x_BilledCostUsd"] or 0) for row in rows)
    assert round(billed, 2) == Decimal(json.loads(charges)["bill_usd"])
    assert {row["BillingCurrency"] for row in rows} == {"EUR", "USD"}
    assert [row["x_AllocatedTag"] for row in rows if row["ChargeCategory"] == "Adjustment"] == ["", "x", "y"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("charges", "--month", "2026-13"), "month is '2026-13'; expected a year and a month such as 2026-12"),
        (("charges", "--month", "2026-10", "--by", "tema"), "no usage of 2026-10 bears this tag; did you mean 'team'?"),
        (("charges", "--month", "2025-01"), "holds no lease, usage or cost of it; it has 2026-10"),
        (("export", "--month", "2026-10", "--format", "focus", "--account", "aws=1"), "aws=1: no such provider in the"),
        (("export", "--month", "2026-10", "--format", "focus", "--account", "ovh"), "--account ovh: expected PROVIDER"),
        (("export", "--month", "2026-10", "--format", "charges", "--allocated"), "belong to --format focus"),
        (
            ("export", "--month", "2026-10", "--format", "focus", "--allocated", "--by", "tema"),
            "--by tema: no usage of 2026-10 bears this tag; did you mean 'team'?",
        ),
        (
            ("export", "--month", "2026-10", "--format", "focus", "--by", "team"),
            "--by: belongs to charges: --format ch",
        ),
        (("export", "--format", "usage", "--by", "team"), "--by: belongs to charges: --format charges, or focus with"),
        (("export", "--format", "prices", "--month", "2026-10"), "--month: prices have none; expected it with another"),
        (("export", "--month", "2026-10", "--format", "focus", "-o", "no/f.csv"), "the folder no does not exist"),
        (
            ("export", "--format", "prices", "-o", "ledger.sqlite"),
            "ledger.sqlite: is a SQLite database, such as the led",
        ),
        (("export", "--format", "prices", "-o", "a.toml", "-c", "a.toml"), "a.toml: is also the file of -c"),
    ],
)
def test_bad_input_is_one_line(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], complaint: str) -> None:
    code, out, err = ledger(capsys, *arguments)
    assert (code, out) == (2, "")
    assert complaint in err
    assert err.count("\n") == 1


def test_euros_are_dollars_at_the_rate_that_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    _, text, _ = ledger(capsys, "charges", "--month", "2026-10", "--currency", "EUR")
    assert "Charges of 2026-10, EUR net of VAT, by team" in text
    assert "USD/EUR of" in text
