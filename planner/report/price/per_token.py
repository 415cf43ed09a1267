"""Section `per_token`: prices per single token as LiteLLM's model_info takes them, in plain decimals."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from planner.report.price.section import MONEY, TEXT, Json, Section, listed, record, said
from planner.report.screen import Cell, Column, table, words
from policies.units import TOKENS_PER_MTOK

if TYPE_CHECKING:
    from rich.console import RenderableType

KEY = "per_token"
SCHEMA: Json = listed(
    record(
        {
            "model": TEXT,
            "input_cost_per_token": said(MONEY, "USD, of the suggested price's own split."),
            "output_cost_per_token": MONEY,
        }
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPrice:
    """A model's input and output price, USD per million tokens."""

    model: str
    input_usd_mtok: Decimal
    output_usd_mtok: Decimal


def per_token_section(prices: Sequence[TokenPrice]) -> Section:
    """A row per model."""
    rows = [
        (one.model, _plain(one.input_usd_mtok / TOKENS_PER_MTOK), _plain(one.output_usd_mtok / TOKENS_PER_MTOK))
        for one in prices
    ]
    return Section(
        key=KEY,
        title="Per token, as LiteLLM's model_info takes it",
        parts=lambda _currency: _parts(rows),
        document=[
            {"model": model, "input_cost_per_token": low, "output_cost_per_token": high} for model, low, high in rows
        ],
    )


def _parts(rows: Sequence[tuple[str, str, str]]) -> "list[RenderableType]":
    columns = [
        words("model"),
        Column(title="input_cost_per_token", unit="USD"),
        Column(title="output_cost_per_token", unit="USD"),
    ]
    cells: list[list[Cell]] = [list(row) for row in rows]
    return [table(columns, cells), "", "USD whatever the reading currency: LiteLLM reckons in it."]


def _plain(usd: Decimal) -> str:
    """Never in exponents, at most twelve decimals: a millionth of a thousandth of a cent."""
    rounded = usd.quantize(Decimal(1).scaleb(-12)).normalize()
    return f"{rounded:f}"
