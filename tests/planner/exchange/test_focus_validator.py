"""The export judged by the validator of the FinOps Foundation, version 1.0.0, in an environment of its own.

It knows the rules of FOCUS 1.0 under four older column names, and asks for one column (ChargeType) that no version
has: the file is given with those columns beside, so that every one of its rules is tried. Its successor for 1.2 needs
Python 3.12; what it says of the export is in docs/chargeback.md.
"""

import csv
import subprocess
from pathlib import Path

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


def judged(*paths: Path) -> list[str]:
    """What the validator prints of each file; side by side, since most of it is its start."""
    program, folder = validator()
    running = [
        subprocess.Popen(
            [program, "--data-file", path, "--validate-version", "1.0"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for path in paths
    ]
    return [process.communicate()[0] for process in running]


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_the_validator_finds_nothing_wrong_and_would_find_it(tmp_path: Path) -> None:
    bill = some_bill()
    read = list(csv.DictReader(focus_csv(bill, charges=some_charges(bill)).splitlines()))
    rows = [row | {old: row[new] for old, new in OLD_NAMES.items()} for row in read]
    wrong = [row | {"ChargeCategory": "", "BillingCurrency": "EURO", "ServiceCategory": "Servers"} for row in rows]
    ours, other = judged(write(tmp_path / "ours.csv", rows), write(tmp_path / "wrong.csv", wrong))
    assert "Validation succeeded" in ours, ours[-2000:]
    assert "failed:" not in ours
    assert {line.split()[0] for line in other.splitlines() if line.endswith("failed:")} >= {
        "BillingCurrency_IsCurrencyCode",
        "ChargeCategory_NotNull",
        "ServiceCategory_Enum",
    }
