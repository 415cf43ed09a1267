"""Flavors, images and SSH keys of one region, found by the names people write; ids are remembered for a while."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from autoscaler.providers.ovh.api import Errand
from autoscaler.providers.provider import CapacityUnavailable, Permanent

REMEMBERED_FOR = timedelta(seconds=300)
STOCK_IS_OLD_AFTER = timedelta(seconds=30)
"""A flavor that was sold out longer ago is looked at again before it is said to be."""


@dataclass(slots=True, kw_only=True)
class Names:
    """What the names of one region mean."""

    region: str
    clock: Callable[[], datetime]
    _lists: dict[str, tuple[datetime, dict[str, Any]]] = field(default_factory=dict)
    """By kind: when it was read, and its rows by name."""

    def flavor_id(self, errand: Errand, name: str) -> str:
        """The id of a flavor that has stock and fits the quota. Raises CapacityUnavailable, Permanent, Refused."""
        row = self._row(errand, "flavor", name)
        if why_not(row) and self._age("flavor") >= STOCK_IS_OLD_AFTER:
            self.forget()
            row = self._row(errand, "flavor", name)
        if why := why_not(row):
            raise CapacityUnavailable(f"ovh: flavor {name} in {self.region}: {why}")
        return str(row["id"])

    def image_id(self, errand: Errand, name: str) -> str:
        """The id of an image. Raises Permanent, Refused."""
        return str(self._row(errand, "image", name)["id"])

    def ssh_key_id(self, errand: Errand, name: str) -> str:
        """The id of an SSH key. Raises Permanent, Refused."""
        return str(self._row(errand, "sshkey", name)["id"])

    def forget(self) -> None:
        """Reads all of it anew the next time: an id was refused, or stock may have changed."""
        self._lists.clear()

    def _age(self, kind: str) -> timedelta:
        return self.clock() - self._lists[kind][0]

    def _row(self, errand: Errand, kind: str, name: str) -> Any:
        if kind not in self._lists or self._age(kind) >= REMEMBERED_FOR:
            rows = errand.get(f"{errand.of_project(kind)}?{urlencode({'region': self.region})}")
            self._lists[kind] = (self.clock(), {str(row["name"]): row for row in rows if is_for_linux(row)})
        row = self._lists[kind][1].get(name)
        if row is None:
            raise Permanent(f"ovh: there is no {kind} {name!r} in {self.region}")
        return row


def why_not(flavor: Any) -> str:
    """Why no instance of the flavor can be had now; empty: one can."""
    if flavor.get("available") is False:
        return "out of stock"
    if flavor.get("quota") is not None and flavor["quota"] <= 0:
        return "the project's quota leaves room for none"
    return ""


def is_for_linux(row: Any) -> bool:
    """Whether a flavor is one for Linux, and anything else."""
    return str(row.get("osType", "linux")) == "linux"  # only flavors say it; Windows has its own, under other names


def memory_gb(flavor: str, ram: float) -> float | None:
    """Memory of a flavor in GB; None: it cannot be told.

    OVH's schema says GB, its live API answers in MB. The number at the end of a flavor's name is its memory in GB, so
    the unit is the one that comes nearer to it.
    """
    named = re.search(r"-(\d+)$", flavor)
    if named is None or int(named[1]) == 0:
        return None
    ratio = ram / int(named[1])
    if 0.5 < ratio < 2:
        return float(ram)
    return ram / 1000 if 500 < ratio < 2000 else None
