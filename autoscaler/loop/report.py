"""What one tick saw, did and gave as reasons. Pure: values; the daemon logs them, the replay counts them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from autoscaler.fleet import Action, NodeState, Snapshot
from autoscaler.journal import Outcome, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """One action and its one outcome."""

    action: Action
    result: Result
    node_id: str | None = None
    """The node it was about, or the one that was made; None: none was made, or a hold."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TickReport:
    """One tick."""

    now: datetime
    seen: Snapshot
    """What the first decision was made on."""
    acted: tuple[Acted, ...]
    """In the order they were done; a hold is done by doing nothing."""
    resumed: tuple[Outcome, ...] = ()
    """Of intents left open by an earlier tick: what came of asking again."""
    problems: tuple[str, ...] = ()
    """What went wrong and was contained, one line each."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why each action was taken, or not taken."""
        return tuple(acted.action.reason for acted in self.acted)

    @property
    def nodes_by_state(self) -> Mapping[NodeState, int]:
        """Nodes of each state, base included, as the first decision saw them."""
        return Counter(node.state for node in self.seen.nodes)
