"""The export judged by the validator of the FinOps Foundation, version 1.0.0, in an environment of its own.

It knows the rules of FOCUS 1.0 under four older column names, and asks for one column (ChargeType) that no version
has: the file is given with those columns beside, so that every one of its rules is tried. Its successor for 1.2 needs
Python 3.12; what it says of the export is in docs/chargeback.md.
"""

import csv
import subprocess
from pathlib import Path

import pytest

from planner.exchange.focus import focus_csv
from tests.needs import lacking
from tests.planner.exchange.bills import some_bill, some_charges

ROOT = Path(__file__).parents[3]
OLD_NAMES = {
    "InvoiceIssuer": "InvoiceIssuerName",
    "Provider": "ProviderName",
    "Publisher": "PublisherName",
    "ResourceID": "ResourceId",
    "ChargeType": "ChargeCategory",
}


def validator() -> tuple[Path, Path]:
    """The program, and its packages' folder, from where it finds its list of currencies."""
    found = ROOT / ".venv-focus" / "bin" / "focus-validator"
    if not found.exists():
        lacking("no FOCUS validator; make .venv-focus/stamp")
    (packages,) = (ROOT / ".venv-focus" / "lib").glob("python*/site-packages")
    return found, packages


def judged(path: Path) -> subprocess.CompletedProcess[str]:
    program, folder = validator()
    return subprocess.run(
        [program, "--data-file", path, "--validate-version", "1.0"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    bill = some_bill()
    read = list(csv.DictReader(focus_csv(bill, charges=some_charges(bill)).splitlines()))
    return [row | {old: row[new] for old, new in OLD_NAMES.items()} for row in read]


def test_the_validator_finds_nothing_wrong(rows: list[dict[str, str]], tmp_path: Path) -> None:
    done = judged(write(tmp_path / "focus.csv", rows))
    assert "Validation succeeded" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]
    assert "failed:" not in done.stdout


def test_the_validator_would_find_something_wrong(rows: list[dict[str, str]], tmp_path: Path) -> None:
    wrong = [row | {"ChargeCategory": "", "BillingCurrency": "EURO", "ServiceCategory": "Servers"} for row in rows]
    done = judged(write(tmp_path / "focus.csv", wrong))
    assert {line.split()[0] for line in done.stdout.splitlines() if line.endswith("failed:")} >= {
        "BillingCurrency_IsCurrencyCode",
        "ChargeCategory_NotNull",
        "ServiceCategory_Enum",
    }
