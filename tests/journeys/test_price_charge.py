"""`baseload price`, what to charge: tiers, market, break-even, scenarios, card, claims; each document by its schema."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

from autoscaler.cli import baseload, run
from planner.fleet import sample_forecast_text
from tests.journeys.price_command import document, first_day_plan, said

EXAMPLES = Path(__file__).parents[2] / "examples"
QUOTE = ("--usd-hour", "0.214", "--tok-s", "300", "--utilization", "0.7", "--mix", "1")
USD = Decimal


@pytest.fixture(scope="module")
def plan_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return first_day_plan(tmp_path_factory.mktemp("plan"))


def test_tiers_of_a_quote_are_the_policys_at_its_true_margin(capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, *QUOTE, "--tiers")
    assert "unit_cost" not in found  # prices are asked for; of cost only what is named
    (model,) = found["tiers"]["models"]
    cost = USD(model["costs"][0]["true_usd_mtok"])
    assert [tier["name"] for tier in model["tiers"]] == ["developer", "startup", "business", "enterprise"]
    assert [round(tier["margins"][0]["true_margin_ratio"], 6) for tier in model["tiers"]] == [0, 0.5, 0.7, 0.8]
    assert USD(model["tiers"][1]["price"]["price_usd_mtok"]) == 2 * cost
    assert USD(model["suggested"]["price"]["price_usd_mtok"]) == 2 * cost


def test_hidden_costs_make_a_direct_margin_untrue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hidden = tmp_path / "hidden.toml"
    hidden.write_text('[[hidden]]\nkind = "support"\nusd_month = 154.08\n')  # as much as the machine
    found = document(capsys, *QUOTE, "--tiers", "--hidden", str(hidden))
    developer = found["tiers"]["models"][0]["tiers"][0]
    assert developer["margins"][0]["true_margin_ratio"] == pytest.approx(0)
    assert developer["margins"][0]["direct_margin_ratio"] == pytest.approx(0.5)
    assert "true_cost" in found  # --hidden names it
    out, _ = said(capsys, 0, *QUOTE, "--tiers", "--hidden", str(hidden))
    assert "true margin" in out


def test_hidden_costs_of_the_policy_count_without_naming_them(
    plan_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[pricing]\nhidden = [{ kind = "support", basis = "month", price_usd = 154.08 }]\n')
    found = document(capsys, *QUOTE, "--tiers", "--break-even", "1", "--policy", str(policy))
    (point,) = found["tiers"]["models"][0]["costs"]
    assert USD(point["true_usd_mtok"]) == pytest.approx(2 * USD(point["direct_usd_mtok"]))
    assert USD(found["break_even"][0]["fixed_usd_month"]) == USD("308.16")
    direct, *_ = document(capsys, "--plan", plan_file, "--break-even", "3")["break_even"]
    true, *_ = document(capsys, "--plan", plan_file, "--break-even", "3", "--policy", str(policy))["break_even"]
    assert USD(true["fixed_usd_month"]) - USD(direct["fixed_usd_month"]) == pytest.approx(USD("154.08"))


def test_a_preset_brings_its_band_discounts_commitments_and_rounding(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(capsys, 0, *QUOTE, "--tiers", "--policy", "funded")
    assert "What to charge, by preset funded" in out
    assert "the band ends below the true cost; no price in it pays" in out
    assert "With a service level, at the cost of 10 % of capacity kept free for it: enterprise." in out
    assert "rounding from 0.5661 adds +0.0039, +0.7 %" in out
    model = document(capsys, *QUOTE, "--tiers", "--policy", "funded")["tiers"]["models"][0]
    assert [row["from_mtok_month"] for row in model["discounts"]] == ["0", "1000", "5000", "20000"]
    assert model["commitments"][0]["true_margin_ratio"] == 1  # unused, all of it is margin
    bootstrapped = document(capsys, *QUOTE, "--tiers", "--policy", "bootstrapped")["tiers"]["models"][0]
    assert bootstrapped["suggested"]["in_band"] == "above"


def test_a_fleets_own_pricing_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fleet = tmp_path / "fleet.toml"
    fleet.write_text(
        '[[model]]\nname = "chat"\nprofile = "llama-7b-q4"\n[policy.pricing]\nmarkup_ratio = 1.0\n'
        'output_price_ratio = 4\n[[policy.pricing.tiers]]\nname = "all"\nmarket_ratio = 0.6\n'
    )
    found = document(capsys, *QUOTE, "--tiers", "--market", "--market-class", "7-8B", "-c", str(fleet))
    (model,) = found["tiers"]["models"]
    assert model["suggested"]["margins"][0]["true_markup_ratio"] == 1
    assert model["splits"][0]["rule"] == "output 4 x input"
    reference = USD(found["market"]["reference_usd_mtok"])
    assert USD(model["tiers"][0]["price"]["price_usd_mtok"]) == reference * USD("0.6")


def test_every_machine_of_a_sheet_is_priced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "costs.toml"
    sheet.write_text(
        'utilizations = [1.0, 0.5]\n[[machine]]\nname = "a-8b"\nusd_hour = 0.36\ntok_s = 100\n'
        '[[machine]]\nname = "b-8b"\nusd_hour = 0.72\ntok_s = 100\n'
    )
    found = document(capsys, "--costs", str(sheet), "--tiers", "--utilization", "1.0,0.5")
    costs = [[point["true_usd_mtok"] for point in one["costs"]] for one in found["tiers"]["models"]]
    assert [[USD(cost) for cost in one] for one in costs] == [[1, 2], [2, 4]]
    market = document(capsys, "--costs", str(sheet), "--market")["market"]
    assert market["model_class"] == "7-8B"  # told by the machine's name
    assert {one["name"] for one in market["ours"]} >= {"a-8b, suggested", "b-8b, business"}


def test_where_a_price_stands_is_a_table_and_a_picture(
    plan_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for suffix, magic in ((".svg", b"<?xml"), (".png", b"\x89PNG")):
        chart = tmp_path / f"market{suffix}"
        out, err = said(capsys, 0, "--plan", plan_file, "--market-chart", str(chart))
        assert "Market: hosted models of the class 7-8B" in out
        assert "LiteLLM 1.109.1" in out
        assert chart.read_bytes().startswith(magic)
        assert f"wrote {chart}" in err
    drawn = (tmp_path / "market.svg").read_text()
    assert "ours: suggested" in drawn
    assert "USD per million tokens" in drawn
    said(capsys, 0, "--plan", plan_file, "--market-chart", str(tmp_path / "euro.svg"), "--currency", "EUR")
    euro = (tmp_path / "euro.svg").read_text()
    assert "EUR per million tokens" in euro
    assert "USD" not in euro
    reference = re.compile(r"reference ([0-9.]+),")
    dollars, euros = (float(reference.findall(text)[0]) for text in (drawn, euro))
    assert euros == pytest.approx(dollars / 1.1403, abs=0.001)
    assert "position budget" in drawn
    market = document(capsys, "--plan", plan_file, "--market")["market"]
    prices = [USD(row["blended_usd_mtok"]) for row in market["hosted"]]
    for one in market["ours"]:
        above = sum(price > USD(one["price_usd_mtok"]) for price in prices)
        assert one["dearer_ratio"] == pytest.approx(above / len(prices))
    (budget, _, premium) = market["positions"]
    assert USD(budget["low_usd_mtok"]) == USD(market["reference_usd_mtok"]) / 2
    assert premium["model_class"] == "frontier-small"


def test_a_market_list_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prices = tmp_path / "hosted.csv"
    prices.write_text(
        "provider,model,input_usd_per_mtok,output_usd_per_mtok,class\nx,one,0.1,0.3,own\ny,two,0.4,0.4,own\n"
    )
    arguments = (*QUOTE, "--market-prices", str(prices), "--market-class", "own")
    assert document(capsys, *arguments)["market"]["reference_usd_mtok"] == "0.30"
    _, err = said(capsys, 2, *QUOTE, "--market-prices", str(prices), "--market-class", "7-8B")
    assert "unknown class '7-8B'; expected --market-class with one of own" in err


def test_a_plan_breaks_even_where_its_cost_curve_says(plan_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "--plan", plan_file, "--break-even", "0.01,1.5,3", "--tokens-per-request", "500")
    growing, constant = found["break_even"]
    never, some, more = growing["prices"]
    assert never["mtok_month"] is None
    assert never["why_never"]
    assert USD(some["mtok_month"]) > USD(more["mtok_month"])
    assert USD(some["cost_usd_month"]) == pytest.approx(USD("1.5") * USD(some["mtok_month"]))
    assert float(some["requests_day"]) == pytest.approx(float(some["tokens_day"]) / 500)
    assert USD(constant["fixed_usd_month"]) > USD(growing["fixed_usd_month"])  # burst is not there before traffic is


def test_a_machine_breaks_even_only_within_what_it_serves(capsys: pytest.CaptureFixture[str]) -> None:
    (growing, *_) = document(capsys, *QUOTE, "--break-even", "0.19,0.30")["break_even"]
    assert USD(growing["capacity_mtok_month"]) == pytest.approx(USD("777.6"))
    assert growing["prices"][0]["why_never"] == "not even with all the fleet can serve"
    assert USD(growing["prices"][1]["mtok_month"]) == pytest.approx(USD("513.6"))


def test_an_infeasible_scenario_says_so_first(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(EXAMPLES / "guides/scenarios.toml")
    out, _ = said(capsys, 0, "--scenarios", path)
    third = out[out.index("3 Production API service") :]
    assert third.startswith("3 Production API service: NOT FEASIBLE: at least 5,843 of 7,716 tok/s on average")
    assert "USD 4,881 a month on OVHCloud b3-64 at full load, 6,973 at 70 %" in third
    found = document(capsys, "--scenarios", path)
    assert [one["is_feasible"] for one in found["scenarios"]] == [True, False, False, False]
    verdicts = {one["name"]: one["verdict"] for one in found["claims"]}
    assert verdicts["1: profit"] == "agrees"
    assert verdicts["3: profit"] == "too high"


def test_a_scenario_may_take_its_traffic_from_a_forecast(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "forecast.csv").write_text(sample_forecast_text())
    path = tmp_path / "scenarios.toml"
    path.write_text(
        '[[scenario]]\nname = "a"\nprice_usd_mtok = 1\ntraffic = { forecast = "forecast.csv" }\n'
        'server = [{ name = "s", usd_hour = 1, tok_s = 2000 }]\nburst = [{ name = "b", usd_hour = 1, tok_s = 500 }]\n'
    )
    (one,) = document(capsys, "--scenarios", str(path), "--break-even", "1")["scenarios"]
    assert one["is_by_hour"] is True
    assert one["is_feasible"] is False  # hours above 2,000 tok/s and no budget for them
    assert USD(one["peak_tok_s"][0]) / USD(one["mean_tok_s"]) == pytest.approx(USD("3.0"), abs=USD("0.01"))


def test_a_forecast_of_several_scenarios_is_expected_traffic(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """100 tok/s with 3 in 4, 500 tok/s with 1 in 4: 200 are expected."""
    rows = [
        f"2026-12-01T0{hour}:00:00Z,{name},{chance},{tok_s},0"
        for name, chance, tok_s in (("low", 0.75, 100), ("high", 0.25, 500))
        for hour in range(3)
    ]
    head = "timestamp,scenario,probability,input_tokens_per_s,output_tokens_per_s"
    (tmp_path / "forecast.csv").write_text("\n".join([head, *rows]) + "\n")
    path = tmp_path / "scenarios.toml"
    path.write_text(
        '[[scenario]]\nname = "a"\nprice_usd_mtok = 1\ntraffic = { forecast = "forecast.csv" }\n'
        'server = [{ name = "s", usd_hour = 1, tok_s = 2000 }]\n'
    )
    (one,) = document(capsys, "--scenarios", str(path))["scenarios"]
    assert USD(one["mean_tok_s"]) == 200


def test_break_even_of_scenarios_is_told_with_burst_growing_and_held(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(EXAMPLES / "guides/scenarios.toml")
    found = document(capsys, "--scenarios", path, "--break-even", "0.2")["break_even"]
    assert [one["name"] for one in found[:2]] == ["1 Small API service"] * 2
    assert found[0]["cost"].startswith("servers up to full load")
    assert found[1]["cost"] == "burst held at its budget"
    assert USD(found[1]["prices"][0]["mtok_month"]) == 1020  # 204 / 0.2


def test_the_card_is_a_frame_of_even_width(plan_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("--plan", plan_file), QUOTE, ("--plan", plan_file, "--currency", "EUR")):
        out, _ = said(capsys, 0, *arguments, "--card")
        frame = [line for line in out.splitlines() if line[:1] in "┌│├└" and line]
        assert len({len(line) for line in frame}) == 1
        assert "BREAK-EVEN" in out
    card = document(capsys, "--plan", plan_file, "--card")["card"]
    assert [round(one["true_margin_ratio"], 3) for one in card["prices"]] == [0, 0.5, 0.7, 0.8]
    first = card["break_even"][0]
    assert first["margin_ratio"] == pytest.approx(0, abs=1e-9)
    assert card["market"]


def test_a_fleet_rented_by_the_hour_alone_pays_from_the_first_token_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A GPU fleet without base: no fixed cost, so break-even is no traffic at all, and the card shows its own."""
    folder = EXAMPLES / "hybrid-gpu"
    (tmp_path / "forecast.csv").write_text("\n".join((folder / "forecast.csv").read_text().splitlines()[:25]) + "\n")
    fleet, plan = str(folder / "fleet.toml"), str(tmp_path / "plan.json")
    assert run(baseload(), ["plan", "-f", str(tmp_path / "forecast.csv"), "-c", fleet, "-o", plan, "-q"]) in {0, 4}
    capsys.readouterr()
    (tmp_path / "policy.toml").write_text("[pricing]\nmargin_ratio = 0.9\n")
    asked = ("--plan", plan, "--card", "--policy", str(tmp_path / "policy.toml"))
    out, _ = said(capsys, 0, *asked, "--break-even", "0.0001,1")
    assert "from the first token on; 1, 2 and 5 times its traffic" in out
    assert "from the first token on: nothing is paid without traffic" in out
    assert "each token costs more than it brings" in out
    card = document(capsys, *asked)["card"]["break_even"]
    assert len(card) == 3
    assert card[0]["margin_ratio"] == pytest.approx(0.9)  # the policy's, at its own traffic


def test_the_card_of_two_models_asks_each_its_own_price(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At its own traffic such a fleet earns the margin of the policy, 30 % and what rounding adds; not a loss."""
    rows = (EXAMPLES / "startup" / "forecast.csv").read_text().splitlines()[:49]
    (tmp_path / "forecast.csv").write_text("\n".join(rows) + "\n")
    fleet, plan = str(EXAMPLES / "startup" / "fleet.toml"), str(tmp_path / "plan.json")
    made = ["plan", "-f", str(tmp_path / "forecast.csv"), "-c", fleet, "-o", plan, "-q"]
    assert run(baseload(), made) in {0, 4}
    capsys.readouterr()
    found = document(capsys, "--plan", plan, "-c", fleet, "--card", "--tiers")
    first = found["card"]["break_even"][0]
    prices = [USD(model["suggested"]["price"]["price_usd_mtok"]) for model in found["tiers"]["models"]]
    assert min(prices) < USD(first["price_usd_mtok"]) < max(prices)
    assert first["margin_ratio"] == pytest.approx(0, abs=1e-9)
    assert "each at its suggested price" in found["card"]["break_even_note"]


def test_a_file_of_claims_has_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "claims.toml").write_text("")
    _, err = said(capsys, 2, *QUOTE, "--claims", str(tmp_path / "claims.toml"))
    assert "claims.toml: no [[claim]]; expected at least one" in err


def test_prices_per_token_are_plain_decimals(capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = document(capsys, *QUOTE, "--per-token")["per_token"]
    assert row["input_cost_per_token"] == "0.000000566138"  # 0.566138 a million
    assert all(re.fullmatch(r"0\.\d+", row[key]) for key in ("input_cost_per_token", "output_cost_per_token"))


def test_claims_are_held_against_what_is_computed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "claims.toml"
    path.write_text(
        '[[claim]]\nof = "quotes / USD 0.214/h / costs / 0.70 / cost_usd_mtok"\nclaimed = 0.28\n'
        '[[claim]]\nof = "quotes / USD 0.214/h / costs / 0.7 / cost_usd_mtok"\nclaimed = 0.02\n'
        'why = "no"\nname = "7B"\n'
        '[[claim]]\nof = "quotes / #1 / tok_s"\nclaimed = [250, 299]\n'
    )
    out, _ = said(capsys, 0, *QUOTE, "--claims", str(path))
    (line,) = [line for line in out.splitlines() if line.startswith("7B")]
    assert line.split() == ["7B", "0.02", "0.28", "too", "low,", "−93", "%", "no"]
    found = document(capsys, *QUOTE, "--claims", str(path))["claims"]
    assert [one["verdict"] for one in found] == ["agrees", "too low", "too low"]
    path.write_text('[[claim]]\nof = "quotes / USD 0.214/h / cost"\nclaimed = 1\n')
    _, err = said(capsys, 2, *QUOTE, "--claims", str(path))
    assert "nothing at 'cost'; did you mean 'costs'?" in err


def test_two_models_are_priced_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "plan.json"
    folder = EXAMPLES / "hybrid-gpu"
    assert (
        run(
            baseload(),
            ["plan", "-f", str(folder / "forecast.csv"), "-c", str(folder / "fleet.toml"), "-o", str(plan), "-q"],
        )
        == 0
    )
    capsys.readouterr()
    found = document(capsys, "--plan", str(plan), "--tiers", "--per-token", "-c", str(folder / "fleet.toml"))
    assert found["tiers"]["policy"].endswith("fleet.toml (preset funded)")
    assert len(found["tiers"]["models"]) == len(json.loads(plan.read_text())["models"])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((*QUOTE, "--break-even", "much"), "--break-even much: expected a number"),
        ((*QUOTE, "--break-even", "0"), "--break-even 0: expected a number above 0"),
        ((*QUOTE, "--tokens-per-request", "500"), "--tokens-per-request: needs --break-even"),
        (("--break-even", "0.2"), "expected exactly one of"),
        ((*QUOTE, "--market"), "no class can be told by the name 'USD 0.214/h'; expected --market-class with one of"),
        ((*QUOTE, "--market-class", "7-9B"), "unknown class '7-9B'"),
        ((*QUOTE, "--market-chart", "m.pdf"), "a chart is written as .svg or .png"),
        ((*QUOTE, "--tiers", "--policy", "fundde"), "no such file or preset"),
        ((*QUOTE, "--policy", "funded"), "--policy: makes prices; expected --tiers"),
        ((*QUOTE, "-c", "fleet.toml"), "-c: needs --month"),
        (("--scenarios", "none.toml"), "none.toml: no such file"),
        ((*QUOTE, "--claims", "none.toml"), "none.toml: no such file"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, 2, *arguments)
    assert out == ""
    assert complaint in err
    assert len(err.splitlines()) == 1
