"""`baseload whatif`, and the same options on `plan`: the whole command on the packaged forecast."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from autoscaler.cli import baseload, run
from planner.fleet import sample_forecast_text

SCHEMAS = Path(__file__).parents[2] / "docs/schemas"
LEVERS = Path(__file__).parents[2] / "examples/scenarios/levers.toml"


@pytest.fixture
def forecast(tmp_path: Path) -> str:
    """The first day of the packaged forecast."""
    return first_hours(24, tmp_path)


def first_hours(count: int, folder: Path) -> str:
    """The first hours of the packaged forecast."""
    path = folder / "forecast.csv"
    path.write_text("\n".join(sample_forecast_text().splitlines()[: count + 1]) + "\n")
    return str(path)


def said(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> tuple[str, str]:
    """stdout and stderr of `baseload …`, which ends with `code`."""
    assert run(baseload(), arguments) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_a_change_is_shown_before_and_after_with_one_sentence(
    forecast: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = said(capsys, 0, "whatif", "-f", forecast, "--set", "demand=*1.5", "--without", "ovh")
    lines = out.splitlines()
    assert lines[0].startswith("What if: llama-7b-q4, 2025-03-03 to 2025-03-04 UTC (24 h)")
    assert lines[2] == "after   without ovh; demand=*1.5"
    assert lines[4].split()[:4] == ["figure", "unit", "before", "after"]
    assert [line for line in lines if "because" in line] == [
        line for line in lines if line.startswith("The bill rises")
    ]
    assert "because 50.0 % more tokens are asked for" in out
    assert "packaged default fleet" in err
    assert "planned with changed inputs" not in err


def test_json_says_the_same_and_nothing_else(forecast: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("whatif", "-f", forecast, "--set", "price.aws=*1.2")
    document = json.loads(said(capsys, 0, *options, "--json")[0])
    out, _ = said(capsys, 0, *options)
    (after,) = document["after"]
    assert document["schema"] == "baseload.whatif/1"
    assert after["why"] in out
    change = Decimal(after["bill_usd"]) - Decimal(document["before"]["bill_usd"])
    assert Decimal(after["difference"]["bill_usd"]) == change


def test_plan_takes_the_same_options_to_the_same_bill(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forecast = first_hours(6, tmp_path)  # `funded` survives losses and joins pools: three plans that take their time
    options = (
        *("--set", "demand=*2", "--set", "price.aws.spot=0.6", "--without", "ovh", "--only", "hetzner"),
        *("--only", "aws", "--only", "ovh", "--slo", "ttft_ms=1500", "--policy", "funded", "--measured-only"),
    )
    after = json.loads(said(capsys, 0, "whatif", "-f", forecast, *options, "--json")[0])["after"][0]
    plan = json.loads(said(capsys, 0, "plan", "-f", forecast, *options, "--json")[0])
    assert plan["bill_usd"] == after["bill_usd"]
    assert plan["policy"]["measured_only"] is True
    assert {rates["basis"] for rates in plan["models"]["llama-7b-q4"]["rates"].values()} == {"measured"}
    assert {offer.split("/")[0] for offer in plan["offers"]} <= {"hetzner", "hetzner-cloud", "aws"}
    assert plan["provenance"]["forecast"].endswith("forecast.csv, demand=*2")
    assert plan["provenance"]["policy"] == "preset funded"


def test_scenarios_stand_side_by_side_each_with_its_reason(
    forecast: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "s.toml"
    path.write_text(
        '[[scenario]]\nname = "more"\nset = ["demand=*2"]\n[[scenario]]\nname = "no spot"\nwithout = ["spot"]\n'
    )
    out, _ = said(capsys, 0, "whatif", "-f", forecast, "--scenarios", str(path))
    lines = out.splitlines()
    assert lines[2:4] == ["more     demand=*2", "no spot  without spot"]
    assert [name for name in ("more", "no spot") for line in lines if line.startswith(f"{name}: ")] == [
        "more",
        "no spot",
    ]


def test_options_beside_scenarios_hold_before_and_after(
    forecast: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "s.toml"
    path.write_text('[[scenario]]\nname = "more"\nset = ["demand=*2"]\n')
    options = ("whatif", "-f", forecast, "--scenarios", str(path), "--only", "hetzner", "--json")
    document = json.loads(said(capsys, 0, *options)[0])
    rented = {offer.split("/")[0] for side in (document["before"], *document["after"]) for offer in side["base"]}
    assert rented <= {"hetzner", "hetzner-cloud"}
    alone = json.loads(said(capsys, 0, "plan", "-f", forecast, "--only", "hetzner", "--without-launches", "--json")[0])
    assert document["before"]["bill_usd"] == alone["bill_usd"]


def test_a_sweep_crosses_its_keys_and_keeps_what_is_done(
    forecast: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = ("--checkpoint", str(tmp_path / "run"))
    swept = ("--sweep", "demand=*0.5,*2", "--sweep", "throughput_factor=0.8,1")
    options = ("whatif", "-f", forecast, *swept, *kept)
    document = json.loads(said(capsys, 0, *options, "--json")[0])
    schema = json.loads((SCHEMAS / "whatif-sweep.schema.json").read_text())
    assert list(Draft202012Validator(schema).iter_errors(document)) == []
    settings = [tuple(point["settings"].values()) for point in document["points"]]
    assert settings == [("*0.5", "0.8"), ("*0.5", "1"), ("*2", "0.8"), ("*2", "1")]
    alone = json.loads(said(capsys, 0, "whatif", "-f", forecast, "--set", "demand=*2", "--json")[0])
    assert document["points"][3]["bill_usd"] == alone["after"][0]["bill_usd"]
    assert document["before"]["bill_usd"] == alone["before"]["bill_usd"]
    bills = [Decimal(point["bill_usd"]) for point in document["points"]]
    assert bills[0] > bills[1] < bills[3] < bills[2]

    out, err = said(capsys, 0, *options)
    assert f"5 results were taken from {tmp_path / 'run'}" in err
    assert "Sweep of demand, throughput_factor, 4 points" in out
    assert "Cheapest of those that serve enough: demand=*0.5, throughput_factor=1." in out


def test_scenarios_are_planned_from_a_checkpoint_to_the_same_bytes(
    forecast: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "s.toml"
    path.write_text('[[scenario]]\nname = "more"\nset = ["demand=*2"]\n')
    options = ("whatif", "-f", forecast, "--scenarios", str(path), "--json")
    plain = said(capsys, 0, *options)[0]
    first = said(capsys, 0, *options, "--checkpoint", str(tmp_path / "run"))[0]
    again, err = said(capsys, 0, *options, "--checkpoint", str(tmp_path / "run"))
    assert "2 results were taken" in err
    assert plain == first == again


def test_more_scenarios_than_a_table_has_columns_for_have_a_row_each(
    forecast: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "s.toml"
    factors = [f"1.{number:02d}" for number in range(1, 22)]
    path.write_text("".join(f'[[scenario]]\nname = "x{one}"\nset = ["demand=*{one}"]\n' for one in factors))
    out, _ = said(capsys, 0, "whatif", "-f", forecast, "--scenarios", str(path))
    lines = out.splitlines()
    assert lines[0].startswith("What if, 21 scenarios: llama-7b-q4")
    assert [line.split()[0] for line in lines if line.startswith("x")] == [f"x{one}" for one in factors]
    assert next(line for line in lines if line.startswith("Bills from ")).count("(x1.") == 2


def test_a_sweep_is_drawn_a_line_for_each_setting_of_the_other_key(
    forecast: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "sweep.svg"
    swept = ("--sweep", "throughput_factor=0.8,1", "--sweep", "demand=*0.5,*1,*2")
    _, err = said(capsys, 0, "whatif", "-f", forecast, *swept, "--chart", str(picture))
    drawn = picture.read_text()
    assert f"wrote {picture}" in err
    words = ("throughput_factor=0.8", "throughput_factor=1", "demand, factor", "as given", "base nodes")
    assert all(word in drawn for word in words)


def test_a_sweep_that_serves_nowhere_is_exit_code_3(forecast: str, capsys: pytest.CaptureFixture[str]) -> None:
    # Tokens left unserved cost next to nothing, so that none are served.
    out, err = said(capsys, 3, "whatif", "-f", forecast, "--sweep", "unserved_usd_mtok=0.00001,0.00002")
    assert "2 of 2 points leave more unserved" in out
    assert "no point leaves as little" in err


def test_unserved_after_the_change_is_exit_code_3_and_named(forecast: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, 3, "whatif", "-f", forecast, "--set", "max_usd_month=100")
    assert "max_usd_month is 100 instead of none" in out
    assert "of tokens go unserved instead of" in out
    assert "more than max_unserved_ratio" in err


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            (),
            "whatif: nothing to change; expected --set KEY=VALUE, --without, --only, --slo, --policy, --measured-only,",
        ),
        (("--set", "demnad=*2"), "--set demnad=*2: unknown key 'demnad'; did you mean 'demand'?"),
        (("--without", "ohv"), "selector 'ohv' matches no offer; nearest: ovh"),
        (("--slo", "tfft_ms=3"), "--slo tfft_ms=3: unknown key 'tfft_ms'; did you mean 'ttft_ms'?"),
        (("--policy", "fundde"), "--policy fundde: no such file or preset; expected bootstrapped, funded, enterprise"),
        (("--scenarios", "none.toml"), "none.toml: no such file"),
        (("--set", "demand=*2", "--chart", "x.png"), "--chart x.png: draws a sweep; expected --sweep KEY=a,b,c"),
        (("--sweep", "demand=*1,*2", "--chart", "x.pdf"), "x.pdf: a chart is written as .svg or .png"),
        (("--sweep", "demnad=*2,*3"), "--sweep demnad=*2: unknown key 'demnad'; did you mean 'demand'?"),
        (("--sweep", "demand=*2,3"), "--sweep demand=3: expected a factor such as *1.5"),
        (("--sweep", "demand"), "--sweep demand: expected KEY=a,b,c"),
        (("--sweep", "demand=*1,*2", "--scenarios", "s.toml"), "--sweep demand=*1,*2: --scenarios is given, too"),
        (("--sweep", "demand=*1,*2", "--engine", "ray"), "--engine ray: expected loky, dask, or a scheduler's address"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    forecast: str, options: tuple[str, ...], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = said(capsys, 2, "whatif", "-f", forecast, *options)
    assert out == ""
    assert err.startswith(f"baseload: {line}")
    assert err.count("\n") == 1


def test_the_shipped_levers_are_planned(forecast: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(said(capsys, 0, "whatif", "-f", forecast, "--scenarios", str(LEVERS), "--json")[0])
    bills = {one["name"]: Decimal(one["bill_usd"]) for one in document["after"]}
    before = Decimal(document["before"]["bill_usd"])
    assert bills["prompt cache"] < before < bills["no batching"]
    assert before <= min(bills["cloud only"], bills["base only"], bills["without AWS"])
