"""What a plan must respect: target utilization, resilience, spot limits, budget. Pure; standard library only."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Sharing(StrEnum):
    """Which models may use one node."""

    NONE = "none"
    """A node serves one model for the whole horizon."""
    HOURLY = "hourly"
    """A base node may change model between hours; the load time is paid."""


class Aim(StrEnum):
    """What a plan for several scenarios makes as small as possible."""

    EXPECTED = "expected"
    """The expected total."""
    CVAR = "cvar"
    """The expected total mixed with the mean of its dearest scenarios (conditional value at risk)."""
    SERVICE = "service"
    """The expected total, with no more than `max_unserved_ratio` unserved in all scenarios but a few."""
    REGRET = "regret"
    """The most that hindsight would have saved in any scenario."""


class SpotLoss(StrEnum):
    """What may be lost of spot, for hours, in some of the futures that are planned for."""

    NONE = "none"
    """Interruptions cost what they cost on average; pools are always there."""
    POOL = "pool"
    """A pool in use."""
    PROVIDER = "provider"
    """A pool in use, alone or with all spot of its provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningPolicy:
    """The numbers a plan obeys. Ratios are 0-1, money is USD, net of VAT."""

    target_utilization: float = 0.75
    survive_base_losses: int = 0
    max_spot_share: float = 1.0
    max_pool_share: float = 1.0
    tenure_months: int = 12
    max_unserved_ratio: float = 0.001
    sharing: Sharing = Sharing.NONE
    unserved_usd_mtok: Decimal = Decimal(100)
    egress_bytes_per_output_token: int = 250
    lost_work_s: float = 120.0
    """Seconds of a node's work done again after an interruption: the requests in flight when it is taken."""
    unknown_lead_time_s: float = 300.0
    """Request to running node, assumed where an offer does not say; the model's load time comes on top."""
    max_usd_month: Decimal | None = None
    measured_only: bool = False
    max_search_gap: float = 0.01
    aim: Aim = Aim.EXPECTED
    cvar_level: float = 0.95
    """Share of outcomes, by probability, that the conditional value at risk leaves out: 0.95 is the dearest 5 %."""
    cvar_weight: float = 1.0
    """Weight of the conditional value at risk beside the expectation: 0 is the expectation alone."""
    max_short_probability: float = 0.05
    """Aim service: of the scenarios that may leave more than `max_unserved_ratio` unserved, together."""
    survive_spot_loss: SpotLoss = SpotLoss.NONE

    def __post_init__(self) -> None:
        if not 0 < self.target_utilization <= 1:
            raise ValueError(f"target_utilization must be in (0, 1], got {self.target_utilization}")
        if self.survive_base_losses not in (0, 1, 2):
            raise ValueError(f"survive_base_losses must be 0, 1 or 2, got {self.survive_base_losses}")
        for name in (
            *("max_spot_share", "max_pool_share", "max_unserved_ratio", "max_search_gap"),
            *("cvar_weight", "max_short_probability"),
        ):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {value}")
        if not 0 <= self.cvar_level < 1:
            raise ValueError(f"cvar_level must be in [0, 1), got {self.cvar_level}")
        if self.tenure_months < 1:
            raise ValueError(f"tenure_months must be 1 or more, got {self.tenure_months}")
        if self.unserved_usd_mtok <= 0:
            raise ValueError(f"unserved_usd_mtok must be above 0, got {self.unserved_usd_mtok}")
        if self.egress_bytes_per_output_token < 0:
            raise ValueError(
                f"egress_bytes_per_output_token must be 0 or more, got {self.egress_bytes_per_output_token}"
            )
        for name in ("lost_work_s", "unknown_lead_time_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name)}")
        if self.max_usd_month is not None and self.max_usd_month <= 0:
            raise ValueError(f"max_usd_month must be above 0, got {self.max_usd_month}")
