"""Reads claims, `[[claim]]` in TOML, and finds what they are about in a computed document. docs/price.md.

```toml
[[claim]]
of = "quotes / AX102 / costs / 1.0 / cost_usd_mtok"
claimed = 0.02          # or a range: [0.25, 0.40]
why = "its own formula gives 0.20"
```
"""

import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from planner.catalog.nearest import nearest
from planner.economics.claims import Checked, Claim, checked
from planner.errors import InputError

KEYS = ("of", "claimed", "why", "name", "within_ratio")
LISTED = 8
"""Names shown of what a step may be."""

Table = dict[str, Any]


def read_claims(text: str, *, source: str) -> tuple[Claim, ...]:
    """The claims of a TOML text; its other tables are those of whatever else it is."""
    try:
        table = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise InputError(f"{source}: not readable as TOML ({' '.join(str(error).split())})") from None
    return claims_of(table, source)


def claims_of(table: Table, source: str) -> tuple[Claim, ...]:
    """The claims in a table; none where it has no [[claim]]."""
    blocks = table.get("claim", [])
    if not isinstance(blocks, list) or not all(isinstance(one, dict) for one in blocks):
        raise InputError(f"{source}, claim: expected tables headed [[claim]], with two brackets")
    return tuple(_claim(block, f"{source}, [[claim]] number {at}") for at, block in enumerate(blocks, start=1))


def check_claims(claims: Sequence[Claim], document: Mapping[str, Any], source: str) -> tuple[Checked, ...]:
    """Each claim held against the document; a path that leads nowhere is an InputError with what there is."""
    return tuple(checked(claim, _number(_at(document, claim, source))) for claim in claims)


def _claim(block: Table, place: str) -> Claim:
    for key in block:
        if key not in KEYS:
            near = nearest(key, KEYS)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(KEYS)}"
            raise InputError(f"{place}: unknown key {key!r}; {hint}")
    for key in ("of", "why", "name"):
        value = block.get(key, "")
        if not isinstance(value, str) or not value.isprintable():
            raise InputError(f"{place}, {key} is {value!r}; expected a text on one line")
    written = block.get("claimed")
    pair: list[Any] = written if isinstance(written, list) else [written, written]
    within = block.get("within_ratio", Decimal(0))
    if len(pair) != 2 or not all(_is_number(one) for one in (*pair, within)):
        raise InputError(f"{place}, claimed is {written!r}; expected a number or [from, to]")
    try:
        return Claim(
            of=block.get("of", ""),
            claimed=(Decimal(pair[0]), Decimal(pair[1])),
            why=block.get("why", ""),
            name=block.get("name", ""),
            within_ratio=Decimal(within),
        )
    except ValueError as error:
        raise InputError(f"{place}: {error}") from None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _at(document: Mapping[str, Any], claim: Claim, source: str) -> Any:
    """What stands at the claim's path: keys of objects, and of lists the element whose first value is the step."""
    found: Any = document
    for written in claim.steps:
        names = _names(found)
        step = written if written in names else _name(written)
        if step not in names:
            near = nearest(step, names)
            shown = ", ".join(list(names)[:LISTED]) + (" ..." if len(names) > LISTED else "")
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of {shown}" if names else "it ends before"
            raise InputError(f"{source}, [[claim]] {claim.of!r}: nothing at {step!r}; {hint}")
        found = names[step]
    return found


def _names(found: Any) -> dict[str, Any]:
    """What can be stepped into: keys of an object; elements of a list by their first value, or by #1, #2 ..."""
    if isinstance(found, Mapping):
        return dict(found)
    if not isinstance(found, list):
        return {}
    names = {f"#{at}": one for at, one in enumerate(found, start=1)}
    for one in found:
        if isinstance(one, Mapping) and one:
            first = next(iter(one.values()))
            names.setdefault(_name(first), one)
    return names


def _name(value: Any) -> str:
    """A text as it is; a number without trailing zeros: 0.7 and "0.70" are one step."""
    number = _number(value)
    return str(value) if number is None else f"{number.normalize():f}"


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
