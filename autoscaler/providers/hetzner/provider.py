"""HetznerProvider: dedicated servers as base nodes. They are watched: launching and ending one is refused.

Robot's list may be asked for 200 times an hour, so that it is kept for `KEPT`. What the fleet names as base
(`[providers.hetzner.base]`) is ours; what else is in the account is listed without a tag.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

from autoscaler.providers.hetzner.inventory import RobotServer, machines_of, server_of
from autoscaler.providers.provider import Listing, Machine, Order, Permanent, ProviderError, Temporary
from planner.catalog.sources.hetzner import product_key
from planner.catalog.sources.robot import Robot, RobotBusy
from planner.catalog.sources.source import SourceError
from planner.fleet.daemon.hetzner import RobotSettings

log = logging.getLogger(__name__)

NAME = "hetzner"
KEPT = timedelta(seconds=45)
"""A list is not asked for again sooner: 80 times an hour, where Robot allows 200 to all daemons of an account."""


class HetznerProvider:
    """The servers of one account."""

    name = NAME

    def __init__(
        self,
        settings: RobotSettings,
        *,
        robot: Robot,
        fleet: str,
        clock: Callable[[], datetime],
        ordered_on: Mapping[str, date] | None = None,
    ) -> None:
        """`ordered_on`: by offer, as `[[owned]]` says it."""
        self._settings = settings
        self._robot = robot
        self._fleet = fleet
        self._clock = clock
        self._ordered_on = ordered_on or {}
        self._kept: tuple[datetime, tuple[RobotServer, ...], bool] | None = None

    def servers(self) -> tuple[RobotServer, ...]:
        """Every server of the account that can be read, as Robot lists it. Raises ProviderError."""
        return self._list()[1]

    def machines(self) -> Listing:
        """The account's servers; those the fleet names are base nodes of ours. Raises ProviderError."""
        as_of, servers, is_complete = self._list()
        machines = machines_of(
            servers,
            base=self._settings.base,
            offers={one.number: offer_id(one.product) for one in servers},
            fleet=self._fleet,
            ordered_on=self._ordered_on,
            as_of=as_of,
        )
        return Listing(provider=NAME, as_of=as_of, is_complete=is_complete, machines=machines)

    def launch(self, order: Order) -> Machine:
        """Never a machine: raises Permanent."""
        raise Permanent(
            f"hetzner: {order.pool}: base servers are watched, never ordered; people order them (baseload base orders)"
        )

    def terminate(self, machine_id: str) -> None:
        """Raises Permanent."""
        raise Permanent(
            f"hetzner: server {machine_id}: base servers are watched, never cancelled; people cancel them "
            "(baseload base orders)"
        )

    def _list(self) -> tuple[datetime, tuple[RobotServer, ...], bool]:
        """When the list was asked for, its servers, and whether each row could be read."""
        now = self._clock()
        if self._kept is not None and self._kept[0] <= now < self._kept[0] + KEPT:
            return self._kept
        try:
            rows = self._robot.items("/server", "server")
        except SourceError as error:
            raise sorted_error(error) from error
        servers, is_complete = [], True
        for row in rows:
            try:
                servers.append(server_of(row))
            except (KeyError, TypeError, ValueError) as error:
                log.warning("provider=%s event=row-unreadable reason=%s: %s", NAME, type(error).__name__, error)
                is_complete = False
        self._kept = (now, tuple(servers), is_complete)
        return self._kept


def offer_id(product: str) -> str:
    """The offer of a server's product, as the catalog spells it: AX102 -> hetzner/ax102."""
    return f"{NAME}/{product_key(product)}"


def sorted_error(error: SourceError) -> ProviderError:
    """What Robot said, by what to do next."""
    return Temporary(str(error)) if isinstance(error, RobotBusy) else Permanent(str(error))
