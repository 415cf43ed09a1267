"""Rows as a table for people."""

from collections.abc import Mapping, Sequence

from benchmarks.measure import Row, Spread

HEADER = ("what", "reach", "measured", "min – max", "processor", "runs", "rival ÷ ours", "verdict")


def render(rows: Sequence[Row], facts: Mapping[str, str], spent_s: float) -> str:
    """The table, its facts above, its notes below."""
    lines = [(name, *_cells(row)) for name, row in _numbered(rows)]
    table = [HEADER, *lines]
    width = [max(len(line[column]) for line in table) for column in range(len(HEADER))]
    laid = ["  ".join(_put(text, width[c], left=c in {0, 7}) for c, text in enumerate(line)).rstrip() for line in table]
    notes = [f"  [{number}] {row.note}" for number, row in enumerate((r for r in rows if r.note), start=1)]
    judged = [row.verdict for row in rows if row.verdict != "–"]
    end = ", ".join(
        f"{judged.count(verdict)} {verdict}" for verdict in ("reached", "at best", "missed") if verdict in judged
    )
    end += f" of {len(judged)} promises"
    head = [f"{name}: {value}" for name, value in facts.items()]
    return "\n".join(
        [*head, "", laid[0], "─" * max(map(len, laid)), *laid[1:], "", *notes, "", f"{end}; took {spent_s:.0f} s."]
    )


def _numbered(rows: Sequence[Row]) -> list[tuple[str, Row]]:
    named, number = [], 0
    for row in rows:
        number += bool(row.note)
        named.append((f"{row.what} [{number}]" if row.note else row.what, row))
    return named


def _cells(row: Row) -> tuple[str, ...]:
    reach = ""
    if row.at_most is not None:
        reach = f"≤ {_number(row.at_most, row.unit)}"
    elif row.at_least is not None:
        reach = f"≥ {_number(row.at_least, row.unit)}"
    ratio = "" if row.rival_ratio is None else f"{row.rival_ratio:,.0f} ×"
    spread = row.measured
    if spread is None:
        return reach, "–", "", "", "", ratio, row.verdict
    between = "" if spread.runs == 1 else _between(spread, row.unit)
    processor = "" if row.processor_s is None else _number(row.processor_s, "s")
    return reach, _number(spread.median, row.unit), between, processor, str(spread.runs), ratio, row.verdict


def _between(spread: Spread, unit: str) -> str:
    return f"{_number(spread.least, unit)} – {_number(spread.most, unit)}"


def _number(value: float, unit: str) -> str:
    match unit:
        case "s":
            return f"{value:.1f} s" if value >= 10 else f"{value:.3f} s"
        case "MB":
            return f"{value:,.0f} MB"
        case "×":
            return f"{value:,.0f} ×"
        case "ratio":
            return f"{value:.3f}"
        case _:
            return f"{value:.1e}"


def _put(text: str, width: int, *, left: bool) -> str:
    return text.ljust(width) if left else text.rjust(width)
