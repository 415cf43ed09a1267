"""Track: what the loop knows of one node, from journal, list and readings, and the `Node` that follows from it. Pure.

What is observed may come twice, late or out of order. A track only ever moves forward, along `fleet.MOVES`: what would
move it back is an old observation and changes nothing.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from autoscaler.fleet import MOVES, Node, NodeState, moved
from autoscaler.journal import Intent, IntentKind, Outcome, Result
from autoscaler.providers.provider import Machine, MachineState
from autoscaler.serving.serving import NodeReading

RANK = {state: rank for rank, state in enumerate(MachineState)}
"""A machine's states in the order of its life."""


@dataclass(slots=True, kw_only=True, eq=False)
class Track:
    """One node; its `node` is what `decide` sees, rebuilt only when something about it changed."""

    node: Node
    provider: str
    launch: Intent | None
    """The intent it is there by: a launch, or an adoption; None: a base node."""
    machine: Machine | None = None
    told: Machine | None = None
    """As far as `node` says it."""
    reading: NodeReading | None = None
    asked_at: datetime | None = None
    """When the provider was last asked to make it."""
    ready_at: datetime | None = None
    unready_since: datetime | None = None
    drain: Intent | None = None
    """It is being drained."""
    end: Intent | None = None
    """Its end was asked for."""
    ended_at: datetime | None = None
    """The provider accepted its end."""
    failed_at: datetime | None = None
    unsettled: dict[str, Intent] = field(default_factory=dict)
    """Intents about it without an outcome that closes them, by key; oldest first."""
    is_recalled: bool = False
    """Known from the journal alone: its state is read, not moved to."""
    keys: list[str] = field(default_factory=list)
    """Of all intents about it."""

    @property
    def id(self) -> str:
        """The node's."""
        return self.node.id

    @property
    def is_orphan(self) -> bool:
        """Nobody intended it."""
        return self.launch is not None and self.launch.kind is IntentKind.ADOPT

    def intended(self, intent: Intent) -> None:
        """Takes in an intent about the node, at the time it is written down."""
        self.keys.append(intent.key)
        self.unsettled[intent.key] = intent
        match intent.kind:
            case IntentKind.DRAIN:
                self.drain = intent
            case IntentKind.UNDRAIN:
                self.drain = None
            case IntentKind.TERMINATE:
                self.end, self.ended_at = intent, None  # an end asked for again was none before
            case IntentKind.LAUNCH:
                self.asked_at = intent.at
            case IntentKind.ADOPT:
                pass

    def settled(self, outcome: Outcome) -> None:
        """Takes in what came of one of its intents."""
        if outcome.result is Result.READY:
            self.ready_at, self.unready_since = self.ready_at or outcome.at, None
            return
        if outcome.result is Result.UNREADY:
            self.unready_since = outcome.at
            return
        if outcome.result is Result.UNKNOWN:
            if self.launch is not None and outcome.key == self.launch.key:
                self.asked_at = outcome.at
            return
        intent = self.unsettled.pop(outcome.key, None)
        if intent is None:
            return
        if intent.kind is IntentKind.TERMINATE:
            if outcome.result is Result.DONE:
                self.ended_at = outcome.at
            elif self.end is intent:
                self.end = None  # refused, or not done on purpose: it is as it was
        if intent.kind is IntentKind.DRAIN and outcome.result is not Result.DONE and self.drain is intent:
            self.drain = None

    def saw(self, machine: Machine) -> bool:
        """Takes in the machine as listed; False where it is an older observation than what is known."""
        known = self.machine
        if known is not None and RANK[machine.state] < RANK[known.state]:
            return False
        self.machine = machine
        return True

    def refresh(self, now: datetime) -> bool:
        """Rebuilds `node` where it changed, and says whether it did."""
        node = self.node
        state, since = self._state(now)
        if node.is_base:
            node = self._watched(node, state, since)
        elif self.is_recalled:
            node = replace(node, state=state, since=since)
        elif state is not node.state and state in MOVES[node.state]:
            node = moved(node, state, since)
        self.is_recalled = False
        node = self._told(node)
        changed = node is not self.node
        self.node = node
        return changed

    def _state(self, now: datetime) -> tuple[NodeState, datetime]:
        """The state that follows from what is known, and since when."""
        machine = self.machine
        if self.end is not None:
            return NodeState.TERMINATING, self.end.at
        if machine is not None and machine.state is MachineState.STOPPING:
            return NodeState.TERMINATING, now
        if self.failed_at is not None:
            return NodeState.FAILED, self.failed_at
        if self.ready_at is not None:
            if self.drain is not None:
                return NodeState.DRAINING, self.drain.at
            return NodeState.READY, self.ready_at if self.node.state is not NodeState.DRAINING else now
        if machine is None:  # made, as the journal says, and in no list yet; or not known to be made
            known = self.node.machine_id is not None
            return NodeState.BOOTING if known else NodeState.LAUNCHING, self.node.ordered_at
        if machine.state is MachineState.PENDING:
            return NodeState.BOOTING, machine.created_at
        return NodeState.LOADING, now

    def _watched(self, node: Node, state: NodeState, since: datetime) -> Node:
        """A base node in another state: it is ours to watch, not to move, and may recover."""
        if state is node.state:
            return node
        return Node(
            id=node.id,
            pool=node.pool,
            model=node.model,
            state=state,
            since=since,
            ordered_at=node.ordered_at,
            is_base=True,
            machine_id=node.machine_id,
            in_flight=node.in_flight,
            address=node.address,
        )

    def _told(self, node: Node) -> Node:
        """The node with what machine and reading say of it."""
        machine = self.machine
        in_flight = None if self.reading is None else self.reading.in_flight
        if machine is None or machine is self.told:
            if in_flight == node.in_flight:
                return node
            machine_id, ordered_at, address = node.machine_id, node.ordered_at, node.address
            instances = node.instances
            taken_back_at, is_at_risk = node.taken_back_at, node.is_at_risk
        else:
            self.told = machine
            machine_id, ordered_at = machine.id, machine.created_at
            address = machine.address or node.address
            instances = machine.instances
            taken_back_at = machine.taken_back_at or node.taken_back_at
            is_at_risk = machine.is_at_risk or node.is_at_risk
        return Node(
            id=node.id,
            pool=node.pool,
            model=node.model,
            state=node.state,
            since=node.since,
            ordered_at=ordered_at,
            is_base=node.is_base,
            machine_id=machine_id,
            in_flight=in_flight,
            taken_back_at=taken_back_at,
            is_at_risk=is_at_risk,
            replaces=node.replaces,
            address=address,
            instances=instances,
            is_orphan=node.is_orphan,
        )
