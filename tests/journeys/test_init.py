"""`baseload init`: a commented fleet, a sample to try it with, and a plan of both."""

import json
import tomllib
from pathlib import Path

import pytest

from autoscaler.cli import baseload, run


def test_a_commented_fleet_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(baseload(), ["init", str(tmp_path)]) == 0
    text = (tmp_path / "fleet.toml").read_text("utf-8")
    assert tomllib.loads(text)["model"][0]["name"] == "llama-7b-q4"
    bare = [line for line in text.splitlines() if "=" in line and "#" not in line]
    assert bare == []  # every key is explained
    assert [path.name for path in tmp_path.iterdir()] == ["fleet.toml"]
    assert capsys.readouterr().out == f"wrote {tmp_path / 'fleet.toml'}\n"


@pytest.mark.parametrize("taken", ["fleet.toml", "forecast.csv"])
def test_nothing_is_overwritten_and_nothing_written_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], taken: str
) -> None:
    (tmp_path / taken).write_text("mine", encoding="utf-8")
    assert run(baseload(), ["init", str(tmp_path), "--sample"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert [(path.name, path.read_text("utf-8")) for path in tmp_path.iterdir()] == [(taken, "mine")]


def test_force_replaces(tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").write_text("mine", encoding="utf-8")
    assert run(baseload(), ["init", str(tmp_path), "--force"]) == 0
    assert (tmp_path / "fleet.toml").read_text("utf-8") != "mine"


def test_the_sample_can_be_planned_and_plans_as_the_default_fleet_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(baseload(), ["init", str(tmp_path), "--sample", "-q"]) == 0
    capsys.readouterr()
    forecast, fleet = str(tmp_path / "forecast.csv"), str(tmp_path / "fleet.toml")
    assert run(baseload(), ["plan", "-f", forecast, "-c", fleet, "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert run(baseload(), ["plan", "-f", forecast, "--json"]) == 0
    packaged = json.loads(capsys.readouterr().out)
    assert written["base"]
    assert (written["base"], written["bill_usd"]) == (packaged["base"], packaged["bill_usd"])
