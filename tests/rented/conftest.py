"""The rented world has the machine to itself: its fast clock makes seconds of a busy machine into minutes."""

import fcntl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def one_world_at_a_time() -> Iterator[None]:
    """Where tests run side by side, the next world waits for the one before it."""
    with (Path(tempfile.gettempdir()) / "baseload-rented-world.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
