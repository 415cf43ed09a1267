"""The clouds' own books and the journal, held against what may never be: after each process's step, and at a day's end.

What a daemon believes is not asked. Machines, their beginnings and ends are those of the clouds; what was intended, and
when, is read from the database beside the daemon, which may be dead in the middle of writing it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.exc import OperationalError, ProgrammingError

from autoscaler.cluster.labels import NODE
from planner.store import tables
from planner.store.address import read_url
from planner.store.engine import engine_of
from policies.billing import month_span
from tests.autoscaler.providers.aws.double import tags_of
from tests.rented.clouds import Clouds, Machine
from tests.rented.world import FLEET, PLANTED, PRICES

Row = Mapping[str, Any]
MADE_NOTHING = ("no_capacity", "refused", "withdrawn")
BEGINNINGS = ("launch", "adopt")


class Ledger:
    """The database as a stranger reads it."""

    def __init__(self, url: str) -> None:
        self._url = read_url(url, source="a test")
        self._engine = engine_of(self._url)

    def rows(self, table: Table, *, of_fleet: bool = True) -> list[Row]:
        """A table's rows, in the order they were written; none where it was not made yet."""
        if self._url.drivername == "sqlite" and not Path(str(self._url.database)).exists():
            return []
        query = select(table)
        if of_fleet:
            query = query.where(table.c.fleet == FLEET).order_by(table.c.number)
        with suppress(OperationalError, ProgrammingError), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]
        return []

    def text(self) -> str:
        """All that is in it."""
        return "\n".join(
            f"{row}" for table in tables.metadata.sorted_tables for row in self.rows(table, of_fleet=False)
        )


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The numbers of fleet.toml that the books are held against."""

    max_nodes: int
    max_usd_hour: Decimal
    max_usd_month: Decimal | None = None
    cooldown_s: float
    launch_timeout_s: float = 1200.0
    orphan_after_s: float = 900.0
    high_utilization: float = 0.85
    interval_s: float
    death_s: float
    """Longest that nobody acts after a death."""


@dataclass(kw_only=True)
class Books:
    """What was found to be wrong."""

    clouds: Clouds
    ledger: Ledger
    limits: Limits
    clock: Callable[[], datetime]
    served: Callable[[], Iterable[str]]
    """Machines whose model answers now."""
    wrong: list[str] = field(default_factory=list)
    work: float = 0.0
    """Nodes busy full time with what is asked for."""
    is_blind: bool = False
    """Nothing is measured."""
    is_imposed: bool = False
    """Nodes may have to go that are needed: there is a ceiling, or a cap of the month."""
    warned: set[str] = field(default_factory=set)
    """Machines their cloud takes back."""
    planted: dict[str, int] = field(default_factory=dict)
    """Machines with our tag that nobody intended -> deaths before them."""
    deaths: int = 0
    ever_served: set[str] = field(default_factory=set)
    _ended: set[str] = field(default_factory=set)
    """Machines whose end was looked at."""
    _drained: set[str] = field(default_factory=set)
    """Drains that were."""

    # --- after every step

    def look(self) -> None:
        """Notes what may never be, not even for a moment."""
        intents = self.ledger.rows(tables.intent)
        self._caps_and_floor()
        self._forgotten_and_foreign()
        self._intended(intents)
        self._orphans(intents)
        self._given_up(intents)

    def _say(self, rule: str, what: str) -> None:
        self.wrong.append(f"{rule} {self.clock():%H:%M:%S}: {what}")

    def _caps_and_floor(self) -> None:
        running, limits = self.running(), self.limits
        usd_hour = sum((PRICES[one.offer] for one in running), Decimal(0))
        if len(running) > limits.max_nodes or usd_hour > limits.max_usd_hour:
            self._say("S1", f"{len(running)} nodes at {usd_hour} USD/h")
        if limits.max_usd_month is not None and (usd_month := self.month_usd()) > limits.max_usd_month:
            self._say("S1", f"{usd_month} USD in the month")
        if self.ever_served and not running:
            self._say("S2", "no node is left")

    def month_usd(self) -> Decimal:
        """What the clouds charge for this month until now; a started hour is of the month it began in."""
        now = self.clock()
        first, _ = month_span(now)
        of_all = sum((one.charge_usd(PRICES, now) for one in self.clouds.machines()), Decimal(0))
        earlier = [one.until(first) for one in self.clouds.machines() if one.made_at < first]
        return of_all - sum((one.charge_usd(PRICES, first) for one in earlier), Decimal(0))

    def _forgotten_and_foreign(self) -> None:
        forgotten = {row["machine_id"] for row in self.ledger.rows(tables.end)} & {one.id for one in self.there()}
        for one in sorted(forgotten):
            self._say("S9", f"{one} was forgotten and is there")
        for one in sorted(self.clouds.touched()):
            self._say("S3", f"{one} is not ours and is gone")

    def _intended(self, intents: list[Row]) -> None:
        """Each machine was intended before it was made, by who led then."""
        intended = {row["node_id"] for row in intents if row["kind"] == "launch"}
        for machine, name in sorted(self.tags().items()):
            if name not in intended and machine not in self.planted:
                self._say("S5", f"{machine} of {name} is there, and nobody intended it")
        epochs = [row["epoch"] for row in intents]
        if epochs != sorted(epochs):
            self._say("S6", f"an intent of epoch {min(epochs)} was written after one of {max(epochs)}")

    def _orphans(self, intents: list[Row]) -> None:
        """What the journal does not know to be open is ended in time."""
        opened, tags, now = self._open(intents), self.tags(), self.clock()
        for one in self.running():
            deaths = self.deaths - self.planted.get(one.id, self.deaths)
            if one.id in self.planted or tags[one.id] not in opened:
                ticks_s = 2 * self.limits.interval_s + deaths * self.limits.death_s
                age_s = (now - one.made_at).total_seconds()
                if age_s > self.limits.orphan_after_s + ticks_s:
                    self._say("S5", f"orphan {one.id} is {age_s:.0f} s old, after {deaths} deaths")

    def _given_up(self, intents: list[Row]) -> None:
        """Drains and ends that are new: not blind, not hot from a launch, not of who loads, and the others carry on."""
        tags = self.tags()
        spared = {tags[one] for one in self.warned | set(self.planted) if one in tags}
        drains = [row for row in intents if row["kind"] == "drain" and row["key"] not in self._drained]
        self._drained |= {row["key"] for row in drains}
        drains = [] if self.is_imposed else [row for row in drains if row["node_id"] not in spared]
        ends = [one for one in self.clouds.machines() if one.ended_at is not None and one.id not in self._ended]
        self._ended |= {one.id for one in ends}
        ends = [one for one in ends if not one.was_taken_back and tags[one.id] not in spared]
        for row in drains:
            if self.is_blind:
                self._say("S4", f"{row['node_id']} is drained while nothing is measured")
            self._cooled(row)
        if drains:
            self._carried(intents)
        drained = {row["node_id"] for row in intents if row["kind"] == "drain"}
        for one in ends:
            self._ended_well(one, tags[one.id], drained)

    def _cooled(self, drain: Row) -> None:
        made = [one.made_at for one in self.clouds.machines() if one.id not in self.planted]
        made = [at for at in made if at <= drain["at"]]
        since_s = (drain["at"] - max(made)).total_seconds()
        if since_s < self.limits.cooldown_s:
            self._say("S7", f"{drain['node_id']} is drained {since_s:.0f} s after a scale-out")

    def _carried(self, intents: list[Row]) -> None:
        tags, last = self.tags(), {row["node_id"]: row["kind"] for row in intents if row["kind"] != "terminate"}
        left = [one for one in self.served() if last.get(tags[one]) != "drain"]
        if self.work > self.limits.high_utilization * len(left):
            self._say("S7", f"{self.work} nodes of work on the {len(left)} that stay")

    def _ended_well(self, one: Machine, name: str, drained: set[str]) -> None:
        assert one.ended_at is not None
        age_s = (one.ended_at - one.made_at).total_seconds()
        if one.id not in self.ever_served:
            if age_s < self.limits.launch_timeout_s:
                self._say("S8", f"{name} is ended {age_s:.0f} s after its order, before it serves")
        elif name not in drained:
            self._say("S7", f"{name} is ended and was never drained")
        elif self.is_blind and not self.is_imposed:
            self._say("S4", f"{name} is ended while nothing is measured")

    # --- at the end

    def judge(self, log: str, files: Iterable[Path]) -> None:
        """Notes what is wrong with a whole day."""
        twice = {name: count for name, count in self.node_ids().items() if count > 1}
        if twice:
            self._say("S5", f"bought twice: {twice}")
        self._charges()
        said = {"the log": log, "the database": self.ledger.text()}
        said |= {path.name: path.read_bytes().decode(errors="replace") for path in files if path.is_file()}
        for where, text in said.items():
            if any(secret in text for secret in PLANTED):
                self._say("S11", f"a secret is in {where}")

    def _charges(self) -> None:
        """What the journal charges for what ended is what the clouds do; where the answer to an end was lost with a
        process, the next one's, which is later.
        """
        charged: Counter[int] = Counter()
        for row in self.ledger.rows(tables.charge):
            charged[row["number"]] += row["usd"]
        ended = {row["machine_id"]: charged[row["number"]] for row in self.ledger.rows(tables.end)}
        for one in self.clouds.machines():
            if one.id in ended and one.id not in self.planted:
                usd = one.charge_usd(PRICES, self.clock())
                slack = (PRICES[one.offer] if self.deaths else Decimal(0)) + Decimal("0.0001")
                if not usd - Decimal("0.0001") <= ended[one.id] <= usd + slack:
                    self._say("S5", f"{one.offer} {one.id} is charged {ended[one.id]} USD, its cloud says {usd}")

    # --- what there is

    def is_calm(self) -> bool:
        """Whether the journal has open what the clouds have, and nothing else."""
        there = {one.id for one in self.there()}
        opened = self._open(self.ledger.rows(tables.intent))
        return opened == {name for machine, name in self.tags().items() if machine in there}

    def running(self) -> list[Machine]:
        """Machines whose end nobody asked for."""
        return [one for one in self.clouds.machines() if one.ended_at is None]

    def there(self) -> list[Machine]:
        """Machines that their clouds have yet, ended or not."""
        return [one for one in self.clouds.machines() if self.clouds.has(one)]

    def tags(self) -> dict[str, str]:
        """By machine that was ever made for us: the node it is."""
        clouds = self.clouds
        found = {one.id: tags_of(one).get("baseload:node", "") for one in clouds.aws.life.ever.values()}
        found |= {one.id: one.body["name"].split("__")[0] for one in clouds.ovh.cloud.instances.values()}
        of_pools = clouds.ovh.kube.pools.values()
        found |= {one.id: one.body["template"]["metadata"]["annotations"].get(NODE, "") for one in of_pools}
        found |= {str(one.id): one.labels.get("baseload-node", "") for one in clouds.hetzner.ever.values()}
        return {machine: name for machine, name in found.items() if machine not in clouds.foreign}

    def ready_nodes(self) -> set[str]:
        """Nodes that some daemon heard serve."""
        return {row["node_id"] for row in self.ledger.rows(tables.outcome) if row["result"] == "ready"}

    def node_ids(self) -> Counter[str]:
        """By node: the machines that were made for it."""
        return Counter(self.tags().values())

    def _open(self, intents: list[Row]) -> set[str]:
        """Nodes that the journal does not know to be gone or never made."""
        begun = {row["key"]: row["node_id"] for row in intents if row["kind"] in BEGINNINGS}
        over = {row["node_id"] for row in self.ledger.rows(tables.end)}
        over |= {
            begun[row["key"]]
            for row in self.ledger.rows(tables.outcome)
            if row["key"] in begun and row["result"] in MADE_NOTHING
        }
        return set(begun.values()) - over
