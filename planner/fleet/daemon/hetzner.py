"""[providers.hetzner]: dedicated servers (Robot), which are watched, never ordered."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotSettings:
    """Which dedicated servers are base nodes; user and password come from HETZNER_ROBOT_USER and _PASSWORD."""

    base: dict[str, str] = field(default_factory=dict)
    """Server number -> model it serves; the product says which offer it is."""
    secret_file: str | None = None
    """A file with user and password, a line each; else the environment."""
    endpoint_url: str | None = None
    """Another endpoint than Hetzner's, for tests."""
