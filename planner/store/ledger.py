"""Ledger: the facts of one database, opened. Each call is one transaction.

Times are UTC and spans half-open; what is retracted is not seen. A ledger opened with `create` may not exist yet: it
reads as empty, and the first fact added makes it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import URL, Connection, Engine

from planner.demand.horizon import month_span
from planner.errors import InputError
from planner.ledger import (
    NOTHING_OF_SPOT,
    Batch,
    BatchKind,
    InterruptionClass,
    Lease,
    MonthOfFacts,
    Origin,
    OtherCost,
    PlanRecord,
    PriceInForce,
    PublishedPrice,
    ServedHours,
    SpotFacts,
    SpotMean,
    SpotPrice,
)
from planner.store import read, write
from planner.store.address import read_url, shown_url
from planner.store.engine import engine_of, reading, sqlite_path, writing
from planner.store.months import months
from planner.store.schema import SchemaState, require_current, schema_of, upgrade


@contextmanager
def open_ledger(url: URL | str, *, create: bool = False) -> Iterator["Ledger"]:
    """The ledger at a URL (`address.database_url` finds it). Without `create` an absent one is an InputError.

    A ledger of a newer or older revision is refused by name; a server that does not answer is a StoreError.
    """
    url = read_url(url, source="database") if isinstance(url, str) else url
    path = sqlite_path(url)
    engine = engine_of(url)
    try:
        exists = False
        if path is None or path.exists():
            with reading(engine) as connection:
                schema = schema_of(connection)
            exists = schema.state is not SchemaState.ABSENT
            if exists or not create:
                require_current(schema, url)
        elif not create:
            raise InputError(f"{shown_url(url)}: no ledger there; `baseload ledger import` makes one")
        yield Ledger(engine, exists=exists)
    finally:
        engine.dispose()


class Ledger:
    """Facts in, facts out. See the module for what holds of every call."""

    def __init__(self, engine: Engine, *, exists: bool) -> None:
        self._engine = engine
        self._exists = exists
        self._open: Connection | None = None

    @property
    def exists(self) -> bool:
        """Whether the database holds a ledger already."""
        return self._exists

    @property
    def address(self) -> str:
        """Where it is, for people; a password is not in it."""
        return shown_url(self._engine.url)

    def make(self) -> None:
        """Makes the ledger where there is none; one of an older revision is an InputError."""
        with self._writing():
            return

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is added inside is one transaction: all of it, or none if anything is refused."""
        with self._writing() as connection:
            self._open = connection
            try:
                yield
            finally:
                self._open = None

    # Adding. Each returns the batch it made, and refuses a text that is in the ledger already, but for plans.

    def add_leases(self, leases: Sequence[Lease], origin: Origin, *, newer: bool = False) -> Batch:
        """Adds leases; those held just as they are are left out. One held with other figures needs `newer`."""
        with self._writing() as connection:
            return write.add_leases(connection, leases, origin, newer=newer)

    def add_served(self, usage: ServedHours, origin: Origin, *, adds: bool = False) -> Batch:
        """Adds usage; its span counts as measured, its gaps do not. `adds`: to what is held of the same hours."""
        with self._writing() as connection:
            return write.add_served(connection, usage, origin, adds=adds)

    def add_other_costs(self, costs: Sequence[OtherCost], origin: Origin, *, newer: bool = False) -> Batch:
        """Adds other costs, under the rules of leases."""
        with self._writing() as connection:
            return write.add_other_costs(connection, costs, origin, newer=newer)

    def add_prices(self, prices: Sequence[PriceInForce], origin: Origin, *, spot: SpotFacts = NOTHING_OF_SPOT) -> Batch:
        """Adds prices in force, and what is known of spot; of one offer and date the newest holds."""
        with self._writing() as connection:
            return write.add_prices(connection, prices, origin, spot=spot)

    def add_published(self, prices: Sequence[PublishedPrice], origin: Origin) -> Batch:
        """Adds prices published at a gateway, announced for it, or reviewed."""
        with self._writing() as connection:
            return write.add_published(connection, prices, origin)

    def add_plan(
        self,
        document: str,
        origin: Origin,
        *,
        start: datetime,
        end: datetime,
        forecast: str | None = None,
        forecast_source: str | None = None,
    ) -> Batch:
        """Records a plan (its JSON text) for its horizon, saved at `origin.added_at`, with its forecast's text."""
        with self._writing() as connection:
            return write.add_plan(
                connection,
                document,
                origin,
                start=start,
                end=end,
                forecast=forecast,
                forecast_source=forecast_source,
            )

    def retract(self, batch_id: int, *, why: str, at: datetime) -> Batch:
        """Takes a batch back: its facts are not read any more, and stay in the database with the reason."""
        with self._writing() as connection:
            return write.retract(connection, batch_id, why=why, at=at)

    # Reading.

    def leases(self, start: datetime | None = None, end: datetime | None = None) -> tuple[Lease, ...]:
        """Leases that overlap [start, end), whole, by start and id; the newest version of each."""
        with self._reading() as connection:
            return () if connection is None else read.leases(connection, start, end)

    def unpriced_machines(self, start: datetime, end: datetime) -> tuple[str, ...]:
        """Ids of machines a daemon rented in [start, end) and nobody knows the price of: they are in no bill."""
        with self._reading() as connection:
            return () if connection is None else read.unpriced_machines(connection, start, end)

    def served(self, start: datetime, end: datetime) -> ServedHours:
        """Usage of [start, end), full hours, one row per hour, model and tags (more where batches add up).

        `gaps` are the hours no batch measured. `cached_input_tokens` and `unserved_tokens` are None unless every row
        of the span records them: a part of them would read as all.
        """
        for moment in (start, end):
            if moment != read.moment_of(read.hour_number(moment)):
                raise ValueError(f"expected a full hour in UTC, got {moment}")
        with self._reading() as connection:
            if connection is None:
                raise InputError(f"{self.address}: no ledger there; `baseload ledger import` makes one")
            return read.served(connection, start, end)

    def measured_span(self) -> tuple[datetime, datetime]:
        """From the first to the last hour that usage was measured of; InputError where none was."""
        spans = [
            (one.start, one.end)
            for one in self.batches()
            if one.kind is BatchKind.USAGE
            and one.retracted_at is None
            and one.start is not None
            and one.end is not None
        ]
        if not spans:
            raise InputError(f"{self.address}: no usage there; `baseload ledger import` takes it")
        return min(start for start, _ in spans), max(end for _, end in spans)

    def tokens_served(self, start: datetime, end: datetime) -> int | None:
        """Input and output tokens served in [start, end), full hours; None: no usage of it is held."""
        with self._reading() as connection:
            return None if connection is None else read.tokens_served(connection, start, end)

    def other_costs(self, start: datetime | None = None, end: datetime | None = None) -> tuple[OtherCost, ...]:
        """Other costs that overlap [start, end), whole, by start and id."""
        with self._reading() as connection:
            return () if connection is None else read.other_costs(connection, start, end)

    def prices(self) -> tuple[PriceInForce, ...]:
        """Prices in force, by offer and date; the unknown date first."""
        with self._reading() as connection:
            return () if connection is None else read.prices(connection)

    def interruptions(self) -> tuple[InterruptionClass, ...]:
        """How often spot offers were said to be taken back, by offer and day."""
        with self._reading() as connection:
            return () if connection is None else read.interruptions(connection)

    def spot_means(self) -> tuple[SpotMean, ...]:
        """What spot offers cost over the days before each day they were asked for, by offer and day."""
        with self._reading() as connection:
            return () if connection is None else read.spot_means(connection)

    def spot_prices(self, provider: str, start: datetime) -> tuple[SpotPrice, ...]:
        """Changes of a provider's spot prices since then, oldest first, with those in force at the start."""
        with self._reading() as connection:
            return () if connection is None else read.spot_prices(connection, provider, start)

    def published(self, start: datetime, end: datetime) -> tuple[PublishedPrice, ...]:
        """Published prices that were charged at some time of [start, end), by gateway, name and time."""
        with self._reading() as connection:
            return () if connection is None else read.published(connection, start, end)

    def all_published(self) -> tuple[PublishedPrice, ...]:
        """Every price that was told, announced or reviewed, in the order it was recorded."""
        with self._reading() as connection:
            return () if connection is None else read.all_published(connection)

    def reviews(self, gateway: str) -> tuple[PublishedPrice, ...]:
        """Where the last review of each name left prices that it did not tell."""
        with self._reading() as connection:
            return () if connection is None else read.reviews(connection, gateway)

    def announced(self) -> tuple[PublishedPrice, ...]:
        """Announced prices that were not told yet: by moment, gateway and name, the newest of each."""
        with self._reading() as connection:
            return () if connection is None else read.announced(connection)

    def plans(self, start: datetime, end: datetime) -> tuple[PlanRecord, ...]:
        """Recorded plans whose horizon touches [start, end), the first saved first."""
        with self._reading() as connection:
            return () if connection is None else read.plans(connection, start, end)

    def plan_of_month(self, month: str) -> tuple[PlanRecord | None, tuple[str, ...]]:
        """The plan a month (such as 2026-11) is held against, and remarks.

        The last plan saved before the month began whose horizon covers all of it; else the first saved later; else,
        of plans that cover a part of it, the last. None: no plan touches the month.
        """
        start, end = month_span(month)
        plans = self.plans(start, end)
        whole = [one for one in plans if one.start <= start and one.end >= end]
        before = [one for one in whole if one.saved_at <= start]
        if before:
            return before[-1], ()
        if whole:
            first = whole[0]
            return first, (f"no plan was saved before {month} began; the one saved {first.saved_at:%Y-%m-%d} is used",)
        if plans:
            part = plans[-1]
            spoken = f"{part.start:%Y-%m-%dT%H:%MZ} to {part.end:%Y-%m-%dT%H:%MZ}"
            return part, (f"no recorded plan covers all of {month}; the one used covers {spoken}",)
        return None, ()

    def batches(self) -> tuple[Batch, ...]:
        """Every batch in the order they came, retracted ones too."""
        with self._reading() as connection:
            return () if connection is None else read.batches(connection)

    def months(self) -> tuple[MonthOfFacts, ...]:
        """Calendar months (UTC) the ledger holds leases, usage or other costs of, oldest first."""
        with self._reading() as connection:
            return () if connection is None else months(connection)

    @contextmanager
    def _reading(self) -> Iterator[Connection | None]:
        if not self._exists:
            yield None
            return
        with reading(self._engine) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        if self._open is not None:
            yield self._open
            return
        path = sqlite_path(self._engine.url)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        with writing(self._engine) as connection:
            schema = schema_of(connection)
            if schema.state is SchemaState.ABSENT:
                upgrade(connection)
            else:
                require_current(schema, self._engine.url)
            yield connection
        self._exists = True
