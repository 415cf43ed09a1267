import pytest

from autoscaler.replay.rivals.hpa import most_after, recommended
from tests.autoscaler.replay.rivals.bench import bench

# The target is 0.8 work per node, and every node is worth one.


@pytest.mark.parametrize(
    ("utilization", "ready", "unready", "current", "pods"),
    [
        (0.8, 5, 0, 5, 5),
        (1.6, 5, 0, 5, 10),
        (0.4, 5, 0, 5, 3),
        (0.88, 10, 0, 10, 10),
        (0.89, 10, 0, 10, 12),
        (0.72, 10, 0, 10, 10),
        (0.71, 10, 0, 10, 9),
        (1.6, 2, 2, 4, 4),
        (1.6, 2, 1, 3, 4),
        (1.6, 2, 3, 5, 5),
        (0.4, 4, 2, 6, 2),
        (5.0, 0, 3, 3, 3),
    ],
    ids=[
        "on target",
        "doubled",
        "halved, rounded up",
        "a tenth above is within tolerance",
        "a hair past it is not",
        "a tenth below is within tolerance",
        "a hair past that is not",
        "those to come suffice",
        "those to come do not suffice",
        "would reverse, so nothing",
        "scale-in counts those that are ready",
        "nothing ready, nothing known",
    ],
)
def test_the_published_formula(utilization: float, ready: int, unready: int, current: int, pods: int):
    assert recommended(utilization=utilization, target=0.8, ready=ready, unready=unready, current=current) == pods


@pytest.mark.parametrize(
    ("pods", "seconds", "most"),
    [(1, 15.0, 5), (1, 14.0, 5), (5, 15.0, 10), (4, 15.0, 8), (1, 60.0, 40)],
    ids=["4 pods", "a period that is not over", "100 %", "both the same", "four periods: 5, 10, 20, 40"],
)
def test_scale_up_is_limited_to_the_larger_of_four_pods_and_double(pods: int, seconds: float, most: int):
    assert most_after(pods, seconds) == most


def test_scale_up_is_not_delayed():
    assert bench("hpa").with_nodes(2).counts([1.6, 3.2]) == [2, 4]


def test_scale_down_waits_until_the_highest_recommendation_is_300_s_old():
    assert bench("hpa").with_nodes(10).counts([8.0] + [4.0] * 6) == [10, 10, 10, 10, 10, 10, 5]


def test_at_least_one_pod_stays():
    assert bench("hpa").with_nodes(2).counts([0.0] * 7)[-1] == 1


def test_base_nodes_are_pods_that_stay():
    fleet = bench("hpa").with_nodes(2, is_base=True).with_nodes(2)
    assert fleet.counts([3.2, 6.4] + [1.6] * 7)[1:] == [6, 6, 6, 6, 6, 6, 0, 0]
