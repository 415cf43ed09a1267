"""Nodes and pods of a cluster, as much of them as we look at. Pure: JSON in, values out.

What another cluster may lack is None; an object that cannot be read is None as a whole, and stops nobody else's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from autoscaler.cluster.labels import DRAINING, FLEET, INSTANCE_TYPE, MODEL, NODE, NODEPOOL, POOL, RESUMED

OLD_INSTANCE_TYPE = "beta.kubernetes.io/instance-type"
"""The label's name before Kubernetes 1.17, which some clusters still set alone."""
MIRROR = "kubernetes.io/config.mirror"
NAMES_A_MODEL = ("--served-model-name", "--model", "--alias", "-m", "--hf-repo", "--model-id")
"""Arguments of vLLM, llama.cpp, SGLang and TGI that name the model, the name it is asked by first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterNode:
    """A Node object."""

    name: str
    uid: str
    version: str
    """Its resourceVersion."""
    node_id: str | None
    """Our label; None: it has none."""
    fleet: str | None
    model: str | None
    pool: str | None
    provider_id: str | None
    instance_type: str | None
    nodepool: str | None
    is_ready: bool
    """Its kubelet was heard lately and says so."""
    is_cordoned: bool
    draining_since: datetime | None
    """We drain it since then."""
    resumed_at: datetime | None
    """A drain was taken back then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPod:
    """A Pod object."""

    namespace: str
    name: str
    uid: str
    node: str | None
    """Name of the Node it is on; None: not placed yet."""
    model: str | None
    ip: str | None
    is_ready: bool
    is_ending: bool
    """Its end was asked for."""
    is_over: bool
    """It ran to its end."""
    is_tied: bool
    """It goes with its node: of a DaemonSet, or a static one. A drain leaves it."""

    @property
    def key(self) -> str:
        """namespace/name."""
        return f"{self.namespace}/{self.name}"


def node_of(item: Mapping[str, Any]) -> ClusterNode | None:
    """The Node; None: it cannot be read."""
    try:
        meta = item["metadata"]
        labels: Mapping[str, str] = meta.get("labels") or {}
        spec = item.get("spec") or {}
        annotations: Mapping[str, str] = meta.get("annotations") or {}
        return ClusterNode(
            name=meta["name"],
            uid=meta.get("uid", ""),
            version=meta.get("resourceVersion", ""),
            node_id=labels.get(NODE),
            fleet=labels.get(FLEET),
            model=labels.get(MODEL),
            pool=labels.get(POOL),
            provider_id=spec.get("providerID") or None,
            instance_type=labels.get(INSTANCE_TYPE) or labels.get(OLD_INSTANCE_TYPE),
            nodepool=labels.get(NODEPOOL),
            is_ready=_says(item, "Ready"),
            is_cordoned=bool(spec.get("unschedulable")),
            draining_since=_time(annotations.get(DRAINING)),
            resumed_at=_time(annotations.get(RESUMED)),
        )
    except (KeyError, TypeError, AttributeError):
        return None


def pod_of(item: Mapping[str, Any], *, model_label: str) -> ClusterPod | None:
    """The Pod; None: it cannot be read."""
    try:
        meta, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
        owners = meta.get("ownerReferences") or ()
        is_daemon = any(owner.get("kind") == "DaemonSet" and owner.get("controller") for owner in owners)
        return ClusterPod(
            namespace=meta["namespace"],
            name=meta["name"],
            uid=meta.get("uid", ""),
            node=spec.get("nodeName"),
            model=model_of(item, model_label),
            ip=status.get("podIP"),
            is_ready=_says(item, "Ready"),
            is_ending=bool(meta.get("deletionTimestamp")),
            is_over=status.get("phase") in ("Succeeded", "Failed"),
            is_tied=is_daemon or MIRROR in (meta.get("annotations") or {}),
        )
    except (KeyError, TypeError, AttributeError):
        return None


def model_of(item: Mapping[str, Any], model_label: str) -> str | None:
    """The model a pod serves, by its label, else by what its containers are started with; None: it is none's."""
    labels = item["metadata"].get("labels") or {}
    if named := labels.get(model_label) or labels.get(MODEL):
        return str(named)
    for container in (item.get("spec") or {}).get("containers") or ():
        words = [str(word) for word in (*(container.get("command") or ()), *(container.get("args") or ()))]
        if named := _named_in([part for word in words for part in word.split()]):
            return named
    return None


def _named_in(words: list[str]) -> str | None:
    """The model that a command names; None: it names none."""
    for flag in NAMES_A_MODEL:
        for number, word in enumerate(words):
            after = words[number + 1] if number + 1 < len(words) else ""
            if word == flag and after and not after.startswith("-"):
                return after
            if flag.startswith("--") and word.startswith(f"{flag}="):
                return word.partition("=")[2]
    for before, word, after in zip(words, words[1:], words[2:], strict=False):
        if before.rpartition("/")[2] == "vllm" and word == "serve" and not after.startswith("-"):
            return after
    return None


def _says(item: Mapping[str, Any], condition: str) -> bool:
    conditions = (item.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == condition and one.get("status") == "True" for one in conditions)


def _time(text: str | None) -> datetime | None:
    try:
        at = None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
