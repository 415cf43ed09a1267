"""Memory: what the loop knows, as it follows from the journal. Pure.

Every entry is written to the journal and taken in by the same code that reads the journal at the start, so a loop that
was killed and started again knows what the one before it knew.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from autoscaler.fleet import COMING, Node, NodeState, Recently
from autoscaler.journal import (
    BEGINS_A_NODE,
    MADE_NOTHING,
    Ended,
    Entry,
    Found,
    Intent,
    IntentKind,
    Journal,
    Outcome,
    Result,
)
from autoscaler.loop.track import Track
from policies.billing import month_span

LOOK_BACK = timedelta(days=1)
"""How far back entries about nodes that are gone are read; longer than any back-off, cooldown or return to spot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A pool's last refusal."""

    failures: int
    """In a row."""
    at: datetime


@dataclass(slots=True, kw_only=True)
class Memory:
    """Nodes, refusals, recent moves and money of one fleet."""

    journal: Journal
    epoch: int
    """Of the loop that writes."""
    tracks: dict[str, Track] = field(default_factory=dict)
    """By node id."""
    refusals: dict[str, Refusal] = field(default_factory=dict)
    """By pool, those since its last success."""
    recently: dict[str, Recently] = field(default_factory=dict)
    buried: dict[str, datetime] = field(default_factory=dict)
    """Machine -> when it ended: lists may still show it for a while."""
    nodes: tuple[Node, ...] = ()
    """Of all tracks, by id."""
    waiting: tuple[Track, ...] = ()
    """Those that time alone may fail: coming nodes and orphans."""
    open: dict[str, Track] = field(default_factory=dict)
    """By node id, those with an intent whose outcome is not known, or whose end was accepted."""
    changed: set[Track] = field(default_factory=set)
    """Those whose node is to be rebuilt."""
    members_changed: bool = True
    _numbered_at: datetime | None = None
    _number: int = 0
    """Launches intended in that second."""
    _track_of: dict[str, Track] = field(default_factory=dict)
    """By key of an intent about it."""
    _month: datetime | None = None
    _spent_usd: Decimal = Decimal(0)

    def recall(self, now: datetime) -> None:
        """Takes in what the journal holds."""
        for entry in self.journal.entries(now - LOOK_BACK):
            self._take_in(entry)
        for track in self.tracks.values():
            track.is_recalled = True
            if track.launch is not None and track.launch.key in track.unsettled:
                # The last call may have been cut off after it was made, and before anything was written down of it:
                # neither the intent's time nor that of the last outcome says how long ago that was.
                track.asked_at = now

    def write(self, entry: Entry | Found) -> None:
        """Writes the entry to the journal, then takes it in. Raises LostLeadership, StoreError."""
        if isinstance(entry, Intent):
            self.journal.intend(entry)
        elif isinstance(entry, Outcome):
            self.journal.settle(entry, self.epoch)
        elif isinstance(entry, Found):
            self.journal.found(entry, self.epoch)
        else:
            self.journal.ended(entry, self.epoch)
            self._month = None
        self._take_in(entry)

    def forget(self, track: Track) -> None:
        """Drops a node that is proven to be gone."""
        self.tracks.pop(track.id, None)
        self.changed.discard(track)
        self.open.pop(track.id, None)
        for key in track.keys:
            self._track_of.pop(key, None)
        self.members_changed = True

    def refresh(self, now: datetime) -> None:
        """Rebuilds the nodes of which something changed, and what follows from them."""
        nodes_changed = states_changed = self.members_changed
        for track in self.changed:
            state = track.node.state
            if track.refresh(now):
                nodes_changed = True
                if track.node.state is not state:
                    states_changed = True
        self.changed.clear()
        if states_changed:
            if self.members_changed:
                self.tracks = dict(sorted(self.tracks.items()))
                self.members_changed = False
            self.waiting = tuple(
                track for track in self.tracks.values() if track.node.state in COMING or track.is_orphan
            )
        if nodes_changed:
            self.nodes = tuple([track.node for track in self.tracks.values()])

    def next_number(self, now: datetime) -> tuple[datetime, int]:
        """A second and a number in it that no launch had, of any loop before; also where the clock fell back."""
        second = now.replace(microsecond=0)
        if self._numbered_at is None or self._numbered_at < second:
            return second, 0
        return self._numbered_at, self._number

    def spent_usd(self, now: datetime) -> Decimal:
        """What ended leases were charged for the calendar month of `now`."""
        month = self._month
        if month is None or not (month.year == now.year and month.month == now.month):
            self._month = month_span(now)[0]
            self._spent_usd = self.journal.charged_usd(self._month)
        return self._spent_usd

    def _take_in(self, entry: Entry | Found) -> None:
        if isinstance(entry, Intent):
            self._take_in_intent(entry)
        elif isinstance(entry, Outcome):
            self._take_in_outcome(entry)
        elif isinstance(entry, Found):
            self._take_in_base(entry)
        else:
            self._take_in_end(entry)

    def _take_in_intent(self, intent: Intent) -> None:
        if intent.kind in BEGINS_A_NODE:
            track = Track(node=_node(intent), provider=intent.provider, launch=intent)
            self.tracks[intent.node_id] = track
            self.members_changed = True
        else:
            known = self.tracks.get(intent.node_id)
            if known is None:  # of a node long gone, whose launch is not read any more
                self._remember(intent)
                return
            track = known
        track.intended(intent)
        self._track_of[intent.key] = track
        self.changed.add(track)
        self.open[track.id] = track
        self._remember(intent)

    def _remember(self, intent: Intent) -> None:
        recent = self.recently.get(intent.model, Recently())
        if intent.kind is IntentKind.LAUNCH:
            self._remember_recent(intent.model, replace(recent, launched_at=intent.at))
            self._numbered_at, number = self.next_number(intent.at)
            self._number = number + 1

    def _remember_recent(self, model: str, recent: Recently) -> None:
        self.recently = {**self.recently, model: recent}  # snapshots hold the former one

    def _take_in_outcome(self, outcome: Outcome) -> None:
        track = self._track_of.get(outcome.key)
        if track is None:
            return
        track.settled(outcome)
        self.changed.add(track)
        if not track.unsettled and track.ended_at is None:
            self.open.pop(track.id, None)
        launch = track.launch
        if launch is None or outcome.key != launch.key:
            return
        if outcome.result is Result.DONE:
            if launch.kind is IntentKind.LAUNCH:
                self.refusals.pop(launch.pool, None)
            if track.node.machine_id is None:
                track.node = replace(track.node, machine_id=outcome.machine_id)
        elif outcome.failures:
            self.refusals[launch.pool] = Refusal(failures=outcome.failures, at=outcome.at)
            self._spot_failed(launch, outcome.at)
        if outcome.result in MADE_NOTHING:
            self.forget(track)

    def _take_in_base(self, base: Found) -> None:
        node = Node(
            id=base.node_id,
            pool=base.pool,
            model=base.model,
            state=NodeState.BOOTING,
            since=base.at,
            ordered_at=base.ordered_at,
            is_base=True,
            machine_id=base.machine_id,
        )
        track = Track(node=node, provider=base.provider, launch=None)
        self.tracks[node.id] = track
        self.changed.add(track)
        self.members_changed = True

    def _take_in_end(self, end: Ended) -> None:
        track = self.tracks.get(end.node_id)
        if end.machine_id is not None:
            self.buried[end.machine_id] = end.at
        if track is None:
            return
        if end.was_taken_back and track.launch is not None:
            self._spot_failed(track.launch, end.at)
        self.forget(track)

    def _spot_failed(self, launch: Intent, at: datetime) -> None:
        if launch.is_spot:
            recent = self.recently.get(launch.model, Recently())
            if recent.last_on_spot_failure_at is None or recent.last_on_spot_failure_at < at:
                self._remember_recent(launch.model, replace(recent, last_on_spot_failure_at=at))

    def spot_noticed(self, track: Track, at: datetime) -> None:
        """Takes in that a provider gave notice for a spot node."""
        if track.launch is not None:
            self._spot_failed(track.launch, at)


def _node(intent: Intent) -> Node:
    return Node(
        id=intent.node_id,
        pool=intent.pool,
        model=intent.model,
        state=NodeState.LAUNCHING,
        since=intent.at,
        ordered_at=intent.at,
        replaces=intent.replaces,
        is_orphan=intent.kind is IntentKind.ADOPT,
    )
