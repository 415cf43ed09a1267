"""Builders over the double of Robot, with sane defaults."""

from typing import Any

from pydantic import SecretStr

from autoscaler.providers.hetzner.provider import HetznerProvider
from planner.catalog.sources.robot import Robot
from planner.fleet.daemon.hetzner import RobotSettings
from tests.autoscaler.providers.clock import Clock
from tests.autoscaler.providers.hetzner.double import PASSWORD, USER, Account


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
