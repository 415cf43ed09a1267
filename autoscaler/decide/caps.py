"""Caps: what is drained because going on would pass a cap or a ceiling (S1). Pure.

Renewals are what is refused: a node whose time is paid costs nothing more until then. Nodes beyond the floors go before
those of the floors, the dearest first; a coming node is never ended (S8). A machine nobody intended costs money like
any, and goes before all of them; it takes nobody's place where nodes are counted, for it is ended soon.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from autoscaler.decide.release import is_at_renewal
from autoscaler.decide.room import Room
from autoscaler.decide.say import burst_nodes
from autoscaler.decide.sight import is_unreachable
from autoscaler.decide.want import Want
from autoscaler.fleet import Drain, Node
from policies.renewal import hourly_usd, paid_left_s
from policies.scaling import ScalingPolicy


def cap_drains(wants: Mapping[str, Want], room: Room, policy: ScalingPolicy) -> list[Drain]:
    """Drains that keep the fleet under its caps, whatever the demand."""
    if not (is_capped(policy) or room.snapshot.controls.max_nodes):
        return []
    room.count()
    if not is_over(room):
        return []
    spare, floor = _by_price(wants.values(), room)
    orphans = _orphans(wants.values(), room)
    drains: dict[str, Drain] = {}
    _over_month([*orphans, *spare], floor, room, drains)
    _over_hour([*orphans, *spare, *floor], room, policy, drains)
    _over_nodes([*spare, *floor], room, policy, drains)
    _over_ceilings(wants, room, policy, drains)
    return list(drains.values())


def is_capped(policy: ScalingPolicy) -> bool:
    """Whether the policy caps nodes or money."""
    return policy.max_nodes is not None or policy.max_usd_hour is not None or policy.max_usd_month is not None


def is_over(room: Room) -> bool:
    """Whether any cap or ceiling is passed by what is there, the floors' part of the month reserved."""
    policy, controls = room.policy, room.snapshot.controls
    spent = room.snapshot.spent_month_usd + room.committed_usd + room.floor_usd
    return (
        (policy.max_usd_month is not None and spent > policy.max_usd_month)
        or (policy.max_usd_hour is not None and room.usd_hour > policy.max_usd_hour)
        or (policy.max_nodes is not None and room.staying_burst > policy.max_nodes)
        or any(room.by_model.get(model, 0) > most for model, most in controls.max_nodes.items())
    )


def is_over_with_ending(room: Room) -> bool:
    """Whether a cap or ceiling is passed, nodes that drain or end counted: then drained ones must go."""
    if not (is_capped(room.policy) or room.snapshot.controls.max_nodes):
        return False
    room.count()
    most = room.policy.max_nodes
    return (
        is_over(room)
        or (most is not None and room.alive_burst > most)
        or any(room.alive_by_model.get(model, 0) > most for model, most in room.snapshot.controls.max_nodes.items())
    )


def is_over_month(room: Room) -> bool:
    """Whether what is committed passes the month's cap already: then no drain may run into a new paid hour."""
    most = room.policy.max_usd_month
    return most is not None and room.snapshot.spent_month_usd + room.committed_usd > most


def _by_price(wants: Iterable[Want], room: Room) -> tuple[list[Node], list[Node]]:
    """Ready nodes beyond the floors and of the floors, each the dearest first; a model's cheapest are its floor."""
    pools, hours = room.snapshot.pools, room.month.hours

    def price(node: Node) -> tuple[Decimal, str]:
        return hourly_usd(pools[node.pool].tariff, hours), node.id

    spare: list[Node] = []
    floor: list[Node] = []
    for want in wants:
        sight = want.sight
        nodes = [node for node in (*sight.serving, *sight.stranded, *sight.at_risk) if node.pool in pools]
        nodes = sorted((node for node in nodes if not is_unreachable(room.snapshot, node.pool)), key=price)
        least = max(want.floor - len(sight.coming), 0)
        floor += nodes[:least]
        spare += nodes[least:]
    return sorted(spare, key=price, reverse=True), sorted(floor, key=price, reverse=True)


def _orphans(wants: Iterable[Want], room: Room) -> list[Node]:
    """Ready nodes nobody intended that may be drained."""
    pools, snapshot = room.snapshot.pools, room.snapshot
    found = [node for want in wants for node in want.sight.orphans if node.pool in pools]
    return [node for node in found if not is_unreachable(snapshot, node.pool)]


def _over_month(spare: Sequence[Node], floor: Sequence[Node], room: Room, drains: dict[str, Drain]) -> None:
    most = room.policy.max_usd_month
    if most is None:
        return
    spent = room.snapshot.spent_month_usd
    for nodes, reserved in ((spare, room.floor_usd), (floor, Decimal(0))):
        for node in nodes:
            total = spent + room.committed_usd + reserved
            if total <= most:
                break
            saved = room.owed_usd(node) - room.owed_if_drained_usd(node)
            if saved <= 0 and is_paid(node, room):
                continue
            room.committed_usd -= saved
            reason = f"cap: going on would take the month to {total:.2f} USD, max_usd_month is {most}"
            drains[node.id] = Drain(node_id=node.id, reason=reason)


def is_paid(node: Node, room: Room) -> bool:
    """Whether going on costs nothing for longer than a renewal margin."""
    tariff = room.snapshot.pools[node.pool].tariff
    return paid_left_s(tariff, node.ordered_at, room.snapshot.now) > room.policy.renewal_margin_s


def _over_hour(nodes: Sequence[Node], room: Room, policy: ScalingPolicy, drains: dict[str, Drain]) -> None:
    most = policy.max_usd_hour
    if most is None or room.usd_hour <= most:
        return
    pools, hours = room.snapshot.pools, room.month.hours
    total = room.usd_hour - _ending_usd(room)
    total -= sum((hourly_usd(pools[one.pool].tariff, hours) for one in nodes if one.id in drains), Decimal(0))
    for node in nodes:
        if total <= most:
            return
        if node.id not in drains and is_at_renewal(node, room.snapshot, policy):
            reason = f"cap: nodes cost {total:.2f} USD/h, max_usd_hour is {most}"
            drains[node.id] = Drain(node_id=node.id, reason=reason)
            total -= hourly_usd(pools[node.pool].tariff, hours)


def _ending_usd(room: Room) -> Decimal:
    """Price of the burst nodes that end already."""
    pools, hours = room.snapshot.pools, room.month.hours
    return sum(
        (
            hourly_usd(pools[node.pool].tariff, hours)
            for node in room.snapshot.nodes
            if not node.is_base and node.pool in pools and node.state.value in ("draining", "terminating", "failed")
        ),
        Decimal(0),
    )


def _over_nodes(nodes: Sequence[Node], room: Room, policy: ScalingPolicy, drains: dict[str, Drain]) -> None:
    most = policy.max_nodes
    if most is None:
        return
    over = room.staying_burst - sum(node.id in drains for node in nodes) - most
    for node in nodes:
        if over <= 0:
            return
        if node.id not in drains and is_at_renewal(node, room.snapshot, policy):
            reason = f"cap: {most + over} burst nodes, max_nodes is {most}"
            drains[node.id] = Drain(node_id=node.id, reason=reason)
            over -= 1


def _over_ceilings(wants: Mapping[str, Want], room: Room, policy: ScalingPolicy, drains: dict[str, Drain]) -> None:
    for model, want in wants.items():
        ceiling = room.ceiling(model)
        if ceiling is None:
            continue
        spare, floor = _by_price([want], room)
        nodes = [*spare, *floor]
        over = room.by_model.get(model, 0) - sum(node.id in drains for node in nodes) - ceiling
        for node in nodes:
            if over > 0 and node.id not in drains and is_at_renewal(node, room.snapshot, policy):
                reason = f"ceiling: {burst_nodes(ceiling + over)}, the manual ceiling is {ceiling}"
                drains[node.id] = Drain(node_id=node.id, reason=reason)
                over -= 1
