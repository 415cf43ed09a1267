"""[cluster]: the Kubernetes cluster the nodes join."""

import re
from dataclasses import dataclass, field
from typing import Literal, Self

NAME = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
KEY = re.compile(rf"([a-z0-9]([a-z0-9.-]{{0,251}}[a-z0-9])?/)?{NAME}")
VALUE = re.compile(rf"({NAME})?")
TAINT = re.compile(r"(?P<key>[^=:]+)(=(?P<value>[^=:]*))?:(?P<effect>NoSchedule|PreferNoSchedule|NoExecute)")
SERVER = re.compile(r"https://[A-Za-z0-9.\[\]:-]+/?")
KUBELETS_OWN = ("node.kubernetes.io", "kubelet.kubernetes.io", "topology.kubernetes.io")
"""Of Kubernetes' own domains, those in which a node may label itself; the API server refuses others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """What keeps pods off a node that do not tolerate it."""

    key: str
    value: str
    effect: str

    @classmethod
    def of(cls, text: str) -> Self:
        """The taint written as key=value:Effect or key:Effect. Raises ValueError."""
        parts = TAINT.fullmatch(text)
        if parts is None or not KEY.fullmatch(parts["key"]) or not VALUE.fullmatch(parts["value"] or ""):
            raise ValueError(f"taints must be key=value:Effect or key:Effect, got {text!r}")
        return cls(key=parts["key"], value=parts["value"] or "", effect=parts["effect"])


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """How the daemon reaches the cluster, and how a node joins it."""

    kubeconfig: str | None = None
    """A kubeconfig, relative to the fleet file; None: the service account of the pod the daemon runs in."""
    namespace: str = "baseload"
    """Where the leader's Lease is."""
    join: Literal["k3s", "kubeadm"] = "k3s"
    """What a node's start-up script runs."""
    server_url: str | None = None
    """The API server as a node reaches it, such as https://10.0.0.1:6443."""
    token_file: str | None = None
    """A file that holds the join token, read for every launch; else BASELOAD_JOIN_TOKEN. Short-lived, please."""
    ca_hash: str | None = None
    """sha256:… of the cluster's CA, which kubeadm pins."""
    labels: dict[str, str] = field(default_factory=dict)
    """Further labels of every node."""
    taints: tuple[str, ...] = ()
    """key=value:Effect or key:Effect, registered with the node."""
    model_label: str = "baseload.dev/model"
    """Label of the pods that serve, whose value is the model."""
    install: str | None = None
    """A shell command run at boot where the image lacks k3s or kubeadm; None: the image has it."""

    def __post_init__(self) -> None:
        if self.server_url is not None and not SERVER.fullmatch(self.server_url):
            raise ValueError(f"server_url must be https://HOST:PORT, got {self.server_url!r}")
        if self.ca_hash is not None and not re.fullmatch(r"sha256:[0-9a-f]{64}", self.ca_hash):
            raise ValueError(f"ca_hash must be sha256: and 64 hexadecimal digits, got {self.ca_hash!r}")
        if not KEY.fullmatch(self.model_label):
            raise ValueError(f"model_label must be the key of a label, got {self.model_label!r}")
        for key, value in self.labels.items():
            domain = key.rpartition("/")[0]
            if not KEY.fullmatch(key) or not VALUE.fullmatch(value):
                raise ValueError(f"labels must be valid in Kubernetes, got {key} = {value!r}")
            if domain.endswith(("kubernetes.io", "k8s.io")) and domain not in KUBELETS_OWN:
                raise ValueError(f"labels: a node may not label itself {key}; use a domain of your own")
        for taint in self.taints:
            Taint.of(taint)
