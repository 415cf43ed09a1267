"""Watch: what truth and journal say of each node of ours, kept up as it happens. Pure.

Machines are found in the clouds' own records and intents in the journal as they are written, in the order in which both
came about: never in what the controller believes. What is over for both is dropped, so a watch does not grow.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from autoscaler.journal import MADE_NOTHING, Ended, Entry, Intent, IntentKind, Outcome, Result
from autoscaler.providers.simulated.cloud import SimulatedCloud
from autoscaler.providers.simulated.truth import MachineTruth
from autoscaler.replay.invariants.violation import Happening
from autoscaler.replay.truth import Truth

REMEMBERED = 60
"""Events of the list a violation carries."""


@dataclass(slots=True, kw_only=True, eq=False)
class Life:
    """One node: what was intended about it, and the machine it is."""

    node_id: str
    model: str
    pool: str
    origin: Intent | None = None
    """Its launch or adoption; None: nobody intended it (yet)."""
    machine: MachineTruth | None = None
    drain: Intent | None = None
    """It is to get no new work."""
    end: Intent | None = None
    """Its end was asked for."""
    is_known: bool = False
    """The journal says it was made: what is taken back before nobody could know of."""
    is_ready: bool = False
    """The journal says it served."""
    is_written_off: bool = False
    """Its end was asked for before it was known to serve; if it serves after all, that is late."""
    is_closed: bool = False
    """The journal says it is over."""
    keys: list[str] = field(default_factory=list)

    @property
    def is_held(self) -> bool:
        """Whether its machine exists and bills."""
        return self.machine is not None and self.machine.is_held

    @property
    def may_come(self) -> bool:
        """Whether it may still get a machine: its launch is not known to have made nothing."""
        return self.machine is None and not self.is_closed and self.origin is not None

    @property
    def is_asked_to_go(self) -> bool:
        """Whether it is drained, or its end was asked for."""
        return self.drain is not None or self.end is not None


class Watch:
    """The nodes of one replay, and what is told as it happens."""

    def __init__(self, truth: Truth, fleet: str) -> None:
        self.truth = truth
        self.fleet = fleet
        self.lives: dict[str, Life] = {}
        """By node id."""
        self.by_machine: dict[str, Life] = {}
        self.by_key: dict[str, Life] = {}
        self.tail: deque[tuple[float, object]] = deque(maxlen=REMEMBERED)
        self.on_made: Callable[[MachineTruth, Life], None] = _nothing
        self.on_ended: Callable[[MachineTruth, Life | None], None] = _nothing
        self.on_entry: Callable[[Entry, Life | None], None] = _nothing
        self.cloud_of: dict[str, SimulatedCloud] = {}
        """By pool."""
        self._seen = dict.fromkeys(truth.clouds, 0)
        for cloud in truth.clouds.values():
            self.cloud_of.update(dict.fromkeys(cloud.pools, cloud))
            _chain(cloud, self._ended)
        self._listen()

    def sync(self) -> None:
        """Takes in machines made since the last look."""
        for name, cloud in self.truth.clouds.items():
            made = cloud.truth
            while self._seen[name] < len(made):
                machine = made[self._seen[name]]
                self._seen[name] += 1
                self._made(machine)

    def note(self, what: object) -> None:
        """Adds to the event list."""
        self.tail.append((self.truth.timeline.now_s, what))

    def happenings(self) -> Iterator[Happening]:
        """The event list, oldest first."""
        return (Happening(at_s=at_s, what=_said(what)) for at_s, what in self.tail)

    def ours(self) -> Iterator[Life]:
        """Burst nodes somebody intended that exist, or may."""
        return (life for life in self.lives.values() if life.is_held or life.may_come)

    # --- as it happens

    def _made(self, machine: MachineTruth) -> None:
        if machine.is_base or machine.fleet != self.fleet or machine.node_id is None:
            return
        self.note(("made", machine.id, machine.node_id, machine.pool))
        life = self.lives.get(machine.node_id)
        if life is None or life.machine is not None:
            is_second = life is not None
            key = f"{machine.node_id}~{machine.id}" if is_second else machine.node_id
            life = Life(node_id=key, model=machine.model or "", pool=machine.pool)
            self.lives[key] = life
        life.machine = machine
        self.by_machine[machine.id] = life
        self.on_made(machine, life)

    def _ended(self, machine: MachineTruth) -> None:
        self.sync()
        self.note(("taken back" if machine.was_taken_back else "ended", machine.id, machine.node_id or ""))
        life = self.by_machine.get(machine.id)
        self.on_ended(machine, life)
        self._drop(life)

    def entry(self, entry: Entry) -> None:
        """Takes in what was just written to the journal."""
        self.sync()
        self.note(entry)
        life = self._known(entry)
        self.on_entry(entry, life)
        self._drop(life)

    def _known(self, entry: Entry) -> Life | None:
        if isinstance(entry, Intent):
            return self._intended(entry)
        return self._settled(entry) if isinstance(entry, Outcome) else self._over(entry)

    def _intended(self, intent: Intent) -> Life:
        life = self.lives.get(intent.node_id)
        if life is None:
            life = Life(node_id=intent.node_id, model=intent.model, pool=intent.pool)
            self.lives[intent.node_id] = life
        self.by_key[intent.key] = life
        life.keys.append(intent.key)
        match intent.kind:
            case IntentKind.LAUNCH | IntentKind.ADOPT:
                life.origin = intent
            case IntentKind.DRAIN:
                life.drain = intent
            case IntentKind.UNDRAIN:
                life.drain = None
            case IntentKind.TERMINATE:
                life.end = intent
                life.is_written_off = life.is_written_off or not life.is_ready
        return life

    def _settled(self, outcome: Outcome) -> Life | None:
        life = self.by_key.get(outcome.key)
        if life is None:
            return None
        if outcome.result is Result.READY:
            life.is_ready = True
        elif life.origin is not None and outcome.key == life.origin.key:
            self._began(life, outcome)
        elif outcome.result in MADE_NOTHING and life.end is not None and outcome.key == life.end.key:
            life.end = None
        return life

    def _began(self, life: Life, outcome: Outcome) -> None:
        life.is_known = life.is_known or outcome.result is Result.DONE
        if outcome.result in MADE_NOTHING:
            life.is_closed = True
        if life.origin is not None and life.origin.kind is IntentKind.ADOPT and outcome.machine_id is not None:
            self._adopted(life, outcome.machine_id)

    def _adopted(self, life: Life, machine_id: str) -> None:
        """The machine nobody intended is this node's from now on."""
        found = self.by_machine.get(machine_id)
        if found is None or found is life or found.machine is None:
            return
        life.machine = found.machine
        found.machine = None
        if found.origin is None:
            self.lives.pop(found.node_id, None)
        self.by_machine[machine_id] = life

    def _over(self, end: Ended) -> Life | None:
        life = self.lives.get(end.node_id)
        if life is not None:
            life.is_closed = True
        return life

    def _drop(self, life: Life | None) -> None:
        """Forgets a node that is over for both: its machine ended, and no intent about it is open."""
        if life is None or life.is_held or not (life.is_closed or life.origin is None):
            return
        self.lives.pop(life.node_id, None)
        for key in life.keys:
            self.by_key.pop(key, None)
        if life.machine is not None:
            self.by_machine.pop(life.machine.id, None)

    def _listen(self) -> None:
        before = self.truth.journal.on_entry

        def told(entry: Entry) -> None:
            before(entry)
            self.entry(entry)

        self.truth.journal.on_entry = told


def _nothing(*_: object) -> None:
    return


def _chain(cloud: SimulatedCloud, ended: Callable[[MachineTruth], None]) -> None:
    before = cloud.on_gone

    def told(machine: MachineTruth) -> None:
        ended(machine)
        before(machine)

    cloud.on_gone = told


def _said(what: object) -> str:
    """One event in words."""
    match what:
        case Intent():
            return f"intends {what.kind.value} {what.node_id} ({what.pool}): {what.reason}"
        case Outcome():
            return f"settles {what.key}: {what.result.value} {what.machine_id or ''} {what.detail}".rstrip()
        case Ended():
            return f"buries {what.node_id} ({'taken back' if what.was_taken_back else 'ended'} {what.at:%H:%M:%S})"
        case tuple():
            return " ".join(str(part) for part in what)
        case _:
            return str(what)
