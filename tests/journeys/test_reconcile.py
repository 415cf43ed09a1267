"""`baseload ledger reconcile`: whole commands, against a ledger of the test's own."""

import json
from pathlib import Path

import jsonschema
import pytest

from autoscaler.cli import baseload, run
from planner.report.reconcile import reconcile_schema, reconcile_schema_text

PUBLISHED = Path(__file__).parents[2] / "docs" / "schemas"
LEASES = """id,offer,start,end,billing,price_hour,fee_month,currency,usd_per_unit
4711,hetzner-cloud/ccx43,2026-10-01T00:00:00Z,,started_hour_capped,0.10,60,EUR,1.25
4712,hetzner-cloud/ccx43,2026-10-03T00:30:00Z,2026-10-04T23:30:00Z,started_hour_capped,0.10,60,EUR,1.25
i-1,aws/r7a.4xlarge,2026-10-01T00:00:00Z,2026-10-01T10:00:00Z,second,1.00,,USD,
"""
HEAD = "grouping,product,description,reference,quantity,from,until,condition,unit,external id,price,total\n"
AGREES = (
    HEAD
    + "P,CCX43 Cloud Server,,,1.0000,2026-10-01,2026-10-31,,Months,4711,,€ 60.0000\n"
    + "P,CCX43 Cloud Server,,,47.0000,2026-10-03,2026-10-04,,Hours,4712,€ 0.1000,€ 4.7000\n"
)
DIFFERS = AGREES.replace("47.0000,2026", "49.0000,2026").replace("€ 4.7000", "€ 4.9000") + (
    "P,Primary IPv4,,,1.0000,2026-10-01,2026-10-31,,Months,99,,€ 0.5000\n"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A ledger of October 2026 and an invoice that agrees with it."""
    monkeypatch.setenv("BASELOAD_DATABASE_URL", str(tmp_path / "ledger.sqlite"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leases.csv").write_text(LEASES)
    (tmp_path / "invoice.csv").write_text(AGREES)
    assert run(baseload(), ["ledger", "import", "leases.csv"]) == 0
    capsys.readouterr()
    return tmp_path


def reconciled(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `baseload ledger reconcile --invoice invoice.csv …`."""
    code = run(baseload(), ["ledger", "reconcile", "--invoice", "invoice.csv", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_an_invoice_that_agrees_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = reconciled(capsys)
    assert (code, err) == (0, "")
    assert out.startswith("invoice.csv (hetzner) against the ledger: hetzner-cloud, 2026-10, net of VAT")
    assert "Invoice 64.70, ledger 64.70 EUR: ±0.00 EUR." in out
    assert "Of 2 things compared nothing differs by more than 0.01." in out


def test_one_that_does_not_ends_with_6_and_says_why(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "invoice.csv").write_text(DIFFERS)
    code, out, _ = reconciled(capsys)
    assert code == 6
    assert "4712: 2 started hours more than the ledger's 47 at 0.10" in out
    assert "99: Primary IPv4 is not in the ledger; import it as a cost" in out
    code, out, _ = reconciled(capsys, "--json")
    document = json.loads(out)
    jsonschema.Draft202012Validator(reconcile_schema()).validate(document)
    assert code == 6
    assert [(one["what"], one["cause"], one["difference"], one["rows"]) for one in document["differences"]] == [
        ("99", "missing_in_ledger", "0.5", [4]),
        ("4712", "hours_differ", "0.2", [3]),
    ]
    assert document["invoice_total"] == {"EUR": "65.4"}


def test_what_is_said_of_many_machines_is_said_once(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    rows = [
        f"n-{n},hetzner-cloud/ccx43,2026-10-01T00:00:00Z,2026-10-01T10:00:00Z,second,{n}.00,,USD," for n in range(1, 8)
    ]
    (folder / "more.csv").write_text("\n".join([LEASES.splitlines()[0], *rows]) + "\n")
    assert run(baseload(), ["ledger", "import", "more.csv"]) == 0
    _, out, _ = reconciled(capsys)
    lines = [line for line in out.splitlines() if "in the ledger and not on the invoice" in line]
    assert len(lines) == 1
    assert lines[0].startswith("n-7, n-6, n-5, n-4 and 3 more: in the ledger")


def test_a_tolerance_makes_it_agree(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "invoice.csv").write_text(DIFFERS)
    assert reconciled(capsys, "--tolerance", "0.50")[0] == 0


def test_the_month_and_the_provider_can_be_named(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "invoice.csv").write_text("resource,description,amount\ni-1,r7a.4xlarge,10.00\n")
    code, _, err = reconciled(capsys)
    assert code == 2
    assert "no line says its time; expected --month" in err
    assert reconciled(capsys, "--month", "2026-10")[0] == 0
    code, out, _ = reconciled(capsys, "--month", "2026-10", "--provider", "aws,hetzner-cloud")
    assert code == 6
    assert "missing in invoice" in out


def test_our_own_focus_export_agrees_with_the_whole_ledger(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """Also where a provider has other costs alone: its rows name it."""
    (folder / "costs.csv").write_text(
        "id,provider,what,start,end,amount_usd\n"
        "m,grafana,monitoring,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,20.00\n"
        "t,ovh,traffic,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,3.00\n"
    )
    assert run(baseload(), ["ledger", "import", "costs.csv"]) == 0
    assert run(baseload(), ["ledger", "export", "--format", "focus", "--month", "2026-10", "-o", "invoice.csv"]) == 0
    capsys.readouterr()
    code, out, _ = reconciled(capsys)
    assert "the ledger: aws, grafana, hetzner-cloud, ovh, 2026-10" in out
    assert code == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--provider", "ovh"), "--provider ovh: nothing of it is in the ledger of 2026-10; expected aws or"),
        (("--tolerance", "some"), "--tolerance is 'some'; expected an amount"),
        (("--rate", "EUR"), "--rate EUR: expected CURRENCY=USD"),
        (("--rate", "EUR=0"), "--rate EUR=0: expected a rate above 0"),
        (("--month", "October"), "month is 'October'"),
    ],
)
def test_bad_input_is_one_line(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], complaint: str) -> None:
    code, out, err = reconciled(capsys, *arguments)
    assert (code, out) == (2, "")
    assert complaint in err
    assert err.count("\n") == 1


def test_a_currency_without_a_rate_asks_for_it(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "invoice.csv").write_text("resource,description,amount,currency\ni-1,r7a.4xlarge,8.00,GBP\n")
    code, _, err = reconciled(capsys, "--month", "2026-10")
    assert code == 2
    assert "row 2: no rate of GBP is known; expected --rate GBP=USD" in err
    assert reconciled(capsys, "--month", "2026-10", "--rate", "GBP=1.25")[0] == 0


def test_an_invoice_of_nobody_we_rent_from_asks_whose_it_is(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "invoice.csv").write_text("description,amount,start\nconsulting,8.00,2026-10-05\n")
    code, _, err = reconciled(capsys)
    assert code == 2
    assert "does not tell whose invoice it is; expected --provider, aws or hetzner-cloud" in err


def test_the_published_schema_is_current() -> None:
    jsonschema.Draft202012Validator.check_schema(reconcile_schema())
    assert (PUBLISHED / "reconcile.schema.json").read_text("utf-8") == reconcile_schema_text(), "make schemas"
