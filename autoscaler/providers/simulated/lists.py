"""Lists: what a simulated cloud shows of its machines, which is not always what is true. Pure."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from autoscaler.providers.provider import Listing, Machine, MachineState
from autoscaler.providers.simulated.faults import Dice, ListFaults, Rows

if TYPE_CHECKING:
    from autoscaler.providers.simulated.chance import Chance
    from autoscaler.providers.simulated.spec import FaultMix
    from autoscaler.providers.simulated.truth import MachineTruth
    from autoscaler.timeline import Timeline

ECHO_S = 60.0
"""How long lists repeat a former row of a machine (`duplicate_event`)."""


class Lists:
    """The lists of one provider: kept until something changes, then made anew."""

    def __init__(self, provider: str, timeline: Timeline, faults: FaultMix, chance: Chance) -> None:
        self._provider = provider
        self._timeline = timeline
        self._visible = chance.stream("visible_after")
        self._visible_most_s = faults.visible_after_most_s
        self._duplicate = Dice(chance, "duplicate_event", faults.duplicate_event)
        self._echo_first = chance.stream("echo_first")
        self._faults = ListFaults(faults, chance)
        self._known: dict[str, MachineTruth] = {}
        self._rows: Rows | None = ()
        self._listing: Listing | None = None
        self._listing_s = -1.0

    def listing(self) -> Listing:
        """The list as it is given now: the same object at the same instant where nothing changed and nothing fails."""
        now_s = self._timeline.now_s
        if not self._faults.never_happen:
            as_of_s, rows, is_complete = self._faults.told(now_s, self._true_rows())
            as_of = self._timeline.moment(as_of_s)
            return Listing(provider=self._provider, as_of=as_of, is_complete=is_complete, machines=rows)
        if self._listing is None or self._listing_s != now_s:
            self._listing_s = now_s
            self._listing = Listing(
                provider=self._provider, as_of=self._timeline.now, is_complete=True, machines=self._true_rows()
            )
        return self._listing

    def seen(self, machine_id: str) -> MachineTruth | None:
        """The machine of that id, where the lists show it."""
        truth = self._known.get(machine_id)
        return None if truth is None or truth.listed is None else truth

    def add(self, truth: MachineTruth) -> None:
        """Lists show the new machine from now on, or from later where the cloud is only eventually consistent."""
        self._known[truth.id] = truth
        if truth.key is None or self._visible_most_s <= 0:
            self._show(truth)
        else:
            self._show_later(truth)

    def changed(self, truth: MachineTruth) -> None:
        """Lists show the machine as it is now; that it was ended, later where the cloud is eventually consistent."""
        if truth.listed is None:
            return  # it appears as it is then
        if truth.state is MachineState.STOPPING and self._visible_most_s > 0:
            self._show_later(truth)
        elif truth.state is not MachineState.GONE or truth.listed.state is MachineState.STOPPING:
            self._show(truth)

    def drop(self, truth: MachineTruth) -> None:
        """Lists show the machine no more."""
        del self._known[truth.id]
        truth.listed = truth.echo = None
        self._renew()

    def _show_later(self, truth: MachineTruth) -> None:
        at_s = self._timeline.now_s + self._visible.uniform(0, self._visible_most_s)
        self._timeline.plan(at_s, f"{truth.id} is seen", partial(self._show, truth))

    def _show(self, truth: MachineTruth) -> None:
        if truth.id not in self._known:
            return
        former, truth.listed = truth.listed, truth.row()
        if former is not None and former != truth.listed and self._duplicate.happens():
            truth.echo = former
            hush = partial(self._hush, truth, former)
            self._timeline.plan(self._timeline.now_s + ECHO_S, f"{truth.id} is told once", hush)
        self._renew()

    def _hush(self, truth: MachineTruth, former: Machine) -> None:
        if truth.echo is former:
            truth.echo = None
            self._renew()

    def _renew(self) -> None:
        self._rows = self._listing = None
        if self._faults.keeps_history:
            self._faults.remember(self._timeline.now_s, self._true_rows())

    def _true_rows(self) -> Rows:
        """The rows of a fresh and complete list; a change told twice has its former row too, before or after."""
        if self._rows is None:
            rows = [truth.listed for truth in self._known.values() if truth.listed is not None]
            for truth in self._known.values():
                if truth.echo is not None:
                    rows.insert(0 if self._echo_first.random() < 0.5 else len(rows), truth.echo)
            self._rows = tuple(rows)
        return self._rows
