"""Which model runs on which kind of machine, as nodes and pods say it: what a plan or a chargeback starts from."""

from collections import defaultdict
from dataclasses import dataclass

from autoscaler.cluster.api import ClusterApi, ClusterError
from autoscaler.cluster.labels import MODEL
from autoscaler.serving.kubernetes.mirror import Mirror
from autoscaler.serving.kubernetes.objects import ClusterNode, ClusterPod, node_of, pod_of
from autoscaler.serving.serving import ServingError


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One model on one kind of machine."""

    model: str
    instance_type: str | None
    """node.kubernetes.io/instance-type; None: the nodes do not say."""
    nodepool: str | None
    """karpenter.sh/nodepool; None: not Karpenter's."""
    pool: str | None
    """baseload.dev/pool, of nodes that we launched."""
    nodes: int
    """Machines with at least one of its pods."""
    pods: int
    ready_pods: int


def served_by(api: ClusterApi, *, model_label: str = MODEL) -> tuple[Served, ...]:
    """What runs where, by model and kind of machine. Raises ServingError.

    A pod's model is the value of `model_label`, else what its containers are started with (--model and its kind).
    """
    nodes = Mirror(api, "/api/v1/nodes", node_of)
    pods = Mirror(api, "/api/v1/pods", lambda item: pod_of(item, model_label=model_label))
    try:
        nodes.refresh()
        pods.refresh()
    except ClusterError as error:
        raise ServingError(f"which models run cannot be found out: {error}") from error
    by_name = {node.name: node for node in nodes.objects}
    groups: dict[tuple[str, ClusterNode | None], list[ClusterPod]] = defaultdict(list)
    for pod in pods.objects:
        if pod.model is not None and pod.node is not None and not pod.is_over:
            groups[pod.model, by_name.get(pod.node)].append(pod)
    kinds: dict[tuple[str, str | None, str | None, str | None], list[list[ClusterPod]]] = defaultdict(list)
    for (model, node), found in groups.items():
        kind = (None, None, None) if node is None else (node.instance_type, node.nodepool, node.pool)
        kinds[model, *kind].append(found)
    return tuple(
        Served(
            model=model,
            instance_type=instance_type,
            nodepool=nodepool,
            pool=pool,
            nodes=len(found),
            pods=sum(len(pods) for pods in found),
            ready_pods=sum(pod.is_ready for pods in found for pod in pods),
        )
        for (model, instance_type, nodepool, pool), found in sorted(
            kinds.items(), key=lambda item: tuple(part or "" for part in item[0])
        )
    )
