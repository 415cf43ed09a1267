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


@pytest.mark.parametrize(
    ("table", "figure", "off"),
    [
        ("card-volumes", "5B: margin", "+89 points"),  # 80 % against -8.6 %
        ("tiers-7b", "developer at 0.05, margin on 0.25", "+395 points"),  # 0 % against -395 %
        ("cost-plus", "margin of it", "+17 points"),  # 50 % against a third
        ("tldr", "7B on AX102, cost at full load", "−90 %"),  # an amount
    ],
)
def test_a_percentage_is_off_by_points_and_an_amount_by_a_share(table: str, figure: str, off: str) -> None:
    lines = (GOLDEN / f"{table}.txt").read_text("utf-8").splitlines()
    assert next(line for line in lines if line.startswith(f"{figure}  ")).count(f", {off}  ") == 1


WRONG_PRICES = [
    (
        "12",
        "dedicated",
        "hetzner: ",
        ["a fixed month of 154 USD", "EUR 122", "by the hour up to the month", "269 setup"],
    ),
    ("13, AX102", "dedicated", "hetzner: ", ["24 cores, 256 GB", "16 cores and 128 GB"]),
    ("13, b3-64", "hourly", "ovh: ", ["b3-64 at 0.16 USD/h", "0.4065"]),
    ("13, t2-45", "hourly", "ovh: ", ["a T4 at 0.45 USD/h", "a V100S, 2.1010 USD/h"]),
    ("13, r7a", "spot-and-on-demand", "aws: ", ["r7a.4xlarge at 0.91 USD/h", "1.2172"]),
    ("10", "spot-and-on-demand", "aws: ", ["0.455 USD/h, 50 % of on-demand", "35 %", "per pool and date"]),
    ("14, 7B", "throughput-7b", "Source: ", ["its own estimate", "nothing measured exists for it", "a 2B model"]),
    ("14, 30B", "throughput-30b", "Source: ", ["its own estimate", "nothing measured exists for it", "a 2B model"]),
]


@pytest.mark.parametrize(
    ("table", "start", "said"), [row[1:] for row in WRONG_PRICES], ids=[r[0] for r in WRONG_PRICES]
)
def test_where_a_price_or_rate_of_a_guide_is_wrong_its_source_says_so_in_a_line(
    table: str, start: str, said: list[str]
) -> None:
    lines = [line.strip() for line in (GOLDEN / f"{table}.txt").read_text("utf-8").splitlines()]
    assert any(line.startswith(start) and all(words in line for words in said) for line in lines)


def test_every_monthly_fee_of_a_guide_is_quoted_at_720_hours_and_says_so() -> None:
    assert "monthly fee / 720 h; bills use the calendar's hours" in (GOLDEN / "dedicated.txt").read_text("utf-8")


@pytest.mark.parametrize("table", ["scenarios", "break-even", "card-volumes"])
def test_a_peak_stands_beside_every_average_of_a_scenario(table: str) -> None:
    text = (GOLDEN / f"{table}.txt").read_text("utf-8")
    assert text.count("tok/s on average, ") == text.count("in the busiest hour (2.3–3.2 x the mean") > 0
