"""The options of `baseload replay`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Faults(StrEnum):
    """What goes wrong in the simulated clouds."""

    NONE = "none"
    NORMAL = "normal"
    STORM = "storm"


TrafficOption = Annotated[
    Path | None,
    typer.Option("--traffic", help="Traffic, CSV or CSV.gz: a series of 1 s to 1 h steps, or single requests."),
]
PlanOption = Annotated[Path | None, typer.Option("--plan", help="Replay this plan.json, and hold it to its bill.")]
WorldOption = Annotated[
    str | None, typer.Option("--world", metavar="NAME|FILE", help="realistic (without --plan), reference, or a file.")
]
PoliciesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--policy", metavar="NAME", help="Controller: baseload, oracle, hpa, …; or a preset or policy file. Repeatable."
    ),
]
SweepOption = Annotated[
    list[str] | None,
    typer.Option(
        "--sweep", metavar="KEY=a,b,c", help="Replay each value, such as scaling.hold_s=300,600 or seed=0..9."
    ),
]
CompareOption = Annotated[bool, typer.Option("--compare", help="Run every controller on the same world.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Of all chance in the world.")]
DaysOption = Annotated[float | None, typer.Option("--days", help="Replay the first days of the traffic.")]
FaultsOption = Annotated[Faults | None, typer.Option("--faults", help="What goes wrong; else as the world says.")]
NoBoundOption = Annotated[
    bool, typer.Option("--no-bound", help="Without the least bill of perfect foresight, which may take long.")
]
HoursOption = Annotated[bool, typer.Option("--hours", help="Show each hour; so does -v.")]
LeasesOption = Annotated[bool, typer.Option("--leases", help="Show each lease; so does -v.")]
OutputOption = Annotated[Path | None, typer.Option("-o", "--output", help="Write the result as JSON to this file.")]
ChartOption = Annotated[Path | None, typer.Option("--chart", help="Draw the result to an .svg or .png file.")]
