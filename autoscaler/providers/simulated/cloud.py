"""SimulatedCloud: a provider over a simulated clock, with stock, quotas, moving prices, interruptions and faults.

It is what tests, demos and replay launch on. It keeps the truth beside what it tells: every machine it ever made, from
its order to the instant it stopped billing. Pure: the clock is a Timeline, chance a `random.Random`.

- An order makes its machine at once and bills from there; it runs one drawn lead time later.
- A key never makes a second machine; asked again, its machine is the answer, ended or not.
- An accepted end stops billing and serving at once; lists show the machine stopping, then gone, then no more.
- Where stock falls below what is held, machines drawn at random are taken back, after rebalance advice and notice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Literal

from autoscaler.providers.provider import (
    CapacityUnavailable,
    Listing,
    Machine,
    MachineState,
    NodeNotFound,
    Order,
    Permanent,
    ProviderError,
)
from autoscaler.providers.simulated.chance import Chance
from autoscaler.providers.simulated.faults import CallFaults, Dice, ListFaults, Rows
from autoscaler.providers.simulated.lease import lease_usd, tariff_at
from autoscaler.providers.simulated.spec import NO_FAULTS, FaultMix, SimulatedPool, Stock
from autoscaler.providers.simulated.stock import Shelf, falls
from autoscaler.providers.simulated.truth import MachineTruth
from policies.billing import Tariff

if TYPE_CHECKING:
    from random import Random

    from autoscaler.timeline import Timeline

Hook = Callable[[MachineTruth], None]
CallName = Literal["machines", "launch", "terminate"]
CALLS_REMEMBERED = 1000
ECHO_S = 60.0
"""How long lists repeat a former row of a machine (`duplicate_event`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that was made."""

    at_s: float
    name: CallName
    about: str
    """Key of the order, or id of the machine."""


def _nothing(_: MachineTruth) -> None:
    return


class SimulatedCloud:
    """One provider of a simulated world."""

    def __init__(
        self,
        *,
        name: str,
        pools: Iterable[SimulatedPool],
        timeline: Timeline,
        rng: Random,
        faults: FaultMix = NO_FAULTS,
        fleet: str = "fleet",
        group_max: Mapping[str, int] | None = None,
        stopping_s: float = 20.0,
        listed_gone_s: float = 300.0,
    ) -> None:
        self._name = name
        self.pools: Mapping[str, SimulatedPool] = {pool.key: pool for pool in pools}
        self._timeline = timeline
        self._fleet = fleet
        self._group_max = dict(group_max or {})
        self._stopping_s = stopping_s
        self._listed_gone_s = listed_gone_s
        self.truth: list[MachineTruth] = []
        """Every machine ever made, oldest first."""
        self.calls: deque[Call] = deque(maxlen=CALLS_REMEMBERED)
        """The last launches and ends asked for, also those that failed."""
        self.lists_given = 0
        self.refused = 0
        """Launches refused for lack of stock or quota."""
        self.on_running: Hook = _nothing
        """Called when a machine runs and begins to load its model."""
        self.on_gone: Hook = _nothing
        """Called when a machine stops: its end was accepted, or it was taken back."""
        self.on_break: Hook = _nothing
        """Called when a machine stops serving while it runs on."""
        self._listed: dict[str, MachineTruth] = {}
        self._by_key: dict[str, MachineTruth] = {}
        self._held: dict[str, dict[str, MachineTruth]] = {key: {} for key in self.pools}
        self._shelves = {key: Shelf(pool) for key, pool in self.pools.items()}
        self._rows: Rows | None = ()
        self._listing: Listing | None = None
        self._listing_s = -1.0
        self._fail_next: list[tuple[CallName, ProviderError, bool]] = []
        self._draw(rng, faults)
        for pool in self.pools.values():
            if pool.provider != name:
                raise ValueError(f"pool {pool.key} is of {pool.provider}; expected one of {name}")
            for fall in falls(pool):
                self._plan_fall(pool, fall)

    def _draw(self, rng: Random, faults: FaultMix) -> None:
        """Gives every kind of chance its own stream."""
        chance = Chance(rng)
        self._leads = chance.stream("lead_time")
        self._takes = chance.stream("taken_back")
        self._visible = chance.stream("visible_after")
        self._visible_most_s = faults.visible_after_most_s
        self._never_boots = Dice(chance, "never_boots", faults.never_boots)
        self._breaks = chance.stream("breaks")
        self._breaks_per_s = faults.breaks_per_hour / 3600.0
        self._notice_missing = Dice(chance, "notice_missing", faults.notice_missing)
        self._notice_late = Dice(chance, "notice_late", faults.notice_late)
        self._duplicate = Dice(chance, "duplicate_event", faults.duplicate_event)
        self._echo_first = chance.stream("echo_first")
        self._call_faults = CallFaults(faults, chance, self._name)
        self._list_faults = ListFaults(faults, chance)

    # --- the provider

    @property
    def name(self) -> str:
        """Such as aws."""
        return self._name

    def machines(self) -> Listing:
        """Everything in the account, as far and as fresh as the faults let it be told. Raises ProviderError."""
        self.lists_given += 1
        now_s = self._timeline.now_s
        if self._fail_next or not self._call_faults.never_happen:
            hides = self._begin("machines")
            if hides is not None:
                raise hides
        if not self._list_faults.never_happen:
            as_of_s, rows, is_complete = self._list_faults.told(now_s, self._true_rows())
            as_of = self._timeline.moment(as_of_s)
            return Listing(provider=self._name, as_of=as_of, is_complete=is_complete, machines=rows)
        if self._listing is None or self._listing_s != now_s:
            self._listing_s = now_s
            self._listing = Listing(
                provider=self._name, as_of=self._timeline.now, is_complete=True, machines=self._true_rows()
            )
        return self._listing

    def launch(self, order: Order) -> Machine:
        """The machine of the order: made now, or the one its key made before. Raises ProviderError."""
        self.calls.append(Call(at_s=self._timeline.now_s, name="launch", about=order.key))
        hides = self._begin("launch")
        try:
            truth = self._by_key.get(order.key) or self._made(order)
        except ProviderError:
            if hides is not None:
                raise hides from None
            raise
        if (truth.node_id, truth.fleet, truth.pool, truth.model) != (
            order.node_id,
            order.fleet,
            order.pool,
            order.model,
        ):
            raise Permanent(f"{self._name}: key {order.key} was used for another order (node {truth.node_id})")
        if hides is not None:
            raise hides
        return truth.row()

    def terminate(self, machine_id: str) -> None:
        """Ends the machine; lists show it stopping, then gone, then no more. Raises ProviderError."""
        self.calls.append(Call(at_s=self._timeline.now_s, name="terminate", about=machine_id))
        hides = self._begin("terminate")
        truth = self._listed.get(machine_id)
        if truth is not None and truth.listed is not None and truth.is_held:
            self._end(truth, was_taken_back=False)
        if hides is not None:
            raise hides
        if truth is None or truth.listed is None:
            raise NodeNotFound(f"{self._name}: no machine {machine_id}")

    # --- for tests, the world and its bill

    def fail_next(self, call: CallName, error: ProviderError, *, after: bool = False, times: int = 1) -> None:
        """Lets the next calls of that name raise `error`: before they have an effect, or after it."""
        self._fail_next.extend([(call, error, after)] * times)

    def add_base(self, *, node_id: str, offer: str, model: str) -> MachineTruth:
        """A base node of our fleet that runs from now on; never ordered through this provider."""
        truth = self._add(node_id=node_id, fleet=self._fleet, pool=offer, model=model, is_base=True)
        self._timeline.plan(self._timeline.now_s, f"{truth.id} runs", lambda: self._run(truth))
        return truth

    def add_foreign(self, *, pool: str, fleet: str | None = None, node_id: str | None = None) -> MachineTruth:
        """A running machine of somebody else in the same account."""
        truth = self._add(node_id=node_id, fleet=fleet, pool=pool, model=None, is_base=False)
        truth.state, truth.running_s = MachineState.RUNNING, self._timeline.now_s
        self._show(truth)
        return truth

    def tariff_now(self, pool: str) -> Tariff:
        """What a node of the pool is charged by at the price in force."""
        return tariff_at(self.pools[pool], self._timeline.now_s)

    def charge_usd(self, truth: MachineTruth, until_s: float | None = None) -> Decimal:
        """The charge of an ordered machine to its end, or to `until_s` (now) while it is held."""
        end_s = truth.ended_s
        if end_s is None:
            end_s = self._timeline.now_s if until_s is None else until_s
        pool = self.pools[truth.pool]
        return lease_usd(pool, self._timeline.start, truth.created_s, end_s, interrupted=truth.was_taken_back)

    def held(self, pool: str) -> tuple[MachineTruth, ...]:
        """Machines of the pool that exist and bill, oldest first."""
        return tuple(self._held[pool].values())

    # --- calls

    def _begin(self, call: CallName) -> ProviderError | None:
        """Raises what makes the call fail before it has an effect; returns what is to be raised after it."""
        for index, (name, error, after) in enumerate(self._fail_next):
            if name == call:
                del self._fail_next[index]
                if after:
                    return error
                raise error
        return self._call_faults.before(call, self._timeline.now_s)

    def _made(self, order: Order) -> MachineTruth:
        pool = self.pools.get(order.pool)
        if pool is None:
            raise Permanent(f"{self._name}: no such pool {order.pool}")
        try:
            self._check_room(pool)
            self._call_faults.refuse_capacity(pool.key)
        except CapacityUnavailable:
            self.refused += 1
            raise
        truth = self._add(
            node_id=order.node_id, fleet=order.fleet, pool=pool.key, model=order.model, is_base=False, key=order.key
        )
        self._by_key[order.key] = truth
        self._held[pool.key][truth.id] = truth
        lead_s = self._leads.choice(pool.lead_times_s)
        truth.never_boots = self._never_boots.happens()
        if not truth.never_boots:
            self._timeline.plan(truth.created_s + lead_s, f"{truth.id} runs", lambda: self._run(truth))
        return truth

    def _check_room(self, pool: SimulatedPool) -> None:
        held = len(self._held[pool.key])
        stock = self._shelves[pool.key].most(self._timeline.now_s)
        if stock is not None and held >= stock:
            raise CapacityUnavailable(f"{self._name}: no capacity for {pool.key}")
        if pool.quota is not None and held >= pool.quota:
            raise CapacityUnavailable(f"{self._name}: quota of {pool.quota} nodes of {pool.key} is reached")
        group_max = None if pool.count_group is None else self._group_max.get(pool.count_group)
        if group_max is not None and self._in_group(pool.count_group) >= group_max:
            raise CapacityUnavailable(f"{self._name}: limit of {group_max} nodes of {pool.count_group} is reached")

    def _in_group(self, group: str | None) -> int:
        return sum(len(self._held[pool.key]) for pool in self.pools.values() if pool.count_group == group)

    # --- the life of a machine

    def _add(
        self,
        *,
        node_id: str | None,
        fleet: str | None,
        pool: str,
        model: str | None,
        is_base: bool,
        key: str | None = None,
    ) -> MachineTruth:
        truth = MachineTruth(
            id=f"{self._name}-{len(self.truth) + 1:06d}",
            key=key,
            node_id=node_id,
            fleet=fleet,
            pool=pool,
            model=model,
            is_base=is_base,
            created_at=self._timeline.now,
            created_s=self._timeline.now_s,
        )
        self.truth.append(truth)
        self._listed[truth.id] = truth
        if key is None or self._visible_most_s <= 0:
            self._show(truth)
        else:
            self._show_later(truth)
        return truth

    def _run(self, truth: MachineTruth) -> None:
        if not truth.is_held:
            return
        truth.running_s = self._timeline.now_s
        truth.state = MachineState.RUNNING
        self._changed(truth)
        self.on_running(truth)
        if self._breaks_per_s > 0 and not truth.is_base:
            at_s = self._timeline.now_s + self._breaks.expovariate(self._breaks_per_s)
            self._timeline.plan(at_s, f"{truth.id} breaks", lambda: self._break(truth))

    def _break(self, truth: MachineTruth) -> None:
        if truth.is_held:
            truth.is_broken = True
            self.on_break(truth)

    def _end(self, truth: MachineTruth, *, was_taken_back: bool) -> None:
        now_s = self._timeline.now_s
        truth.ended_s = now_s
        truth.was_taken_back = was_taken_back
        truth.state = MachineState.STOPPING
        self._held.get(truth.pool, {}).pop(truth.id, None)
        self._changed(truth)
        self._timeline.plan(now_s + self._stopping_s, f"{truth.id} is gone", lambda: self._gone(truth))
        self.on_gone(truth)

    def _gone(self, truth: MachineTruth) -> None:
        truth.state = MachineState.GONE
        self._changed(truth)
        at_s = self._timeline.now_s + self._listed_gone_s
        self._timeline.plan(at_s, f"{truth.id} leaves the lists", lambda: self._forget(truth))

    def _forget(self, truth: MachineTruth) -> None:
        del self._listed[truth.id]
        truth.listed = truth.echo = None
        self._rows_changed()

    # --- what lists show

    def _changed(self, truth: MachineTruth) -> None:
        """Lets lists show the machine as it is: at once, or later where the cloud is only eventually consistent."""
        if truth.listed is None:
            return  # it appears as it is then
        if truth.state is MachineState.STOPPING and self._visible_most_s > 0:
            self._show_later(truth)
        elif truth.state is not MachineState.GONE or truth.listed.state is MachineState.STOPPING:
            self._show(truth)

    def _show_later(self, truth: MachineTruth) -> None:
        at_s = self._timeline.now_s + self._visible.uniform(0, self._visible_most_s)
        self._timeline.plan(at_s, f"{truth.id} is seen", lambda: self._show(truth))

    def _show(self, truth: MachineTruth) -> None:
        if truth.id not in self._listed:
            return
        former, truth.listed = truth.listed, truth.row()
        if former is not None and former != truth.listed and self._duplicate.happens():
            truth.echo = former
            self._timeline.plan(
                self._timeline.now_s + ECHO_S, f"{truth.id} is told once", lambda: self._hush(truth, former)
            )
        self._rows_changed()

    def _hush(self, truth: MachineTruth, former: Machine) -> None:
        if truth.echo is former:
            truth.echo = None
            self._rows_changed()

    def _rows_changed(self) -> None:
        self._rows = self._listing = None
        if self._list_faults.keeps_history:
            self._list_faults.remember(self._timeline.now_s, self._true_rows())

    def _true_rows(self) -> Rows:
        """The rows of a fresh and complete list; a change told twice has its former row too, before or after."""
        if self._rows is None:
            rows = [truth.listed for truth in self._listed.values() if truth.listed is not None]
            for truth in self._listed.values():
                if truth.echo is not None:
                    rows.insert(0 if self._echo_first.random() < 0.5 else len(rows), truth.echo)
            self._rows = tuple(rows)
        return self._rows

    # --- being taken back

    def _plan_fall(self, pool: SimulatedPool, fall: Stock) -> None:
        """Advice, notice and end of what must be given back when a window begins."""
        at_s = fall.start_s
        if pool.rebalance_s is not None:
            self._timeline.plan(at_s - pool.rebalance_s, f"{pool.key} advises", lambda: self._advise(pool, fall))
        if pool.notice_s is not None:
            self._timeline.plan(at_s - pool.notice_s, f"{pool.key} gives notice", lambda: self._notify(pool, fall))
        self._timeline.plan(at_s, f"{pool.key} takes back", lambda: self._take_back(pool, fall))

    def _doomed(self, pool: SimulatedPool, fall: Stock) -> list[MachineTruth]:
        """The machines that go at the fall: those chosen before, and as many more as are now too many."""
        staying = [one for one in self._held[pool.key].values() if one.doomed_s is None]
        doomed = [one for one in self._held[pool.key].values() if one.doomed_s == fall.start_s]
        for one in self._takes.sample(staying, max(0, len(staying) - fall.nodes)):
            one.doomed_s = fall.start_s
            doomed.append(one)
        return doomed

    def _advise(self, pool: SimulatedPool, fall: Stock) -> None:
        for truth in self._doomed(pool, fall):
            truth.is_at_risk = True
            self._changed(truth)

    def _notify(self, pool: SimulatedPool, fall: Stock) -> None:
        for truth in self._doomed(pool, fall):
            is_missing, is_late = self._notice_missing.happens(), self._notice_late.happens()
            if is_missing:
                continue
            at_s = fall.start_s - (pool.notice_s or 0.0) / 10 if is_late else self._timeline.now_s
            self._timeline.plan(at_s, f"{truth.id} is given notice", partial(self._tell, truth))

    def _tell(self, truth: MachineTruth) -> None:
        if truth.is_held and truth.doomed_s is not None:
            truth.taken_back_at = self._timeline.start + timedelta(seconds=truth.doomed_s)
            self._changed(truth)

    def _take_back(self, pool: SimulatedPool, fall: Stock) -> None:
        for truth in self._doomed(pool, fall):
            self._end(truth, was_taken_back=True)
