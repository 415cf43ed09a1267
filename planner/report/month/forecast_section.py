"""The section on the plan's forecast: how far it was from what came."""

from planner.month.value import ForecastError, MonthReport, SeriesError
from planner.report.month.cells import count, named, notes, ratio, table, words
from planner.report.month.document import Block, Cell, Column, Paragraph, Section, Table
from planner.report.numbers import UNKNOWN, number, percent, signed


def forecast_section(report: MonthReport) -> Section:
    """The errors of the forecast, model by model."""
    found = report.forecast_error
    if found is None:
        text = "No forecast can be held against what came: none is recorded with the plan, or nothing was measured."
        return Section(id="forecast", title="Forecast against what came", blocks=(Paragraph(text=text),))
    levels = sorted({level for one in found.series for level in one.coverage}, key=float)
    blocks: list[Block] = [Paragraph(text=_sentence(found)), _table(found, levels)]
    blocks.append(Paragraph(text=_legend(levels), is_note=True))
    blocks += notes(found.remarks)
    return Section(id="forecast", title="Forecast against what came", blocks=tuple(blocks))


def _sentence(found: ForecastError) -> str:
    told = sum(one.forecast_tok_s for one in found.series)
    came = sum(one.actual_tok_s for one in found.series)
    if not came:
        return f"Nobody came in the {found.hours:,} hours compared; {number(told, 0)} tok/s were forecast."
    off = told / came - 1
    how = "as much as" if abs(off) < 0.005 else f"{percent(abs(off), 0)} % {'more' if off > 0 else 'less'} than"
    return f"Over {found.hours:,} hours, {found.source} expected {how} what came: {number(came, 0)} tok/s on average."


def _table(found: ForecastError, levels: list[str]) -> Table:
    columns = (
        named("Tokens"),
        Column(title="Forecast", unit="tok/s"),
        Column(title="Came", unit="tok/s"),
        Column(title="Bias", unit="%"),
        Column(title="Error", unit="%"),
        Column(title="MASE"),
        Column(title="Highest hour", unit="%"),
        *(Column(title=f"In {percent(float(level), 0)} % band", unit="%") for level in levels),
    )
    return table(
        "forecast-table",
        "Forecast against what came, by model and direction",
        columns,
        [_row(one, f"forecast_error.series.{at}", levels) for at, one in enumerate(found.series)],
    )


def _row(one: SeriesError, key: str, levels: list[str]) -> list[Cell]:
    return [
        words(f"{one.model}, {one.direction}"),
        count(one.forecast_tok_s, f"{key}.forecast_tok_s", 1),
        count(one.actual_tok_s, f"{key}.actual_tok_s", 1),
        _signed(one.bias_ratio, f"{key}.bias_ratio"),
        ratio(one.error_ratio, f"{key}.error_ratio"),
        count(one.mase_vs_seasonal_naive, f"{key}.mase_vs_seasonal_naive", 2),
        _signed(one.peak_error_ratio, f"{key}.peak_error_ratio"),
        *(ratio(one.coverage.get(level)) for level in levels),
    ]


def _signed(value: float | None, key: str) -> Cell:
    return Cell(text=UNKNOWN if value is None else signed(value * 100, 1), key=key)


def _legend(levels: list[str]) -> str:
    text = (
        "Bias: forecast over what came, less 1. Error: mean miss of an hour over what came. MASE: that miss over the "
        "miss of repeating the week before; under 1 the forecast was better. Highest hour: forecast over what came, "
        "less 1."
    )
    return text + (" A band of 90 % should hold 90 % of the hours." if levels else " The forecast had no bands.")
