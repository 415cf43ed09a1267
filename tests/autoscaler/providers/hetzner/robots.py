"""Builders over the double of Robot, with sane defaults."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from autoscaler.providers.hetzner.provider import HetznerProvider
from planner.catalog.sources.robot import Robot
from planner.fleet.daemon.hetzner import RobotSettings
from tests.autoscaler.providers.hetzner.double import PASSWORD, USER, Account

START = datetime(2026, 12, 1, tzinfo=UTC)


@dataclass(slots=True)
class Clock:
    """Time that a test moves."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return (self.now - START).total_seconds()

    def pass_s(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def a_robot(account: Account, clock: Clock | None = None, *, password: str = PASSWORD, **rest: Any) -> Robot:
    return Robot(
        user=SecretStr(USER),
        password=SecretStr(password),
        **{"endpoint_url": account.http.url, "monotonic": (clock or Clock()).monotonic, **rest},
    )


def a_provider(account: Account, clock: Clock | None = None, *, robot: Robot | None = None, **rest: Any):
    clock = clock or Clock()
    base = rest.pop("base", {"321": "chat"})
    return HetznerProvider(
        RobotSettings(base=base), robot=robot or a_robot(account, clock), fleet="fleet", clock=clock, **rest
    )
