"""Observe: lists of machines and readings of nodes, taken into what the loop remembers. Pure.

A machine is forgotten only where its provider says it is gone, or where a complete list that is newer than its making
by `settle_s` does not have it: what is new may be in no list for a while. A list older than the last one taken in, or
a machine in an earlier state than known, changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from autoscaler.fleet import COMING, Pool
from autoscaler.journal import Ended, Found, Intent, IntentKind, Outcome, Result
from autoscaler.loop.memory import Memory
from autoscaler.loop.track import Track
from autoscaler.providers.provider import Listing, Machine, MachineState
from autoscaler.serving.serving import NodeReading
from policies.billing import Tariff, charges_by_month
from policies.scaling import ScalingPolicy

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Shelf:
    """One provider's machines of ours, as its lists showed them."""

    provider: str
    settling: timedelta
    """`settle_s` of the policy: longest that its lists lag behind (eventual consistency)."""
    fresh: timedelta
    """`list_fresh_s`: in a list older than this, machines made since may be missing."""
    as_of: datetime = LONG_AGO
    machines: tuple[Machine, ...] | None = None
    """Of the last complete list."""
    tracks: dict[str, Track] = field(default_factory=dict)
    """By machine."""
    absent: tuple[Track, ...] = ()
    """Not in the last complete list."""


def place(shelf: Shelf, track: Track, machine: Machine) -> None:
    """Takes in that `machine` is the node's."""
    track.saw(machine)
    shelf.tracks[machine.id] = track
    shelf.machines = None  # whether it is absent is to be seen in the next list, also in one that did not change


def look(
    shelf: Shelf, listing: Listing, *, memory: Memory, fleet: str, pools: Mapping[str, Pool], now: datetime
) -> str:
    """Why the list leaves something unknown, or nothing; takes it in as far as it is good.

    A list older than one taken in before says nothing new; it is the age of that one that counts.
    """
    if listing.as_of < shelf.as_of:
        return _why_stale(shelf, now)
    shelf.as_of = listing.as_of
    if listing.machines is not shelf.machines:
        for machine in listing.machines:
            if machine.fleet == fleet:
                _see(shelf, machine, memory=memory, pools=pools, now=now)
        shelf.machines = None
        if listing.is_complete:
            listed = {machine.id for machine in listing.machines}
            shelf.absent = tuple(track for machine_id, track in shelf.tracks.items() if machine_id not in listed)
            shelf.machines = listing.machines
        _bury_ended(shelf, memory=memory, pools=pools, now=now, as_of=listing.as_of)
    if not listing.is_complete:
        return f"{shelf.provider}: its list is not complete"
    for track in shelf.absent:
        _may_be_gone(shelf, track, memory=memory, pools=pools)
    return _why_stale(shelf, now)


def _why_stale(shelf: Shelf, now: datetime) -> str:
    age = now - shelf.as_of
    return f"{shelf.provider}: its list is {age.total_seconds():.0f} s old" if age > shelf.fresh else ""


def _see(shelf: Shelf, machine: Machine, *, memory: Memory, pools: Mapping[str, Pool], now: datetime) -> None:
    track = shelf.tracks.get(machine.id)
    if track is None:
        track = _meet(shelf, machine, memory=memory, pools=pools, now=now)
        if track is None:
            return
    if track.machine is not machine and track.saw(machine):
        memory.changed.add(track)
        if machine.is_broken and track.failed_at is None and not machine.is_base:
            track.failed_at = now
        if machine.taken_back_at is not None and track.node.taken_back_at is None:
            memory.spot_noticed(track, machine.taken_back_at)


def _meet(shelf: Shelf, machine: Machine, *, memory: Memory, pools: Mapping[str, Pool], now: datetime) -> Track | None:
    """The node of a machine seen for the first time; None: it is not ours, or over."""
    if machine.is_base:
        return _meet_base(shelf, machine, memory=memory, now=now)
    if machine.node_id is None or machine.state is MachineState.GONE:
        return None
    ended = memory.buried.get(machine.id)
    if ended is not None:
        if shelf.as_of < ended + shelf.settling:
            return None  # it ended, and this list does not know yet
        del memory.buried[machine.id]
    track = memory.tracks.get(machine.node_id)
    if track is not None and (track.node.is_base or track.node.machine_id not in (None, machine.id)):
        track = memory.tracks.get(_twin_id(machine))
    if track is not None:
        shelf.tracks[machine.id] = track
        if track.launch is not None and track.launch.key in track.unsettled:
            memory.write(
                Outcome(
                    key=track.launch.key,
                    at=now,
                    result=Result.DONE,
                    machine_id=machine.id,
                    billed_from=machine.created_at,
                )
            )
        return track
    return _adopt(shelf, machine, memory=memory, pools=pools, now=now)


def _twin_id(machine: Machine) -> str:
    """Of a machine whose tag another one has already."""
    return f"{machine.node_id}~{machine.id}"


def _adopt(shelf: Shelf, machine: Machine, *, memory: Memory, pools: Mapping[str, Pool], now: datetime) -> Track:
    """The node of a machine with our tag that nobody intended, or that was made a second time."""
    node_id = machine.node_id
    assert node_id is not None  # checked by the caller
    if node_id in memory.tracks:
        node_id = _twin_id(machine)
    intent = Intent(
        key=f"adopt/{shelf.provider}/{machine.id}/{now:%Y%m%dT%H%M%S}",
        kind=IntentKind.ADOPT,
        at=now,
        node_id=node_id,
        pool=machine.pool,
        model=machine.model or "",
        reason=f"{shelf.provider} lists machine {machine.id} with our tag, and nobody intended it",
        provider=shelf.provider,
        tariff=None if (pool := pools.get(machine.pool)) is None else pool.tariff,
        epoch=memory.epoch,
    )
    memory.write(intent)
    memory.write(
        Outcome(key=intent.key, at=now, result=Result.DONE, machine_id=machine.id, billed_from=machine.created_at)
    )
    track = memory.tracks[node_id]
    shelf.tracks[machine.id] = track
    return track


def _meet_base(shelf: Shelf, machine: Machine, *, memory: Memory, now: datetime) -> Track:
    node_id = machine.node_id or machine.id
    if node_id in memory.tracks:
        node_id = _twin_id(machine)
    memory.write(
        Found(
            node_id=node_id,
            machine_id=machine.id,
            provider=shelf.provider,
            pool=machine.pool,
            model=machine.model or "",
            at=now,
            ordered_at=machine.created_at,
        )
    )
    track = memory.tracks[node_id]
    shelf.tracks[machine.id] = track
    return track


def _bury_ended(shelf: Shelf, *, memory: Memory, pools: Mapping[str, Pool], now: datetime, as_of: datetime) -> None:
    for track in [t for t in shelf.tracks.values() if t.machine is not None and t.machine.state is MachineState.GONE]:
        track.refresh(now)
        gone(shelf, track, memory=memory, pools=pools, as_of=as_of)


def _may_be_gone(shelf: Shelf, track: Track, *, memory: Memory, pools: Mapping[str, Pool]) -> None:
    made = track.node.ordered_at
    if track.asked_at is not None and track.asked_at > made:
        made = track.asked_at
    if shelf.as_of >= made + shelf.settling:
        gone(shelf, track, memory=memory, pools=pools, as_of=shelf.as_of)


def gone(shelf: Shelf, track: Track, *, memory: Memory, pools: Mapping[str, Pool], as_of: datetime) -> None:
    """Buries a node that its provider does not have any more, with what its lease was charged."""
    node = track.node
    assert node.machine_id is not None  # only a machine can be gone
    shelf.tracks.pop(node.machine_id, None)
    shelf.absent = tuple(absent for absent in shelf.absent if absent is not track)
    if track.launch is None:
        memory.write(
            Ended(
                node_id=node.id,
                pool=node.pool,
                model=node.model,
                at=max(as_of, node.ordered_at),
                was_taken_back=False,
                billed_from=node.ordered_at,
            )
        )
        return
    was_taken_back = track.end is None
    taken_back_at = node.taken_back_at
    if track.end is not None:
        at = track.ended_at or as_of
    else:
        at = as_of if taken_back_at is None else min(taken_back_at, as_of)
    at = max(at, node.ordered_at)
    tariff = _tariff(track, pools)
    charges = {} if tariff is None else charges_by_month(tariff, node.ordered_at, at, interrupted=was_taken_back)
    memory.write(
        Ended(
            node_id=node.id,
            pool=node.pool,
            model=node.model,
            at=at,
            was_taken_back=was_taken_back,
            machine_id=node.machine_id,
            charges_usd=tuple(charges.items()),
            billed_from=node.ordered_at,
            tariff=tariff,
        )
    )


def _tariff(track: Track, pools: Mapping[str, Pool]) -> Tariff | None:
    """What the lease is charged by: the price of its order, of a spot node the price in force now."""
    ordered = None if track.launch is None else track.launch.tariff
    pool = pools.get(track.node.pool)
    if pool is not None and (ordered is None or pool.is_spot):
        return pool.tariff
    return ordered


def withdraw_unmade(shelf: Shelf, *, memory: Memory, now: datetime) -> None:
    """Closes launches that are not wanted any more and that the last complete list proves never happened."""
    if shelf.machines is None:
        return
    for track in [t for t in memory.open.values() if t.end is not None and t.node.machine_id is None]:
        if (
            track.provider == shelf.provider
            and track.launch is not None
            and track.asked_at is not None
            and shelf.as_of >= track.asked_at + shelf.settling
        ):
            detail = "no list shows it"
            memory.write(Outcome(key=track.launch.key, at=now, result=Result.WITHDRAWN, detail=detail))


def hear(nodes: Mapping[str, NodeReading], *, memory: Memory, policy: ScalingPolicy, now: datetime) -> None:
    """Takes in what nodes say of themselves. A node that is missing says nothing: it is neither idle nor broken."""
    for node_id, track in list(memory.tracks.items()):
        reading = nodes.get(node_id)
        former = track.reading
        if reading is former and track.unready_since is None:
            continue
        track.reading = reading
        if reading is not None and reading == former and reading.is_ready and track.unready_since is None:
            continue  # said again in the same words
        memory.changed.add(track)
        if reading is None:
            continue
        if track.launch is None:
            _hear_base(track, policy, now, is_ready=reading.is_ready)
        elif reading.is_ready:
            if track.unready_since is not None or (track.ready_at is None and track.node.state in COMING):
                memory.write(Outcome(key=track.launch.key, at=now, result=Result.READY))
        elif track.ready_at is not None and track.failed_at is None:
            if track.unready_since is None:
                memory.write(Outcome(key=track.launch.key, at=now, result=Result.UNREADY))
            elif (now - track.unready_since).total_seconds() >= policy.broken_after_s:
                track.failed_at = now


def _hear_base(track: Track, policy: ScalingPolicy, now: datetime, *, is_ready: bool) -> None:
    """The same of a base node, which may recover; nothing of it needs to be written down."""
    if is_ready:
        track.ready_at, track.unready_since, track.failed_at = track.ready_at or now, None, None
    elif track.ready_at is not None and track.failed_at is None:
        if track.unready_since is None:
            track.unready_since = now
        elif (now - track.unready_since).total_seconds() >= policy.broken_after_s:
            track.failed_at = now


def time_out(memory: Memory, *, policy: ScalingPolicy, was_heard: bool, now: datetime) -> None:
    """Fails nodes that did not become ready in time, where the serving side was heard, and orphans that are due."""
    for track in memory.waiting:
        if track.failed_at is not None or track.launch is None:
            continue
        if track.is_orphan and now >= (due := track.launch.at + timedelta(seconds=policy.orphan_after_s)):
            track.failed_at = due
            memory.changed.add(track)
        elif track.node.state in COMING and (was_heard or track.node.machine_id is None):
            due = track.node.ordered_at + timedelta(seconds=policy.launch_timeout_s)
            if now >= due:
                track.failed_at = due
                memory.changed.add(track)
