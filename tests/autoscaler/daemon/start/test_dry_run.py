"""A dry run: reads what is, writes nothing, and comes to the same decisions."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from autoscaler.daemon.start.dry_run import DryRunJournal, LookingOn
from autoscaler.fleet import Launch
from autoscaler.journal import Ended, MemoryJournal, Result
from autoscaler.leadership import Term
from autoscaler.providers.dry_run import DryRunProvider
from autoscaler.serving.dry_run import DryRunServing
from tests.autoscaler.daemon.clocks import START
from tests.autoscaler.daemon.rig import Rig, World

FOR_EVER = START + timedelta(days=999)


def looking_on(folder: Path, world: World) -> Rig:
    return Rig(
        folder,
        world,
        providers=tuple(DryRunProvider(observed=cloud) for cloud in world.clouds.values()),
        serving=DryRunServing(observed=world.serving),
        journal=lambda: DryRunJournal(real=world.journal),
        leadership=LookingOn(term=Term(epoch=0, ends_at=FOR_EVER)),
        is_dry_run=True,
    )


def test_it_says_what_it_would_launch_and_launches_nothing(tmp_path: Path) -> None:
    world = World()
    rig = looking_on(tmp_path, world)
    world.demand(75.0)
    for _ in range(3):
        report = rig.turn()
        assert report is not None
        launches = [one for one in report.acted if isinstance(one.action, Launch)]
        assert [one.result for one in launches] == [Result.WITHDRAWN, Result.WITHDRAWN]
        assert launches[0].detail.startswith("dry run: would launch blue-0-")
    assert world.held() == 0
    assert world.journal.entries(START) == ()
    assert world.saved == []
    assert rig.metric("dry_run") == 1


def test_beside_a_daemon_that_acts_it_sees_the_same_fleet_and_takes_no_node_for_an_orphan(tmp_path: Path) -> None:
    world = World()
    real, rig = Rig(tmp_path, world), looking_on(tmp_path, world)
    world.demand(75.0)
    real.turn(0)
    real.turn(120)
    rig.turn(0)
    assert [(one.pool, dict(one.nodes)) for one in rig.status.pools] == [
        (one.pool, dict(one.nodes)) for one in real.status.pools
    ]
    assert rig.status.orphans == ()
    assert world.seat.asked == 2  # of the real one alone


def test_money_charged_is_the_real_ones_and_what_ended_in_this_run() -> None:
    month = START
    real = MemoryJournal()
    journal = DryRunJournal(real=real)
    end = Ended(
        node_id="n",
        pool="aws/m",
        model="m",
        at=START,
        was_taken_back=False,
        charges_usd=((month, Decimal(2)), (START - timedelta(days=30), Decimal(5))),
    )
    journal.ended(end, 0)
    assert journal.charged_usd(month) == Decimal(2)
    assert real.charged_usd(month) == Decimal(0)
