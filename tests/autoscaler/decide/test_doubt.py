"""Doubts: settings that no pool can keep are said, each in a sentence."""

from dataclasses import replace

from autoscaler.decide import doubts_of
from policies.scaling import ScalingPolicy
from tests.autoscaler.fleets import a_pool


def test_a_launch_timeout_that_no_node_of_a_pool_can_meet_is_said() -> None:
    pools = (
        a_pool("aws/a", lead_time_s={"chat": 360.0}),
        a_pool("aws/slow", lead_time_s={"chat": 600.0, "code": 90.0}),
    )
    (said,) = doubts_of(pools, ScalingPolicy(launch_timeout_s=600))
    assert said.startswith(
        "launch_timeout_s is 600 s, and a node of aws/slow is expected to serve chat only 600 s after its order"
    )
    assert doubts_of(pools, ScalingPolicy(launch_timeout_s=601)) == ()
    assert len(doubts_of((*pools, replace(pools[0], key="aws/b")), ScalingPolicy(launch_timeout_s=60))) == 4


def test_the_defaults_raise_no_doubt_about_a_pool_of_six_minutes() -> None:
    assert doubts_of((a_pool(),), ScalingPolicy()) == ()
