"""Days of a standing world that daemons may die in: what happens, and what must have come of it.

A day is some dozens of ticks of `baseload autoscale run` against AWS, OVHcloud and Hetzner Cloud: the floor, a rise to
both caps in one tick over three clouds, one of which answers nothing to what it did, a dip while nodes load, a node of
spot that is taken back, metrics that are gone while paid hours end, a fall, a ceiling, and a machine nobody intended.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from autoscaler.fleet import Controls
from autoscaler.providers.hetzner_cloud.labels import labels_of
from autoscaler.providers.provider import Order
from tests.rented.standing import MAX_NODES, StandingWorld
from tests.rented.world import FLEET, MODEL, warn

QUIET, BUSY = 0.6, 6.0
"""Nodes of work: one node, and more than both caps allow."""
NIGHT = datetime(2026, 10, 31, 21, 0, tzinfo=UTC)
"""Three hours before a month ends."""
NIGHT_USD = Decimal("2.00")
"""A cap of the month: an hour of all six nodes is 1.28, so two of them do not fit."""
NIGHT_TICK_S = 240.0


def a_day_of(world: StandingWorld) -> None:
    """The day, and its books."""
    _begin(world)
    _rise(world)
    _be_blind(world)
    _fall(world)
    _find_an_orphan(world)
    _end(world)


def a_months_end_of(world: StandingWorld) -> None:
    """The last hours of a month whose cap is nearer than the demand: paid hours end that would be bought again."""
    _begin(world)
    world.work = BUSY
    world.until(lambda: len(world.nodes.served) > 3, "no more nodes on a rise")
    world.books.is_imposed = True
    usd = [Decimal(0)]
    while world.time() < NIGHT + timedelta(hours=2, minutes=45):
        world.tick(NIGHT_TICK_S)
        usd.append(world.books.month_usd())
    assert usd[-1] > NIGHT_USD * 3 / 4, "the cap was not near"
    assert len(world.running()) < MAX_NODES / 2, "nothing was given up for the cap"
    _end(world)


def _begin(world: StandingWorld) -> None:
    world.work = QUIET
    world.start()
    world.until(lambda: len(world.nodes.served) == 1, "no first node")


def _rise(world: StandingWorld) -> None:
    """To the caps, with one answer lost and a dip while nodes load; then a spot node is taken back."""
    world.work = BUSY
    calls = world.clouds.ovh.broken
    calls["POST", "/nodepool" if world.side else "/instance"] = "timeout after"
    world.tick()
    calls.clear()
    world.work = QUIET
    world.tick()
    world.work = BUSY
    world.until(lambda: len(world.nodes.served) == MAX_NODES, "no more nodes on a rise")
    (spot,) = [one for one in world.running() if one.is_spot]
    world.books.warned.add(spot.id)
    warn(world.clouds, world.queue_url, spot.id)
    world.tick()
    if spot.id in [one.id for one in world.running()]:
        world.clouds.take_back(spot.id)
    world.until(lambda: len(world.nodes.served) == MAX_NODES, "a node that was taken back is not replaced")


def _be_blind(world: StandingWorld) -> None:
    """Metrics are gone until after the first paid hours have ended; there is less to do when they come back."""
    held = {one.id for one in world.running()}
    world.books.is_blind = True
    world.tick()
    world.skip_to_ends()
    for _ in range(6):
        world.tick()
    world.books.is_blind = False
    apart = held ^ {one.id for one in world.running()}
    assert not apart, f"{apart} while nothing was measured\n{world.story()}"


def _fall(world: StandingWorld) -> None:
    """By demand: what is by the second at once, by the hour when paid hours end. A ceiling takes the rest."""
    world.work = QUIET
    world.until(lambda: not any(one.is_spot for one in world.running()), "a fall leaves a spot node")
    world.skip_to_ends()
    world.until(lambda: len(world.running()) < MAX_NODES - 1, "a fall leaves what is paid by the hour")
    world.books.is_imposed = True
    world.ask(Controls(max_nodes={MODEL: 1}))
    world.skip_to_ends()
    world.until(lambda: len(world.running()) == 1, "a ceiling of 1 leaves more")


def _find_an_orphan(world: StandingWorld) -> None:
    """A machine with our tag that no journal knows: of a fleet whose database was lost, say."""
    order = Order(key="lost", node_id="lost", fleet=FLEET, pool="hetzner-cloud/cx33", model=MODEL)
    lost = world.clouds.hetzner.add_foreign(name="lost", labels=labels_of(order))
    world.books.planted[str(lost.id)] = world.books.deaths
    world.until(
        lambda: [str(lost.id)] != [one.id for one in world.running() if one.id == str(lost.id)], "an orphan stays"
    )


def _end(world: StandingWorld) -> None:
    """The journal and the clouds agree, and so do their books."""
    world.until(world.books.is_calm, "the journal does not know what the clouds have")
    if world.side is not None:
        world.until(lambda: not world.left_nodes(), "Node objects of machines that are gone stay")
    world.end()
    files = [path for path in world.folder.iterdir() if path.name != "join-token" and "kubeconfig" not in path.name]
    world.books.judge(world.log, files)
    assert not world.books.wrong, "\n".join([*world.books.wrong[:20], world.story()])
    assert world.nodes.problems == []
    assert world.clouds.ovh.violations == []
    assert world.clouds.hetzner.http.violations == []
