"""The edge of the command, on a small app of one failing command per row."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
import typer

from autoscaler.cli import for_all_commands, options_first, run
from planner.errors import InputError, PlannerError, SolverError


def an_app(fail: Callable[[], object]) -> typer.Typer:
    """An app with the options of the real one and two commands: `work` calls `fail`, `need` wants an argument."""
    app = typer.Typer(rich_markup_mode=None)
    app.callback(invoke_without_command=True)(for_all_commands)

    @app.command()
    def work(context: typer.Context) -> None:
        fail()
        typer.echo(f"done, quiet={context.obj['quiet']} verbose={context.obj['verbose']}")

    @app.command()
    def need(path: str, count: int = 1) -> None:
        typer.echo(path * count)

    return app


def raising(error: BaseException) -> Callable[[], object]:
    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        pytest.param(InputError("a.csv, row 7: not a number"), 2, "a.csv, row 7: not a number", id="bad input"),
        pytest.param(InputError("first\n  second"), 2, "first second", id="a message of two lines becomes one"),
        pytest.param(SolverError("no optimum"), 5, "no optimum", id="solver failed"),
        pytest.param(PlannerError("other"), 5, "other", id="any other error of ours"),
        pytest.param(FileNotFoundError(2, "No such file", "x.csv"), 2, "x.csv: No such file", id="file is named"),
        pytest.param(OSError(28, "No space left"), 5, "the system refused: No space left", id="the disk is full"),
        pytest.param(MemoryError(), 5, "not enough memory", id="memory"),
        pytest.param(
            ModuleNotFoundError("No module named 'prometheus_client'", name="prometheus_client.core"),
            2,
            "prometheus_client is not installed; install baseload[daemon]",
            id="an extra is not installed",
        ),
        pytest.param(
            ModuleNotFoundError("No module named 'x'", name="x"), 1, "this is a bug", id="a module is missing"
        ),
        pytest.param(KeyError("x"), 1, "this is a bug", id="a bug says so"),
        pytest.param(typer.Exit(3), 3, "", id="a command's own code stands"),
        pytest.param(KeyboardInterrupt(), 130, "", id="interrupted"),
    ],
)
def test_each_kind_of_failure_is_one_line_and_its_own_exit_code(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(an_app(raising(error)), ["work"]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.strip().startswith(f"baseload: {line}" if line else "")
    assert "\n" not in said.err.strip()


@pytest.mark.parametrize(
    ("arguments", "said_in_it"),
    [
        pytest.param(["wrok"], "No such command 'wrok'. Did you mean 'work'?", id="unknown command, nearest named"),
        pytest.param(["work", "--nope"], "No such option: --nope", id="unknown option"),
        pytest.param(["need"], "Missing argument", id="missing argument"),
        pytest.param(["need", "a", "--count", "x"], "--count", id="text for a number"),
        pytest.param(["-q", "-v", "work"], "got both", id="quiet and verbose"),
    ],
)
def test_a_usage_error_is_one_line_and_exit_code_2(
    arguments: list[str], said_in_it: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(an_app(lambda: None), arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("baseload: ")
    assert said.err.count("\n") == 1
    assert said_in_it in said.err


def test_verbose_shows_the_traceback_of_a_bug_and_not_of_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(an_app(raising(KeyError("x"))), ["work", "-v"]) == 1
    assert "Traceback" in capsys.readouterr().err
    assert run(an_app(raising(InputError("row 7"))), ["work", "-v"]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["-q", "work"], ["work", "-q"], ["work", "--quiet"]])
def test_quiet_holds_before_and_after_the_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(an_app(lambda: None), arguments) == 0
    assert capsys.readouterr().out == "done, quiet=True verbose=False\n"


def test_what_follows_two_dashes_is_never_moved() -> None:
    assert options_first(["need", "-v", "--", "-q"]) == ("-v", "need", "--", "-q")


def test_a_bare_command_prints_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(an_app(lambda: None), []) == 0
    assert "Usage: baseload" in capsys.readouterr().out


def test_a_reader_that_has_gone_is_met_with_silence() -> None:
    program = "import sys, typer; from autoscaler.cli import run; app = typer.Typer()\n" + (
        "@app.command()\ndef a() -> None:\n    for i in range(100000): print(i)\n"
        "@app.command()\ndef b() -> None: ...\nsys.exit(run(app, ['a']))"
    )
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as nowhere:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=nowhere, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (141, "")
