"""The ledger's batches and months as tables for people and as the JSON document `baseload.ledger/1`. Renders values."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from planner.ledger import Batch, MonthOfFacts
from planner.report.screen import Cell, Column, Screen, render, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

LEDGER_SCHEMA = "baseload.ledger/1"

Json = dict[str, object]


def render_ledger(batches: Sequence[Batch], months: Sequence[MonthOfFacts], *, screen: Screen | None = None) -> str:
    """Batches in the order they came, then what is held of each month."""
    parts: list[RenderableType] = []
    if batches:
        columns = (
            *(Column(title="batch"), words("kind"), words("from"), words("added"), Column(title="rows")),
            *(words("speaks of"), words("tags"), words("state")),
        )
        parts.append(table(columns, [_batch_cells(one) for one in batches]))
    else:
        parts.append("The ledger holds no batch.")
    if months:
        shown = (
            *(words("month"), Column(title="leases"), Column(title="usage", unit="rows")),
            *(Column(title="unknown", unit="hours"), Column(title="of", unit="hours")),
            *(Column(title="other costs"), Column(title="plans")),
        )
        parts += ["", table(shown, [_month_cells(one) for one in months])]
    return render(parts, screen or Screen())


def ledger_document(batches: Sequence[Batch], months: Sequence[MonthOfFacts]) -> Json:
    """The same as the JSON document `baseload.ledger/1`: times in UTC, unknown is null."""
    return {
        "schema": LEDGER_SCHEMA,
        "batches": [batch_document(one) for one in batches],
        "months": [
            {
                "month": one.month,
                "leases": one.leases,
                "usage_rows": one.usage_rows,
                "hours": one.hours,
                "gap_hours": one.gap_hours,
                "other_costs": one.other_costs,
                "plans": one.plans,
            }
            for one in months
        ],
    }


def batch_document(batch: Batch) -> Json:
    """One batch."""
    return {
        "batch": batch.id,
        "kind": batch.kind.value,
        "source": batch.origin.source,
        "sha256": batch.origin.sha256,
        "added_at": _time(batch.origin.added_at),
        "tags": list(batch.origin.tags),
        "rows": batch.rows,
        "start": _time(batch.start),
        "end": _time(batch.end),
        "retracted_at": _time(batch.retracted_at),
        "why_retracted": batch.why_retracted,
    }


def _batch_cells(batch: Batch) -> tuple[Cell, ...]:
    return (
        str(batch.id),
        batch.kind.value,
        batch.origin.source,
        f"{batch.origin.added_at:%Y-%m-%d %H:%MZ}",
        batch.rows,
        _span(batch),
        ", ".join(batch.origin.tags),
        "" if batch.retracted_at is None else f"retracted: {batch.why_retracted}",
    )


def _month_cells(month: MonthOfFacts) -> tuple[Cell, ...]:
    return (
        month.month,
        month.leases,
        month.usage_rows,
        month.gap_hours,
        month.hours,
        month.other_costs,
        month.plans,
    )


def _span(batch: Batch) -> str:
    if batch.start is None:
        return ""
    end = "now" if batch.end is None else f"{batch.end:%Y-%m-%d %H:%MZ}"
    return f"{batch.start:%Y-%m-%d %H:%MZ} to {end}"


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
