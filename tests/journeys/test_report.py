"""`baseload report`: from imported facts to files; a month whose numbers one can check in the head."""

import json
from pathlib import Path

import pytest

from autoscaler.cli import baseload, run
from tests.planner.month.months import BASE, INPUT_H, OUTPUT_H, POOL

# November 2025, as tests/planner/month/months.py has it: 0.4 nodes busy, and 1.8 from 10:00 to 14:00 on the days 1-20.
FLEET = """
[[model]]
name = "m"
profile = "by-hand"
load_time_s = 0

[catalog]
shipped = false
files = ["hetzner.toml", "ovh.toml"]
usd_per_eur = 1.25
usd_per_eur_date = 2025-10-30

[policy]
target_utilization = 0.9

[profiles]
files = ["profile.toml"]

[database]
url = "ledger.sqlite"

[report]
title = "Inference"
by = "team"
tz = "Europe/Berlin"
currency = "EUR"
"""
HEAD = """
price_date = 2025-10-12
currency = "USD"
net_of_vat = true
source = "price list"
"""
HETZNER = f"""
provider = "hetzner"
{HEAD}
[[offer]]
product = "ax102"
role = "base"
region = "EU"
billing = "month"
fee_usd_month = 72
"""
OVH = f"""
provider = "ovh"
{HEAD}
[[offer]]
product = "b3-64"
role = "burst"
region = "EU"
billing = "started_hour"
price_usd_hour = 0.10
lead_time_s = 0
"""
PROFILE = f"""
name = "by-hand"
source = "our bench"
date = 2025-10-01
[[machine]]
server = "{BASE}"
prefill_tok_s = {INPUT_H / 3600!r}
decode_tok_s = {OUTPUT_H / 3600!r}
[[machine]]
server = "{POOL}"
prefill_tok_s = {INPUT_H / 3600!r}
decode_tok_s = {OUTPUT_H / 3600!r}
"""


def usage() -> str:
    rows = ["hour,model,team,input_tokens,output_tokens"]
    for hour in range(720):
        busy = 18 if hour // 24 < 20 and 10 <= hour % 24 < 14 else 4
        at = f"2025-11-{hour // 24 + 1:02d}T{hour % 24:02d}:00:00Z"
        for team, share in (("red", 3), ("blue", 1)):
            rows.append(f"{at},m,{team},{busy * share * INPUT_H // 80},{busy * share * OUTPUT_H // 80}")
    return "\n".join(rows) + "\n"


def forecast() -> str:
    rows = ["timestamp,input_tokens_per_s,output_tokens_per_s"]
    for hour in range(720):
        busy = 1.8 if hour // 24 < 20 and 10 <= hour % 24 < 14 else 0.4
        at = f"2025-11-{hour // 24 + 1:02d}T{hour % 24:02d}:00:00Z"
        rows.append(f"{at},{busy * 0.8 / 2 * INPUT_H / 3600!r},{busy * 0.8 / 2 * OUTPUT_H / 3600!r}")
    return "\n".join(rows) + "\n"


def leases() -> str:
    rows = ["id,offer,start,end,role,model", f"base-1,{BASE},2025-03-01T00:00:00Z,,base,m"]
    rows += [f"burst-{d},{POOL},2025-11-{d:02d}T10:00:00Z,2025-11-{d:02d}T14:00:00Z,burst,m" for d in range(1, 21)]
    return "\n".join(rows) + "\n"


COSTS = """id,provider,what,start,end,amount_usd
g-11,grafana,monitoring,2025-11-01T00:00:00Z,2025-12-01T00:00:00Z,20
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a fleet and its facts imported."""
    monkeypatch.delenv("BASELOAD_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    texts = {
        "fleet.toml": FLEET,
        "hetzner.toml": HETZNER,
        "ovh.toml": OVH,
        "profile.toml": PROFILE,
        "usage.csv": usage(),
        "leases.csv": leases(),
        "costs.csv": COSTS,
        "forecast.csv": forecast(),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    files = ["leases.csv", "usage.csv", "costs.csv"]
    assert run(baseload(), ["-q", "ledger", "import", *files, "--tag", "team", "-c", "fleet.toml"]) == 0
    return tmp_path


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `baseload report …`."""
    capsys.readouterr()
    code = run(baseload(), ["report", "-c", "fleet.toml", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_month_from_imported_facts_to_files(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert run(baseload(), ["-q", "plan", "-f", "forecast.csv", "-c", "fleet.toml", "-o", "plan.json"]) == 0
    (folder / "out").mkdir()
    options = ["--month", "2025-11", "--plan", "plan.json", "--format", "html,md,json", "-o", "out"]
    code, out, err = report(capsys, *options)
    assert code == 0
    assert len(out.splitlines()) == 5
    assert "November 2025 cost EUR 80.00" in out
    assert {path.name for path in (folder / "out").iterdir()} == {
        "capacity-report-2025-11.html",
        "capacity-report-2025-11.md",
        "capacity-report-2025-11.json",
    }
    assert "note: wrote out/capacity-report-2025-11.md" in err
    document = json.loads((folder / "out" / "capacity-report-2025-11.json").read_text())
    assert float(document["bill_usd"]) == 100
    assert {one["tag"]: one["allocated_usd"] for one in document["charges"]["charges"]} == {
        "red": "75.00",
        "blue": "25.00",
    }
    # Planned for 80 % of the traffic: the base node and 1.44 nodes of work in the 80 hours, 72.00 + 8.00.
    variance = document["variance"]
    assert (variance["planned_usd"], variance["volume_usd"]) == ("80.000000", "20.000000")
    assert document["title"] == "Inference"
    page = (folder / "out" / "capacity-report-2025-11.html").read_text()
    assert "Inference, November 2025" in page
    assert "Europe/Berlin" in page


def test_json_alone_prints_one_document_and_writes_nothing(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    before = set(folder.iterdir())
    code, out, err = report(capsys, "--month", "2025-11", "--json")
    document = json.loads(out)
    assert code == 0
    assert document["schema"] == "baseload.month/1"
    assert document["variance"] is None
    assert "note: no plan is recorded for 2025-11" in err
    assert document["remarks"][0].startswith("no plan is recorded for 2025-11")  # what is of the month comes first,
    assert document["remarks"][-1].startswith("old prices: hetzner of 2025-10-12")  # and last what is not
    assert set(folder.iterdir()) == before


def test_html_is_written_here_where_nothing_else_is_asked_for(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, out, _ = report(capsys, "--month", "2025-11", "--currency", "USD", "--tz", "UTC")
    assert code == 0
    assert "November 2025 cost USD 100.00" in out
    assert (folder / "capacity-report-2025-11.html").exists()


def test_a_recorded_plan_is_the_one_compared_with(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert run(baseload(), ["-q", "plan", "-f", "forecast.csv", "-c", "fleet.toml", "-o", "plan.json"]) == 0
    assert run(baseload(), ["-q", "ledger", "import", "plan.json", "-c", "fleet.toml"]) == 0
    _, out, err = report(capsys, "--month", "2025-11", "--json")
    assert json.loads(out)["variance"]["planned_usd"] == "80.000000"
    assert "no plan was saved before 2025-11 began" in err
    assert folder.exists()


def test_a_forecast_of_the_month_after_is_planned(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    rows = forecast().replace("2025-11-", "2025-12-")
    (folder / "december.csv").write_text(rows)
    _, out, err = report(capsys, "--month", "2025-11", "--json", "-f", "december.csv")
    following = json.loads(out)["next_month"]
    assert following["month"] == "2025-12"
    assert following["changes"]["keep"] == {f"{BASE}#owned": 1}
    assert float(following["plan"]["bill_usd"]) == pytest.approx(72 + 8)
    assert any("24 of the 744 hours of 2025-12 are not in december.csv" in one for one in following["remarks"])
    assert "Traceback" not in err


def test_charges_go_by_the_tag_named(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    fleet = folder / "fleet.toml"
    fleet.write_text(fleet.read_text().replace('by = "team"', 'by = "product"'))
    _, out, err = report(capsys, "--month", "2025-11", "--json")
    assert [one["tag"] for one in json.loads(out)["charges"]["charges"]] == [""]
    assert "no usage is tagged 'product', which charges go by; there are team" in err
    _, out, _ = report(capsys, "--month", "2025-11", "--json", "--by", "team")
    assert [one["tag"] for one in json.loads(out)["charges"]["charges"]] == ["blue", "red"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--month", "2025-13"], "month is '2025-13'; expected a year and a month"),
        (["--month", "2024-01"], "month 2024-01: ledger.sqlite holds no lease, usage or cost of it; it has 2025-"),
        (["--month", "2991-01"], "month 2991-01: has not begun; expected a month up to 2"),
        (["--month", "2025-11", "--format", "htm"], "--format htm: no such format; did you mean 'html'?"),
        (["--month", "2025-11", "--by", "tema"], "--by tema: no usage of 2025-11 bears this tag; did you mean 'team'?"),
        (["--month", "2025-11", "--tz", "Europe/Berln"], "--tz Europe/Berln: no such time zone"),
        (["--month", "2025-11", "--json", "-o", "."], "-o: nothing is written beside --json; expected --format too"),
        (["--month", "2025-11", "-o", "nowhere"], "the folder nowhere does not exist"),
        (["--month", "2025-11", "-o", "nowhere", "--policy", "absent.toml"], "nowhere does not exist"),  # before work
        (["--month", "2025-11", "--plan", "fleet.toml"], "fleet.toml: not readable as JSON"),
        (["--month", "2025-11", "-f", "usage.csv"], "usage.csv"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], folder: Path, arguments: list[str], said: str
) -> None:
    before = set(folder.iterdir())
    code, out, err = report(capsys, *arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert said in err
    assert {path for path in folder.iterdir() if path.suffix == ".html"} == set()
    assert set(folder.iterdir()) == before


def test_a_month_with_leases_alone_has_a_report_that_says_so(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, out, err = report(capsys, "--month", "2025-10", "--json")
    document = json.loads(out)
    assert code == 0
    assert float(document["bill_usd"]) == 72
    assert document["unit"]["blended"] is None
    assert "no usage of 2025-10 is recorded" in err
    assert folder.exists()


def test_break_even_of_a_month_is_the_same_in_report_and_price(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    _, out, _ = report(capsys, "--month", "2025-11", "--json")
    (row, *_) = json.loads(out)["break_even"]
    asked = ["price", "--month", "2025-11", "-c", "fleet.toml", "--break-even", row["price_usd_mtok"], "--json"]
    assert run(baseload(), asked) == 0
    (growing, *_) = json.loads(capsys.readouterr().out)["break_even"]
    assert float(growing["prices"][0]["mtok_month"]) * 1e6 == pytest.approx(float(row["tokens_month"]))
    assert folder.exists()


def test_a_plan_of_another_month_is_refused(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    rows = forecast().replace("2025-11-", "2026-01-")
    (folder / "january.csv").write_text(rows)
    assert run(baseload(), ["-q", "plan", "-f", "january.csv", "-c", "fleet.toml", "-o", "plan.json"]) == 0
    code, out, err = report(capsys, "--month", "2025-11", "--plan", "plan.json")
    assert (code, out) == (2, "")
    assert "plan.json: plans 2026-01-01 to 2026-01-31; expected a plan of 2025-11" in err


def test_leases_that_name_no_model_are_the_only_models(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    bare = leases().replace(",role,model", ",role").replace("base,m\n", "base\n").replace("burst,m\n", "burst\n")
    (folder / "leases.csv").write_text(bare)
    (folder / "fleet.toml").write_text(FLEET.replace("ledger.sqlite", "other.sqlite"))
    files = ["leases.csv", "usage.csv", "costs.csv"]
    assert run(baseload(), ["-q", "ledger", "import", *files, "--tag", "team", "-c", "fleet.toml"]) == 0
    _, out, err = report(capsys, "--month", "2025-11", "--json")
    document = json.loads(out)
    assert document["utilization"]["mean"] == pytest.approx(0.5)
    assert {line["model"] for line in document["bill"]} == {"m", None}
    assert "21 of 21 leases name no model; taken as m's, the fleet's only one" in err
