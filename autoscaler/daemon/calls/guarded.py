"""Guarded: a provider or serving side whose calls end in time, are made by the leader alone, and tell no secrets.

Every call runs in the lane of its side, so one that hangs stops neither the tick nor the other sides. What changes the
world is called only while the lease lasts for as long as the call may take. The text of every error passes one door,
`clean`, before anyone sees it: journal, report, status and log get what it lets through.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, TypeVar

from autoscaler.daemon.calls.budget import Budget
from autoscaler.daemon.calls.lane import Call, Lane, NoAnswer, StillWaiting
from autoscaler.daemon.calls.reign import NotLeading
from autoscaler.fleet import Node
from autoscaler.providers.provider import (
    CapacityUnavailable,
    Listing,
    Machine,
    NodeNotFound,
    NotDone,
    Order,
    Permanent,
    Provider,
    ProviderError,
    Temporary,
)
from autoscaler.serving.serving import Readings, RoutingNotDone, Serving, ServingError, Told

T = TypeVar("T")

Clean: TypeAlias = Callable[[str], str]
"""Takes secrets out of a text."""
Hold: TypeAlias = Callable[[float], None]
"""Returns where this daemon may act for so many seconds. Raises NotLeading."""

_SORTS = (CapacityUnavailable, NodeNotFound, Permanent, NotDone)


@dataclass(slots=True, kw_only=True)
class GuardedProvider:
    """A provider as the daemon's loop calls it."""

    provider: Provider
    lane: Lane
    budget: Budget
    hold: Hold
    clean: Clean
    _call: Call[Listing] | None = None
    """For its list, begun ahead of the tick's question or cut off."""
    _was_cut_off: bool = False
    _late: Listing | None = None
    """A list that came too late for the tick that asked; it says itself how old it is."""
    listed_at: datetime | None = None
    """Of the last list that was given."""
    problem: str = ""
    """Why the last question for a list was not answered; empty: it was."""

    @property
    def name(self) -> str:
        """The provider's."""
        return self.provider.name

    def begin_list(self) -> None:
        """Asks for the list ahead, so that all providers are asked at once; one that hangs is left to hang."""
        call = self._call
        if call is not None:
            if not call.has_ended.is_set():
                return
            self._late = call.results[0] if call.results else None
        self._was_cut_off = False
        try:
            self._call = self.lane.begin("its list", self.provider.machines)
        except StillWaiting:
            self._call = None

    def machines(self) -> Listing:
        """The list; where it does not come in time, one that came late before. Raises ProviderError."""
        try:
            listing = self._asked()
        except ProviderError as error:
            self.problem = str(error)
            raise
        self.listed_at, self.problem = listing.as_of, ""
        return listing

    def _asked(self) -> Listing:
        try:
            call = self._call
            if call is None:
                call = self._call = self.lane.begin("its list", self.provider.machines)
            listing = self.lane.wait(call, 0.0 if self._was_cut_off else self.budget.for_call_s())
        except (NoAnswer, StillWaiting) as error:
            why = self.lane.waiting() if self._was_cut_off else str(error)
            self._was_cut_off = self._call is not None
            late, self._late = self._late, None
            if late is not None:
                return late
            raise Temporary(self.clean(why)) from None
        except Exception as error:  # noqa: BLE001 - the door: whatever it is gets a sort and a clean text
            self._call = None
            raise self._sorted(error) from None
        self._call = self._late = None
        return listing

    def launch(self, order: Order) -> Machine:
        """The machine of the order. Raises ProviderError."""
        return self._acted(f"the launch of {order.node_id}", lambda: self.provider.launch(order))

    def terminate(self, machine_id: str) -> None:
        """Asks for the machine's end. Raises ProviderError."""
        self._acted(f"the end of {machine_id}", lambda: self.provider.terminate(machine_id))

    def _acted(self, what: str, work: Callable[[], T]) -> T:
        timeout_s = self.budget.for_call_s()
        if timeout_s <= 0:
            raise Temporary("not asked for: the time of this tick is used up")
        try:
            self.hold(timeout_s)
            return self.lane.call(what, work, timeout_s)
        except (NotLeading, NoAnswer, StillWaiting) as error:
            raise Temporary(self.clean(str(error))) from None
        except Exception as error:  # noqa: BLE001 - as above
            raise self._sorted(error) from None

    def _sorted(self, error: Exception) -> ProviderError:
        """The error with a clean text, as one of those the loop tells apart; what is none of them may have happened."""
        for sort in _SORTS:
            if isinstance(error, sort):
                return sort(self.clean(str(error)))
        if isinstance(error, ProviderError):
            return Temporary(self.clean(str(error)))
        return Temporary(self.clean(f"{type(error).__name__}: {error}"))


@dataclass(slots=True, kw_only=True)
class GuardedServing:
    """A serving side as the daemon's loop calls it."""

    serving: Serving
    lane: Lane
    budget: Budget
    hold: Hold
    clean: Clean
    _reading: Call[Readings] | None = None
    last: Readings | None = None
    """What it last said."""
    _was_told: bool = False
    """Whether it knows the nodes of some tick."""

    def begin_read(self) -> None:
        """Asks ahead, while the lists are on their way; not who is to be told of the nodes on them first."""
        if isinstance(self.serving, Told) and not self._was_told:
            return
        try:
            self._reading = self.lane.begin("its readings", self.serving.read)
        except StillWaiting:
            self._reading = None

    def read(self) -> Readings:
        """Demand and nodes. Raises ServingError."""
        call, self._reading = self._reading, None
        if call is not None:
            ahead = call
            self.last = self._cleaned(lambda timeout_s: self.lane.wait(ahead, timeout_s))
        else:
            self.last = self._called("its readings", self.serving.read)
        return self.last

    def stop_routing(self, node_id: str) -> None:
        """The node gets no new work. Raises ServingError."""
        self._acted(f"the drain of {node_id}", lambda: self.serving.stop_routing(node_id))

    def resume_routing(self, node_id: str) -> None:
        """The node gets work again. Raises ServingError."""
        self._acted(f"the return of {node_id}", lambda: self.serving.resume_routing(node_id))

    def follow(self, nodes: Sequence[Node]) -> None:
        """Brings the side up to date with the fleet. Raises ServingError."""
        self._acted("following the fleet", lambda: self.serving.follow(nodes))
        self._was_told = True

    def know(self, nodes: Sequence[Node]) -> None:
        """Tells a side that finds no nodes by itself which there are, if it was never told. Raises ServingError."""
        side = self.serving
        if isinstance(side, Told) and not self._was_told:
            self._called("being told the nodes", lambda: side.know(nodes))
            self._was_told = True

    def _acted(self, what: str, work: Callable[[], None]) -> None:
        try:
            self.hold(self.budget.for_call_s())
        except NotLeading as error:
            raise ServingError(self.clean(str(error))) from None
        self._called(what, work)

    def _called(self, what: str, work: Callable[[], T]) -> T:
        return self._cleaned(lambda timeout_s: self.lane.call(what, work, timeout_s))

    def _cleaned(self, ask: Callable[[float], T]) -> T:
        timeout_s = self.budget.for_call_s()
        if timeout_s <= 0:
            raise ServingError("not asked: the time of this tick is used up")
        try:
            return ask(timeout_s)
        except RoutingNotDone as error:
            raise RoutingNotDone(self.clean(str(error))) from None
        except (ServingError, NoAnswer, StillWaiting) as error:
            raise ServingError(self.clean(str(error))) from None
        except Exception as error:  # noqa: BLE001 - as above
            raise ServingError(self.clean(f"{type(error).__name__}: {error}")) from None


def begin_all(providers: Sequence[GuardedProvider], serving: GuardedServing) -> None:
    """Asks every side at once for what a tick begins with."""
    for provider in providers:
        provider.begin_list()
    serving.begin_read()
