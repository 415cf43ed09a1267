"""The certificates that servers are checked against, read once in a process: reading them takes longer than a call."""

import ssl
from functools import cache

from planner.catalog.sources.source import SourceError


@cache
def certificates() -> ssl.SSLContext:
    """What httpx checks a server by unless told otherwise. Raises SourceError where httpx is not installed."""
    try:
        import httpx
    except ModuleNotFoundError as error:
        raise SourceError("httpx is not installed; install baseload[hetzner]") from error
    return httpx.create_ssl_context()
