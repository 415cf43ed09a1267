"""The README keeps its word: its examples run and print what it shows, its links lead somewhere, its commands exist.

`python tests/test_readme.py` writes the examples' output anew (the slow ones too): after a change of prices, say.
A line `…` in an example stands for lines left out.
"""

import difflib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import typer.main

from autoscaler.cli import baseload, options_first, run
from planner.catalog.read import read_catalog

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [
    README,
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").rglob("README.md")),
]
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
GAP = "…"
DATABASE = "sqlite:///ledger.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A command as the README shows it, and the lines it shows below."""

    command: str
    shown: tuple[str, ...]

    @property
    def is_slow(self) -> bool:
        return "--explain" in self.command  # some 25 s of one core; the command itself is tested elsewhere


def examples(block: str) -> list[Example]:
    found: list[Example] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(Example(command=line[2:], shown=()))
        else:
            found[-1] = Example(command=found[-1].command, shown=(*found[-1].shown, line))
    return found


def prepare(folder: Path) -> None:
    """A folder as after `baseload init --sample` in a checkout."""
    for name in ("fleet.toml", "forecast.csv"):
        shutil.copy(ROOT / "planner" / "defaults" / name, folder)
    shutil.copytree(ROOT / "examples", folder / "examples")


EARLIER = {
    "--plan plan.json": ["baseload plan -q -f forecast.csv -c fleet.toml -o plan.json"],
    "2026-10": ["baseload ledger import -q examples/month/*.csv --tag team"],
    "report": ["baseload plan -q -f forecast.csv -c fleet.toml --month 2026-10 --fill weekly --record"],
}
"""What an example needs to have been done before it: commands the README shows above it, by a word of the example."""


def catch_up(example: str, folder: Path) -> None:
    """Does what the README did before the example."""
    for word, before in EARLIER.items():
        if word in example:
            for command in before:
                printed(command, folder)


def printed(command: str, folder: Path) -> list[str]:
    """The lines a shell in `folder` shows, stdout and stderr."""
    if "init" in command:
        for name in ("fleet.toml", "forecast.csv"):
            (folder / name).unlink()
    kept = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "FORCE_COLOR"}}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    ended = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**kept, "PATH": path, "NO_COLOR": "1", "PYTHONUTF8": "1", "BASELOAD_DATABASE_URL": DATABASE},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return ended.stdout.rstrip("\n").split("\n")


def segments(shown: Sequence[str]) -> list[list[str]]:
    """The runs of lines between gaps."""
    return [list(lines) for is_gap, lines in groupby(shown, key=lambda line: line.strip() == GAP) if not is_gap]


def is_gap(line: str) -> bool:
    return line.strip() == GAP


def place(part: Sequence[str], actual: Sequence[str], start: int) -> int | None:
    """Where `part` stands in `actual`, at or after `start`."""
    fits = (at for at in range(start, len(actual) - len(part) + 1) if list(actual[at : at + len(part)]) == list(part))
    return next(fits, None)


def difference(shown: Sequence[str], actual: Sequence[str]) -> str:
    """What of `shown` the program does not print, in this order; empty if it prints all of it."""
    parts, at = segments(shown), 0
    for number, part in enumerate(parts):
        found = place(part, actual, at)
        if found is None or (number == 0 and not is_gap(shown[0]) and found != 0):
            return "\n".join(difflib.unified_diff(part, actual[at:], "README.md", "printed", lineterm="", n=1))
        at = found + len(part)
    if not is_gap(shown[-1]) and actual[-len(parts[-1]) :] != parts[-1]:
        return "not shown, and no … stands for it:\n" + "\n".join(actual[at:])
    return ""


QUICK = [
    example
    for block in CONSOLE.findall(README.read_text("utf-8"))
    for example in examples(block)
    if not example.is_slow
]


@pytest.mark.parametrize("example", QUICK, ids=[example.command for example in QUICK])
def test_an_example_prints_what_the_readme_shows(example: Example, tmp_path: Path) -> None:
    prepare(tmp_path)
    catch_up(example.command, tmp_path)
    assert example.shown
    assert difference(example.shown, printed(example.command, tmp_path)) == ""


@pytest.mark.parametrize(
    ("shown", "is_true"),
    [
        (["a", "b", "c"], True),
        (["a", "…"], True),
        (["…", "c"], True),
        (["a", "…", "c"], True),
        (["a", "b"], False),
        (["b", "c"], False),
        (["a", "c"], False),
        (["…", "c", "…", "b", "…"], False),
        (["a", "…", "C"], False),
    ],
)
def test_a_gap_stands_for_left_out_lines_and_nothing_else_may_differ(shown: list[str], is_true: bool) -> None:
    assert (difference(shown, ["a", "b", "c"]) == "") == is_true


def test_offers_and_prices_of_the_slow_example_are_the_catalogs() -> None:
    (slow,) = [e for b in CONSOLE.findall(README.read_text("utf-8")) for e in examples(b) if e.is_slow]
    rows = [found for line in slow.shown if (found := re.match(r"(\S+/\S+) +(\d+\.\d{4}) ", line))]
    assert len(rows) >= 3
    listed = printed("baseload catalog list -q --json", ROOT)
    for row in rows:
        at = next(i for i, line in enumerate(listed) if f'"{row[1]}"' in line)
        price = next(line for line in listed[at:] if '"price_usd_hour"' in line).split('"')[3]
        assert abs(Decimal(price) - Decimal(row[2])) <= Decimal("0.00005")


def commands(page: Path) -> Iterator[str]:
    """Every line of code on the page that calls baseload, without its comment; where a block shows $, those lines."""
    fenced = shows_output = False
    before = ""
    for line in page.read_text("utf-8").splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced and before.lstrip().startswith("```"):
            shows_output = line.lstrip().startswith("$ ")
        before = line
        call = re.match(r"(?:\s{4,})?(?:\$ )?(baseload .*)" if not fenced else r"\s*(?:\$ )?(baseload .*)", line)
        if fenced and shows_output and not line.lstrip().startswith("$ "):
            continue
        if call and (fenced or line.startswith("    ")):
            yield re.split(r" [|&#] |;", call[1] + " ")[0].strip()


CALLS = sorted({(page.relative_to(ROOT).as_posix(), call) for page in PAGES for call in commands(page)})
WRONG_ON_PURPOSE = frozenset({"baseload paln"})


def leaves(command: Any, *names: str) -> dict[tuple[str, ...], Any]:
    """Every command by its words, groups apart."""
    below = getattr(command, "commands", None)
    if below is None:
        return {names: command}
    return {words: leaf for name, each in below.items() for words, leaf in leaves(each, *names, name).items()}


COMMANDS = leaves(typer.main.get_command(baseload()))


@pytest.mark.parametrize(("page", "call"), [pair for pair in CALLS if pair[1] not in WRONG_ON_PURPOSE])
def test_a_documented_call_has_words_and_options_that_exist(page: str, call: str) -> None:
    words = [word for word in options_first(shlex.split(call)[1:]) if word not in {"-q", "-v"}]
    names = next(names for names in COMMANDS if tuple(words[: len(names)]) == names)
    COMMANDS[names].make_context(" ".join(names), words[len(names) :])


def test_every_command_is_shown_in_the_readme_and_every_option_on_some_page() -> None:
    readme = "\n".join(commands(README))
    assert [" ".join(names) for names in COMMANDS if f"baseload {' '.join(names)}" not in readme] == []
    text = "\n".join(page.read_text("utf-8") for page in PAGES)
    options = [param.opts for leaf in COMMANDS.values() for param in leaf.params if param.opts[0].startswith("-")]
    assert [flags for flags in options if not any(re.search(rf"(?<![\w-]){flag}\b", text) for flag in flags)] == []


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text("utf-8")):
        if target.startswith(("https://", "http://")):
            continue
        aim = page.parent / target if target else page
        assert aim.exists(), target
        assert not anchor or anchor in anchors(aim), f"{target}#{anchor}"


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    names = [page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md"]
    assert [name for name in names if f"]({name})" not in index] == []


def test_two_commands_near_the_top_set_up_and_go_and_make_knows_them() -> None:
    top = README.read_text("utf-8").splitlines()[:60]
    assert [line.strip() for line in top if re.match(r"    \S|\$ make", line)] == ["make demo", "make test"]
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for page in PAGES:
        for target in re.findall(r"(?:`|^ {4})make (\w+)", page.read_text("utf-8"), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: make {target}"


def test_the_picture_is_small_and_drawn_by_the_demo() -> None:
    assert (ROOT / "docs" / "images" / "plan.png").stat().st_size < 300_000
    recipe = re.search(
        r"^demo:.*\n(?:\t.*\n)*?\t\$\(BIN\)/(baseload plan .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    assert recipe is not None
    assert f"`{recipe[1]}`" in README.read_text("utf-8")


def test_the_stated_launch_overhead_is_that_of_the_plan_above_without_launches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (stated,) = re.findall(r"(\S+) % of the plan above with `--without-launches`", README.read_text("utf-8"))
    prepare(tmp_path)
    options = ("-f", str(tmp_path / "forecast.csv"), "-c", str(tmp_path / "fleet.toml"), "--without-launches")
    assert run(baseload(), ["plan", *options]) == 0
    assert f"launch overhead {stated} %" in capsys.readouterr().out


def test_the_example_catalog_loads() -> None:
    toml = re.search(r"^  ```toml\n(.*?)^  ```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert toml is not None
    offer = read_catalog(toml[1], "README.md")["gcp/g2-standard-8"]
    assert (offer.gpu, offer.price_usd_hour) == ("L4", Decimal("0.90"))


def renewed(example: Example, actual: Sequence[str]) -> list[str]:
    """What to show of `actual`: as many lines as now in each run, from the line most like its first; all if none is."""
    if not example.shown:
        return list(actual)
    lines: list[str] = []
    at = 0
    for is_left_out, lines_shown in groupby(example.shown, key=is_gap):
        part = list(lines_shown)
        if is_left_out:
            lines += part
            continue
        rest = actual[at:]
        start = (
            max(range(len(rest)), key=lambda i: difflib.SequenceMatcher(None, part[0], rest[i]).ratio()) if lines else 0
        )
        lines += rest[start : start + len(part)]
        at += start + len(part)
    return lines


def renew() -> None:
    """Writes the output of every example anew. Look at the difference before you keep it."""

    def block(match: re.Match[str]) -> str:
        shown = []
        for example in examples(match[1]):
            with tempfile.TemporaryDirectory() as folder:
                prepare(Path(folder))
                catch_up(example.command, Path(folder))
                actual = printed(example.command, Path(folder))
            shown += [f"$ {example.command}", *renewed(example, actual)]
        return "```console\n" + "\n".join(shown) + "\n```"

    README.write_text(CONSOLE.sub(block, README.read_text("utf-8")), encoding="utf-8")


if __name__ == "__main__":
    renew()
