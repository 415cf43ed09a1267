"""Options declared as fields of values reach the command as those values."""

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from planner.cli.option_groups import with_options


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    width: Annotated[int, typer.Option("--width")]
    height: Annotated[int, typer.Option("--height")] = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    names: Annotated[list[str] | None, typer.Option("--name")] = None
    is_plain: Annotated[bool, typer.Option("--plain")] = False


def run(*words: str) -> tuple[int, list[tuple[Any, ...]]]:
    called: list[tuple[Any, ...]] = []
    app = typer.Typer()

    @app.command()
    @with_options(Size, Look)
    def draw(context: typer.Context, size: Size, look: Look) -> None:
        called.append((context.info_name, size, look))

    return CliRunner().invoke(app, words).exit_code, called


def test_each_group_gets_what_was_given_and_else_its_defaults() -> None:
    assert run("--width", "3", "--name", "a", "--name", "b") == (
        0,
        [("draw", Size(width=3, height=2), Look(names=["a", "b"], is_plain=False))],
    )


def test_a_field_without_default_is_an_option_that_must_be_given() -> None:
    assert run("--plain") == (2, [])


def test_two_groups_with_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="duplicate parameter name: 'width'"):
        with_options(Size, Size)
