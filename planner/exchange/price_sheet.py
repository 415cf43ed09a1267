"""Reads a price sheet: machines with price and rate, quoted at a list of utilizations. TOML text in; docs/price.md.

```toml
utilizations = [1.0, 0.7, 0.5]
price_date = 2026-11-01
source = "our invoices"

[[machine]]
name = "AX102"
usd_hour = 0.214        # or usd_month, quoted at 720 h
tok_s = 300
```
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from planner.catalog.nearest import nearest
from planner.economics.claims import Claim
from planner.economics.quote import Machine, price_of_month
from planner.errors import InputError
from planner.exchange.claims import claims_of
from planner.exchange.sizes import EXPECTED, is_reasonable

SHEET_KEYS = ("machine", "claim", "utilizations", "input_per_output", "price_date", "source")
MACHINE_KEYS = ("name", "usd_hour", "usd_month", "tok_s", "decode_only")

Table = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSheet:
    """Machines to quote."""

    machines: tuple[Machine, ...]
    utilizations: tuple[Decimal, ...] = ()
    """Empty: not said."""
    input_per_output: Decimal | None = None
    price_date: date | None = None
    source: str = ""
    claims: tuple[Claim, ...] = ()
    """Figures someone states, to be held against those computed (exchange/claims.py)."""


def read_price_sheet(text: str, *, source: str) -> PriceSheet:
    """The price sheet of a TOML text; what is wrong is an InputError that names file, machine and key."""
    try:
        table = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise InputError(f"{source}: not readable as TOML ({' '.join(str(error).split())})") from None
    _known(table, SHEET_KEYS, source)
    blocks = table.get("machine")
    if not isinstance(blocks, list) or not blocks or not all(isinstance(one, dict) for one in blocks):
        raise InputError(f"{source}: no [[machine]]; expected at least one with name, usd_hour and tok_s")
    machines = tuple(_machine(block, f"{source}, [[machine]] number {at}") for at, block in enumerate(blocks, start=1))
    names = [machine.name for machine in machines]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{source}, [[machine]] {twice!r}: stands there twice; expected each name once")
    uses = table.get("utilizations", [])
    if not isinstance(uses, list):
        raise InputError(f"{source}, utilizations is {uses!r}; expected a list such as [1.0, 0.7]")
    mix = table.get("input_per_output")
    return PriceSheet(
        machines=machines,
        utilizations=tuple(_utilization(use, source) for use in uses),
        input_per_output=None if mix is None else _number(mix, f"{source}, input_per_output", least=Decimal(0)),
        price_date=_date(table.get("price_date"), source),
        source=_text(table.get("source", ""), f"{source}, source"),
        claims=claims_of(table, source),
    )


def _machine(block: Table, place: str) -> Machine:
    _known(block, MACHINE_KEYS, place)
    name = _text(block.get("name"), f"{place}, name")
    if not name:
        raise InputError(f"{place}, name: missing; expected a name")
    if ("usd_hour" in block) == ("usd_month" in block):
        raise InputError(f"{place}: expected exactly one of usd_hour and usd_month")
    if "usd_hour" in block:
        price = _positive(block["usd_hour"], f"{place}, usd_hour")
    else:
        price = price_of_month(_positive(block["usd_month"], f"{place}, usd_month"))
    decode_only = block.get("decode_only", False)
    if not isinstance(decode_only, bool):
        raise InputError(f"{place}, decode_only is {decode_only!r}; expected true or false")
    rate = _positive(block.get("tok_s"), f"{place}, tok_s")
    return Machine(name=name, price_usd_hour=price, tok_s=rate, is_decode_only=decode_only)


def _known(table: Table, known: Iterable[str], place: str) -> None:
    known = tuple(known)
    for key in table:
        if key not in known:
            near = nearest(key, known)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
            raise InputError(f"{place}: unknown key {key!r}; {hint}")


def _utilization(value: Any, source: str) -> Decimal:
    use = _number(value, f"{source}, utilizations", least=Decimal(0))
    if not 0 < use <= 1:
        raise InputError(f"{source}, utilizations: {use} is not in (0, 1]; expected ratios such as 0.7")
    return use


def _positive(value: Any, place: str) -> Decimal:
    number = _number(value, place, least=Decimal(0))
    if number == 0:
        raise InputError(f"{place} is 0; expected a number above 0")
    return number


def _number(value: Any, place: str, *, least: Decimal) -> Decimal:
    if value is None:
        raise InputError(f"{place}: missing; expected a number")
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise InputError(f"{place} is {value!r}; expected a number")
    number = Decimal(value)
    if not number.is_finite() or number < least:
        raise InputError(f"{place} is {value}; expected {least} or more")
    if not is_reasonable(number):
        raise InputError(f"{place} is {str(value)[:40]}; expected {EXPECTED}")
    return number


def _text(value: Any, place: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not value.isprintable():
        raise InputError(f"{place} is {value!r}; expected a text on one line")
    return value


def _date(value: Any, source: str) -> date | None:
    if value is None:
        return None
    if isinstance(value, datetime) or not isinstance(value, date):
        raise InputError(f"{source}, price_date is {value}; expected a date such as 2026-11-01")
    return value
