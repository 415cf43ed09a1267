"""What a load step is, and what was seen of its requests. Pure: values; times are seconds of one clock."""

from dataclasses import dataclass, field

from planner.bench.events import Usage


@dataclass(slots=True, kw_only=True)
class Served:
    """What came of a request."""

    sent_s: float
    ended_s: float = 0.0
    text_s: list[float] = field(default_factory=list)
    """When each piece of the answer came."""
    usage: Usage | None = None
    error: str | None = None
    """Why it failed, in words that are the same for each failure of a kind; None: it did not."""

    @property
    def first_s(self) -> float:
        """When the first piece came."""
        return self.text_s[0]

    @property
    def output_tokens(self) -> int:
        """As the server counted; 0 where the request failed."""
        return 0 if self.usage is None or self.error is not None else self.usage.output_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A load step: exactly one of users and rate."""

    users: int | None = None
    requests_per_s: float | None = None

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.users}" if self.users is not None else f"{self.requests_per_s:g}/s"


@dataclass(slots=True, kw_only=True)
class Window:
    """What was seen of a step."""

    from_s: float
    to_s: float
    served: list[Served] = field(default_factory=list)
    """Every request of the step, those before the window and after it too."""
    client_cpu_s: float = 0.0
    """Processor time this process spent within the window."""
    lags_s: list[float] = field(default_factory=list)
    """By how much the client came late, each time it looked."""

    @property
    def seconds(self) -> float:
        """Length of the window."""
        return self.to_s - self.from_s
