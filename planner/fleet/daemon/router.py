"""[router]: who sends requests to the nodes where there is no Kubernetes."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSettings:
    """The list of endpoints the daemon keeps."""

    kind: Literal["litellm", "file"] = "file"
    """A LiteLLM proxy that keeps its models in a database, by its API; or a file that another router reads."""
    url: str | None = None
    """Of the LiteLLM proxy; its master key comes from key_file or LITELLM_MASTER_KEY."""
    key_file: str | None = None
    endpoints_file: str | None = None
    """The file that is kept."""
    format: Literal["endpoints", "litellm"] = "endpoints"
    """What the file holds: JSON of model -> endpoints, or a `model_list` that LiteLLM's config.yaml includes."""
    reload_command: tuple[str, ...] = ()
    """Run once the file has changed, such as ["systemctl", "restart", "litellm"]; without a shell."""
    node_key_file: str | None = None
    """A file with the key that model servers ask for; else BASELOAD_NODE_KEY, else none is sent."""
    targets_file: str | None = None
    """A file of scrape targets for Prometheus (`file_sd_configs`) that is kept beside; None: none."""
    port: int = 8000
    """Port of the model server on a node."""
    health_path: str = "/health"
    """What a node answers with 200 once its model is loaded."""
    probe_timeout_s: float = 3.0
    """A node that has not answered a probe by then does not answer."""

    def __post_init__(self) -> None:
        if self.kind == "litellm" and not (self.url or "").startswith(("http://", "https://")):
            raise ValueError(f"url must begin with http:// or https:// where kind is litellm, got {self.url!r}")
        if self.kind == "file" and self.endpoints_file is None:
            raise ValueError("endpoints_file must be given where kind is file")
        if not 0 < self.port < 65536:
            raise ValueError(f"port must be from 1 to 65535, got {self.port}")
        if not self.health_path.startswith("/"):
            raise ValueError(f"health_path must begin with /, got {self.health_path!r}")
        if not 0 < self.probe_timeout_s < float("inf"):
            raise ValueError(f"probe_timeout_s must be above 0, got {self.probe_timeout_s}")
