"""Section `claims`: figures someone states beside those computed here, and why they differ."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from planner.economics.claims import Checked, Verdict
from planner.report.numbers import UNKNOWN, number, percent, signed
from planner.report.price.section import SIGNED, TEXT, Json, Section, listed, or_null, record, said
from planner.report.screen import Cell, Column, table, words

if TYPE_CHECKING:
    from rich.table import Table

KEY = "claims"
_NUMBER: Json = {"type": "string"}
SCHEMA: Json = listed(
    record(
        {
            "name": TEXT,
            "of": said(TEXT, "Path of the computed figure in this document."),
            "claimed": said(listed(_NUMBER), "From and to; the same twice where it is one figure."),
            "computed": or_null(_NUMBER),
            "verdict": {"enum": [str(verdict) for verdict in Verdict]},
            "off_ratio": said(or_null(SIGNED), "(claimed - computed) / computed, of the nearer end of a range."),
            "why": TEXT,
        }
    )
)


def claims_section(found: Sequence[Checked]) -> Section:
    """Claimed, computed, verdict and why, one line each; figures in their own unit, USD throughout."""
    return Section(
        key=KEY,
        title="Claimed and computed",
        parts=lambda _currency: [_table(found)],
        document=[
            {
                "name": one.claim.name or one.claim.of,
                "of": one.claim.of,
                "claimed": [f"{end:f}" for end in one.claim.claimed],
                "computed": None if one.computed is None else f"{one.computed:f}",
                "verdict": one.verdict.value,
                "off_ratio": None if one.off_ratio is None else float(one.off_ratio),
                "why": one.claim.why,
            }
            for one in found
        ],
    )


def _table(found: Sequence[Checked]) -> "Table":
    columns = [
        words("figure"),
        Column(title="claimed"),
        Column(title="computed"),
        words("verdict"),
        words("why"),
    ]
    return table(columns, [_row(one) for one in found])


def _row(one: Checked) -> list[Cell]:
    claim = one.claim
    ratio = claim.of.endswith("_ratio")
    places = max(0, claim.places - 2) if ratio else claim.places
    low, high = claim.claimed
    claimed = (
        _shown(low, places, ratio) if low == high else f"{_shown(low, places, ratio)}–{_shown(high, places, ratio)}"
    )
    computed = UNKNOWN if one.computed is None else _shown(one.computed, max(places, _places(one, ratio)), ratio)
    verdict = str(one.verdict)
    if ratio and one.off is not None:  # a share of a share says little: 80 % against -9 % is no "+1,031 %"
        verdict += f", {signed(one.off * 100, 0)} points"
    elif one.off_ratio is not None:
        verdict += f", {signed(one.off_ratio * 100, 0)} %"
    return [claim.name or claim.of, claimed, computed, verdict, claim.why]


def _places(one: Checked, ratio: bool) -> int:
    """A decimal more where the claim is wrong, unless the figure is large, so that the difference is seen."""
    if one.verdict is Verdict.AGREES or one.computed is None:
        return 0
    size = abs(one.computed * 100 if ratio else one.computed)
    return 0 if size >= 100 else 1 if size >= 10 else 2


def _shown(value: Decimal, places: int, ratio: bool) -> str:
    return f"{percent(value, places)} %" if ratio else number(value, places)
