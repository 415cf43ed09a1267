"""Daemon: leads or stands by, ticks on the clock, tells what it did, and ends when it is asked to.

The one place of `baseload autoscale` where everything that may go wrong in a tick is caught: one line in the log, one
more on the counter, and the next tick begins with what journal, clouds and serving side say.
"""

from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from autoscaler.daemon.acting import Acting
from autoscaler.daemon.calls.reign import Reign
from autoscaler.daemon.clock import Clock, JumpWatch
from autoscaler.daemon.known import decisions_of, with_fleet
from autoscaler.daemon.plan.watch import PlanInForce
from autoscaler.daemon.setup import Setup
from autoscaler.daemon.status import Decision, Lead, PlanStatus, Role, Status
from autoscaler.daemon.telemetry.board import Board
from autoscaler.daemon.telemetry.log import log_tick
from autoscaler.daemon.telemetry.metrics import Metrics
from autoscaler.fleet import Controls
from autoscaler.journal import LostLeadership
from autoscaler.loop import TickReport
from planner.errors import PlannerError

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

JUMP_S = 30.0
"""A wall's clock that gains or loses more than this between two ticks was set; less is drift and slow machines."""
DECISIONS_KEPT = 50


@dataclass(slots=True)
class Pace:
    """When the next tick is due: a fixed step from the one before, missed ones left out."""

    interval_s: float
    due_s: float

    def step(self, now_s: float) -> int:
        """Moves on past `now_s`; ticks that were missed."""
        missed = int(max(0.0, now_s - self.due_s) // self.interval_s)
        self.due_s += (missed + 1) * self.interval_s
        return missed


class Daemon:
    """One daemon of a fleet."""

    def __init__(
        self, setup: Setup, *, clock: Clock, board: Board, metrics: Metrics, log: "FilteringBoundLogger"
    ) -> None:
        self._setup = setup
        self._clock = clock
        self._board = board
        self._metrics = metrics
        self._log = log
        settings = setup.settings
        self._reign = Reign(setup.leadership, now=clock.now, monotonic_s=clock.monotonic_s, lease_s=settings.lease_s)
        self._acting = Acting(setup, clock, self._reign)
        self._jumps = JumpWatch()
        self._end_nothing_until_s = 0.0
        self._is_stopping = False
        self._plan_problem = ""
        self._was_leading: bool | None = None
        """None: it has not looked yet."""
        self._controls = Controls()
        self._decisions: deque[Decision] = deque(maxlen=DECISIONS_KEPT)

    def stop(self) -> None:
        """Lets the tick that runs be the last; may be called by a signal handler."""
        self._is_stopping = True
        self._clock.wake()

    def run(self) -> None:
        """Ticks until it is stopped, then gives the lease back."""
        clock, interval_s = self._clock, self._setup.settings.interval_s
        pace = Pace(interval_s=interval_s, due_s=clock.monotonic_s())
        while not self._is_stopping:
            now_s = clock.monotonic_s()
            if now_s >= pace.due_s:
                self.turn()
                if missed := pace.step(clock.monotonic_s()):
                    self._metrics.overran()
                    self._log.warning("overrun", missed=missed, seconds=round(clock.monotonic_s() - now_s, 3))
            else:
                self._wait(pace)
        self.end()

    def _wait(self, pace: Pace) -> None:
        """Sleeps until the next tick is due, or the lease is to be renewed; who comes to lead ticks at once."""
        clock = self._clock
        clock.sleep_until(min(pace.due_s, clock.monotonic_s() + self._reign.renew_every_s))
        if clock.monotonic_s() < pace.due_s and not self._is_stopping and self._has_come_to_lead():
            pace.due_s = clock.monotonic_s()

    def end(self) -> None:
        """Gives the lease back."""
        try:
            self._reign.resign()
        except PlannerError as error:
            self._log.warning("resign", problem=self._clean(error))
        self._log.info("ended", holder=self._setup.holder)

    def turn(self) -> TickReport | None:
        """One tick of a leader, or one look of who stands by; None: nothing was decided. Never raises an Exception."""
        began_s, now = self._clock.monotonic_s(), self._clock.now()
        self._watch_clock(now, began_s)
        report, problem = None, ""
        plan = self._look_at_plan(now)
        term = self._reign.renew()
        self._tell_who_leads()
        if term is None:
            self._acting.forget()
            self._metrics.stood_by()
        elif plan is None:
            problem = f"no plan: {self._setup.plan.problem}"
            self._metrics.failed()
        else:
            try:
                controls, problem = self._controls_now(began_s)
                report = self._acting.tick(term.epoch, plan, controls, now)
            except LostLeadership as error:
                self._acting.forget()
                problem = f"leadership: {self._clean(error)}"
                self._metrics.failed()
            except Exception as error:  # noqa: BLE001 - the edge of the tick: said, counted, and tried anew
                self._acting.forget()
                problem = f"tick: {self._named(error)}"
                self._metrics.failed()
        try:
            self._tell(report, problem, plan, now, self._clock.monotonic_s() - began_s)
        except Exception as error:  # noqa: BLE001 - what cannot be told must not end who acts
            self._log.error("status", problem=self._named(error))
        self._board.turned_s = self._clock.monotonic_s()
        return report

    # --- before the tick

    def _watch_clock(self, now: datetime, monotonic_s: float) -> None:
        """Notices a clock that was set: what it says of ages is not believed for a while.

        Set back, the loop and its readings are made anew. Either way nothing is ended for one launch timeout: a node
        would look as late, as stale or as idle as the clock was wrong.
        """
        jump_s = self._jumps.look(now, monotonic_s)
        if abs(jump_s) <= JUMP_S:
            return
        self._metrics.jumped(jump_s)
        calm_s = self._setup.policy.launch_timeout_s
        self._log.warning("clock", jumped_s=round(jump_s, 1), nothing_ends_for_s=calm_s)
        self._end_nothing_until_s = monotonic_s + calm_s
        if jump_s < 0:
            self._acting.forget_readings()

    def _look_at_plan(self, now: datetime) -> PlanInForce | None:
        watch = self._setup.plan
        before = watch.in_force
        plan = watch.look(now)
        if watch.problem != self._plan_problem:
            self._plan_problem = watch.problem
            if watch.problem:
                self._log.error("plan", problem=self._setup.clean(watch.problem))
        if plan is not None and plan is not before:
            self._log.info("plan", sha256=plan.sha256[:12], start=f"{plan.plan.start}", end=f"{plan.plan.end}")
        return plan

    def _controls_now(self, monotonic_s: float) -> tuple[Controls, str]:
        """What an operator asks for; where it cannot be read, what was asked for last, and why."""
        problem = ""
        try:
            self._controls = self._setup.controls()
        except PlannerError as error:
            problem = f"controls: {self._clean(error)}"
        controls = self._controls
        if monotonic_s < self._end_nothing_until_s:
            controls = replace(controls, is_scale_in_paused=True)
        return controls, problem

    def _has_come_to_lead(self) -> bool:
        """Renews the lease between two ticks; whether this daemon leads since now."""
        was_leading = self._reign.term is not None
        return self._reign.renew() is not None and not was_leading

    # --- after it

    def _tell_who_leads(self) -> None:
        term, problem = self._reign.term, self._reign.problem
        if problem:
            self._log.warning("leadership", problem=self._setup.clean(problem))
        if (term is not None) != self._was_leading:
            self._was_leading = term is not None
            if self._setup.is_dry_run:
                self._log.info("looks on")
            else:
                self._log.info("leads" if term is not None else "stands by", epoch=None if term is None else term.epoch)

    def _tell(
        self, report: TickReport | None, problem: str, plan: PlanInForce | None, now: datetime, seconds: float
    ) -> None:
        problems = [*([problem] if problem else []), *self._acting.price_problems]
        status = self._status(plan, now, seconds if report is not None else None)
        if report is not None:
            known = self._acting.known(report)
            status = with_fleet(status, replace(known, earlier=tuple(self._decisions)))
            status = replace(status, providers=self._acting.sides(report.seen.unreachable))
            self._decisions.extendleft(reversed(decisions_of(report.acted, known.snapshot)))
            self._metrics.ticked(report, seconds)
            log_tick(self._log, report, seconds=seconds, epoch=status.lead.epoch or 0)
            problems = [*report.problems, *problems]
        for one in problems:
            self._metrics.met(one)
        for one in problems[len(report.problems) if report is not None else 0 :]:
            self._log.warning("problem", what=one)
        status = replace(status, problems=tuple(self._setup.clean(one) for one in problems))
        self._board.status = status
        if status.lead.role == "leads" and not self._setup.is_dry_run:
            self._save(status)
            if report is not None:
                self._keep_measured(now)

    def _keep_measured(self, now: datetime) -> None:
        """Adds up what was served; money and nodes do not wait for it."""
        read = self._acting.serving.last
        try:
            said = () if read is None else self._setup.measured(read.models, now)
        except PlannerError as error:
            said = (str(error),)
        for one in said:
            self._log.warning("served", problem=self._setup.clean(one))

    def _save(self, status: Status) -> None:
        try:
            self._setup.save(status)
        except PlannerError as error:
            self._log.warning("status", problem=self._clean(error))

    def _status(self, plan: PlanInForce | None, now: datetime, tick_s: float | None) -> Status:
        setup, reign = self._setup, self._reign
        term = reign.term
        role: Role = "leads" if term is not None else "unknown" if reign.problem else "stands by"
        watch = setup.plan
        return Status(
            fleet=setup.settings.fleet,
            version=setup.version,
            at=now,
            interval_s=setup.settings.interval_s,
            tick_s=tick_s,
            is_dry_run=setup.is_dry_run,
            lead=Lead(
                role=role,
                holder=setup.holder,
                epoch=None if term is None else term.epoch,
                lease_ends_at=None if term is None else term.ends_at,
                problem=setup.clean(reign.problem),
            ),
            plan=None
            if plan is None
            else PlanStatus(
                sha256=plan.sha256,
                start=plan.plan.start,
                end=plan.plan.end,
                written_at=plan.written_at,
                since=plan.since,
                next_start=watch.next_start,
                problem=setup.clean(watch.problem),
            ),
            controls=self._controls,
        )

    def _clean(self, error: Exception) -> str:
        return self._setup.clean(" ".join(str(error).split()))

    def _named(self, error: Exception) -> str:
        """What went wrong; of an error nobody foresaw, its kind too."""
        return (
            self._clean(error) if isinstance(error, PlannerError) else f"{type(error).__name__}: {self._clean(error)}"
        )
