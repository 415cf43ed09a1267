"""[metrics]: where demand and the health of nodes are read."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    """The Prometheus that scrapes the model servers, and how its series are named."""

    prometheus_url: str
    """Such as http://prometheus:9090."""
    engine: Literal["vllm", "llama.cpp", "litellm", "sglang"] = "vllm"
    """Whose metric names demand is read by."""
    window_s: float = 60.0
    """Rates are means over this long; at least two scrapes must lie in it."""
    token_file: str | None = None
    """A file that holds a bearer token; else BASELOAD_PROMETHEUS_TOKEN, else none is sent."""
    ca_file: str | None = None
    """Certificate authorities to trust instead of the system's."""
    selector: str = ""
    """Matchers of target labels that every query carries, such as `job="vllm",cluster="prod"`."""
    node_label: str = "node"
    """Label of a target that names its node; without it, the host of `instance` is held against nodes' addresses."""
    served_names: dict[str, str] = field(default_factory=dict)
    """Model -> what servers and metrics call it, where that is another name."""
    request_input_tokens: float = 500.0
    request_output_tokens: float = 200.0
    """What one waiting request is worth where the engine counts no requests (llama.cpp), or none has ended lately."""
    timeout_s: float = 5.0
    """A query that takes longer has failed."""

    def __post_init__(self) -> None:
        if not self.prometheus_url.startswith(("http://", "https://")):
            raise ValueError(f"prometheus_url must begin with http:// or https://, got {self.prometheus_url!r}")
        for name in ("window_s", "request_input_tokens", "request_output_tokens", "timeout_s"):
            value = getattr(self, name)
            if not 0 < value < float("inf"):
                raise ValueError(f"{name} must be above 0, got {value}")
