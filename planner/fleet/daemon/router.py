"""[router]: who sends requests to the nodes where there is no Kubernetes."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSettings:
    """The list of endpoints the daemon keeps."""

    kind: Literal["litellm", "file"] = "file"
    """A running LiteLLM proxy by its API, or a file of endpoints that another router reads."""
    url: str | None = None
    """Of the LiteLLM proxy; its master key comes from key_file or LITELLM_MASTER_KEY."""
    key_file: str | None = None
    endpoints_file: str | None = None
    """The file that is kept, as JSON: model -> endpoints."""
    targets_file: str | None = None
    """A file of scrape targets for Prometheus (`file_sd_configs`) that is kept beside; None: none."""
    port: int = 8000
    """Port of the model server on a node."""
    health_path: str = "/health"
    """What a node answers with 200 once its model is loaded."""
