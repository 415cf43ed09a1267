"""S2, S4, S7, S8: when a node that serves, or is to serve, may be given up. Pure; each rule returns what is wrong.

Judged are drains, and ends of nodes that were not drained, save those that come before floor and demand: for a cap, a
ceiling or a provider's notice. What was measured counts as it was measured: S4 sees to it that it was.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from autoscaler.fleet import COMING, Drain, Launch, Node, NodeState, Terminate, Undrain
from autoscaler.journal import IntentKind
from autoscaler.loop.report import Acted, TickReport
from autoscaler.providers.simulated.truth import MachineTruth
from autoscaler.replay.invariants.facts import BEGUN, IMPOSED, Facts, kind_of
from autoscaler.replay.invariants.rising import floor_of
from autoscaler.replay.invariants.watch import Life
from policies.scaling import ScalingPolicy, is_above_band


def given_up(facts: Facts, report: TickReport) -> Mapping[str, list[Node]]:
    """By model, the working nodes a tick gave up for want of demand."""
    policy, now = facts.truth.policy, report.now
    found: dict[str, list[Node]] = {}
    nodes: dict[str, Node] | None = None
    imposed: set[str] = set()
    for acted in report.acted:
        action = acted.action
        if not isinstance(action, Drain | Terminate) or acted.result not in BEGUN:
            continue
        if kind_of(action) in IMPOSED:
            imposed.add(action.node_id)
            continue
        nodes = nodes or {node.id: node for node in report.seen.nodes}
        node = nodes.get(action.node_id)
        if node is None or node.id in imposed:
            continue
        if _is_working(node, policy, now) and node not in found.get(node.model, ()):
            found.setdefault(node.model, []).append(node)
    return found


def floor_kept(facts: Facts, report: TickReport, model: str, gone: list[Node]) -> str | None:
    """S2: no node is given up that leaves fewer burst nodes of its model, serving or coming, than its floor."""
    floor = floor_of(model, report.seen, facts.truth.policy)
    lost = {one.action.node_id for one in report.acted if isinstance(one.action, Drain | Terminate)}
    stay = [
        node
        for node in report.seen.nodes
        if node.model == model and node.id not in lost and _is_working(node, facts.truth.policy, report.now)
    ]
    left = len(stay) + sum(1 for acted in report.acted if _adds_to(acted, model, report))
    if left < floor:
        return f"{_names(gone)} given up, {left} nodes of {model} are left of at least {floor}"
    return None


def demand_known(facts: Facts, report: TickReport, model: str, gone: list[Node]) -> str | None:
    """S4: while nothing fresh is measured of a model, none of its nodes is given up."""
    demand = report.seen.demand.get(model)
    if demand is None:
        return f"{_names(gone)} given up while nothing was measured of {model}"
    age_s = (report.now - demand.measured_at).total_seconds()
    if age_s > facts.truth.policy.stale_after_s:
        return f"{_names(gone)} given up on a measurement of {model} that is {age_s:.0f} s old"
    return None


def demand_true(facts: Facts, report: TickReport) -> str | None:
    """S4: a measurement is as old as the reading it comes from, and not 0 while nodes have requests in flight."""
    serving = facts.truth.serving
    for model, demand in report.seen.demand.items():
        if demand is None:
            continue
        true = serving.last_reading(model)
        if true is None or demand.measured_at > true.measured_at:
            return f"demand of {model} is said to be measured at {demand.measured_at:%H:%M:%S}, when nothing was"
        is_zero = demand.work_nodes <= 0 and demand.queue_node_s <= 0 and true.output_tok_s > 0
        is_news = demand.measured_at == true.measured_at == report.now
        if is_zero and is_news and serving.in_flight(model) > 0:
            return f"demand of {model} is taken to be 0 while its nodes have requests in flight"
    return None


def cooled_down(facts: Facts, model: str, gone: list[Node]) -> str | None:
    """S7: no node is given up within the cooldown of the last launch for its model that made a machine."""
    at = facts.scaled_out_at.get(model)
    if at is None:
        return None
    ago_s = (facts.truth.timeline.now - at).total_seconds()
    if ago_s < facts.truth.policy.cooldown_s:
        return f"{_names(gone)} given up {ago_s:.0f} s after a scale-out of {model}"
    return None


def survivors_carry(facts: Facts, report: TickReport, model: str, gone: list[Node]) -> str | None:
    """S7: the ready nodes that stay carry what is measured, queue included, inside the band."""
    policy, demand = facts.truth.policy, report.seen.demand.get(model)
    if demand is None:
        return None  # S4's
    lost = {node.id for node in gone}
    capacity = sum(
        demand.speed.get(node.pool, 0.0)
        for node in report.seen.nodes
        if node.model == model and node.state is NodeState.READY and node.id not in lost and node.taken_back_at is None
    )
    work = demand.work_nodes + demand.queue_node_s / policy.queue_clear_s
    if is_above_band(policy, work, capacity):
        return f"{_names(gone)} given up: {work:.2f} nodes of work on the {capacity:.2f} that stay"
    return None


def drained_before_its_end(facts: Facts, machine: MachineTruth, life: Life) -> str | None:
    """S7: a node that gets work is drained, and ends when nothing is in flight or the drain took too long.

    A cap on the month may cut a drain short. An orphan goes as it is.
    """
    truth = facts.truth
    node = truth.serving.node(life.node_id)
    if node is None or node.is_broken or machine.taken_back_at is not None or not life.is_ready:
        return None
    if life.origin is None or life.origin.kind is IntentKind.ADOPT or life.is_written_off:
        return None
    if life.drain is None:
        return f"{life.node_id} is ended while it gets work, and was never drained"
    drained_s = (truth.timeline.now - life.drain.at).total_seconds()
    in_flight = truth.serving.in_flight_of(life.node_id)
    if in_flight > 0 and drained_s < truth.policy.drain_timeout_s and truth.policy.max_usd_month is None:
        return f"{life.node_id} is ended {drained_s:.0f} s after its drain with {in_flight} requests in flight"
    return None


def not_while_loading(facts: Facts, machine: MachineTruth, life: Life) -> str | None:
    """S8: no node that is still to serve is ended before its launch timeout, unless its provider takes it back."""
    truth = facts.truth
    if truth.serving.node(life.node_id) is not None or machine.is_broken or machine.taken_back_at is not None:
        return None
    if life.origin is None or life.origin.kind is not IntentKind.LAUNCH or life.is_ready:
        return None
    age_s = (truth.timeline.now - life.origin.at).total_seconds()
    if age_s < truth.policy.launch_timeout_s:
        return f"{life.node_id} is ended {age_s:.0f} s after its order, before it serves"
    return None


def _is_working(node: Node, policy: ScalingPolicy, now: datetime) -> bool:
    """Whether it is a burst node that serves, or is still in time to, and is not being taken back."""
    if node.is_base or node.taken_back_at is not None:
        return False
    is_late = (now - node.ordered_at).total_seconds() >= policy.launch_timeout_s
    return node.state is NodeState.READY or (node.state in COMING and not is_late)


def _adds_to(acted: Acted, model: str, report: TickReport) -> bool:
    """Whether the action gives the model a node."""
    action = acted.action
    if acted.result not in BEGUN:
        return False
    if isinstance(action, Launch):
        return action.model == model
    return isinstance(action, Undrain) and any(n.id == action.node_id and n.model == model for n in report.seen.nodes)


def _names(nodes: Iterable[Node]) -> str:
    return ", ".join(node.id for node in nodes)
