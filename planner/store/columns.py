"""How values are kept in a column, the same on both databases: money exactly, times in UTC, tags as canonical JSON."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Date, DateTime, Dialect, Numeric, String, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

from planner.ledger import Tags


class Money(TypeDecorator[Decimal]):
    """An exact decimal: NUMERIC without a limit on PostgreSQL, its digits as text on SQLite, which has no decimals."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type of the database."""
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """What is written."""
        if value is None:
            return None
        digits = format(value, "f")
        return Decimal(digits) if dialect.name == "postgresql" else digits

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002 - as SQLAlchemy calls it
        """What is read."""
        return None if value is None else Decimal(value)


class Instant(TypeDecorator[datetime]):
    """A moment in UTC: TIMESTAMP WITH TIME ZONE on PostgreSQL; on SQLite text of one length, which sorts by time."""

    impl = String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type of the database."""
        return dialect.type_descriptor(DateTime(timezone=True) if dialect.name == "postgresql" else String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """What is written."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - as SQLAlchemy calls it
        """What is read."""
        if value is None:
            return None
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


class Day(TypeDecorator[date]):
    """A date."""

    impl = Date
    cache_ok = True


class TagSet(TypeDecorator[Tags]):
    """Tags as JSON with sorted names and no blanks, so that equal tags are equal text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Tags | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - as SQLAlchemy calls it
        """What is written."""
        return None if value is None else tags_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Tags | None:  # noqa: ARG002 - as SQLAlchemy calls it
        """What is read."""
        return None if value is None else tuple(sorted(json.loads(value).items()))


def tags_text(tags: Tags) -> str:
    """Tags as canonical JSON."""
    return json.dumps(dict(tags), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
