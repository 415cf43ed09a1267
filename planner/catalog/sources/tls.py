"""The certificates that servers are checked against, read once in a process: reading them takes longer than a call."""

import ssl
from functools import cache


@cache
def certificates() -> ssl.SSLContext:
    """What httpx checks a server by unless told otherwise."""
    import httpx

    return httpx.create_ssl_context()
