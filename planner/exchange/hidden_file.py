"""Reads hidden costs: `[[hidden]]` lines in TOML, each with a kind and exactly one price. docs/price.md.

```toml
[[hidden]]
kind = "support"
usd_month = 500
```
"""

import tomllib
from decimal import Decimal
from typing import Any

from planner.catalog.nearest import nearest
from planner.errors import InputError
from planner.exchange.sizes import EXPECTED, is_reasonable
from policies.hidden import HiddenBasis, HiddenCost, HiddenKind

PRICES = {f"usd_{basis}": basis for basis in HiddenBasis}
KEYS = ("kind", "what", "gb_month", *PRICES)

Table = dict[str, Any]


def read_hidden(text: str, *, source: str) -> tuple[HiddenCost, ...]:
    """The lines of a TOML text; what is wrong is an InputError that names file, line and key."""
    try:
        table = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise InputError(f"{source}: not readable as TOML ({' '.join(str(error).split())})") from None
    for key in table:
        if key != "hidden":
            raise InputError(f"{source}: {_unknown(key, ('hidden',))}")
    blocks = table.get("hidden")
    if not isinstance(blocks, list) or not blocks or not all(isinstance(one, dict) for one in blocks):
        raise InputError(f"{source}: no [[hidden]]; expected at least one with kind and a price such as usd_month")
    return tuple(_line(block, f"{source}, [[hidden]] number {at}") for at, block in enumerate(blocks, start=1))


def _line(block: Table, place: str) -> HiddenCost:
    for key in block:
        if key not in KEYS:
            raise InputError(f"{place}: {_unknown(key, KEYS)}")
    kinds = [str(kind) for kind in HiddenKind]
    kind = block.get("kind")
    if kind not in kinds:
        raise InputError(f"{place}, kind is {kind!r}; expected one of {', '.join(kinds)}")
    prices = [key for key in PRICES if key in block]
    if len(prices) != 1:
        raise InputError(f"{place}: {' and '.join(prices) or 'no price'}; expected exactly one of {', '.join(PRICES)}")
    what = block.get("what", "")
    if not isinstance(what, str) or not what.isprintable():
        raise InputError(f"{place}, what is {what!r}; expected a text on one line")
    try:
        return HiddenCost(
            kind=HiddenKind(kind),
            basis=PRICES[prices[0]],
            price_usd=_number(block[prices[0]], f"{place}, {prices[0]}"),
            gb_month=None if "gb_month" not in block else _number(block["gb_month"], f"{place}, gb_month"),
            what=what,
        )
    except ValueError as error:
        raise InputError(f"{place}: {error}") from None


def _number(value: Any, place: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise InputError(f"{place} is {value!r}; expected a number")
    if not is_reasonable(Decimal(value)):
        raise InputError(f"{place} is {str(value)[:40]}; expected {EXPECTED}")
    return Decimal(value)


def _unknown(key: str, known: tuple[str, ...]) -> str:
    near = nearest(key, known)
    hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
    return f"unknown key {key!r}; {hint}"
