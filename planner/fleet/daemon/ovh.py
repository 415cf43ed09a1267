"""[providers.ovh]: a Public Cloud project of OVHcloud."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class OvhSettings:
    """Where nodes are launched; keys come from OVH_APPLICATION_KEY, OVH_APPLICATION_SECRET and OVH_CONSUMER_KEY."""

    project: str
    """Id of the Public Cloud project (serviceName)."""
    region: str
    """Such as GRA11."""
    image: str | None = None
    """Name of the nodes' image; needed by instances."""
    endpoint: str = "ovh-eu"
    """ovh-eu, ovh-ca, ovh-us, or a URL."""
    secret_file: str | None = None
    """A file with the three keys, a line `name = value` each; else the environment."""
    quota: dict[str, int] = field(default_factory=dict)
    """By pool: nodes the project may hold."""
