"""Karpenter NodePools of a plan: the machines of AWS it may launch for a model, in the plan's order and numbers. Pure.

Karpenter takes the cheapest machine that a pod fits on, and knows nothing of tokens. So each pool of the plan is a
NodePool of its own, with one instance type, and its weight is its place in the merit order: the cheapest work first.
Pools of different models never compete, because the model is a label that pods select.

Fields and their rules: https://karpenter.sh/docs/concepts/nodepools (karpenter.sh/v1).
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any

from autoscaler.cluster.labels import INSTANCE_TYPE, MODEL, POOL, label_value
from planner.catalog.offer import Catalog, Offer
from planner.catalog.offer_id import OfferId
from planner.catalog.stale import stale_remarks
from planner.errors import InputError
from planner.fleet.daemon import ClusterSettings, Taint
from planner.plan import Plan, PlannedLease
from policies.scaling import ScalingPolicy
from policies.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK

PROVIDER = "aws"
GROUP = "karpenter.k8s.aws"
ARCHES = {"x86_64": "amd64", "arm64": "arm64", "aarch64": "arm64"}
"""The catalog's words for an architecture, as Kubernetes says them."""
HEAVIEST, STEP = 100, 10
"""Karpenter allows 1 to 100; with more than ten pools the steps are smaller."""
LONGEST_NAME = 63
"""A NodePool's name is the value of a label of its nodes."""
LONGEST_OBJECT_NAME = 253
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
"""Of a name in parts with points between them, as Kubernetes has them (RFC 1123)."""

NodePool = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOfPlan:
    """What a NodePool is made of."""

    model: str
    offer: str
    planned_nodes: int
    """At once, in the scenario shown."""
    spot_nodes: int
    """Those of the spot pool that it stands in for; 0: for none."""
    usd_mtok: Decimal
    """Price of a million tokens of the model's mix on a node that is busy all the time."""
    usd_hour: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """NodePools, and what a person should know of them."""

    node_pools: tuple[NodePool, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How NodePools are to be made."""

    node_class: str
    headroom_ratio: float
    """Limit over the nodes the plan has at once."""
    by_family: bool
    """Any size of the type's family that is no smaller, in place of the type itself."""
    with_fallback: bool
    """On demand beside each spot pool."""

    def __post_init__(self) -> None:
        name = self.node_class
        if len(name) > LONGEST_OBJECT_NAME or re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", name) is None:
            raise InputError(
                f"--node-class {name}: is no name of an object in Kubernetes; expected that of an EC2NodeClass alone, "
                "in lower-case letters, digits, - and ., such as default"
            )


def node_pools(
    plan: Plan, catalog: Catalog, wanted: Wanted, *, cluster: ClusterSettings, scaling: ScalingPolicy
) -> Exported:
    """NodePools of the plan's burst pools at AWS, by model and merit. Raises InputError where it has none."""
    found = _pools(plan, wanted)
    if not found:
        others = sorted({OfferId.of(one.offer).provider for one in plan.leases})
        said = f"it bursts to {', '.join(others)}" if others else "it has no burst nodes"
        raise InputError(f"the plan has no burst nodes at AWS ({said}); Karpenter launches machines of AWS")
    made, limits = [], {}
    for model in sorted({one.model for one in found}):
        ranked = sorted((one for one in found if one.model == model), key=lambda one: (one.usd_mtok, one.offer))
        for pool, weight in zip(ranked, weights(len(ranked)), strict=True):
            nodes = _limit(pool, plan, wanted)
            limits[pool] = nodes
            made.append(_node_pool(pool, _sold(pool, catalog), nodes, weight, wanted, cluster, scaling))
    old = stale_remarks((one.offer, plan.offers[one.offer]) for one in found)
    remarks = (*_left_out(plan), *_most(limits, scaling), *_shown(plan), *old)
    return Exported(node_pools=tuple(made), remarks=remarks)


def weights(count: int) -> list[int]:
    """A weight for each place of the merit order, the first the heaviest. Raises InputError beyond what there are."""
    if count > HEAVIEST:
        raise InputError(
            f"{count} pools of one model; Karpenter has {HEAVIEST} weights: expected a plan with fewer offers"
        )
    step = max(min(STEP, (HEAVIEST - 1) // max(count - 1, 1)), 1)
    return [HEAVIEST - step * place for place in range(count)]


def _pools(plan: Plan, wanted: Wanted) -> list[PoolOfPlan]:
    peaks = _peaks(one for one in plan.leases if OfferId.of(one.offer).provider == PROVIDER)
    stands_in = {}
    for (model, offer), count in peaks.items():
        twin = offer.removesuffix("/spot")
        if wanted.with_fallback and twin != offer and twin in plan.offers and twin in plan.models[model].rates:
            stands_in[model, twin] = count
    found = []
    for model, offer in {**peaks, **stands_in}:
        terms = plan.offers[offer]
        if terms.rate_usd_hour is None:
            raise InputError(f"the plan's offer {offer} has no rate_usd_hour; expected one, for it is burst")
        found.append(
            PoolOfPlan(
                model=model,
                offer=offer,
                planned_nodes=peaks.get((model, offer), 0),
                spot_nodes=stands_in.get((model, offer), 0),
                usd_mtok=(terms.rate_usd_hour + terms.interruption_usd_hour) * _hours_mtok(plan, model, offer),
                usd_hour=terms.rate_usd_hour,
            )
        )
    return found


def _peaks(leases: Iterable[PlannedLease]) -> dict[tuple[str, str], int]:
    """By model and pool, the nodes on at once. A lease that ends when another begins is off by then."""
    moves: dict[tuple[str, str], list[tuple[Any, int]]] = {}
    for one in leases:
        moves.setdefault((one.model, one.offer), []).extend([(one.start, one.count), (one.end, -one.count)])
    found = {}
    for key, steps in moves.items():
        on, most = 0, 0
        for _, change in sorted(steps):  # at one moment ends come first, being negative
            on += change
            most = max(most, on)
        found[key] = most
    return found


def _hours_mtok(plan: Plan, model: str, offer: str) -> Decimal:
    """Node-hours that a million tokens of the model's mix take on the offer."""
    inputs = sum(one.by_model[model].input_tok_s for one in plan.hours_detail)
    outputs = sum(one.by_model[model].output_tok_s for one in plan.hours_detail)
    terms = plan.models[model]
    rates = terms.rates[offer]
    work = inputs * (1 - terms.cache_hit_ratio) / rates.prefill_tok_s + outputs / rates.decode_tok_s
    return Decimal(work / (inputs + outputs)) * TOKENS_PER_MTOK / SECONDS_PER_HOUR


def _limit(pool: PoolOfPlan, plan: Plan, wanted: Wanted) -> int:
    nodes = math.ceil((pool.planned_nodes + pool.spot_nodes) * wanted.headroom_ratio)
    most = plan.offers[pool.offer].max_count
    return nodes if most is None else min(nodes, most)


def _sold(pool: PoolOfPlan, catalog: Catalog) -> Offer:
    if pool.offer not in catalog:
        raise InputError(
            f"{pool.offer}: is in the plan and not in the fleet's catalog; expected the plan's fleet with -c"
        )
    return catalog[pool.offer]


def _node_pool(
    pool: PoolOfPlan,
    offer: Offer,
    nodes: int,
    weight: int,
    wanted: Wanted,
    cluster: ClusterSettings,
    scaling: ScalingPolicy,
) -> NodePool:
    spec: dict[str, Any] = {
        "nodeClassRef": {"group": GROUP, "kind": "EC2NodeClass", "name": wanted.node_class},
        "requirements": _requirements(offer, wanted),
        "expireAfter": "Never",
        "terminationGracePeriod": _seconds(scaling.drain_timeout_s),
    }
    taints = [Taint.of(one) for one in cluster.taints]
    if taints:
        spec["taints"] = [
            {"key": one.key, **({"value": one.value} if one.value else {}), "effect": one.effect} for one in taints
        ]
    model = label_value(pool.model)
    labels = {**cluster.labels, MODEL: model, cluster.model_label: model, POOL: label_value(pool.offer)}
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {
            "name": name_of(pool.model, pool.offer),
            "annotations": {
                "baseload.dev/offer": pool.offer,
                "baseload.dev/usd-per-mtok": f"{pool.usd_mtok:.4f}",
                "baseload.dev/planned-nodes": str(pool.planned_nodes),
            },
        },
        "spec": {
            "weight": weight,
            "limits": _limits(offer, nodes),
            "template": {"metadata": {"labels": labels}, "spec": spec},
            "disruption": {
                "consolidationPolicy": "WhenEmpty",
                "consolidateAfter": _seconds(scaling.cooldown_s),
                "budgets": [{"nodes": str(scaling.max_drains_per_tick)}],
            },
        },
    }


def _requirements(offer: Offer, wanted: Wanted) -> list[dict[str, Any]]:
    found = [
        _one_of("karpenter.sh/capacity-type", "spot" if offer.is_spot else "on-demand"),
        *(_family(offer) if wanted.by_family else [_one_of(INSTANCE_TYPE, offer.product)]),
        _one_of("kubernetes.io/arch", ARCHES.get(offer.arch, offer.arch)),
        _one_of("kubernetes.io/os", "linux"),
        _one_of("topology.kubernetes.io/region", offer.region),
    ]
    if offer.zone is not None:
        found.append(_one_of("topology.kubernetes.io/zone", offer.zone))
    return found


def _family(offer: Offer) -> list[dict[str, Any]]:
    """Machines of the type's family with no fewer processors and as many cards."""
    family = offer.product.partition(".")[0]
    found = [_one_of(f"{GROUP}/instance-family", family)]
    if offer.vcpu is not None:
        found.append({"key": f"{GROUP}/instance-cpu", "operator": "Gt", "values": [str(offer.vcpu - 1)]})
    if offer.gpu_count:
        found.append(_one_of(f"{GROUP}/instance-gpu-count", str(offer.gpu_count)))
    return found


def _one_of(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": [value]}


def _limits(offer: Offer, nodes: int) -> dict[str, str]:
    """Karpenter counts what machines have, so that this many fit and no more. Sizes nobody knows are left out."""
    found = {}
    if offer.vcpu is not None:
        found["cpu"] = str(offer.vcpu * nodes)
    if offer.memory_gib is not None:
        found["memory"] = f"{math.ceil(offer.memory_gib * nodes)}Gi"
    if offer.gpu_count:
        found["nvidia.com/gpu"] = str(offer.gpu_count * nodes)
    if not found:
        raise InputError(f"{offer.id}: has no size in the catalog; expected vcpu, by which Karpenter's limits count")
    return found


def _left_out(plan: Plan) -> Sequence[str]:
    others = sorted({OfferId.of(one.offer).provider for one in plan.leases} - {PROVIDER})
    base = sorted({OfferId.of(key).provider for key, count in plan.base.items() if count})
    found = []
    if others:
        found.append(f"left out: burst at {', '.join(others)}, which Karpenter's AWS provider cannot launch")
    if base:
        found.append(f"left out: base nodes at {', '.join(base)}, which people order (`baseload base orders`)")
    return found


def _most(limits: Mapping[PoolOfPlan, int], scaling: ScalingPolicy) -> Sequence[str]:
    """What the limits allow together; Karpenter has no cap over NodePools, the policy may have one."""
    nodes = sum(limits.values())
    usd_hour = sum((pool.usd_hour * count for pool, count in limits.items()), Decimal(0))
    said = f"the limits allow {nodes} nodes and USD {usd_hour:.2f} an hour in all"
    for cap, what, value in (
        (scaling.max_nodes, "max_nodes", Decimal(nodes)),
        (scaling.max_usd_hour, "max_usd_hour", usd_hour),
    ):
        if cap is not None and value > cap:
            said += f"; {what} of the policy is {cap}, and Karpenter has no cap over several NodePools"
    return (said,)


def _shown(plan: Plan) -> Sequence[str]:
    if len(plan.scenarios) < 2:
        return ()
    return (f"limits are those of scenario {plan.scenario_shown!r}, which the plan shows; others may need more",)


def name_of(model: str, offer: str) -> str:
    """A name for the NodePool, unique for the pair: what Kubernetes allows of both, with a digest that tells."""
    kept = re.sub(r"[^a-z0-9]+", "-", f"{model}-{offer.removeprefix(f'{PROVIDER}/')}".lower()).strip("-")
    told = sha256(f"{model} {offer}".encode()).hexdigest()[:6]
    return f"{kept[: LONGEST_NAME - 7].rstrip('-')}-{told}"


def _seconds(duration_s: float) -> str:
    return f"{math.ceil(duration_s)}s"
