"""Board: what the loop last told, for whoever reads it beside the loop.

A reader never waits for the loop, nor the loop for a reader: a status is replaced whole.
"""

from dataclasses import dataclass

from autoscaler.daemon.status import Status


@dataclass(slots=True)
class Board:
    """The last status, and when the loop last came round."""

    started_s: float
    """Monotonic."""
    late_after_s: float
    """A loop that has not come round for this long is stuck."""
    status: Status | None = None
    turned_s: float | None = None

    def is_turning(self, monotonic_s: float) -> bool:
        """Whether the loop came round lately."""
        last_s = self.started_s if self.turned_s is None else self.turned_s
        return monotonic_s - last_s <= self.late_after_s

    @property
    def is_ready(self) -> bool:
        """Whether it leads, or stands by and knows who does."""
        return self.status is not None and self.status.lead.role != "unknown"
