"""Local time: where UTC hours stand in the days and weeks of the people who ask, daylight saving and holidays included.

People live in local time: a season of 24 UTC hours shifts by one when their clocks do. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalTime:
    """Consecutive UTC hours, each with its place in local time. Arrays have the shape (hours,)."""

    zone: str
    """IANA name, such as Europe/Berlin."""
    hour_of_day: NDArray[np.int64]
    """0-23, of the local clock at the hour's start; a half-hour zone counts the hour that has begun."""
    day_of_week: NDArray[np.int64]
    """0 Monday to 6 Sunday."""
    day: NDArray[np.int64]
    """Local calendar day as its proleptic ordinal (`date.toordinal`)."""
    event: tuple[str, ...]
    """Name of the holiday or event of the local day; empty: none."""

    @property
    def hours(self) -> int:
        """Number of hours."""
        return len(self.hour_of_day)

    @property
    def hour_of_week(self) -> NDArray[np.int64]:
        """0-167, Monday's first hour is 0."""
        return self.day_of_week * 24 + self.hour_of_day

    @property
    def has_event(self) -> NDArray[np.bool_]:
        """Where the local day is a holiday or event."""
        return np.array([name != "" for name in self.event], dtype=bool)


def local_time(start: datetime, hours: int, zone: str = "UTC", events: Mapping[date, str] | None = None) -> LocalTime:
    """The local time of `hours` hours from `start` (aware UTC). Raises zoneinfo.ZoneInfoNotFoundError.

    `events`: local days that are not like others of their weekday, by what they are called.
    """
    place = ZoneInfo(zone)
    moments = [(start + timedelta(hours=number)).astimezone(place) for number in range(hours)]
    known = events or {}
    return LocalTime(
        zone=zone,
        hour_of_day=np.array([moment.hour for moment in moments], dtype=np.int64),
        day_of_week=np.array([moment.weekday() for moment in moments], dtype=np.int64),
        day=np.array([moment.toordinal() for moment in moments], dtype=np.int64),
        event=tuple(known.get(moment.date(), "") for moment in moments),
    )
