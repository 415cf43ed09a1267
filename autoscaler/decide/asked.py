"""Asked: the fleet that a decision asked for, as if every action had been begun and nothing else had happened. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from autoscaler.fleet import (
    Action,
    Drain,
    Hold,
    Launch,
    Node,
    NodeState,
    Recently,
    Snapshot,
    Terminate,
    Undrain,
    moved,
)


def asked_for(snapshot: Snapshot, actions: Iterable[Action]) -> Snapshot:
    """The snapshot with launches as planned nodes, drains as draining ones, ends as asked for; of the same instant.

    What a node has in flight after it was drained is not known before it is measured anew. Asked about this fleet,
    `decide` asks for nothing, unless a step cap cut it short. Raises KeyError for a node that does not exist and
    IllegalMove for a move its state does not lead to.
    """
    nodes = {node.id: node for node in snapshot.nodes}
    recently = dict(snapshot.recently)
    now = snapshot.now
    for action in actions:
        match action:
            case Launch():
                node = _launched(action, len(nodes), now)
                nodes[node.id] = node
                recently[action.model] = replace(recently.get(action.model, Recently()), launched_at=now)
            case Drain():
                node = nodes[action.node_id]
                nodes[node.id] = replace(moved(node, NodeState.DRAINING, now), in_flight=None)
            case Undrain():
                nodes[action.node_id] = moved(nodes[action.node_id], NodeState.READY, now)
            case Terminate():
                nodes[action.node_id] = moved(nodes[action.node_id], NodeState.TERMINATING, now)
            case Hold():
                pass
    return replace(snapshot, nodes=tuple(nodes.values()), recently=recently)


def _launched(action: Launch, number: int, now: datetime) -> Node:
    return Node(
        id=f"asked-{now:%Y%m%dT%H%M%S.%f}-{number}",
        pool=action.pool,
        model=action.model,
        state=NodeState.PLANNED,
        since=now,
        ordered_at=now,
        replaces=action.replaces,
    )
