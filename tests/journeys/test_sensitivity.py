"""`baseload sensitivity`: the whole command, on the fleet of `test_whatif` whose bill one can reckon in the head."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.journeys.test_whatif import SCHEMAS, said
from tests.planner.test_whatif import a_case


@pytest.fixture
def given(tmp_path: Path) -> tuple[str, ...]:
    """A day whose plan is one base node and a spot node for 12 hours: 42 USD."""
    a_case(tmp_path)
    return ("-f", str(tmp_path / "f.csv"), "-c", str(tmp_path / "fleet.toml"))


@pytest.mark.parametrize(
    ("view", "options", "schema", "line"),
    [
        ("tornado", ("--vary", "demand=*0.5,*2", "--of", "total"), "tornado", "What moves the total: m, 2026-12-01"),
        ("demand", ("--demand", "0.9..1.1"), "base-ranges", "Base nodes over demand: m, 2026-12-01"),
        (
            "map",
            ("--demand", "1,2", "--peakiness", "0..1"),
            "base-map",
            "Best base nodes over demand and peakiness: m, 2026-12-01",
        ),
    ],
)
def test_each_view_is_a_table_a_document_and_a_picture(
    given: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    view: str,
    options: tuple[str, ...],
    schema: str,
    line: str,
) -> None:
    picture, run = tmp_path / "picture.png", tmp_path / "run"
    kept = ("--checkpoint", str(run))
    out, err = said(capsys, 0, "sensitivity", view, *given, *options, *kept, "--chart", str(picture))
    assert out.startswith(line)
    assert f"wrote {picture}" in err
    assert picture.read_bytes().startswith(b"\x89PNG")
    shown, err = said(capsys, 0, "sensitivity", view, *given, *options, *kept, "--json")
    assert "results were taken from" in err
    document = json.loads(shown)
    validator = Draft202012Validator(json.loads((SCHEMAS / f"{schema}.schema.json").read_text()))
    assert [error.message for error in validator.iter_errors(document)] == []
    assert f"{float(document['before']['bill_usd']):.2f}" == "42.00"


def test_a_file_of_inputs_takes_the_place_of_the_default_ones(
    given: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "inputs.toml"
    path.write_text('[[input]]\nname = "traffic"\nlow = ["demand=*0.5"]\nhigh = ["demand=*2"]\n')
    document = json.loads(said(capsys, 0, "sensitivity", *given, "--inputs", str(path), "--json")[0])
    (one,) = document["inputs"]
    assert (one["name"], float(one["swing_usd"]), float(one["swing_kept_usd"])) == ("traffic", 60.0, 72.0)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("tornado", "--vary", "demand"), "--vary demand: expected KEY=LOW,HIGH"),
        (("tornado", "--vary", "demnad=*1,*2"), "--vary demnad=*1: unknown key 'demnad'; did you mean 'demand'?"),
        (("tornado", "--inputs", "none.toml"), "none.toml: no such file"),
        (
            ("tornado", "--demand", "1..2"),
            "--demand: is not used by sensitivity tornado; expected --inputs, --of, --vary",
        ),
        (("demand", "--demand", "2..1"), "--demand 2..1: expected LOW..HIGH, two rising factors such as 0.25..4"),
        (("demand", "--demand", "1,2"), "--demand 1,2: expected LOW..HIGH"),
        (("demand", "--peakiness", "1"), "--peakiness: is not used by sensitivity demand; expected --demand"),
        (("map", "--demand", "1,1"), "--demand 1,1: expected values that differ"),
        (("map", "--demand", "x"), "--demand x: expected a factor such as *1.5"),
        (("map", "--peakiness", "0..99"), "--peakiness 11: expected a power from 0 (flat)"),
        (("map", "--vary", "demand=*1,*2"), "--vary: is not used by sensitivity map"),
        (("map", "--chart", "x.pdf"), "x.pdf: a chart is written as .svg or .png"),
        (("map", "--engine", "tcp://x"), "--engine tcp://x: expected loky, dask, or a scheduler's address"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    given: tuple[str, ...], options: tuple[str, ...], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = said(capsys, 2, "sensitivity", *options, *given)
    assert out == ""
    assert err.startswith(f"baseload: {line}")
    assert err.count("\n") == 1
