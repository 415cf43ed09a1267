"""[providers.ovh]: a Public Cloud project of OVHcloud."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class OvhSettings:
    """Where nodes are launched; keys come from OVH_APPLICATION_KEY, OVH_APPLICATION_SECRET and OVH_CONSUMER_KEY."""

    project: str
    """Id of the Public Cloud project (serviceName)."""
    region: str
    """Such as GRA11."""
    backend: Literal["instances", "node-pools"] = "instances"
    """instances join any cluster, or none; node pools are those of a managed Kubernetes cluster of OVH."""
    image: str | None = None
    """Name of the nodes' image; needed by instances."""
    networks: tuple[str, ...] = ()
    """Ids of the networks of instances, the public one too where it is wanted; none: the public network alone."""
    ssh_key: str | None = None
    """Name of an SSH key of the project that people reach instances with."""
    cluster: str | None = None
    """Id of the managed Kubernetes cluster (kubeId); needed by node pools."""
    subsidiary: str = "FR"
    """Whose price list is read, such as FR, DE, GB; US on ovh-us."""
    endpoint: str = "ovh-eu"
    """ovh-eu, ovh-ca, ovh-us, or a URL."""
    secret_file: str | None = None
    """A file with the three keys, a line `name = value` each; else the environment."""
    quota: dict[str, int] = field(default_factory=dict)
    """By pool: nodes the project may hold."""

    def __post_init__(self) -> None:
        if self.backend == "instances" and self.image is None:
            raise ValueError('image is missing: backend "instances" needs the name of an image, such as "Debian 12"')
        if self.backend == "node-pools" and self.cluster is None:
            raise ValueError('cluster is missing: backend "node-pools" needs the id of a managed Kubernetes cluster')
