"""What was measured of clouds and comes with the package: lead times by provider, spot availability by trace.

Sources, licences and what was changed stand beside the data: `data/NOTICE.md`, `data/sparecores/LICENSE-NOTICE.md`.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from types import MappingProxyType

from policies.units import SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadTimes:
    """Starts of machines at one provider, seconds from the order to the first line of user-data, rising."""

    provider: str
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityTrace:
    """Whether a launch in one spot pool would have succeeded, by time."""

    name: str
    zone: str
    instance_type: str
    start: str
    """Day it begins."""
    spans: tuple[tuple[float, float, bool], ...]
    """(start, end, available): seconds from the trace's first probe, end to end."""

    @property
    def duration_s(self) -> float:
        """Length, seconds."""
        return self.spans[-1][1]

    @property
    def available_ratio(self) -> float:
        """Share of the time in which a launch would have succeeded."""
        return sum(end - start for start, end, available in self.spans if available) / self.duration_s

    @property
    def falls_per_hour(self) -> float:
        """How often, per hour in which it could be held, a node was taken back."""
        falls = sum(one[2] and not two[2] for one, two in pairwise(self.spans))
        return falls / (self.available_ratio * self.duration_s / SECONDS_PER_HOUR)

    def repeated(self, from_s: float, length_s: float) -> Iterator[tuple[float, float, bool]]:
        """The spans of [from_s, from_s + length_s), counted from its start; after its end the trace begins again."""
        lap_s = (from_s // self.duration_s) * self.duration_s - from_s
        while lap_s < length_s:
            for start_s, end_s, available in self.spans:
                start, end = max(0.0, start_s + lap_s), min(length_s, end_s + lap_s)
                if start < end:
                    yield start, end, available
            lap_s += self.duration_s


@cache
def lead_times() -> Mapping[str, LeadTimes]:
    """Measured starts by provider: 70 on AWS, 4 on OVH, 1 on Hetzner Cloud."""
    return MappingProxyType(
        {
            row["provider"]: LeadTimes(
                provider=row["provider"],
                seconds=tuple(float(one) for one in row["seconds"].split()),
            )
            for row in _rows("sparecores/lead_times.csv")
        }
    )


@cache
def availability_traces() -> Mapping[str, AvailabilityTrace]:
    """The shipped spot availability traces by name."""
    return MappingProxyType({row["trace"]: _trace(row) for row in _rows("availability.csv")})


def _trace(row: Mapping[str, str]) -> AvailabilityTrace:
    gap_s, available, at_s = float(row["gap_s"]), row["first_available"] == "1", 0.0
    spans = []
    for gaps in row["run_gaps"].split():
        end_s = at_s + int(gaps) * gap_s
        spans.append((at_s, end_s, available))
        at_s, available = end_s, not available
    return AvailabilityTrace(
        name=row["trace"],
        zone=row["zone"],
        instance_type=row["instance_type"],
        start=row["start"],
        spans=tuple(spans),
    )


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = (files("autoscaler.replay") / "data" / name).read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())
