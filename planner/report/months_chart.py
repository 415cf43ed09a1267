"""A schedule of months as a picture: what each month costs, and the servers of each. Needs matplotlib.

Colours are Okabe and Ito's (see charts.py).
"""

from decimal import Decimal
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from planner.optimize.months.value import Schedule
from planner.report.charts import BASE_COLORS, BURST_COLORS, HATCHES, UNSERVED_COLOR, write_figure
from planner.report.numbers import USD, Currency, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_months_chart(found: Schedule, path: Path, currency: Currency = USD) -> None:
    """Writes the picture to `path`, an .svg or .png file."""
    write_figure(draw_months(found, currency), path)


def draw_months(found: Schedule, currency: Currency = USD) -> "Figure":
    """Above a bar of costs for each month, below its base servers by offer."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(8.0, 2 + 0.5 * len(found.months)), 7.5), layout="constrained")
    FigureCanvasAgg(figure)
    costs, servers = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    places = range(len(found.months))
    below = [0.0] * len(found.months)
    for label, color, hatch, usd in _parts(found):
        values = [float(currency.amount(one) or 0) for one in usd]
        if any(values):
            costs.bar(places, values, bottom=below, color=color, hatch=hatch, edgecolor="white", label=label)
            below = [low + value for low, value in zip(below, values, strict=True)]
    standing = [0] * len(found.months)
    offers = dict.fromkeys(offer for one in found.months for offer, count in one.base.items() if count)
    for offer, color, hatch in zip(offers, cycle(BASE_COLORS), cycle(HATCHES), strict=False):
        counts = [one.base.get(offer, 0) for one in found.months]
        servers.bar(places, counts, bottom=standing, color=color, hatch=hatch, edgecolor="white", label=offer)
        standing = [low + count for low, count in zip(standing, counts, strict=True)]
    costs.set_ylabel(f"{currency.code}, net of VAT")
    servers.set_ylabel("base servers")
    servers.set_xticks(list(places), [one.month for one in found.months], rotation=45, ha="right")
    for panel in (costs, servers):
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.3, linewidth=0.6, axis="y")
        panel.set_axisbelow(True)
    servers.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    figure.legend(*costs.get_legend_handles_labels(), loc="outside lower left", ncols=4, frameon=False)
    title = (
        f"Base servers, {found.months[0].month} to {found.months[-1].month}: bill "
        f"{number(currency.amount(found.bill_usd))} {currency.code}"
    )
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    return figure


def _parts(found: Schedule) -> list[tuple[str, str, str, list[Decimal]]]:
    """Label, colour, hatch and amounts of each part of the months' totals."""
    months = found.months
    return [
        ("base fees", BASE_COLORS[0], "", [one.fees_usd for one in months]),
        ("setup fees due", BASE_COLORS[1], "//", [one.setup_due_usd for one in months]),
        ("burst and egress", BURST_COLORS[0], "..", [one.burst_usd + one.egress_usd for one in months]),
        (
            "interruptions and penalty",
            UNSERVED_COLOR,
            "",
            [one.interruption_usd + one.unserved_penalty_usd for one in months],
        ),
    ]
