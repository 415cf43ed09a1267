"""AwsProvider: EC2 as a Provider. Its choices are these.

- **What is listed** is what has our fleet's tag: an account may hold thousands of other instances, and nothing here
  ever acts on them. The end of one is refused by its tags before it is asked for, and by the IAM policy after that.
- **A key never buys twice.** The ClientToken is made from it. AWS forgets tokens after a time, so an order that was
  asked for before is first looked for by its key, which every instance has as a tag; so is one whose token was used.
- **A launch takes one try and a bounded time.** What comes before the order may use half the time of a call; where it
  used more, nothing is ordered and the next tick asks again.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING

from autoscaler.providers.aws import fleet_reply, pages, request, tags, templates
from autoscaler.providers.aws.clients import READ, Clients, connect
from autoscaler.providers.aws.errors import AlreadyUsed, sorted_errors
from autoscaler.providers.aws.machine import described, ordered
from autoscaler.providers.aws.notices import Notices
from autoscaler.providers.provider import (
    Listing,
    Machine,
    MachineState,
    Order,
    Permanent,
    Product,
    ProviderError,
    Temporary,
)
from planner.errors import PlannerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from boto3 import Session
    from mypy_boto3_ec2 import EC2Client

    from autoscaler.providers.aws.request import Place
    from autoscaler.providers.provider import UserData
    from planner.fleet.daemon.aws import AwsSettings

BEFORE_BUYING = 0.5
"""Of the time of a call that may pass before the order is sent."""
LISTING = 0.6
"""Of the time of a call after which no further page is asked for,"""
HEARING = 0.8
"""and no further message received."""
REMEMBERED = 1000
"""Keys whose fleets made nothing."""
ENDED = (MachineState.STOPPING, MachineState.GONE)
log = logging.getLogger(__name__)


class AwsProvider:
    """One region of one account."""

    def __init__(
        self,
        settings: AwsSettings,
        *,
        fleet: str,
        products: Mapping[str, Product],
        user_data: UserData,
        clock: Callable[[], datetime],
        timeout_s: float,
        session: Session | None = None,
        page_size: int = pages.PAGE,
        queue_wait_s: int = 1,
    ) -> None:
        """`session`: credentials other than boto3 finds; `timeout_s`: what one call may take in all."""
        self._settings = settings
        self._fleet = fleet
        self._products = products
        self._user_data = user_data
        self._clock = clock
        self._timeout_s = timeout_s
        self._session = session
        self._page_size = page_size
        self._made: Clients | None = None
        self._making = Lock()
        self._notices = (
            None
            if settings.queue_url is None
            else Notices(settings.queue_url, wait_s=min(queue_wait_s, int(timeout_s * READ / 2)))
        )
        self._sweeper = templates.Sweeper(fleet)
        self._fruitless: dict[str, int] = {}
        """By key: fleets that AWS answered with nothing made, each of which used up a token."""

    @property
    def name(self) -> str:
        """aws."""
        return "aws"

    def prices_client(self) -> EC2Client:
        """What reads prices, made once with the others; may be asked for beside a call. Raises Permanent."""
        return self._clients.prices

    def machines(self) -> Listing:
        """The instances with our fleet's tag and what the queue says of them. Raises ProviderError."""
        started = self._clock()
        found, is_complete = pages.listed(
            self._clients.ec2,
            tags.FLEET,
            self._fleet,
            page_size=self._page_size,
            is_late=lambda: self._used(started) > LISTING,
        )
        machines = tuple(described(instance) for instance in found)
        listing = Listing(provider=self.name, as_of=started, is_complete=is_complete, machines=machines)
        if self._notices is None:
            return listing
        self._notices.hear(self._clients.queue, listing, now=started, is_late=lambda: self._used(started) > HEARING)
        return replace(listing, machines=tuple(self._notices.on(machine) for machine in machines))

    def launch(self, order: Order) -> Machine:
        """The instance of the order: made now, or found by its key. Raises ProviderError."""
        started = self._clock()
        product = self._products.get(order.pool)
        if product is None:
            raise Permanent(f"aws: launch {order.key}: there is no pool {order.pool}")
        if order.asked_at is not None and (known := self._made_before(order)) is not None:
            return known
        where = request.places(product, self._settings)
        user_data = self._script(order)
        try:
            if len(where) == 1:
                return self._run_one(order, product, where[0], user_data, started)
            return self._run_fleet(order, product, where, user_data, started)
        except AlreadyUsed as error:
            # The key made something before. What that was decides: ours, another order's, or in no list yet.
            known = self._made_before(order)
            if known is None:
                raise Temporary(f"{error} (what it made is in no list yet)") from error
            return known

    def terminate(self, machine_id: str) -> None:
        """Asks for the end of an instance with our fleet's tag. Raises ProviderError."""
        instance = pages.one(self._clients.ec2, machine_id)
        machine = described(instance)
        if machine.fleet != self._fleet:
            raise Permanent(f"aws: end {machine_id}: it has no tag {tags.FLEET}={self._fleet}, so it is left alone")
        if machine.state in ENDED:
            return
        with sorted_errors(f"end {machine_id}"):
            self._clients.ec2.terminate_instances(InstanceIds=[machine_id])

    # --- parts of a launch

    def _made_before(self, order: Order) -> Machine | None:
        """What the key made before. Raises Permanent where that is another order's."""
        found = pages.tagged(self._clients.ec2, tags.KEY, order.key)
        if not found:
            return None
        other = next((one for one in found if not tags.is_same_order(tags.read(one.get("Tags")), order)), None)
        if other is not None:
            raise Permanent(f"aws: launch {order.key}: its key was used for another order ({other['InstanceId']})")
        machines = [described(instance) for instance in found]
        return min(machines, key=lambda machine: (machine.state in ENDED, machine.created_at, machine.id))

    def _script(self, order: Order) -> str:
        """The start-up script. Raises Permanent where there is none, or it is too long."""
        try:
            script = self._user_data(order)
        except PlannerError as error:
            raise Permanent(f"aws: launch {order.key}: {error}") from error
        size = len(script.encode())
        if size > request.USER_DATA_MOST:
            raise Permanent(
                f"aws: launch {order.key}: its start-up script has {size} bytes;"
                f" EC2 takes {request.USER_DATA_MOST} at the most"
            )
        return script

    def _run_one(self, order: Order, product: Product, place: Place, user_data: str, started: datetime) -> Machine:
        asked = request.run_instances(order, product, self._settings, place=place, user_data=user_data)
        self._must_be_in_time(order, started)
        with sorted_errors(f"launch {order.key}"):
            reply = self._clients.launch.run_instances(**asked)
        (instance,) = reply["Instances"]
        return described(instance)

    def _run_fleet(
        self, order: Order, product: Product, where: Sequence[Place], user_data: str, started: datetime
    ) -> Machine:
        ec2 = self._clients.ec2
        template = request.template(order, product, self._settings, user_data=user_data)
        with sorted_errors(f"launch {order.key}: its template"):
            name = templates.find_or_make(ec2, template)
        attempt = self._fruitless.get(order.key, 0)
        asked = request.create_fleet(order, product, where=where, template_name=name, attempt=attempt)
        self._must_be_in_time(order, started)
        try:
            with sorted_errors(f"launch {order.key}"):
                reply = self._clients.launch.create_fleet(**asked)
        except Temporary:
            raise  # it may have happened, and is asked for again with the same template
        except ProviderError:
            templates.remove(ec2, name)
            raise
        templates.remove(ec2, name)
        self._sweeper.sweep(ec2, self._clock())
        made = fleet_reply.instance_ids(reply)
        if not made:
            raise self._why_nothing(order.key, attempt, fleet_reply.why_nothing(reply, order.key))
        self._fruitless.pop(order.key, None)
        if len(made) > 1:  # never seen; what was made costs money, and the lists show it with our tags
            log.warning("event=more_than_ordered key=%s instances=%s", order.key, ",".join(made))
        return ordered(order, made[0], self._clock())

    def _why_nothing(self, key: str, attempt: int, why: ProviderError) -> ProviderError:
        """The same, and remembers that the token is used up where the key is going to be asked for again.

        The oldest are forgotten: their tokens would give the same empty answer, and be counted anew.
        """
        self._fruitless.pop(key, None)
        if isinstance(why, Temporary):
            self._fruitless[key] = attempt + 1
            while len(self._fruitless) > REMEMBERED:
                del self._fruitless[next(iter(self._fruitless))]
        return why

    def _must_be_in_time(self, order: Order, started: datetime) -> None:
        if self._used(started) > BEFORE_BUYING:
            raise Temporary(f"aws: launch {order.key}: nothing was ordered, what comes before it took too long")

    # --- time and clients

    def _used(self, started: datetime) -> float:
        """Which part of the time of a call is used up."""
        return (self._clock() - started) / timedelta(seconds=self._timeout_s)

    @property
    def _clients(self) -> Clients:
        with self._making:
            if self._made is None:
                self._made = connect(self._settings, timeout_s=self._timeout_s, session=self._session)
            return self._made
