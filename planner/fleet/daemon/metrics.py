"""[metrics]: where demand and the health of nodes are read."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    """The Prometheus that scrapes the model servers, and how its series are named."""

    prometheus_url: str
    """Such as http://prometheus:9090."""
    engine: Literal["vllm", "llama.cpp", "litellm"] = "vllm"
    """Whose metric names demand is read by."""
    window_s: float = 60.0
    """Rates are means over this long; at least two scrapes must lie in it."""
    token_file: str | None = None
    """A file that holds a bearer token; else BASELOAD_PROMETHEUS_TOKEN, else none is sent."""
    ca_file: str | None = None
    """Certificate authorities to trust instead of the system's."""
    selector: str = ""
    """Label matchers every query carries, such as `job="vllm",cluster="prod"`."""

    def __post_init__(self) -> None:
        if not self.prometheus_url.startswith(("http://", "https://")):
            raise ValueError(f"prometheus_url must begin with http:// or https://, got {self.prometheus_url!r}")
        if not 0 < self.window_s < float("inf"):
            raise ValueError(f"window_s must be above 0, got {self.window_s}")
