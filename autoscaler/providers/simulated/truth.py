"""MachineTruth: what really became of one machine, whatever its cloud told. Pure: a record its cloud keeps."""

from dataclasses import dataclass
from datetime import datetime

from autoscaler.providers.provider import Machine, MachineState


@dataclass(slots=True, kw_only=True)
class MachineTruth:
    """One machine that was ever made, base nodes and other people's included. Seconds count from the start."""

    id: str
    key: str | None
    """Of the order; None: not ordered here."""
    node_id: str | None
    fleet: str | None
    pool: str
    model: str | None
    is_base: bool = False
    created_at: datetime
    created_s: float
    """Billed from here."""
    running_s: float | None = None
    """It runs since; the model's load comes on top. None: not yet, or it never booted."""
    ended_s: float | None = None
    """Billed until here: its end was accepted, or it was taken back. None: it is there."""
    was_taken_back: bool = False
    is_broken: bool = False
    """It runs and bills, and serves no more."""
    never_boots: bool = False
    doomed_s: float | None = None
    """It will be taken back then, told or not."""
    state: MachineState = MachineState.PENDING
    taken_back_at: datetime | None = None
    """As told by a notice."""
    is_at_risk: bool = False
    """As told by rebalance advice."""
    listed: Machine | None = None
    """What lists show of it; None: nothing."""
    echo: Machine | None = None
    """A former row of it that lists show once more."""

    @property
    def is_held(self) -> bool:
        """Whether it exists and bills."""
        return self.ended_s is None

    def row(self) -> Machine:
        """The row of a list that tells the truth."""
        return Machine(
            id=self.id,
            node_id=self.node_id,
            fleet=self.fleet,
            pool=self.pool,
            model=self.model,
            state=self.state,
            created_at=self.created_at,
            is_base=self.is_base,
            taken_back_at=self.taken_back_at,
            is_at_risk=self.is_at_risk,
        )
