"""Options that several commands share, and what every command does with results and remarks."""

import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from planner.catalog.offer import Catalog
    from planner.report.numbers import Currency
    from planner.report.screen import Screen


class Fill(StrEnum):
    """How to complete a month the forecast covers in part."""

    WEEKLY = "weekly"


class CurrencyCode(StrEnum):
    """Currencies amounts can be shown in."""

    USD = "USD"
    EUR = "EUR"


ForecastOption = Annotated[Path, typer.Option("-f", "--forecast", help="Forecast, CSV or CSV.gz.", show_default=False)]
FleetOption = Annotated[
    Path | None, typer.Option("-c", "--config", help="fleet.toml; without it the packaged default fleet is used.")
]
MonthOption = Annotated[str | None, typer.Option("--month", help="Plan this calendar month, such as 2026-12 (UTC).")]
FillOption = Annotated[
    Fill | None, typer.Option("--fill", help="Complete the month: weekly repeats the last whole week.")
]
QuantileOption = Annotated[
    float | None, typer.Option("--quantile", help="Plan for this quantile of the forecast, not its mean.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change an input, such as demand=*1.5 or price.aws=*1.2."),
]
WithoutOption = Annotated[
    list[str] | None, typer.Option("--without", metavar="OFFERS", help="Leave out a provider, market or offer.")
]
OnlyOption = Annotated[
    list[str] | None, typer.Option("--only", metavar="OFFERS", help="Keep only a provider, market or offer.")
]
SloOption = Annotated[
    list[str] | None, typer.Option("--slo", metavar="KEY=MS", help="Change an SLO, such as ttft_ms=500.")
]
PolicyOption = Annotated[
    str | None, typer.Option("--policy", metavar="PRESET|FILE", help="bootstrapped, funded, enterprise, or a file.")
]
CurrencyOption = Annotated[CurrencyCode, typer.Option("--currency", help="Currency amounts are shown in.")]
MeasuredOption = Annotated[bool, typer.Option("--measured-only", help="Leave out offers whose rates are estimated.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")]


def split(selectors: list[str] | None) -> tuple[str, ...]:
    """Selectors as given, one option each or several in one, separated by commas."""
    return tuple(part.strip() for one in selectors or () for part in one.split(",") if part.strip())


def screen() -> "Screen":
    """Where results go: a terminal's width and colours, or everything in full when piped."""
    from planner.report.screen import screen_of

    return screen_of(sys.stdout)


def say(context: typer.Context, remarks: Iterable[str]) -> None:
    """Remarks on stderr, each once; none under -q."""
    if not is_quiet(context):
        for remark in dict.fromkeys(remarks):
            typer.echo(f"note: {remark}", err=True)


def is_quiet(context: typer.Context) -> bool:
    """Whether -q was given."""
    return bool((context.find_object(dict) or {}).get("quiet"))


def is_verbose(context: typer.Context) -> bool:
    """Whether -v was given."""
    return bool((context.find_object(dict) or {}).get("verbose"))


def currency_of(code: CurrencyCode, catalog: "Catalog | None" = None) -> "Currency":
    """The currency to show amounts in, at the catalog's dated rate, or the shipped one."""
    from planner.catalog.read import shipped_fx
    from planner.report.numbers import USD, Currency

    if code is CurrencyCode.USD:
        return USD
    if catalog is not None and catalog.usd_per_eur is not None:
        return Currency(code="EUR", usd_per_unit=catalog.usd_per_eur, rate_date=catalog.usd_per_eur_date)
    rate = shipped_fx()
    return Currency(code="EUR", usd_per_unit=rate.usd_per_eur, rate_date=rate.date)
