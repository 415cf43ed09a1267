"""[cluster]: the Kubernetes cluster the nodes join."""

from dataclasses import dataclass, field
from typing import Literal


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
    """key=value:Effect, registered with the node."""
