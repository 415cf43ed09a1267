"""`baseload` as a person starts it: a process of its own."""

import os
import subprocess
import sys
from importlib.metadata import version

import pytest


def baseload(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The finished process `baseload …`, its environment extended by `environment`."""
    return subprocess.run(
        [sys.executable, "-c", "from autoscaler.cli import main; main()", *arguments],
        env={**os.environ, "COLUMNS": "120", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_the_commands() -> None:
    done = baseload("--help")
    assert (done.returncode, done.stderr) == (0, "")
    commands = done.stdout.split("Commands:")[1]
    assert {"init", "plan", "whatif", "catalog", "profile"} <= set(commands.split())


def test_version_is_that_of_the_distribution() -> None:
    done = baseload("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"baseload {version('baseload')}\n", "")


def test_an_unknown_command_is_one_line_naming_the_nearest() -> None:
    done = baseload("paln")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "'paln'" in done.stderr
    assert "plan" in done.stderr.split("Did you mean")[1]


@pytest.mark.parametrize("arguments", [("--help",), ("plan", "--help"), ("catalog", "list")])
def test_no_color_means_no_escape_codes(arguments: tuple[str, ...]) -> None:
    done = baseload(*arguments, NO_COLOR="1", FORCE_COLOR="1")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr


def test_help_never_loads_what_is_heavy() -> None:
    program = (
        "import sys; from autoscaler.cli import baseload, run; code = run(baseload(), ['--help'])\n"
        "heavy = {'numpy', 'pulp', 'highspy', 'pydantic', 'rich', 'matplotlib', 'jsonschema'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {sorted(heavy)}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_shown_for_a_shell(shell: str) -> None:
    done = baseload("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert done.returncode == 0
    assert "_BASELOAD_COMPLETE" in done.stdout


def test_completion_offers_the_commands_that_fit() -> None:
    done = baseload(_BASELOAD_COMPLETE="complete_bash", COMP_WORDS="baseload pl", COMP_CWORD="1")
    assert done.stdout.split() == ["plan"]
