"""Rows of Spare Cores' database, read without trusting the file: plain tables, read only, nothing but SELECT.

Names of what a row refers to come with it; values are as they stand there. Raises InputError.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from planner.errors import InputError
from planner.exchange.spare_cores.schema import MAX_VALUE_BYTES, SCORED, TABLES

SPEEDS = ("llm_speed:prompt_processing", "llm_speed:text_generation")
"""Benchmarks of llama-bench: tok/s reading a prompt, tok/s generating."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """One row of server_price."""

    vendor: str
    product: str | None
    """As the vendor's API calls it; None: the server table does not have it."""
    regions: frozenset[str]
    """What the region is called: its id, name, API reference and aliases."""
    zones: frozenset[str]
    allocation: str
    """ondemand, spot or reserved."""
    unit: str
    operating_system: str
    price: float | None
    price_upfront: float | None
    is_tiered: bool
    currency: str
    is_active: bool
    observed_at: datetime | None
    """Aware UTC; None: no date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedRow:
    """One row of benchmark_score of llama-bench."""

    vendor: str
    product: str | None
    is_prompt: bool
    """Reading a prompt; else generating."""
    model: str | None
    """Name of the model's file."""
    tokens: int | None
    tok_s: float | None
    is_active: bool
    observed_at: datetime | None


class SpareCores:
    """An open database."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._scored = _checked(connection, name)
        connection.set_authorizer(_reads_only)
        self._products = {
            (str(vendor), str(server)): str(reference)
            for vendor, server, reference in self._rows("SELECT vendor_id, server_id, api_reference FROM server")
        }

    def prices(self) -> Iterator[PriceRow]:
        """Every row of server_price."""
        regions = {
            (vendor, region): _names(region, *names, *_listed(aliases))
            for vendor, region, *names, aliases in self._rows(
                "SELECT vendor_id, region_id, name, api_reference, aliases FROM region"
            )
        }
        zones = {
            (vendor, region, zone): _names(zone, *names)
            for vendor, region, zone, *names in self._rows(
                "SELECT vendor_id, region_id, zone_id, name, api_reference FROM zone"
            )
        }
        columns = ", ".join(TABLES["server_price"])
        for row in self._rows(f"SELECT {columns} FROM server_price"):  # noqa: S608 - names of our own
            vendor, region, zone, server, system, allocation, unit, price, upfront, tiers, currency, status, day = row
            yield PriceRow(
                vendor=str(vendor),
                product=self._products.get((str(vendor), str(server))),
                regions=regions.get((vendor, region), _names(region)),
                zones=zones.get((vendor, region, zone), _names(zone)),
                allocation=str(allocation).lower(),
                unit=str(unit).lower(),
                operating_system=str(system).lower(),
                price=_number(price),
                price_upfront=_number(upfront),
                is_tiered=bool(_listed(tiers)),
                currency=str(currency),
                is_active=_is_active(status),
                observed_at=_time(day),
            )

    def speeds(self) -> Iterator[SpeedRow]:
        """Every row of benchmark_score that llama-bench measured on a server."""
        where = "WHERE benchmark_id IN (?, ?)" + (
            " AND upper(resource_type) = 'SERVER'" if self._scored == SCORED[0] else ""
        )
        columns = f"vendor_id, {self._scored}, benchmark_id, config, score, status, observed_at"
        rows = self._rows(f"SELECT {columns} FROM benchmark_score {where}", SPEEDS)  # noqa: S608 - names of our own
        for vendor, server, benchmark, config, score, status, day in rows:
            model, tokens = _config(config)
            yield SpeedRow(
                vendor=str(vendor),
                product=self._products.get((str(vendor), str(server))),
                is_prompt=benchmark == SPEEDS[0],
                model=model,
                tokens=tokens,
                tok_s=_number(score),
                is_active=_is_active(status),
                observed_at=_time(day),
            )

    def _rows(self, query: str, values: tuple[str, ...] = ()) -> Iterator[tuple[object, ...]]:
        try:
            yield from self._connection.execute(query, values)
        except sqlite3.Error as error:
            raise _unreadable(self._name, error) from error


@contextmanager
def opened(path: Path, name: str) -> Iterator[SpareCores]:
    """The database at `path`; `name` names it in errors."""
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    except sqlite3.Error as error:
        raise _unreadable(name, error) from error
    with closing(connection):
        yield SpareCores(connection, name)


def _checked(connection: sqlite3.Connection, name: str) -> str:
    """Refuses a file without the tables and columns; the column that names what was measured."""
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        kinds = {
            str(one): str(text)
            for one, text in connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        }
        columns = {one: {row[1] for row in connection.execute(f"PRAGMA table_info({one})")} for one in TABLES}
    except sqlite3.Error as error:
        raise _unreadable(name, error) from error
    for table, wanted in TABLES.items():
        if table not in kinds or kinds[table].upper().startswith("CREATE VIRTUAL"):
            raise InputError(f"{name}: has no table {table}; expected Spare Cores' database with {', '.join(TABLES)}")
        missing = [column for column in wanted if column not in columns[table]]
        if missing:
            raise InputError(f"{name}: table {table} has no column {missing[0]}; expected {', '.join(wanted)}")
    scored = next((column for column in SCORED if column in columns["benchmark_score"]), None)
    if scored is None or (scored == SCORED[0] and "resource_type" not in columns["benchmark_score"]):
        raise InputError(
            f"{name}: table benchmark_score has no column resource_id with resource_type; expected them, or server_id"
        )
    return scored


def _reads_only(action: int, first: str | None, second: str | None, _database: str | None, _inner: str | None) -> int:
    is_read = action == sqlite3.SQLITE_READ and first in TABLES
    is_ours = action == sqlite3.SQLITE_FUNCTION and second == "upper"
    return sqlite3.SQLITE_OK if action == sqlite3.SQLITE_SELECT or is_read or is_ours else sqlite3.SQLITE_DENY


def _unreadable(name: str, error: sqlite3.Error) -> InputError:
    return InputError(f"{name}: cannot be read as a database ({error}); expected Spare Cores' database")


def _names(*names: object) -> frozenset[str]:
    return frozenset(str(name) for name in names if name is not None)


@lru_cache(maxsize=1024)  # of a third of a million rows nearly all say the same
def _listed(text: object) -> tuple[object, ...]:
    """A JSON list; empty where it is none."""
    try:
        found = json.loads(str(text))
    except (ValueError, RecursionError):
        return ()
    return tuple(found) if isinstance(found, list) else ()


def _config(text: object) -> tuple[str | None, int | None]:
    """Model and tokens of a benchmark's configuration."""
    try:
        found = json.loads(str(text))
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(found, dict):
        return None, None
    model, tokens = found.get("model"), found.get("tokens")
    is_count = isinstance(tokens, int) and not isinstance(tokens, bool) and tokens > 0
    return (model if isinstance(model, str) and model else None), (tokens if is_count else None)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _is_active(status: object) -> bool:
    """A server that is planned for retirement can still be rented."""
    return str(status).upper() in ("ACTIVE", "PLANNED_FOR_RETIREMENT")


@lru_cache(maxsize=1024)
def _time(value: object) -> datetime | None:
    """A time without a zone is UTC: so sc-crawler writes them."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
