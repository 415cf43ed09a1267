"""The progress bar: drawn on stderr at a terminal once work takes long, and nowhere else."""

import io
import sys

import pytest

from planner.cli import progress as module
from planner.cli.progress import progress


class Stream(io.StringIO):
    """A stderr that is, or is not, a terminal."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


def drawn(
    monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool = True, quiet: bool = False, patience_s: float = 0.0
) -> str:
    """What a job of three steps leaves on stderr."""
    stream = Stream(is_terminal=is_terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(module, "PATIENCE_S", patience_s)
    with progress(quiet) as report:
        for share in (0.0, 0.5, 1.0):
            report("solving the plan", share)
    return stream.getvalue()


def test_a_bar_with_what_is_done_is_drawn_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    said = drawn(monkeypatch, patience_s=-1.0)  # below 0, as a coarse clock may not have moved yet
    assert "solving the plan" in said
    assert "━" in said


def test_the_bar_is_wiped_off_when_the_work_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    said = drawn(monkeypatch, patience_s=-1.0)
    assert said.endswith("\x1b[2K")  # erases the line of the bar
    assert "\x1b[?25h" in said  # and the cursor is back


def test_work_within_the_patience_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, patience_s=3600.0) == ""


def test_quiet_draws_nothing_even_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, quiet=True, patience_s=-1.0) == ""


def test_a_stderr_that_is_no_terminal_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, is_terminal=False, patience_s=-1.0) == ""


def test_a_failure_within_the_work_is_passed_on_and_the_cursor_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(is_terminal=True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(module, "PATIENCE_S", -1.0)

    def failing_work() -> None:
        with progress(quiet=False) as report:
            report("solving the plan", 0.5)
            raise KeyError

    with pytest.raises(KeyError):
        failing_work()
    assert stream.getvalue().rfind("\x1b[?25h") > stream.getvalue().rfind("\x1b[?25l") >= 0
