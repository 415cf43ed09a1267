"""The options of `baseload forecast`: the past, what is made of it, how it is judged, and where the result goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from planner.cli.engine import USUAL_ENGINE, EngineGiven
from planner.cli.options import FleetOption, JsonOption
from planner.errors import InputError


class Target(StrEnum):
    """What a back-test is scored on."""

    INPUT = "input"
    OUTPUT = "output"


PastArgument = Annotated[
    Path | None, typer.Argument(help="Past traffic, CSV or CSV.gz; or --from-ledger, or --prometheus.")
]
LedgerOption = Annotated[bool, typer.Option("--from-ledger", help="From the usage facts of the ledger.")]
DatabaseOption = Annotated[
    str | None, typer.Option("--database", metavar="URL", help="That ledger, not the one of -c or the environment.")
]
PrometheusOption = Annotated[
    str | None, typer.Option("--prometheus", metavar="URL", help="From the counters that Prometheus holds.")
]
MetricNamesOption = Annotated[
    str | None, typer.Option("--metric-names", help="Whose metric names: vllm, llama.cpp, litellm, sglang.")
]
SelectorOption = Annotated[
    str | None, typer.Option("--selector", help="""Label matchers of every query, such as job="vllm".""")
]
InputExpressionOption = Annotated[
    list[str] | None, typer.Option("--input-expr", metavar="MODEL=PROMQL", help="A model's input tokens per second.")
]
OutputExpressionOption = Annotated[
    list[str] | None, typer.Option("--output-expr", metavar="MODEL=PROMQL", help="A model's output tokens per second.")
]
DaysOption = Annotated[
    int | None, typer.Option("--days", min=1, help="Of the history, the last (Prometheus: 28; else all).")
]
HorizonOption = Annotated[
    str | None, typer.Option("--horizon", help="From the history's end: hours, days, weeks such as 31d (31d).")
]
MonthOption = Annotated[str | None, typer.Option("--month", help="Instead: a calendar month, such as 2026-12.")]
MethodOption = Annotated[str, typer.Option("--method", help="auto: the one that forecasts this history best.")]
QuantilesOption = Annotated[str, typer.Option("--quantiles", help="Of each hour's demand.")]
PathsOption = Annotated[
    int, typer.Option("--paths", min=0, max=1000, help="Scenarios to write: paths that the hours may take together.")
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Of the paths.")]
ZoneOption = Annotated[
    str | None, typer.Option("--tz", metavar="ZONE", help="Where the people live who ask, such as Europe/Berlin.")
]
EventsOption = Annotated[
    list[Path] | None, typer.Option("--events", help="Holidays and special days: date,name[,end] in CSV, or TOML.")
]
CleanOption = Annotated[
    str | None, typer.Option("--clean", metavar="KINDS", help="What of the history to mend: gaps,outliers,shifts.")
]
AsItIsOption = Annotated[bool, typer.Option("--no-clean", help="Forecast from the history as it is.")]
GrowthOption = Annotated[
    list[str] | None, typer.Option("--growth", metavar="[MODEL=]N%/month", help="Growth on top of the forecast.")
]
ChangeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--change",
        metavar="[MODEL@]DATE=CHANGE",
        help="From a day on: 2026-12-10=+300tok/s, =-20%, =*1.5; DATE/DATE: until that day.",
    ),
]
AssumptionsOption = Annotated[
    Path | None, typer.Option("--assumptions", help="The same as [[growth]] and [[change]] in TOML.")
]
BacktestOption = Annotated[bool, typer.Option("--backtest", help="Say how good forecasts of the past would have been.")]
OriginsOption = Annotated[
    int | None, typer.Option("--origins", min=1, help="Moments of the past to forecast from (8, or what fits).")
]
TargetOption = Annotated[Target | None, typer.Option("--target", help="Tokens the back-test is scored on (output).")]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastGiven:
    """Where the past is read, as written."""

    history: PastArgument = None
    from_ledger: LedgerOption = False
    database: DatabaseOption = None
    prometheus: PrometheusOption = None
    metric_names: MetricNamesOption = None
    selector: SelectorOption = None
    input_expr: InputExpressionOption = None
    output_expr: OutputExpressionOption = None
    days: DaysOption = None

    def check(self) -> None:
        """One source, and options of that source alone. Raises InputError."""
        given = {
            "HISTORY": self.history is not None,
            "--from-ledger": self.from_ledger,
            "--prometheus": self.prometheus is not None,
        }
        named = [name for name, is_given in given.items() if is_given]
        if len(named) != 1:
            raise InputError(f"expected one of {', '.join(given)}; got {' and '.join(named) or 'none'}")
        only_with(self.from_ledger, "--from-ledger", {"--database": self.database})
        told = {
            "--metric-names": self.metric_names,
            "--selector": self.selector,
            "--input-expr": self.input_expr,
            "--output-expr": self.output_expr,
        }
        only_with(self.prometheus is not None, "--prometheus", told)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedGiven:
    """What is to be forecast, and from what is made of the past, as written."""

    horizon: HorizonOption = None
    month: MonthOption = None
    method: MethodOption = "auto"
    quantiles: QuantilesOption = "0.05,0.1,0.25,0.5,0.75,0.9,0.95"
    paths: PathsOption = 0
    seed: SeedOption = 0
    tz: ZoneOption = None
    events: EventsOption = None
    clean: CleanOption = None
    no_clean: AsItIsOption = False
    growth: GrowthOption = None
    change: ChangeOption = None
    assumptions: AssumptionsOption = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedGiven:
    """Whether and how the forecast is judged, as written."""

    backtest: BacktestOption = False
    origins: OriginsOption = None
    target: TargetOption = None

    def check(self, engine: EngineGiven) -> None:
        """What has no effect without a back-test is not given without one. Raises InputError."""
        kept = {
            "--origins": self.origins,
            "--target": self.target,
            "--engine": None if engine.engine == USUAL_ENGINE else engine.engine,
            "--workers": engine.workers,
            "--checkpoint": engine.checkpoint,
        }
        only_with(self.backtest, "--backtest", kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownGiven:
    """Which fleet's settings hold, and where the result goes, as written."""

    config: FleetOption = None
    as_json: JsonOption = False
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the forecast as CSV.")] = None
    chart: Annotated[Path | None, typer.Option("--chart", help="Draw the fan to an .svg or .png file.")] = None


def only_with(is_given: bool, option: str, others: Mapping[str, object]) -> None:
    """Refuses options that have no effect without another. Raises InputError."""
    for name, value in others.items():
        if value is not None and not is_given:
            raise InputError(f"{name}: has no effect without {option}")
