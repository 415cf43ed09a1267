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
from autoscaler.providers.simulated.faults import CallFaults, Dice
from autoscaler.providers.simulated.lease import lease_usd, tariff_at
from autoscaler.providers.simulated.lists import Lists
from autoscaler.providers.simulated.reclaim import Reclaim
from autoscaler.providers.simulated.spec import NO_FAULTS, FaultMix, SimulatedPool
from autoscaler.providers.simulated.stock import Shelf
from autoscaler.providers.simulated.truth import MachineTruth
from policies.billing import Tariff
from policies.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from random import Random

    from autoscaler.timeline import Timeline

Hook = Callable[[MachineTruth], None]
CallName = Literal["machines", "launch", "terminate"]
CALLS_REMEMBERED = 1000


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
        guards_foreign: bool = False,
    ) -> None:
        """`guards_foreign`: refuse to end what is not our fleet's, as adapters do. Off, the mistake shows in truth."""
        self._name = name
        self.pools: Mapping[str, SimulatedPool] = {pool.key: pool for pool in pools}
        self._timeline = timeline
        self._fleet = fleet
        self._guards_foreign = guards_foreign
        self._group_max = dict(group_max or {})
        self._stopping_s = stopping_s
        self._listed_gone_s = listed_gone_s
        self.truth: list[MachineTruth] = []
        """Every machine ever made, oldest first."""
        self.calls: deque[Call] = deque(maxlen=CALLS_REMEMBERED)
        """The last launches and ends asked for, also those that failed."""
        self.refused = 0
        """Launches refused for lack of stock or quota."""
        self.on_running: Hook = _nothing
        """Called when a machine runs and begins to load its model."""
        self.on_gone: Hook = _nothing
        """Called when a machine stops: its end was accepted, or it was taken back."""
        self.on_break: Hook = _nothing
        """Called when a machine stops serving while it runs on."""
        self._by_key: dict[str, MachineTruth] = {}
        self._held: dict[str, dict[str, MachineTruth]] = {key: {} for key in self.pools}
        self._shelves = {key: Shelf(pool) for key, pool in self.pools.items()}
        self._fail_next: list[tuple[CallName, ProviderError, bool]] = []
        chance = Chance(rng)
        self._leads = chance.stream("lead_time")
        self._never_boots = Dice(chance, "never_boots", faults.never_boots)
        self._breaks = chance.stream("breaks")
        self._breaks_per_s = faults.breaks_per_hour / SECONDS_PER_HOUR
        self._call_faults = CallFaults(faults, chance, name)
        self._lists = Lists(name, timeline, faults, chance)
        reclaim = Reclaim(
            timeline,
            faults,
            chance,
            held=self._held,
            changed=self._lists.changed,
            take=partial(self._end, was_taken_back=True),
        )
        for pool in self.pools.values():
            if pool.provider != name:
                raise ValueError(f"pool {pool.key} is of {pool.provider}; expected one of {name}")
            reclaim.plan(pool)

    # --- the provider

    @property
    def name(self) -> str:
        """Such as aws."""
        return self._name

    def machines(self) -> Listing:
        """Everything in the account, as far and as fresh as the faults let it be told. Raises ProviderError."""
        if self._fail_next or not self._call_faults.never_happen:
            hides = self._begin("machines")
            if hides is not None:
                raise hides
        return self._lists.listing()

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
        truth = self._lists.seen(machine_id)
        if truth is not None and self._guards_foreign and truth.fleet != self._fleet:
            raise Permanent(f"{self._name}: machine {machine_id} is not of fleet {self._fleet}, and is left alone")
        if truth is not None and truth.is_held:
            self._end(truth, was_taken_back=False)
        if hides is not None:
            raise hides
        if truth is None:
            raise NodeNotFound(f"{self._name}: no machine {machine_id}")

    # --- for tests, the world and its bill

    def fail_next(self, call: CallName, error: ProviderError, *, after: bool = False, times: int = 1) -> None:
        """Lets the next calls of that name raise `error`: before they have an effect, or after it."""
        self._fail_next.extend([(call, error, after)] * times)

    def add_base(self, *, node_id: str, offer: str, model: str) -> MachineTruth:
        """A base node of our fleet that runs from now on; never ordered through this provider."""
        truth = self._add(node_id=node_id, fleet=self._fleet, pool=offer, model=model, is_base=True)
        self._timeline.plan(self._timeline.now_s, f"{truth.id} runs", partial(self._run, truth))
        return truth

    def add_foreign(
        self, *, pool: str, fleet: str | None = None, node_id: str | None = None, model: str | None = None
    ) -> MachineTruth:
        """A running machine that nobody ordered here: somebody else's in the same account, or an orphan of ours."""
        return self._add(
            node_id=node_id, fleet=fleet, pool=pool, model=model, is_base=False, running_s=self._timeline.now_s
        )

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

    def bill_usd(self) -> Decimal:
        """What every machine ordered so far has cost to now; base nodes and foreign machines apart."""
        return sum((self.charge_usd(truth) for truth in self.truth if truth.key is not None), Decimal(0))

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
            self._timeline.plan(truth.created_s + lead_s, f"{truth.id} runs", partial(self._run, truth))
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
        running_s: float | None = None,
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
            running_s=running_s,
            state=MachineState.PENDING if running_s is None else MachineState.RUNNING,
        )
        self.truth.append(truth)
        self._lists.add(truth)
        return truth

    def _run(self, truth: MachineTruth) -> None:
        if not truth.is_held:
            return
        truth.running_s = self._timeline.now_s
        truth.state = MachineState.RUNNING
        self._lists.changed(truth)
        self.on_running(truth)
        if self._breaks_per_s > 0 and not truth.is_base:
            at_s = self._timeline.now_s + self._breaks.expovariate(self._breaks_per_s)
            self._timeline.plan(at_s, f"{truth.id} breaks", partial(self._break, truth))

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
        self._lists.changed(truth)
        self._timeline.plan(now_s + self._stopping_s, f"{truth.id} is gone", partial(self._gone, truth))
        self.on_gone(truth)

    def _gone(self, truth: MachineTruth) -> None:
        truth.state = MachineState.GONE
        self._lists.changed(truth)
        at_s = self._timeline.now_s + self._listed_gone_s
        self._timeline.plan(at_s, f"{truth.id} leaves the lists", partial(self._lists.drop, truth))
