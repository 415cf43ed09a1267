"""What `baseload forecast` is asked for, where its history comes from, and where its result goes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from planner.cli.options import screen
from planner.errors import InputError

if TYPE_CHECKING:
    from planner.cli.forecast_given import JudgedGiven, WantedGiven
    from planner.demand.cleaning import Kind
    from planner.demand.events import Calendar
    from planner.demand.forecasting import Forecasted, Wanted
    from planner.demand.growth import Assumption
    from planner.demand.history import History

HORIZON = "31d"
MOST_HOURS = 2 * 8784
"""From the history's end on; nobody knows more, and nobody has the memory for its paths."""

_UNIT_H = {"h": 1, "d": 24, "w": 168}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The hours to forecast."""

    start: datetime
    end: datetime
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was written, read and checked before the past is."""

    zone: str
    levels: tuple[float, ...]
    kinds: "frozenset[Kind]"
    calendar: "Calendar"
    assumptions: "tuple[Assumption, ...]"
    remarks: tuple[str, ...]


def settled(given: "WantedGiven", config: Path | None) -> Settled:
    """Reads what was written, and the files it names. Raises InputError."""
    zone, remarks = zone_name(given.tz, config)
    levels = quantiles_of(given.quantiles)
    check_method(given.method)
    return Settled(
        zone=zone,
        levels=levels,
        kinds=kinds_of(given.clean, is_off=given.no_clean),
        calendar=calendar_of(given.events),
        assumptions=assumptions_of(given.growth, given.change, given.assumptions),
        remarks=tuple(remarks),
    )


def wanted_of(known: Settled, given: "WantedGiven", judged: "JudgedGiven", span: Span) -> "Wanted":
    """What is asked of the forecast."""
    from planner.demand.forecasting import Wanted

    return Wanted(
        start=span.start,
        end=span.end,
        zone=known.zone,
        calendar=known.calendar,
        clean=known.kinds,
        assumptions=known.assumptions,
        method=given.method,
        quantiles=known.levels,
        paths=given.paths,
        seed=given.seed,
        has_backtest=judged.backtest,
        origins=judged.origins,
        target="output" if judged.target is None else judged.target.value,
    )


def csv_history(path: Path) -> "History":
    """The history of a CSV file."""
    from planner.demand.past import read_past
    from planner.files import read_text

    return read_past(read_text(path), source=str(path))


def ledger_history(config: Path | None, database: str | None) -> "History":
    """What the ledger holds of usage, from the first hour measured to the last."""
    from planner.cli.database import ledger_url
    from planner.measure.from_ledger import history_of_served
    from planner.store import open_ledger
    from planner.store.address import read_url

    url = ledger_url(config) if database is None else read_url(database, source="--database")
    with open_ledger(url) as ledger:
        return history_of_served(ledger.served(*ledger.measured_span()), source=ledger.address)


def last_days(history: "History", days: int | None) -> "History":
    """The last days of a history; all of it where it has no more."""
    from dataclasses import replace

    first = 0 if days is None else max(0, history.hours - 24 * days)
    if first == 0:
        return history
    return replace(
        history,
        start=history.hour(first),
        input_tok_s=history.input_tok_s[:, first:],
        output_tok_s=history.output_tok_s[:, first:],
        remarks=(*history.remarks, f"{history.source}: the last {days} days are used, of {history.hours / 24:.4g}"),
    )


def span_of(history: "History", horizon: str | None, month: str | None) -> Span:
    """The hours from the history's end on, or those of a calendar month that are to come."""
    from planner.demand.horizon import month_span

    if month is None:
        return Span(start=history.end, end=history.end + timedelta(hours=_hours(horizon or HORIZON)))
    if horizon is not None:
        raise InputError("--horizon and --month: expected one of them, got both")
    start, end = month_span(month)
    if end <= history.end:
        raise InputError(f"--month {month}: is over when the history ends, {history.end:%Y-%m-%dT%H:%MZ}")
    if (end - history.end) / timedelta(hours=1) > MOST_HOURS:
        raise InputError(
            f"--month {month}: is more than two years after the history's end, {history.end:%Y-%m-%dT%H:%MZ}"
        )
    if start >= history.end:
        return Span(start=start, end=end)
    said = f"the history reaches into {month}: its hours from {history.end:%Y-%m-%dT%H:%MZ} on are forecast"
    return Span(start=history.end, end=end, remarks=(said,))


def _hours(text: str) -> int:
    found = re.fullmatch(r"(\d{1,6})([hdw])", text.strip())
    hours = 0 if found is None else int(found[1]) * _UNIT_H[found[2]]
    if not 0 < hours <= MOST_HOURS:
        raise InputError(f"--horizon {text}: expected hours, days or weeks such as 31d, at most two years")
    return hours


def quantiles_of(text: str) -> tuple[float, ...]:
    """Quantiles separated by commas, in rising order."""
    found = set()
    for part in text.split(","):
        try:
            value = float(part)
        except ValueError:
            value = -1.0
        if not 0.001 <= value <= 0.999:
            raise InputError(
                f"--quantiles {text}: {part.strip() or 'nothing'!r}; expected numbers such as 0.05,0.5,0.95"
            )
        found.add(round(value, 6))
    return tuple(sorted(found))


def calendar_of(paths: Sequence[Path] | None) -> "Calendar":
    """The events of all files together."""
    from planner.demand.events import NO_EVENTS, merged, read_events
    from planner.files import read_text

    if not paths:
        return NO_EVENTS
    return merged([read_events(read_text(path), source=str(path)) for path in paths])


def assumptions_of(
    growth: Sequence[str] | None, change: Sequence[str] | None, path: Path | None
) -> "tuple[Assumption, ...]":
    """Those of the file, then those of the command line."""
    from planner.demand.growth import parse_change, parse_growth, read_assumptions
    from planner.files import read_text

    return (
        *(() if path is None else read_assumptions(read_text(path), source=str(path))),
        *(parse_growth(one) for one in growth or ()),
        *(parse_change(one) for one in change or ()),
    )


def kinds_of(text: str | None, *, is_off: bool) -> "frozenset[Kind]":
    """The kinds of faults to mend: all, those named, or none."""
    from planner.demand.cleaning import EVERY_KIND, Kind

    if is_off:
        if text is not None:
            raise InputError("--clean and --no-clean: expected one of them, got both")
        return frozenset()
    if text is None:
        return EVERY_KIND
    known = {one.value: one for one in Kind}
    for part in text.split(","):
        if part.strip() not in known:
            raise InputError(f"--clean {text}: {part.strip()!r}; expected some of {','.join(known)}")
    return frozenset(known[part.strip()] for part in text.split(","))


def check_method(name: str) -> None:
    """Raises InputError where there is no such method."""
    from planner.demand.methods.choose import candidates

    try:
        candidates(name)
    except ValueError as error:
        raise InputError(f"--method: {error}") from None


def write_files(made: "Forecasted", output: Path | None, chart: Path | None) -> None:
    """The files asked for; all are made before the first is written."""
    from planner.demand.fan_csv import fan_csv
    from planner.files import write_atomic

    text = None if output is None else fan_csv(made.fan)
    if chart is not None:
        from planner.report.forecast.chart import write_fan

        write_fan(made, chart)
    if output is not None and text is not None:
        write_atomic(output, text)


def print_forecast(made: "Forecasted", *, as_json: bool) -> None:
    """The forecast on stdout: a table for people or the JSON document."""
    if as_json:
        from planner.report.forecast.document import forecast_text

        typer.echo(forecast_text(made), nl=False)
    else:
        from planner.report.forecast.table import render_forecast

        typer.echo(render_forecast(made, screen=screen()), nl=False)


def zone_name(tz: str | None, config: Path | None) -> tuple[str, tuple[str, ...]]:
    """The zone people live in: the option's, else the fleet's [report] tz, else UTC with a remark."""
    from planner.fleet import read_fleet_file
    from planner.report.month.reading import zone_of

    if tz is not None:
        zone_of(tz)
        return tz, ()
    name = "UTC" if config is None else read_fleet_file(config).report.tz
    if name == "UTC":
        return name, ("days and weeks are those of UTC; --tz Europe/Berlin, say, takes those of the people who ask",)
    zone_of(name)
    return name, (f"days and weeks are those of {name}, from {config}",)
