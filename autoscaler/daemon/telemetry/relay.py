"""Relay: what providers and libraries say by Python's own logging becomes lines of the daemon's log.

Without a handler Python would print it to stderr as it is: past the door that takes secrets out, and in no form that a
reader of the log expects.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger


@contextmanager
def relayed(log: "FilteringBoundLogger") -> Iterator[None]:
    """Hands warnings and errors of every logger to `log` meanwhile."""
    relay = _Relay(log)
    root = logging.getLogger()
    root.addHandler(relay)
    try:
        yield
    finally:
        root.removeHandler(relay)


class _Relay(logging.Handler):
    def __init__(self, log: "FilteringBoundLogger") -> None:
        super().__init__(level=logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """One line; of an exception its kind, for a traceback is many."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError):  # words and values that do not fit are no reason to lose the words
            text = str(record.msg)
        failed = record.exc_info[0] if record.exc_info else None
        known = {} if failed is None else {"failed": failed.__name__}
        say = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        say("said", by=record.name, what=" ".join(text.split()), **known)
