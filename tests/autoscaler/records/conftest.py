"""The two databases records can be in."""

from tests.planner.store.conftest import postgres_url, server, url

__all__ = ["postgres_url", "server", "url"]
