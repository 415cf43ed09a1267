"""The oracle tells the truth one lead time ahead, and nothing else."""

from typing import Any

from autoscaler.fleet import Action, FleetPlan, Hold, Snapshot
from autoscaler.outlook import Outlook
from autoscaler.replay.oracle import oracle
from autoscaler.replay.run import replay
from policies.scaling import ScalingPolicy
from tests.autoscaler.replay.builders import a_model, a_pool, a_world


class Listens:
    def __init__(self) -> None:
        self.heard: list[Outlook] = []

    def __call__(self, snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy) -> tuple[Action, ...]:
        demand = snapshot.demand["llm"]
        assert demand is not None
        assert demand.outlook is not None
        self.heard.append(demand.outlook)
        return (Hold(reason="listens"),)


def heard(asked: list[float], **changes: Any) -> list[Outlook]:
    listens = Listens()
    world = a_world(asked, **changes)
    replay(world, name="oracle", decider=oracle(world, listens), policy=ScalingPolicy())
    return listens.heard


def test_launches_aim_at_the_minute_in_which_a_node_ordered_now_serves() -> None:
    # Two minutes of lead time: ordered at the end of minute 0, a node serves from minute 3.
    asked = [0.0, 100.0, 200.0, 300.0, 400.0, 500.0]
    outlooks = heard(asked, pools=(a_pool(lead_times_s=(120.0,)),))
    assert [outlook.wanted_work for outlook in outlooks] == [(1, 3), (2, 4), (3, 5), (4, 0), (5, 0), (0, 0)]


def test_what_is_asked_for_within_the_lead_time_is_kept() -> None:
    asked = [0.0, 100.0, 700.0, 300.0, 400.0, 500.0]
    outlooks = heard(asked, pools=(a_pool(lead_times_s=(120.0,)),))
    assert [outlook.keep_work for outlook in outlooks] == [7, 7, 5, 5, 5, 0]


def test_each_lead_time_has_its_own_horizon_load_time_included() -> None:
    pools = (a_pool(lead_times_s=(60.0,)), a_pool(key="cloud/slow", lead_times_s=(180.0, 300.0)))
    model = a_model(rates=dict.fromkeys(("cloud/small", "cloud/slow"), a_model().rates["cloud/small"]), load_s=60.0)
    outlooks = heard([100.0] * 9, pools=pools, models={"llm": model})
    assert outlooks[0].horizons_s == (60, 180, 360)


def test_seconds_are_averaged_over_the_tick() -> None:
    outlooks = heard([100.0, 300.0] * 120, step_s=1.0, tick_s=60.0, pools=(a_pool(lead_times_s=(60.0,)),))
    assert outlooks[0].wanted_work == (2, 2)
