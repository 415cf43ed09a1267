"""Which Node object is which node of ours. Pure.

A node's machine is what counts: where the provider id of a Node names a machine of the fleet, it is that machine's node
whatever it is called and labelled. Else the label says it, unless the provider id names another machine. A Node of
neither kind is nobody's: it is reported if it claims to be ours, and never stands in another's way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autoscaler.cluster.labels import label_value
from autoscaler.fleet import Node
from autoscaler.serving.kubernetes.objects import ClusterNode
from planner.catalog.offer_id import OfferId

SCHEMES: Mapping[str, tuple[str, ...]] = {
    "aws": ("aws",),
    "hcloud": ("hetzner", "hetzner-cloud", "hcloud"),
    "hrobot": ("hetzner",),
    "openstack": ("ovh",),
}
"""Scheme of a provider id -> providers, as the keys of pools begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """Node objects by node id."""

    objects: Mapping[str, ClusterNode]
    strays: tuple[ClusterNode, ...]
    """Labelled as this fleet's, and of no node in it."""
    problems: tuple[str, ...]


def machine_of(provider_id: str | None) -> tuple[str, str] | None:
    """Scheme and machine of a provider id: aws:///eu-west-1a/i-0ab -> aws, i-0ab; None: of no kind that we know."""
    scheme, found, rest = (provider_id or "").partition("://")
    machine = rest.rpartition("/")[2]
    return (scheme, machine) if found and machine and scheme in SCHEMES else None


def match(objects: Iterable[ClusterNode], nodes: Sequence[Node], *, fleet: str) -> Matched:
    """The Node objects of the fleet's nodes."""
    by_machine = {machine_id: node for node in nodes for machine_id in _machines(node)}
    by_label = {label_value(node.id): node for node in nodes}
    sure: dict[str, list[ClusterNode]] = {}
    labelled: dict[str, list[ClusterNode]] = {}
    strays, problems = [], []
    for one in sorted(objects, key=lambda one: one.name):
        machine = machine_of(one.provider_id)
        node = None if machine is None else by_machine.get(machine[1])
        if node is not None and machine is not None and _is_of(node, machine[0]):
            sure.setdefault(node.id, []).append(one)
        elif one.fleet == label_value(fleet) and one.node_id is not None:
            node = by_label.get(one.node_id)
            if node is None:
                strays.append(one)
            elif why := _contradiction(one, node, machine):
                problems.append(why)
            else:
                labelled.setdefault(node.id, []).append(one)
    claims = {**labelled, **sure}
    for node_id, ones in claims.items():
        if len(ones) > 1:
            names = " and ".join(one.name for one in ones)
            problems.append(f"Nodes {names} each say they are {node_id}: none of them is touched")
    return Matched(
        objects={node_id: ones[0] for node_id, ones in claims.items() if len(ones) == 1},
        strays=tuple(strays),
        problems=tuple(problems),
    )


def _machines(node: Node) -> tuple[str, ...]:
    """What the provider id of its Node object may name: its machine, or what runs in its pool of one; none is known."""
    if node.instances is not None:
        return node.instances
    return () if node.machine_id is None else (node.machine_id,)


def _is_of(node: Node, scheme: str) -> bool:
    return OfferId.of(node.pool).provider in SCHEMES[scheme]


def _contradiction(one: ClusterNode, node: Node, machine: tuple[str, str] | None) -> str:
    """Why a Node is not the node its label names; empty: nothing speaks against it."""
    known = _machines(node)
    if machine is None or not known or not _is_of(node, machine[0]) or machine[1] in known:
        return ""
    return (
        f"Node {one.name} is labelled {node.id}, whose machine is {', '.join(known)},"
        f" and says that it is {one.provider_id}: not touched"
    )
