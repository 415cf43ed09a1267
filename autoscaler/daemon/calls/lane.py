"""Lane: the calls to one side of the world, one at a time, none waited for longer than it may take.

A call that hangs keeps its thread and its lane, and nobody else's: whoever asks for the next call is told at once what
is still being waited for. What such a call returns in the end is kept for whoever wants it.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


class StillWaiting(Exception):  # noqa: N818 - what is so
    """A call made before has not returned: nothing was called."""


class NoAnswer(Exception):  # noqa: N818 - what is so
    """The call has not returned in time; what it does in the end is not known."""


@dataclass(slots=True, eq=False)
class Call(Generic[T]):
    """One call that was begun."""

    what: str
    began_s: float
    work: Callable[[], T]
    has_ended: threading.Event = field(default_factory=threading.Event)
    results: list[T] = field(default_factory=list)
    """The one it returned, once it did."""
    error: BaseException | None = None

    def run(self) -> None:
        """Does the work and keeps what comes of it."""
        try:
            self.results.append(self.work())
        except BaseException as error:  # noqa: BLE001 - raised again where the call is waited for
            self.error = error
        finally:
            self.has_ended.set()


class Lane:
    """Where calls to one provider are made."""

    def __init__(self, name: str, monotonic_s: Callable[[], float]) -> None:
        self.name = name
        self._monotonic_s = monotonic_s
        self._call: Call[object] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a call has not returned."""
        return self._call is not None and not self._call.has_ended.is_set()

    def waiting(self) -> str:
        """What is being waited for, and for how long."""
        if self._call is None:
            return "nothing is waited for"
        return f"still waiting for {self._call.what}, for {self._monotonic_s() - self._call.began_s:.0f} s"

    def begin(self, what: str, work: Callable[[], T]) -> Call[T]:
        """Begins a call in a thread of its own. Raises StillWaiting where one before has not returned."""
        if self._call is not None and not self._call.has_ended.is_set():
            raise StillWaiting(self.waiting())
        call: Call[T] = Call(what=what, began_s=self._monotonic_s(), work=work)
        self._call = call  # type: ignore[assignment]  # of whatever type: only its end is looked at here
        # A daemon thread, for a process must be able to end while a call hangs.
        threading.Thread(target=call.run, name=f"{self.name}: {what}", daemon=True).start()
        return call

    @staticmethod
    def wait(call: Call[T], timeout_s: float) -> T:
        """What the call returns or raises. Raises NoAnswer after `timeout_s`; the call goes on."""
        if not call.has_ended.wait(max(timeout_s, 0.0)):
            raise NoAnswer(f"no answer to {call.what} within {timeout_s:.0f} s")
        if call.error is not None:
            raise call.error
        return call.results[0]

    def call(self, what: str, work: Callable[[], T], timeout_s: float) -> T:
        """What the work returns or raises, within `timeout_s`. Raises StillWaiting, NoAnswer."""
        return self.wait(self.begin(what, work), timeout_s)
