"""Every table of the two guides, by the command examples/guides/README.md names for it, against its golden output.

    BASELOAD_WRITE_GOLDEN=1 python -m pytest tests/journeys/test_guides.py

writes the golden files anew; a changed one is a change of behaviour to explain.
"""

import os
import re
import shlex
from pathlib import Path

import pytest

from autoscaler.cli import baseload, run

ROOT = Path(__file__).parents[2]
README = ROOT / "examples/guides/README.md"
GOLDEN = ROOT / "tests/golden/guides"

LISTED = re.compile(r"^([a-z0-9.-]+): (.+)\n\n    (baseload .+)$", re.MULTILINE)
TODAY = re.compile(r"prices of \d{4}-\d\d-\d\d \(as given\)")


def commands() -> dict[str, list[str]]:
    """The commands of the README by the name in front of the colon."""
    found = {name: shlex.split(command)[1:] for name, _, command in LISTED.findall(README.read_text("utf-8"))}
    assert len(found) == README.read_text("utf-8").count("\n    baseload ") - 3  # three examples in its introduction
    return found


COMMANDS = commands()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_prints_the_golden_table(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert run(baseload(), COMMANDS[name]) == 0
    printed = TODAY.sub("prices of TODAY (as given)", capsys.readouterr().out)
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("BASELOAD_WRITE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(printed, encoding="utf-8")
    assert printed == golden.read_text("utf-8")


def test_there_is_a_golden_file_for_each_command_and_no_other() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(COMMANDS)


def test_every_file_of_the_folder_is_used_by_a_command_or_by_the_fleet() -> None:
    used = {Path(argument).name for command in COMMANDS.values() for argument in command if "/guides/" in argument}
    by_fleet = {"README.md", "catalog.toml", "profiles.toml", "profiles-30b.toml", "profiles-chargeback.toml"}
    assert {path.name for path in README.parent.rglob("*") if path.is_file()} == used | by_fleet


WRONG = [
    ("1", "tldr", "7B on AX102, cost at full load", "too low"),
    ("1b", "tldr", "30B on AX102, cost at full load", "too low"),
    ("1c", "card-volumes", "5B: margin", "too high"),
    ("2", "tiers-7b", "business at 0.30, margin on 0.40", "too high"),
    ("2, 30B", "tiers-30b", "startup at 1.00, margin on 1.20", "too high"),
    ("2, enterprise", "tiers-7b", "enterprise at 0.50, margin on 0.25", "too high"),
    ("3", "cost-plus", "margin of it", "too high"),
    ("4", "scenarios", "3: profit", "too high"),
    ("5", "scenarios", "2: burst, at full load", "too low"),
    ("7", "split", "2:1, input", "too low"),
    ("7, 4:1", "split", "4:1, output", "too low"),
    ("8", "chargeback-1", "recovers at 10 input : 1 output", "too low"),
    ("9", "chargeback-comparison", "8B on g5.2xlarge, blended 1:1", "too high"),
    ("9b", "chargeback-1-rounded", "rounding adds", "too low"),
    ("10", "spot", "the same, at a dated price", "too low"),
    ("11", "utilization", "Steady 24/7 API, average utilization", "too high"),
]


@pytest.mark.parametrize(("table", "figure", "verdict"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_where_a_guide_is_wrong_a_line_has_its_figure_the_right_one_and_why(
    table: str, figure: str, verdict: str
) -> None:
    lines = [
        line for line in (GOLDEN / f"{table}.txt").read_text("utf-8").splitlines() if line.startswith(f"{figure}  ")
    ]
    assert lines
    assert verdict in lines[0]
    reason = re.split(r" {2,}", lines[0].split(verdict, 1)[1].lstrip(",−+ 0123456789%"))[-1]
    assert len(reason) > 5


def test_the_averages_are_held_against_a_measured_peak() -> None:
    text = (GOLDEN / "scenarios.txt").read_text("utf-8")
    assert "17,747–24,691 tok/s in the busiest hour (2.3–3.2 x the mean, as measured in LLM traffic)" in text
