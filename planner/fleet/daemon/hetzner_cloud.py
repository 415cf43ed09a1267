"""[providers.hetzner_cloud]: a project of Hetzner Cloud, whose servers are burst capacity."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class HetznerCloudSettings:
    """Where nodes are launched; the token comes from token_file or HCLOUD_TOKEN."""

    location: str
    """Such as fsn1."""
    image: str = "debian-12"
    token_file: str | None = None
    networks: tuple[int, ...] = ()
    """Ids of private networks the servers join."""
    ssh_keys: tuple[str, ...] = ()
    endpoint_url: str | None = None
    """Another endpoint than Hetzner's, for tests."""
    quota: dict[str, int] = field(default_factory=dict)
    """By pool: servers the project may hold."""
