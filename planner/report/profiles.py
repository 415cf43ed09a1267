"""A model's throughput on each offer as tables for people and as the JSON document `baseload.profile/1`. Opens nothing.

Three views: every offer, one offer point by point, and the machines of a profile.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from planner.catalog.offer import Offer
from planner.profile.estimate import LeaveOneOut
from planner.profile.listing import MachineRow, OfferRow, PointRow, ProfileRow
from planner.profile.model import Model, Rates
from planner.report.listings import mix_words, money, slo_words
from planner.report.narrow import common_note, fitted, reason_lines, wrapped
from planner.report.numbers import USD, Currency, number, percent
from planner.report.screen import Cell, Column, Screen, render, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

PROFILE_SCHEMA = "baseload.profile/1"
DISPENSABLE = ("measured on", "dated", "fit error", "TPOT", "TTFT p95", "basis")
"""Columns of the offers a narrow terminal goes without, the first to go first."""
_LATENCIES = {"TTFT p95": "TTFT: time to first token", "TPOT": "TPOT: time per output token"}
DISPENSABLE_OF_MACHINES = ("dated", "CPU", "lengths", "in flight", "basis")

Json = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedOffer:
    """An offer with its rates, or why it has none, and the cost that follows."""

    offer: Offer
    row: OfferRow
    usd_mtok: float | None = None
    """USD per million tokens of the mix at full utilization; None without rates."""

    @property
    def ttft_p95_ms(self) -> float | None:
        """The longest time to first token (p95) of the workloads at their rated points."""
        return max((w.ttft_p95_ms for w in self.row.workloads if w.ttft_p95_ms is not None), default=None)

    @property
    def tpot_ms(self) -> float | None:
        """The longest time per output token of the workloads at their rated points."""
        return max((w.tpot_ms for w in self.row.workloads if w.tpot_ms is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileListing:
    """What `baseload profile show` shows."""

    model: Model
    mix: float
    """Input tokens per output token, for the cost."""
    profile: ProfileRow
    others: Sequence[str]
    """Names of the profiles that can be shown."""
    offers: Sequence[RatedOffer]
    """All of the catalog, or the one asked for."""
    errors: Sequence[LeaveOneOut] = ()
    """Leave-one-out test of the rule behind estimated offers; empty where none is shown."""
    rule: str = ""
    """Name of that rule."""
    machines: Sequence[MachineRow] | None = None
    """The machines of the profile, where asked for."""

    @property
    def rated(self) -> list[tuple[RatedOffer, Rates]]:
        """Offers with rates, the cheapest per million tokens first."""
        found = [(one, one.row.rates) for one in self.offers if one.row.rates is not None]
        return sorted(found, key=lambda pair: (pair[0].usd_mtok or 0.0, pair[0].offer.id))

    @property
    def unfit(self) -> list[tuple[str, str]]:
        """Offers without rates, and why."""
        return sorted((one.offer.id, one.row.reason) for one in self.offers if one.row.reason is not None)


def render_offers(
    listing: ProfileListing, *, screen: Screen | None = None, currency: Currency = USD, details: bool = False
) -> str:
    """Every offer at its rated point, cheapest first; those without rates by reason, on `details` with figures."""
    screen = screen or Screen()
    rated = listing.rated
    parts: list[RenderableType] = [*_heading(listing, screen), ""]
    gone: list[str] = []
    if rated:
        cells = [_offer_cells(one, rates, currency) for one, rates in rated]
        columns, kept, gone = fitted(_offer_columns(currency.code), cells, screen, DISPENSABLE)
        parts += [table(columns, kept), ""]
    for line in _offer_notes(listing, currency, gone):
        parts += wrapped(line, screen)
    if listing.unfit:
        parts += ["", *reason_lines(listing.unfit, screen, details=details)]
    return render(parts, screen)


def render_offer(listing: ProfileListing, *, screen: Screen | None = None, currency: Currency = USD) -> str:
    """One offer: its curves point by point with the rated point marked, P and G, and where they come from."""
    screen = screen or Screen()
    (one,) = listing.offers
    parts: list[RenderableType] = [*_heading(listing, screen), "", *wrapped(_machine_words(one.offer), screen)]
    rates = one.row.rates
    if rates is None:
        parts += wrapped(f"Not rated: {one.row.reason}.", screen)
        for line in _context_lines(one):
            parts += wrapped(line, screen)
        return render(parts, screen)
    if _stand_in(one):
        parts += wrapped(f"Not measured itself; the curve is of {one.row.machine}.", screen)
    for workload in one.row.workloads:
        points = [point for point in one.row.points if point.workload == workload.workload]
        lengths = f"{number(points[0].prompt_tokens, 0)} tokens in, {number(points[0].output_tokens, 0)} out"
        parts += ["", f"Workload {workload.workload}: {lengths}{_residual_words(workload.residual_ratio)}"]
        parts.append(_point_table(points))
    parts.append("")
    for line in _rate_lines(one, rates, listing, currency):
        parts += wrapped(line, screen)
    if listing.errors:
        parts += ["", *wrapped(f"{listing.rule}: each size left out in turn, 128 tokens, tok/s", screen)]
        parts.append(_error_table(listing.errors))
    return render(parts, screen)


def render_machines(listing: ProfileListing, *, screen: Screen | None = None) -> str:
    """The machines of the profile: what was measured on each."""
    screen = screen or Screen()
    rows = listing.machines or ()
    columns = (
        words("machine"),
        words("CPU"),
        words("GPU"),
        words("rates by"),
        words("lengths"),
        Column(title="in flight", places=1),
        words("basis"),
        words("dated"),
    )
    cells: list[tuple[Cell, ...]] = [
        (
            row.machine,
            row.cpu or "",
            "" if row.gpu is None else f"{row.gpu_count}×{row.gpu}",
            row.kind,
            row.lengths,
            row.max_concurrency,
            row.basis,
            row.source_date,
        )
        for row in rows
    ]
    kept_columns, kept, gone = fitted(columns, cells, screen, DISPENSABLE_OF_MACHINES)
    parts: list[RenderableType] = [*_heading(listing, screen, model=False), "", table(kept_columns, kept), ""]
    notes = []
    if any(column.title == "in flight" for column in kept_columns):
        notes.append("In flight: the most requests at once that were measured.")
    if gone:
        notes.append(f"Not shown at this width: {', '.join(gone)}.")
    for line in notes:
        parts += wrapped(line, screen)
    return render(parts, screen)


def profile_document(listing: ProfileListing, *, points: bool = False) -> Json:
    """The listing as the JSON document `baseload.profile/1`: money in USD as decimal strings, unknown is null."""
    longest = {one.offer.id: one.row.max_model_len for one in listing.offers}
    document: Json = {
        "schema": PROFILE_SCHEMA,
        "currency": "USD",
        "model": listing.model.name,
        "slo": {"ttft_ms": listing.model.slo.ttft_ms, "tpot_ms": listing.model.slo.tpot_ms},
        "input_per_output": float(listing.mix),
        "profile": asdict(listing.profile),
        "profiles": list(listing.others),
        "offers": [_offer_json(one, rates, points) for one, rates in listing.rated],
        "unfit": [
            {"offer": offer, "reason": reason, "max_model_len": longest[offer]} for offer, reason in listing.unfit
        ],
        "leave_one_out": [
            {**asdict(test), "prefill_error": test.prefill_error, "decode_error": test.decode_error}
            for test in listing.errors
        ],
    }
    if listing.machines is not None:
        document["machines"] = [asdict(row) for row in listing.machines]
    return document


# Every offer


def _heading(listing: ProfileListing, screen: Screen, *, model: bool = True) -> list[str]:
    profile = listing.profile
    counts = {"measured": profile.measured, "estimated": profile.estimated}
    machines = ", ".join(f"{number(count, 0)} {basis}" for basis, count in counts.items() if count)
    licence = f" ({profile.licence})" if profile.licence and profile.licence not in profile.source else ""
    lines = []
    if model:
        lines.append(f"{listing.model.name}, {slo_words(listing.model.slo)}")
    lines.append(f"Profile {profile.name}: {profile.title}; machines: {machines}")
    lines.append(f"Source: {profile.source}{licence}, {profile.source_date}")
    return [piece for line in lines for piece in wrapped(line, screen)]


def _offer_columns(code: str) -> tuple[Column, ...]:
    return (
        words("offer"),
        Column(title="in", unit="flight", places=1),
        Column(title="P", unit="tok/s"),
        Column(title="G", unit="tok/s"),
        Column(title="TTFT p95", unit="ms"),
        Column(title="TPOT", unit="ms"),
        Column(title="fit error", unit="%", places=0, is_ratio=True),
        Column(title="cost", unit=f"{code}/Mtok", places=3),
        words("basis"),
        words("dated"),
        words("measured on"),
    )


def _offer_cells(one: RatedOffer, rates: Rates, currency: Currency) -> tuple[Cell, ...]:
    return (
        one.offer.id,
        rates.concurrency,
        rates.prefill_tok_s,
        rates.decode_tok_s,
        one.ttft_p95_ms,
        one.tpot_ms,
        rates.residual_ratio,
        None if one.usd_mtok is None else currency.amount(Decimal(repr(one.usd_mtok))),
        str(rates.basis),
        rates.source_date,
        _stand_in(one),
    )


def _stand_in(one: RatedOffer) -> str:
    """The machine whose measurements stand for the offer's; empty where they are its own."""
    itself = f"{one.offer.provider}/{one.offer.product}".lower()
    return "" if one.row.machine in (None, itself) else str(one.row.machine)


def _offer_notes(listing: ProfileListing, currency: Currency, gone: Sequence[str]) -> list[str]:
    rated = listing.rated
    notes = []
    if rated:
        known = {"TTFT p95": any(one.ttft_p95_ms for one, _ in rated), "TPOT": any(one.tpot_ms for one, _ in rated)}
        latencies = [name for title, name in _LATENCIES.items() if known[title] and title not in gone]
        euro = "" if currency.code == "USD" else f" at {currency.usd_per_unit} USD/{currency.code}"
        notes = [
            "P: input tok/s of a node doing only prefill; G: output tok/s doing only decode; both at the rated point.",
            f"{', '.join(latencies)}, of the slowest workload at its rated point." if latencies else "",
            f"Cost: {currency.code}{euro} per million tokens at {mix_words(listing.mix)}, on a node busy all the time, "
            "net of VAT.",
        ]
    if any(rates.residual_ratio is not None for _, rates in rated):
        notes.append("Fit error: how far two rates are from the worst explained workload; – with one workload.")
    if listing.errors:
        notes.append(f"Estimated: {listing.rule}; {_errors_in_words(listing.errors)}; --offer ID shows each.")
    notes += [f"All: {note}." for note in common_note([rates.remarks for _, rates in rated])]
    if gone:
        notes.append(f"Not shown at this width: {', '.join(gone)}.")
    more = "--offer ID: the curve and all remarks; --machines: what was measured on which machine"
    notes.append(f"{more}. Profiles: {', '.join(listing.others)}.")
    return [note for note in notes if note]


def _errors_in_words(errors: Sequence[LeaveOneOut]) -> str:
    """Worst errors of the leave-one-out test."""
    prefill = max((test.prefill_error for test in errors), key=abs)
    decode = max((test.decode_error for test in errors), key=abs)
    return (
        f"left out one size at a time it is at worst {_signed_percent(prefill)} off for prefill, "
        f"{_signed_percent(decode)} for decode"
    )


def _signed_percent(ratio: float) -> str:
    text = percent(ratio, 0)
    return f"{text} %" if text.startswith("−") or text == "0" else f"+{text} %"


# One offer


def _machine_words(offer: Offer) -> str:
    """What is rented: `aws/g5.xlarge (on-demand): 4 vCPU, 16 GiB, A10G`."""
    parts = []
    if offer.vcpu is not None:
        parts.append(f"{offer.vcpu} vCPU")
    if offer.memory_gib is not None:
        parts.append(f"{number(offer.memory_gib, 0)} GiB")
    if offer.gpu is not None:
        parts.append(offer.gpu if offer.gpu_count == 1 else f"{offer.gpu_count}×{offer.gpu}")
    if offer.cpu is not None:
        parts.append(offer.cpu)
    return f"{offer.id} ({offer.market}){': ' if parts else ''}{', '.join(parts)}"


def _residual_words(residual: float | None) -> str:
    if residual is None:
        return ""
    said = "the rates understate it" if residual > 0 else "the rates overstate it" if residual < 0 else "exact"
    return f"; residual {_signed_percent(residual)} ({said})"


def _point_table(points: Sequence[PointRow]) -> "RenderableType":
    columns = (
        Column(title="in", unit="flight", places=1),
        Column(title="input", unit="tok/s", places=1),
        Column(title="output", unit="tok/s", places=1),
        Column(title="TTFT p95", unit="ms"),
        Column(title="TPOT", unit="ms", places=1),
        words(""),
    )
    return table(
        columns,
        [
            (
                point.concurrency,
                point.input_tok_s,
                point.output_tok_s,
                point.ttft_p95_ms,
                point.tpot_ms,
                "← rated point" if point.is_rated else "",
            )
            for point in points
        ],
        bold=[index for index, point in enumerate(points) if point.is_rated],
    )


def _rate_lines(one: RatedOffer, rates: Rates, listing: ProfileListing, currency: Currency) -> list[str]:
    at = "" if rates.concurrency is None else f" at {number(rates.concurrency, 1)} requests in flight"
    lines = [
        f"P {number(rates.prefill_tok_s, 1)} input tok/s, G {number(rates.decode_tok_s, 1)} output tok/s{at}; "
        f"{rates.basis}, {rates.source_date}"
    ]
    if one.usd_mtok is not None:
        cost = number(currency.amount(Decimal(repr(one.usd_mtok))), 3)
        lines.append(
            f"Cost: {currency.code} {cost} per million tokens at {mix_words(listing.mix)}, node busy all the time"
        )
    lines += _context_lines(one)
    lines.append(f"Rule: {rates.rule}")
    lines.append(f"Source: {rates.source}")
    return [*lines, *(f"Remark: {remark}" for remark in rates.remarks)]


def _context_lines(one: RatedOffer) -> list[str]:
    """How long a context fits, in a line; none where the memory figures are not known."""
    longest = one.row.max_model_len
    if longest is None:
        return []
    if longest == 0:
        return ["Context that fits (max_model_len): none, the weights leave no memory for it"]
    return [f"Context that fits (max_model_len): {number(longest, 0)} tokens for one request"]


def _error_table(errors: Sequence[LeaveOneOut]) -> "RenderableType":
    columns = (
        words("machine"),
        Column(title="prefill", unit="measured", places=1),
        Column(title="", unit="rule", places=1),
        Column(title="", unit="error"),
        Column(title="decode", unit="measured", places=1),
        Column(title="", unit="rule", places=1),
        Column(title="", unit="error"),
    )
    return table(
        columns,
        [
            (
                test.key,
                test.prefill_measured,
                test.prefill_estimated,
                _signed_percent(test.prefill_error),
                test.decode_measured,
                test.decode_estimated,
                _signed_percent(test.decode_error),
            )
            for test in errors
        ],
    )


# JSON


def _offer_json(one: RatedOffer, rates: Rates, points: bool) -> Json:
    document: Json = {
        "offer": one.offer.id,
        "machine": one.row.machine,
        "prefill_tok_s": float(rates.prefill_tok_s),
        "decode_tok_s": float(rates.decode_tok_s),
        "concurrency": rates.concurrency,
        "ttft_p95_ms": one.ttft_p95_ms,
        "tpot_ms": one.tpot_ms,
        "residual_ratio": rates.residual_ratio,
        "max_model_len": one.row.max_model_len,
        "usd_mtok": None if one.usd_mtok is None else money(one.usd_mtok),
        "basis": str(rates.basis),
        "rule": rates.rule,
        "source": rates.source,
        "source_date": rates.source_date,
        "remarks": list(rates.remarks),
        "workloads": [asdict(workload) for workload in one.row.workloads],
    }
    if points:
        document["points"] = [asdict(point) for point in one.row.points]
    return document
