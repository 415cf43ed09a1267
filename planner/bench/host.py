"""The machine the client runs on: what it is, and whether others keep it busy. Needs psutil (the extra `bench`)."""

import platform
from dataclasses import dataclass

from planner import files
from planner.errors import InputError

LOOKED_S = 0.5
"""How long is looked at what others do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine."""

    name: str
    """Number and name of its processors."""
    busy_ratio: float
    """Share of all processors in use, 0-1."""


def this_host() -> Host:
    """This machine, looked at for half a second."""
    import psutil

    busy = psutil.cpu_percent(interval=LOOKED_S) / 100
    cores = psutil.cpu_count() or 1
    return Host(name=f"{cores} × {_processor()}", busy_ratio=busy)


def _processor() -> str:
    try:
        text = files.read_text("/proc/cpuinfo")
    except InputError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()
