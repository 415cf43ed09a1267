"""Serve: a daemon as a process: its log, its port, its signals, from the first tick to the last."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from autoscaler.daemon.clock import Clock
from autoscaler.daemon.daemon import Daemon
from autoscaler.daemon.setup import Setup
from autoscaler.daemon.status import Status
from autoscaler.daemon.telemetry.board import Board
from autoscaler.daemon.telemetry.log import INFO, Form, logger_to
from autoscaler.daemon.telemetry.metrics import Metrics
from autoscaler.daemon.telemetry.pages import pages_of
from autoscaler.daemon.telemetry.port import Port
from autoscaler.daemon.telemetry.relay import relayed

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

LATE_INTERVALS = 3
"""A loop that has not come round for so many intervals is stuck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Where and how a daemon talks."""

    stream: TextIO
    render: Callable[[Status], str]
    """A status as JSON."""
    form: Form = "text"
    least: int = INFO


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A daemon with what it tells."""

    daemon: Daemon
    board: Board
    metrics: Metrics
    log: "FilteringBoundLogger"


def made(setup: Setup, clock: Clock, voice: Voice) -> Running:
    """A daemon that has not ticked yet."""
    board = Board(started_s=clock.monotonic_s(), late_after_s=LATE_INTERVALS * setup.settings.interval_s)
    metrics = Metrics(board, clock.now)
    log = logger_to(voice.stream, clean=setup.clean, now=clock.now, form=voice.form, least=voice.least)
    daemon = Daemon(setup, clock=clock, board=board, metrics=metrics, log=log)
    return Running(daemon=daemon, board=board, metrics=metrics, log=log)


def serve(setup: Setup, clock: Clock, voice: Voice) -> None:
    """Runs the daemon until it is told to end; its pages are served beside it. Raises InputError for a bad address."""
    running = made(setup, clock, voice)
    pages = pages_of(running.board, running.metrics, monotonic_s=clock.monotonic_s, render=voice.render)
    port = Port(setup.settings.listen, pages, on_dropped=running.metrics.dropped)
    try:
        running.log.info(
            "starts",
            fleet=setup.settings.fleet,
            holder=setup.holder,
            version=setup.version,
            listens=port.address,
            interval_s=setup.settings.interval_s,
            dry_run=setup.is_dry_run,
        )
        with relayed(running.log), ended_by_signals(running.daemon.stop):
            running.daemon.run()
    finally:
        port.close()


@contextmanager
def ended_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT call `stop`, which lets a tick finish; a second one ends the process at once."""
    heard = 0

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        del number, frame
        heard += 1
        if heard > 1:
            raise KeyboardInterrupt
        stop()

    former = {one: signal.signal(one, hear) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in former.items():
            signal.signal(one, handler)
