"""The Prometheus that a command's --prometheus names."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planner.measure.prometheus import Prometheus

VARIABLE = "BASELOAD_PROMETHEUS_TOKEN"
TIMEOUT_S = 120.0
"""Of one query: a month of it may be read."""


def prometheus_at(url: str) -> "Prometheus":
    """The Prometheus of an URL, with the token of the environment where there is one. Raises InputError."""
    from pydantic import SecretStr

    from planner.errors import InputError
    from planner.measure.prometheus import Prometheus

    if not url.startswith(("http://", "https://")):
        raise InputError(f"--prometheus {url}: expected a URL such as http://localhost:9090")
    token = os.environ.get(VARIABLE)
    return Prometheus(url, token=SecretStr(token) if token else None, timeout_s=TIMEOUT_S)
