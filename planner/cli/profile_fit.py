"""`baseload profile fit`: measurements become a profile a plan can use."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.option_groups import with_options
from planner.cli.options import JsonOption, SloOption, say, screen
from planner.cli.paths import check_paths
from planner.cli.profile_history import PastGiven, measured_in_past
from planner.errors import InputError

if TYPE_CHECKING:
    from planner.profile.curve import Profile
    from planner.profile.measured import Measured
    from planner.profile.model import Slo
    from planner.report.profile_fit import ProfileFit


@dataclass(frozen=True, slots=True, kw_only=True)
class FitGiven:
    """What is fitted, and where it goes, as written."""

    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Files of `baseload bench -o`, of `vllm bench serve --save-result`, or a CSV of a serving sweep.",
            show_default=False,
        ),
    ] = None
    name: Annotated[str | None, typer.Option("--name", help="Of the profile; without it, what was served.")] = None
    machine: Annotated[
        str | None,
        typer.Option("--machine", metavar="PROVIDER/PRODUCT", help="What was measured, where a file does not say."),
    ] = None
    date: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="When was measured, where the files do not say."),
    ] = None
    model: Annotated[
        str | None, typer.Option("--model", help="Of a table with several models: the one to fit, as it names it.")
    ] = None
    slo: SloOption = None
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Save the profile as TOML.")] = None
    as_json: JsonOption = False


@with_options(FitGiven, PastGiven)
def fit(context: typer.Context, given: FitGiven, past: PastGiven) -> None:
    """Fit measured throughput: P and G by machine, their residuals, how well workloads foretell one another.

    Example: baseload profile fit bench.json --slo ttft_ms=2000 --slo tpot_ms=200 -o my-model.toml
    """
    from planner import files
    from planner.cli.rated import slo_of
    from planner.exchange.profile_file import profile_text
    from planner.profile.measured import profile_of
    from planner.report.profile_fit import fit_document, remarks_by_machine, render_fit

    check_paths(read=[("FILES", path) for path in given.files or ()], write=(("-o", given.output),))
    slo = slo_of(given.slo or ())
    if not given.files and past.prometheus is None:
        raise InputError("nothing to fit; expected FILES, or --prometheus with --start and --end")
    in_past, said = measured_in_past(past, machine=given.machine, model=given.model)
    measured = [*_measured(given), *in_past]
    measured = _one_model(measured, given.model)
    if given.output is not None and not all(one.source_date for one in measured):
        raise InputError(f"{measured[0].source}: does not say when was measured; expected --date, such as 2026-11-20")
    profile, remarks = profile_of(measured, name=given.name or measured[0].model)
    found = _fitted(measured, profile, slo)
    if given.output is not None:
        files.write_atomic(given.output, profile_text(profile, remarks=dict(remarks_by_machine(found))))
    if given.as_json:
        typer.echo(json.dumps(fit_document(found), indent=2, ensure_ascii=False))
    else:
        typer.echo(render_fit(found, screen=screen()), nl=False)
    say(context, (*said, *remarks))
    if given.output is not None:
        say(context, [f"wrote {given.output}: name it in [profiles] of the fleet file"])


def _measured(given: FitGiven) -> "list[Measured]":
    """The curves of all files. Raises InputError."""
    from planner import files
    from planner.exchange.measured import measured_by_vllm, read_measured

    measured, vllm = [], []
    for path in given.files or ():
        curves, steps = read_measured(files.read_text(path), source=str(path), machine=given.machine)
        measured += curves
        vllm += steps
    measured += measured_by_vllm(vllm, machine=given.machine)
    day = "" if given.date is None else given.date.date().isoformat()
    return [replace(one, source_date=one.source_date or day, source=Path(one.source).name) for one in measured]


def _one_model(measured: "list[Measured]", wanted: str | None) -> "list[Measured]":
    """The curves of one model. Raises InputError where there are several and none is named."""
    names = sorted({one.model for one in measured})
    if wanted is None and len(names) == 1:
        return measured
    chosen = [one for one in measured if one.model == wanted]
    if not chosen:
        got = "" if wanted is None else f" {wanted}"
        raise InputError(f"--model{got}: the files have {', '.join(names)}; expected one of them")
    return chosen


def _fitted(measured: "list[Measured]", profile: "Profile", slo: "Slo") -> "ProfileFit":
    from planner.profile.measured import doubts, foretold, rated_with
    from planner.report.profile_fit import MachineFit, ProfileFit

    machines = [
        MachineFit(
            machine=machine,
            rated=rated_with(machine, profile, slo=slo),
            foretold=foretold(machine, profile, slo=slo),
            doubts=doubts(machine, [one for one in measured if one.machine == key]),
        )
        for key, machine in profile.machines.items()
    ]
    return ProfileFit(profile=profile, slo=slo, machines=machines)
