"""The catalog as a table for people and as the JSON document `baseload.catalog/1`. Renders values; opens nothing.

Amounts are USD inside and in the document; the table converts them. Nothing but the table rounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING

from planner.catalog.listing import ListingRow
from planner.catalog.offer import LeftOut
from planner.catalog.read import HOURS_OF_ADVISOR_MONTH, interruption_range_of
from planner.profile.model import Model, Slo
from planner.report.narrow import fitted, reason_lines, wrapped
from planner.report.numbers import USD, Currency, number
from planner.report.screen import Cell, Column, Screen, render, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

CATALOG_SCHEMA = "baseload.catalog/1"
MONEY = (
    "price_usd_hour",
    "fee_usd_month",
    "setup_fee_usd",
    "quoted_usd_hour",
    "least_usd_hour",
    "most_usd_hour",
    "egress_usd_gb",
    "usd_mtok",
)
"""Fields of a row that are amounts of money."""
DISPENSABLE = (
    "region",
    "market",
    "least",
    "most",
    "taken back",
    "setup",
    "fee",
    "GPU",
    "priced",
    "basis",
    "RAM",
    "vCPU",
)
"""Columns a narrow terminal goes without, the first to go first; the id tells the market too."""

Json = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogListing:
    """What `baseload catalog list` shows."""

    rows: Sequence[ListingRow]
    model: Model
    """Whose tokens the cost is of."""
    mix: float
    """Input tokens per output token."""
    unrated: Mapping[str, str]
    """Offer → why it has no rate for the model."""
    left_out: Sequence[LeftOut] = ()
    """Products known but not offered; shown when asked for."""
    usd_per_eur: Decimal | None = None
    usd_per_eur_date: str | None = None


def render_catalog(
    listing: CatalogListing, *, screen: Screen | None = None, currency: Currency = USD, reasons: bool = False
) -> str:
    """The listing as text: a row per offer, then what the figures are; with `reasons`, why offers have no rate."""
    screen = screen or Screen()
    code = currency.code
    columns, cells, gone = fitted(
        _columns(code),
        [_cells(row, currency) for row in listing.rows],
        screen,
        DISPENSABLE,
    )
    parts: list[RenderableType] = [*wrapped(_heading(listing, code), screen), ""]
    parts += [table(columns, cells), ""]
    for line in _notes(listing, currency, gone, reasons):
        parts += wrapped(line, screen)
    without = [(row.id, listing.unrated[row.id]) for row in listing.rows if row.id in listing.unrated]
    if reasons and without:
        parts += ["", f"No rate for {listing.model.name}:", *reason_lines(without, screen, details=True)]
    if listing.left_out:
        left_out = [(item.id, item.reason) for item in listing.left_out]
        parts += ["", "Known but not offered:", *reason_lines(left_out, screen, details=True)]
    return render(parts, screen)


def catalog_document(listing: CatalogListing) -> Json:
    """The listing as the JSON document `baseload.catalog/1`: money in USD as decimal strings, unknown is null."""
    return {
        "schema": CATALOG_SCHEMA,
        "currency": "USD",
        "price_basis": "USD net of VAT; a base offer's hour is its monthly fee / 720 h",
        "usd_per_eur": None if listing.usd_per_eur is None else money(listing.usd_per_eur),
        "usd_per_eur_date": listing.usd_per_eur_date,
        "model": listing.model.name,
        "profile": listing.model.profile,
        "slo": {"ttft_ms": listing.model.slo.ttft_ms, "tpot_ms": listing.model.slo.tpot_ms},
        "input_per_output": float(listing.mix),
        "offers": [_row(row, listing.unrated.get(row.id)) for row in listing.rows],
        "left_out": [{"id": item.id, "reason": item.reason} for item in listing.left_out],
    }


def slo_words(slo: Slo) -> str:
    """What the rates hold at: the SLO's latencies."""
    parts = []
    if slo.ttft_ms is not None:
        parts.append(f"first token within {number(slo.ttft_ms, 0)} ms (p95)")
    if slo.tpot_ms is not None:
        parts.append(f"{number(slo.tpot_ms, 0)} ms per output token")
    return f"SLO {', '.join(parts)}" if parts else "no SLO"


def taken_back(per_hour: float | None) -> str | None:
    """The share of nodes taken back in a month: the class it is of, else the figure; None: it is not known."""
    if per_hour is None:
        return None
    return interruption_range_of(per_hour) or f"{per_hour * HOURS_OF_ADVISOR_MONTH:.1%}"


def mix_words(mix: float) -> str:
    """The mix as people read it: `1 input token per output token`."""
    return f"{mix:.3g} input token{'' if mix == 1 else 's'} per output token"


def money(amount: Decimal | float) -> str:
    """An amount as a decimal string at full precision, without an exponent."""
    return format(amount if isinstance(amount, Decimal) else Decimal(repr(amount)), "f")


def _heading(listing: CatalogListing, code: str) -> str:
    return (
        f"{_count(listing.rows, 'offer')}, cheapest first: {code} per million tokens of {listing.model.name} "
        f"at {mix_words(listing.mix)}, on a node busy all the time ({slo_words(listing.model.slo)})"
    )


def _columns(code: str) -> tuple[Column, ...]:
    return (
        words("offer"),
        words("market"),
        words("region"),
        Column(title="vCPU"),
        Column(title="RAM", unit="GiB"),
        words("GPU"),
        Column(title="price", unit=f"{code}/h", places=4),
        Column(title="least", unit=f"{code}/h", places=4),
        Column(title="most", unit=f"{code}/h", places=4),
        Column(title="fee", unit=f"{code}/mo", places=2),
        Column(title="setup", unit=code),
        Column(title="cost", unit=f"{code}/Mtok", places=3),
        words("basis"),
        words("priced"),
        words("taken back"),
    )


def _cells(row: ListingRow, currency: Currency) -> tuple[Cell, ...]:
    return (
        row.id,
        row.market,
        f"{row.region} {row.zone}" if row.zone else row.region,
        row.vcpu,
        row.memory_gib,
        "" if row.gpu is None else row.gpu if row.gpu_count == 1 else f"{row.gpu_count}×{row.gpu}",
        currency.amount(row.quoted_usd_hour),
        "" if row.least_usd_hour is None else currency.amount(row.least_usd_hour),
        "" if row.most_usd_hour is None else currency.amount(row.most_usd_hour),
        "" if row.fee_usd_month is None else currency.amount(row.fee_usd_month),
        currency.amount(row.setup_fee_usd),
        None if row.usd_mtok is None else currency.amount(Decimal(repr(row.usd_mtok))),
        row.basis,
        f"{row.price_date}{' old' if row.is_price_stale else ''}",
        taken_back(row.interruptions_per_hour) if row.market == "spot" else "",
    )


def _notes(listing: CatalogListing, currency: Currency, gone: Sequence[str], reasons: bool) -> list[str]:
    """What the figures are, what is not in them, and what else can be shown."""
    rows, code = listing.rows, currency.code
    notes = ["Prices are net of VAT."]
    if currency.code != "USD":
        dated = "" if currency.rate_date is None else f" of {currency.rate_date.isoformat()}"
        notes[0] += f" Amounts in {code} at {currency.usd_per_unit} USD/{code}{dated}."
    elif any(row.currency == "EUR" for row in rows) and listing.usd_per_eur is not None:
        notes[0] += f" Prices in EUR converted at {listing.usd_per_eur} USD/EUR of {listing.usd_per_eur_date}."
    if any(row.market == "base" for row in rows):
        notes.append("The price of a base offer is its monthly fee / 720 h; bills use the calendar's hours.")
    if any(row.market != "base" and row.fee_usd_month is not None for row in rows):
        notes.append("The fee of an offer by the hour is the most it costs in a calendar month.")
    if any(row.mean_days is not None for row in rows):
        notes.append("A price beside least and most is the mean of the days before it was asked for.")
    if any(row.interruptions_per_hour is not None for row in rows):
        notes.append("taken back: share of an offer's nodes interrupted in a month.")
    notes.append("Setup fees, egress, interruptions and idle hours are not in the cost; a plan counts them.")
    if any(row.basis == "estimated" for row in rows):
        notes.append("estimated: by a rule, not measured; `baseload profile show --offer ID` says how.")
    without = sum(row.usd_mtok is None for row in rows)
    if without:
        why = "" if reasons else "; -v says why"
        notes.append(f"{without} of {_count(rows, 'offer')} have no rate for {listing.model.name} (–){why}.")
    if gone:
        notes.append(f"Not shown at this width: {', '.join(gone)}.")
    sources = dict.fromkeys(f"{row.id.partition('/')[0]}: {row.source}" for row in sorted(rows, key=lambda r: r.id))
    return [*notes, "Sources:", *(f"  {source}" for source in sources)]


def _row(row: ListingRow, reason: str | None) -> Json:
    """Everything the row has, and why it has no rate where it has none."""
    shown: Json = {}
    for one in fields(row):
        value = getattr(row, one.name)
        if value is None:
            shown[one.name] = None
        elif one.name in MONEY:
            shown[one.name] = money(value)
        elif isinstance(value, int | float):
            shown[one.name] = value
        else:
            shown[one.name] = str(value)
    return {**shown, "no_rate_reason": reason}


def _count(rows: Sequence[object], what: str) -> str:
    return f"{len(rows)} {what}{'' if len(rows) == 1 else 's'}"
