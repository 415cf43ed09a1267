"""[autoscale]: the fleet's name, the pace of the daemon, where it listens, who leads."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoscaleSettings:
    """How `baseload autoscale` runs."""

    fleet: str = "baseload"
    """Name of the fleet: the tag on its machines. What has another tag is never touched."""
    interval_s: float = 60.0
    """From the start of one tick to the start of the next."""
    plan: str | None = None
    """The saved plan (`baseload plan -o`), relative to the fleet file; read again when it changes."""
    listen: str = "127.0.0.1:9464"
    """Address and port of /metrics, /healthz, /readyz and /status."""
    call_timeout_s: float = 25.0
    """A call to a provider or to the serving side counts as failed after this long; below half of lease_s."""
    lease_s: float = 60.0
    """A leader that was not heard of for this long is replaced by another daemon of the fleet."""
    leadership: Literal["database", "cluster"] = "database"
    """Where the lease of the leader is kept: a row of the database, or a Lease of the cluster."""

    def __post_init__(self) -> None:
        if (
            not self.fleet
            or len(self.fleet) > 30
            or not all(c.isascii() and (c.isalnum() or c == "-") for c in self.fleet)
        ):
            raise ValueError(f"fleet must be 1 to 30 letters, digits and hyphens, got {self.fleet!r}")
        if self.fleet != self.fleet.lower() or self.fleet[0] == "-" or self.fleet[-1] == "-":
            raise ValueError(
                f"fleet must be in lower case and begin and end with a letter or digit, got {self.fleet!r}"
            )
        host_and_port(self.listen)
        for name in ("interval_s", "call_timeout_s", "lease_s"):
            value = getattr(self, name)
            if not 0 < value < float("inf"):
                raise ValueError(f"{name} must be above 0, got {value}")
        if self.call_timeout_s * 2 >= self.lease_s:
            raise ValueError(
                f"call_timeout_s must be below half of lease_s ({self.lease_s:g} s), got {self.call_timeout_s:g}:"
                " a call of a leader that lost the lease must have ended before the next one acts"
            )


def host_and_port(listen: str) -> tuple[str, int]:
    """Host and port of 127.0.0.1:9464 or [::1]:9464. Raises ValueError."""
    host, colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError(f"listen must be an address and a port, such as 127.0.0.1:9464, got {listen!r}")
    return host, int(port)
