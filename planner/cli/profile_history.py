"""The options of `baseload profile fit` that name Prometheus' past, and what is read by them."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.forecast_given import MetricNamesOption, SelectorOption
from planner.errors import InputError

if TYPE_CHECKING:
    from datetime import datetime

    from planner.measure.dialect import Dialect
    from planner.measure.windows import PastWindows, Window
    from planner.profile.measured import Measured

ENGINES = {"vllm": "vLLM", "llama.cpp": "llama.cpp"}
"""Dialects whose servers say what they work on, and how the engine is written."""
WINDOW_S = 300
"""Of a window, unless it is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastGiven:
    """Which past, as written."""

    prometheus: Annotated[
        str | None, typer.Option("--prometheus", metavar="URL", help="From busy windows of what Prometheus holds.")
    ] = None
    start: Annotated[
        str | None, typer.Option("--start", help="Of that past, such as 2026-11-01T00:00Z.", show_default=False)
    ] = None
    end: Annotated[str | None, typer.Option("--end", help="Where it ends.", show_default=False)] = None
    metric_names: MetricNamesOption = None
    selector: SelectorOption = None
    window_s: Annotated[
        int | None,
        typer.Option(
            "--window", min=60, max=3600, help=f"Seconds of a window; five scrapes or more should lie in ({WINDOW_S})."
        ),
    ] = None
    output_tokens: Annotated[
        float | None,
        typer.Option("--output-tokens", min=1, help="Of a mean request, where the engine counts none (llama.cpp)."),
    ] = None


def measured_in_past(
    given: PastGiven, *, machine: str | None, model: str | None
) -> "tuple[list[Measured], tuple[str, ...]]":
    """The workloads of the past, and what was left out of it. Raises InputError, MetricsError."""
    from planner.exchange.measured.machine import provider_and_server
    from planner.measure.prometheus import without_user
    from planner.measure.steps import steps_of

    if given.prometheus is None:
        _check_nothing_of_a_past(given)
        return [], ()
    if machine is None:
        raise InputError("--prometheus: does not say what was measured; expected --machine provider/product")
    provider, server = provider_and_server(machine, "--machine")
    dialect = _dialect(given.metric_names)
    shown = without_user(given.prometheus)
    past = _read(given, dialect)
    windows = _of_model(past, model, shown)
    lengths = [one.request_output for one in windows if one.request_output is not None]
    if given.output_tokens is None and not lengths:
        raise InputError(
            f"{shown}: {ENGINES[dialect.engine]} did not count requests; expected --output-tokens, of a mean request"
        )
    steps = steps_of(
        windows,
        provider=provider,
        server=server,
        engine=ENGINES[dialect.engine],
        output_tokens=fmean(lengths) if given.output_tokens is None else given.output_tokens,
        source=shown,
    )
    if not steps.measured:
        raise InputError(
            f"{shown}: too thin: of {len(windows)} busy windows no three are alike; expected a longer past"
        )
    count = len({one.instance for one in windows})
    servers = "1 server" if count == 1 else f"{count} servers"
    remarks = [f"Prometheus warns: {one}" for one in past.warnings]
    remarks.append(f"{len(windows)} busy windows of {given.window_s or WINDOW_S} s on {servers}{_left_out(past)}")
    if steps.alone:
        remarks.append(f"{steps.alone} of them are in no load step: fewer than three are alike")
    if steps.never_full:
        remarks.append(f"left out, for others were fuller: {', '.join(steps.never_full)}")
    return list(steps.measured), tuple(remarks)


def _check_nothing_of_a_past(given: PastGiven) -> None:
    """Raises InputError for an option that would be read by nobody."""
    for name, value in (
        ("--start", given.start),
        ("--end", given.end),
        ("--window", given.window_s),
        ("--selector", given.selector),
        ("--metric-names", given.metric_names),
        ("--output-tokens", given.output_tokens),
    ):
        if value is not None:
            raise InputError(f"{name} {value}: is of what Prometheus kept; expected --prometheus URL beside it")


def _dialect(name: str | None) -> "Dialect":
    from planner.measure.dialect import DIALECTS

    if name is not None and name not in ENGINES:
        raise InputError(f"--metric-names {name}: cannot be fitted; expected one of {', '.join(ENGINES)}")
    return DIALECTS[name or "vllm"]


def _read(given: PastGiven, dialect: "Dialect") -> "PastWindows":
    from datetime import timedelta

    from planner.cli.prometheus import prometheus_at
    from planner.measure.windows import read_windows

    start, end = _time(given.start, "--start"), _time(given.end, "--end")
    window_s = given.window_s or WINDOW_S
    window = timedelta(seconds=window_s)
    if end < start + window:
        raise InputError(f"--end {given.end}: expected a window of {window_s} s or more after --start")
    with prometheus_at(given.prometheus or "") as client:
        return read_windows(client, dialect, start=start, end=end, window=window, matchers=given.selector or "")


def _of_model(past: "PastWindows", wanted: str | None, shown: str) -> "Sequence[Window]":
    """The windows of one model. Raises InputError where there is none, or none is named of several."""
    if not past.windows:
        found = _left_out(past) or "; no input tokens were counted"
        raise InputError(f"{shown}: too thin: no window in which a server was busy throughout{found}")
    names = sorted({one.model for one in past.windows})
    if (wanted is None and len(names) > 1) or (wanted is not None and wanted not in names):
        got = "" if wanted is None else f" {wanted}"
        raise InputError(f"--model{got}: {shown} has {', '.join(names)}; expected one of them")
    return [one for one in past.windows if one.model == (wanted or names[0])]


def _left_out(past: "PastWindows") -> str:
    said = ", ".join(f"{count} {why}" for why, count in sorted(past.left_out.items()))
    return f"; left out: {said}" if said else ""


def _time(text: str | None, name: str) -> "datetime":
    from planner.exchange.table import read_time

    if text is None:
        raise InputError(f"{name} is missing; expected a time such as 2026-11-01T00:00Z")
    try:
        return read_time(text, name)
    except ValueError as error:
        raise InputError(str(error)) from None
