"""`baseload price`: a quick quote, a price sheet, a plan; the document follows its schema."""

import json
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

from autoscaler.cli import baseload, run
from planner.report.price.registry import price_schema, price_schema_text
from tests.journeys.price_command import document, first_day_plan, said

PUBLISHED = Path(__file__).parents[2] / "docs/schemas/price.schema.json"


@pytest.fixture(scope="module")
def plan_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return first_day_plan(tmp_path_factory.mktemp("plan"))


def test_the_quick_quote_of_the_guide(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, 0, "--usd-hour", "0.214", "--tok-s", "300", "--utilization", "0.7")
    assert "0.2831" in out
    assert "net of VAT" in out.splitlines()[-1]
    assert "one input token per output token is assumed" in err
    found = document(capsys, "--usd-hour", "0.214", "--tok-s", "300", "--utilization", "0.7")
    (machine,) = found["quotes"]
    assert round(Decimal(machine["costs"][0]["cost_usd_mtok"]), 2) == Decimal("0.28")
    assert found["unit_cost"]["models"][0]["allocation_usd_mtok"]["blended"].startswith("0.28306")


def test_without_a_utilization_the_guides_three_are_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, 0, "--usd-month", "154.08", "--tok-s", "300", "--mix", "2")
    assert "at 100 %" in out
    assert "at 50 %" in out
    assert "70 % utilization is assumed" in err


def test_traffic_instead_of_utilization(capsys: pytest.CaptureFixture[str]) -> None:
    # 300 tok/s serve 777.6 Mtok in 720 h.
    found = document(capsys, "--usd-hour", "0.2", "--tok-s", "300", "--mtok-month", "388.8", "--mix", "1")
    assert found["unit_cost"]["models"][0]["utilization_ratio"] == 0.5
    found = document(capsys, "--usd-month", "700", "--mtok-month", "3000")
    assert "quotes" not in found
    assert found["unit_cost"]["models"][0]["utilization_ratio"] is None
    _, err = said(capsys, 2, "--usd-hour", "0.2", "--tok-s", "300", "--mtok-month", "7776")
    assert "the machine serves 10.0% of it at full load" in err


def test_a_price_sheet_quotes_every_machine_and_looks_at_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "costs.toml"
    sheet.write_text(
        'utilizations = [1.0, 0.5]\nprice_date = 2026-11-01\n[[machine]]\nname = "a"\nusd_hour = 0.36\ntok_s = 100\n'
        '[[machine]]\nname = "b"\nusd_hour = 0.72\ntok_s = 100\n'
    )
    found = document(capsys, "--costs", str(sheet))
    assert [[Decimal(cost["cost_usd_mtok"]) for cost in one["costs"]] for one in found["quotes"]] == [[1, 2], [2, 4]]
    assert "unit_cost" not in found
    assert "prices of 2026-11-01" in found["price_basis"]
    found = document(capsys, "--costs", str(sheet), "--machine", "b", "--utilization", "0.5")
    assert Decimal(found["unit_cost"]["models"][0]["allocation_usd_mtok"]["blended"]) == 4
    _, err = said(capsys, 2, "--costs", str(sheet), "--machine", "c")
    assert "not in" in err
    assert "expected one of a, b" in err


def test_a_plans_price_is_its_own_unit_cost(plan_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    plan = json.loads(Path(plan_file).read_text())
    found = document(capsys, "--plan", plan_file)
    (model,) = found["unit_cost"]["models"]
    assert Decimal(found["unit_cost"]["cost_usd"]) == Decimal(plan["bill_usd"])
    for kind, usd in plan["cost_usd_mtok"].items():
        assert float(model["allocation_usd_mtok"][kind]) == pytest.approx(float(usd), rel=1e-4)
    assert found["splits"][0]["splits"][0]["recovery_ratio"] == pytest.approx(1)
    assert (found["start"], found["basis"]) == (plan["horizon"]["start"], "plan")


def test_a_plan_that_contradicts_itself_is_named(
    plan_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = json.loads(Path(plan_file).read_text())
    plan["leases"] = [{**lease, "model": "other"} for lease in plan["leases"]]
    changed = tmp_path / "plan.json"
    changed.write_text(json.dumps(plan))
    out, err = said(capsys, 2, "--plan", str(changed))
    assert (out, len(err.splitlines())) == ("", 1)
    assert f"{changed}: the plan contradicts itself at 'other'" in err


def test_euros_are_dated_and_json_stays_in_dollars(plan_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(capsys, 0, "--plan", plan_file, "--currency", "EUR")
    assert "EUR/Mtok" in out
    assert "shown in EUR at" in out.splitlines()[-1]
    assert document(capsys, "--plan", plan_file, "--currency", "EUR")["currency"] == "USD"


def test_the_guides_full_cost_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hidden = tmp_path / "hidden.toml"
    hidden.write_text('[[hidden]]\nkind = "support"\nusd_month = 200\n')
    options = ("--usd-month", "500", "--mtok-month", "3000", "--hidden", str(hidden), "--price", "0.25")
    cost = document(capsys, *options)["true_cost"]
    assert [Decimal(cost[key]) for key in ("direct_usd", "hidden_usd", "true_usd")] == [500, 200, 700]
    assert cost["at_prices"][0]["true_margin_ratio"] == pytest.approx(50 / 750)
    assert round(Decimal(cost["price_usd_mtok"]), 2) == Decimal("0.47")
    out, _ = said(capsys, 0, *options)
    assert "A price of USD 0.4667 per million tokens has a true margin of 50 %" in out
    hidden.write_text('[[hidden]]\nkind = "support"\nusd_server = 200\n')
    assert "support is priced per server" in said(capsys, 2, *options)[1]


def test_the_curve_of_a_plan_and_of_a_machine(plan_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    curve = document(capsys, "--plan", plan_file, "--curve")["curve"]
    plan = json.loads(Path(plan_file).read_text())
    at_1 = next(point for point in curve["plan"] if point["factor"] == 1)
    assert float(at_1["cost_usd"]) == pytest.approx(float(plan["bill_usd"]))
    assert {node["name"] for node in curve["nodes"]} <= set(plan["offers"])
    assert curve["hours"]["spread_ratio"] > 1
    machine = document(capsys, "--usd-hour", "0.36", "--tok-s", "100", "--curve")["curve"]
    assert machine["nodes"][0]["spread_ratio"] == pytest.approx(100)
    assert (machine["plan"], machine["hours"]) == ([], None)
    out, _ = said(capsys, 0, "--plan", plan_file, "--curve")
    assert "The same node spans 100× between 1 % and 100 % load" in out


def test_patterns_alone_and_beside_a_plan(plan_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    alone = document(capsys, "--patterns")
    assert (alone["basis"], alone["patterns"]["burst_price_ratio_is_assumed"]) == ("none", True)
    assert [one["name"] for one in alone["patterns"]["patterns"]] == ["steady", "business hours", "bursty", "dev"]
    shape = str(Path(plan_file).with_name("forecast.csv"))
    beside = document(capsys, "--plan", plan_file, "--shape", shape)["patterns"]
    own, given = beside["patterns"][4:]
    assert (own["name"], given["name"]) == ("the plan", "forecast.csv")
    assert given["peak_ratio"] == pytest.approx(own["peak_ratio"], rel=1e-6)
    out, err = said(capsys, 0, "--patterns")
    assert "the guide's range is too hopeful for it" in out
    assert err == ""


def test_a_month_of_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # 400 hours at 1 USD, in which 10 Mtok of input and 2 of output are served; the machine is not in a catalog.
    monkeypatch.setenv("BASELOAD_DATABASE_URL", str(tmp_path / "ledger.sqlite"))
    leases, usage = tmp_path / "leases.csv", tmp_path / "usage.csv"
    leases.write_text(
        "id,offer,provider,start,end,model,price_usd_hour,billing,role\n"
        "a,own/box,own,2026-10-01T00:00:00Z,2026-10-17T16:00:00Z,llama-7b-q4,1,started_hour,burst\n"
    )
    usage.write_text(
        "hour,model,team,input_tokens,output_tokens\n2026-10-01T00:00:00Z,llama-7b-q4,x,10000000,2000000\n"
    )
    assert run(baseload(), ["ledger", "import", str(leases), str(usage), "--tag", "team"]) == 0
    capsys.readouterr()
    found = document(capsys, "--month", "2026-10", "--patterns")
    own = found["patterns"]["patterns"][-1]
    assert (own["name"], own["hours"], own["peak_ratio"]) == ("the month", 1, 1)  # one hour is measured
    (model,) = found["unit_cost"]["models"]
    assert (found["basis"], found["start"]) == ("month", "2026-10-01T00:00:00Z")
    assert Decimal(found["unit_cost"]["cost_usd"]) == 400
    assert Decimal(model["allocation_usd_mtok"]["blended"]) == pytest.approx(Decimal(400) / 12)
    assert model["allocation_usd_mtok"]["input"] is None  # no rate of own/box is known
    assert "holds no lease, usage or cost of it" in said(capsys, 2, "--month", "2026-09")[1]
    assert "2026-13" in said(capsys, 2, "--month", "2026-13")[1]
    assert run(baseload(), ["ledger", "retract", "1", "--why", "whose are they?"]) == 0
    capsys.readouterr()
    out, err = said(capsys, 2, "--month", "2026-10", "--tiers")  # not a price of 0.0000
    assert (out, "no lease of it is recorded, so what a token costs is unknown, not 0" in err) == ("", True)


def test_a_chart_of_the_curve(plan_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    chart = tmp_path / "curve.svg"
    _, err = said(capsys, 0, "--plan", plan_file, "--chart", str(chart), "--currency", "EUR")
    assert f"wrote {chart}" in err
    assert "EUR per million tokens" in chart.read_text()
    out, err = said(capsys, 2, "--plan", plan_file, "--chart", str(tmp_path / "curve.gif"))
    assert (out, "written as .svg or .png" in err) == ("", True)
    said(capsys, 2, "--plan", plan_file, "--chart", str(tmp_path / "none" / "curve.svg"))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            (),
            "--costs FILE, --plan FILE and --month MONTH, got none",
        ),
        (("--usd-hour", "1", "--plan", "p.json"), "got --plan, --usd-hour or --usd-month"),
        (("--usd-hour", "1", "--usd-month", "1", "--tok-s", "3"), "expected one of --usd-hour and --usd-month"),
        (("--usd-hour", "1"), "--tok-s is missing"),
        (("--usd-hour", "much", "--tok-s", "3"), "--usd-hour much: expected a number"),
        (("--usd-hour", "nan", "--tok-s", "3"), "--usd-hour nan: expected a number between 0.000001"),
        (("--usd-hour", "1e400", "--tok-s", "3"), "--usd-hour 1e400: expected a number between"),
        (("--usd-hour", "1", "--tok-s", "3", "--mix", "1e-400"), "--mix 1e-400: expected a number between"),
        (("--usd-hour", "1", "--tok-s", "0"), "--tok-s 0: expected a number above 0"),
        (("--usd-hour", "1", "--tok-s", "3", "--utilization", "70"), "expected ratios in (0, 1]"),
        (("--usd-hour", "1", "--tok-s", "3", "--mix", "-1"), "--mix -1: expected input tokens per output token"),
        (("--usd-hour", "1", "--tok-s", "3", "--utilization", "1", "--mtok-month", "1"), "got both"),
        (("--usd-hour", "1", "--tok-s", "3", "--machine", "a"), "--machine: needs --costs"),
        (("--plan", "p.json", "--mix", "3"), "--mix: not used with --plan"),
        (("--month", "2026-10", "--mix", "3"), "--mix: not used with --month"),
        (("--month", "2026-10", "--plan", "p.json"), "got --plan, --month"),
        (("--plan", "p.json", "-c", "fleet.toml"), "-c: needs --month"),
        (("--costs", "c.toml", "--tok-s", "3"), "--tok-s: not used with --costs"),
        (("--plan", "none.json"), "none.json: no such file"),
        (("--usd-hour", "1", "--tok-s", "3", "--price", "0.5"), "--price: needs --hidden"),
        (("--usd-hour", "1", "--tok-s", "3", "--hidden", "h.toml", "--price", "0"), "--price 0: expected USD"),
        (("--usd-hour", "1", "--tok-s", "3", "--hidden", "h.toml", "--margin", "1"), "--margin 1: expected a share"),
        (("--usd-hour", "1", "--tok-s", "3", "--hidden", "h.toml"), "h.toml: no such file"),
        (("--usd-month", "1", "--mtok-month", "3", "--curve"), "--curve and --chart: need the machine's --tok-s"),
        (("--patterns", "--curve"), "expected exactly one of"),
        (("--patterns", "--chart", "c.svg"), "need the machine's --tok-s"),
        (("--shape", "none.csv"), "none.csv: no such file"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, 2, *arguments)
    assert out == ""
    assert complaint in err
    assert len(err.splitlines()) == 1


def test_the_published_schema_is_current_and_is_a_schema() -> None:
    assert PUBLISHED.read_text() == price_schema_text()
    jsonschema.Draft202012Validator.check_schema(price_schema())
