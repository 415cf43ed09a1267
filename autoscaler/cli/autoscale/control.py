"""`baseload autoscale pause | resume | floor | ceiling`: what operators ask of a running daemon, by the database."""

import getpass
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from autoscaler.cli.autoscale.inputs import ConfigOption, WhyOption, fleet_of, model_of, open_for
from planner.cli.options import say
from planner.errors import InputError

if TYPE_CHECKING:
    from autoscaler.fleet import Controls

ModelArgument = Annotated[str, typer.Argument(help="A model of the fleet.", show_default=False)]
NodesArgument = Annotated[str, typer.Argument(metavar="N|none", help="Burst nodes; none: no such wish.")]
ScaleInOption = Annotated[bool, typer.Option("--scale-in", help="Of scale-in alone: nodes are added, none is ended.")]

AgainOption = Annotated[bool, typer.Option("--scale-in", help="Scale-in alone: what else is paused stays so.")]


class CountCommand(TyperCommand):
    """A command that takes a count: one below 0 is refused as a count, and not as an option nobody knows."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As any command's."""
        given = tuple(args)
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            option = getattr(error, "option_name", "")  # of NoSuchOption; of -12 it is -1
            if option[1:].isdigit():
                raise _no_count(next(text for text in given if text.startswith(option))) from None
            raise


def pause(context: typer.Context, config: ConfigOption, scale_in: ScaleInOption = False, why: WhyOption = "") -> None:
    """Ask the daemon to act no more, from its next tick on; it goes on observing. With --scale-in, to end nothing.

    Example: baseload autoscale pause -c fleet.toml --why "provider migrates tonight"
    """

    def asked(now: "Controls") -> "Controls":
        return replace(now, is_scale_in_paused=True) if scale_in else replace(now, is_paused=True)

    _ask(context, config, asked, why)


def resume(context: typer.Context, config: ConfigOption, scale_in: AgainOption = False, why: WhyOption = "") -> None:
    """Let the daemon act again, scale-in included; with --scale-in, let it end nodes again and change nothing else.

    Example: baseload autoscale resume -c fleet.toml
    """

    def asked(now: "Controls") -> "Controls":
        running = replace(now, is_scale_in_paused=False)
        return running if scale_in else replace(running, is_paused=False)

    _ask(context, config, asked, why)


def floor(
    context: typer.Context, model: ModelArgument, nodes: NodesArgument, config: ConfigOption, why: WhyOption = ""
) -> None:
    """Ask for at least so many burst nodes of a model; the policy's own floor holds too, and caps are never passed.

    Example: baseload autoscale floor chat 4 -c fleet.toml --why "launch at noon"
    """
    known = model_of(fleet_of(config), model)
    count = _count(nodes)
    _ask(context, config, lambda now: replace(now, min_nodes=_with(now.min_nodes, known, count)), why)


def ceiling(
    context: typer.Context, model: ModelArgument, nodes: NodesArgument, config: ConfigOption, why: WhyOption = ""
) -> None:
    """Ask for at most so many burst nodes of a model, whatever the demand.

    Example: baseload autoscale ceiling chat 2 -c fleet.toml; baseload autoscale ceiling chat none -c fleet.toml
    """
    known = model_of(fleet_of(config), model)
    count = _count(nodes)
    _ask(context, config, lambda now: replace(now, max_nodes=_with(now.max_nodes, known, count)), why)


def _ask(context: typer.Context, config: Path, change: "Callable[[Controls], Controls]", why: str) -> None:
    from autoscaler.report.status_tables import controls_lines

    fleet = fleet_of(config)
    with open_for(config, fleet) as records:
        before = records.controls()
        after = change(before)
        if after != before:
            records.set_controls(after, at=datetime.now(UTC), by=_who(), why=why)
        where, has_led = records.address, records.epoch() > 0
    name = fleet.daemon.autoscale.fleet
    for line in controls_lines(after):
        typer.echo(f"{name}: {line}")
    remark = "it was so before" if after == before else "a daemon that runs takes it in at its next tick"
    remarks = [f"{remark} ({where})"]
    if not has_led:
        remarks.append(
            f"no daemon of fleet {name} has led by this database yet; where one runs, it has another: "
            "see [database] url and BASELOAD_DATABASE_URL"
        )
    say(context, remarks)


def _count(text: str) -> int | None:
    if text == "none":
        return None
    if not (text.isascii() and text.isdigit()):
        raise _no_count(text)
    return int(text)


def _no_count(text: str) -> InputError:
    return InputError(f"{text!r}: expected a number of nodes, 0 or more, or none")


def _with(counts: Mapping[str, int], model: str, count: int | None) -> dict[str, int]:
    others = {name: known for name, known in counts.items() if name != model}
    return others if count is None else {**others, model: count}


def _who() -> str:
    """Who asks: user and host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
