"""Jobs are judged: a controller that does what may never be done stops the replay with its story."""

import pickle

import pytest

from autoscaler.fleet import COMING, Action, FleetPlan, Hold, Launch, Snapshot, Terminate
from autoscaler.replay import job
from autoscaler.replay.controllers import OURS, KnownController
from autoscaler.replay.job import BrokenInvariant, Job, run_job
from autoscaler.replay.world import Decider, World
from policies.scaling import ScalingPolicy
from tests.autoscaler.replay.builders import a_pool, a_world


def impatient(snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy) -> tuple[Action, ...]:
    """Launches a node and ends it while it loads."""
    for node in snapshot.nodes:
        if node.state in COMING:
            return (Terminate(node_id=node.id, reason="band: too slow for 1 node"),)
    return (
        (Launch(pool="cloud/small", model="llm", reason="load: 1 node"),) if not snapshot.nodes else (Hold(reason="-"),)
    )


def made(world: World, plan: FleetPlan | None) -> Decider:
    return impatient


def test_a_node_killed_while_it_loads_stops_the_replay_with_the_seed_and_the_story(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(job, "CONTROLLERS", {OURS: KnownController(summary="impatient", make=made)})
    world = a_world([300.0] * 30, pools=(a_pool(lead_times_s=(360.0,)),), seed=7)
    with pytest.raises(BrokenInvariant, match="S8") as broken:
        run_job(Job(label="ours", controller=OURS, world=world, policy=ScalingPolicy()))
    assert "seed 7" in str(broken.value)
    assert str(pickle.loads(pickle.dumps(broken.value))) == str(broken.value)  # it comes out of another process


def test_ours_does_nothing_of_the_kind() -> None:
    world = a_world([300.0] * 30)
    result = run_job(Job(label="ours", controller=OURS, world=world, policy=ScalingPolicy()))
    assert result.ticks == 30
