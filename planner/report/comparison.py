"""Cases side by side: before → after, or one column per case. Rounds, and shows the differences."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from planner.report.numbers import UNKNOWN, number, percent, signed
from planner.report.screen import Cell, Column, Screen, render_table, words

Value = str | int | float | Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRow:
    """One figure in every case: its name, its unit and how it is rounded. Words are compared as they are."""

    label: str
    unit: str = ""
    places: int = 2
    is_ratio: bool = False
    """Ratios are shown as percent, their change in percentage points."""
    values: tuple[Value, ...]

    def text(self, value: Value) -> str:
        """One value as shown."""
        if value is None or isinstance(value, str):
            return UNKNOWN if value is None else value
        return percent(value, self.places) if self.is_ratio else number(value, self.places)

    def change(self) -> tuple[str, str]:
        """The second value against the first, absolute and in percent of the first; blank for words or unknown."""
        before, after = self.values[0], self.values[-1]
        if isinstance(before, str) or isinstance(after, str):
            return ("changed", "") if before != after else ("", "")
        if before is None or after is None:
            return "", ""
        exact_before, exact_after = _exact(before), _exact(after)
        difference = exact_after - exact_before
        if self.is_ratio:
            return signed(difference * 100, self.places), ""
        return signed(difference, self.places), signed(100 * difference / exact_before, 1) if exact_before else ""


def render_comparison(
    cases: Sequence[str],
    rows: Sequence[ComparedRow],
    *,
    title: str = "",
    footer: Sequence[str] = (),
    screen: Screen | None = None,
) -> str:
    """The rows as a table, one column per case; with two cases a third and fourth column say what changed."""
    if len(cases) < 2:
        raise ValueError(f"a comparison needs two cases or more, got {len(cases)}")
    pair = len(cases) == 2
    right = tuple(Column(title=case) for case in cases)
    columns = (words("figure"), words("unit"), *right, *_change_columns(pair))
    made: list[tuple[Cell, ...]] = []
    for row in rows:
        if len(row.values) != len(cases):
            raise ValueError(f"{row.label} has {len(row.values)} values for {len(cases)} cases")
        cells = tuple(row.text(value) for value in row.values)
        unit = f"% {row.unit}".strip() if row.is_ratio else row.unit
        made.append((row.label, unit, *cells, *(row.change() if pair else ())))
    return render_table(columns, made, title=title, footer=footer, screen=screen)


def _change_columns(pair: bool) -> tuple[Column, ...]:
    return (Column(title="change"), Column(title="change, %")) if pair else ()


def _exact(value: int | float | Decimal) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(repr(value))
