"""Where our prices stand in the market, as a picture: hosted models by price, ours as lines. Needs matplotlib.

Colours are Okabe and Ito's (see charts.py). The scale is logarithmic: a class spans more than ten to one.
"""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from planner.report.charts import write_figure
from planner.report.numbers import USD, Currency, number, percent
from planner.report.price.market import MarketView, mix_in_words, reference_in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HOSTED_COLOR = "#0072B2"
BAND_COLOR = "#009E73"
LINES = ("-", "--", "-.", ":")
OURS = ("#D55E00", "#CC79A7", "#E69F00", "#004466")
MOST_ROWS = 40
"""A class longer than this is drawn without its dearest models, and says so."""


def write_market_chart(view: MarketView, path: Path, currency: Currency = USD) -> None:
    """Writes the chart to `path`, an .svg or .png file."""
    write_figure(draw_market(view, currency), path)


def draw_market(view: MarketView, currency: Currency = USD) -> "Figure":
    """A dot per hosted price, cheapest above; the budget band shaded, the reference and our prices as lines."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = view.market.rows[:MOST_ROWS]
    figure = Figure(figsize=(10, 2.6 + 0.26 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    prices = [_shown(row.blended_usd_mtok, currency) for row in rows]
    # Dots, not bars: on a logarithmic scale the length of a bar would say nothing.
    panel.hlines(range(len(rows)), min(prices) / 2, prices, color=HOSTED_COLOR, linewidth=0.8, alpha=0.6)
    panel.plot(prices, range(len(rows)), "o", color=HOSTED_COLOR, label="hosted models, list price")
    panel.margins(y=0.02)
    names = [f"{row.model}{f' +{row.others}' if row.others else ''}  ({row.provider})" for row in rows]
    panel.set_yticks(range(len(rows)), names, fontsize=8)
    panel.invert_yaxis()
    panel.set_xscale("log")
    _marks(panel, view, currency)
    shown = [*prices, *(_shown(one.price_usd_mtok, currency) for one in view.ours)]
    panel.set_xlim(min(shown) / 1.5, max(shown) * 1.3)
    _ticks(panel)
    market = view.market
    left_out = len(market.rows) - len(rows)
    dated = "" if market.price_date is None else f"; prices of {market.price_date.isoformat()}"
    panel.set_xlabel(
        f"{currency.code} per million tokens at {mix_in_words(view.input_per_output)}, logarithmic"
        + (f"; the {left_out} dearest not shown" if left_out else "")
    )
    figure.suptitle(
        f"Our prices among hosted models of the class {market.model_class}",
        x=0.01,
        ha="left",
        fontsize=12,
        fontweight="bold",
    )
    panel.set_title(f"{market.source}{dated}", loc="left", fontsize=8)
    figure.legend(loc="outside lower left", ncols=2, frameon=False, fontsize=9)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(axis="x", alpha=0.3, linewidth=0.6)
    panel.set_axisbelow(True)
    return figure


def _shown(usd: Decimal, currency: Currency) -> float:
    """An amount in the reader's currency."""
    return float(currency.amount(usd) or 0)


def _marks(panel: "Axes", view: MarketView, currency: Currency) -> None:
    """The budget band, the reference, our prices."""
    budget = next((one for one in view.positions if one.low_ratio < 1 and one.band_usd_mtok is not None), None)
    if budget is not None and budget.band_usd_mtok is not None:
        low, high = (_shown(end, currency) for end in budget.band_usd_mtok)
        label = f"position {budget.name}, {number(low, 3)}–{number(high, 3)}"
        panel.axvspan(low, high, color=BAND_COLOR, alpha=0.18, linewidth=0, label=label)
    reference = _shown(view.market.reference_usd_mtok, currency)
    said = f"{number(reference, 3)}, {reference_in_words(view.market)}"
    panel.axvline(reference, color="black", linewidth=1.2, label=f"reference {said}")
    for index, one in enumerate(view.ours):
        price = _shown(one.price_usd_mtok, currency)
        label = f"ours: {one.name} {number(price, 3)}, {percent(one.dearer_ratio, 0)} % of the class ask more"
        panel.axvline(
            price,
            color=OURS[index % len(OURS)],
            linestyle=LINES[(index // len(OURS) + index) % len(LINES)],
            linewidth=1.8,
            label=label,
        )


def _ticks(panel: "Axes") -> None:
    """Prices as people write them, not as powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    panel.xaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _at: f"{value:g}"))
    panel.xaxis.set_minor_formatter(NullFormatter())
