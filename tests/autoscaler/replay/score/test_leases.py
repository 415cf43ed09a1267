"""Leases: what counts as an opposite move."""

from decimal import Decimal

import pytest

from autoscaler.replay.score.leases import HeldLease, opposite_moves


def lease(start_min: float, end_min: float, how_it_ended: str = "released", model: str = "llm") -> HeldLease:
    return HeldLease(
        offer="cloud/small",
        model=model,
        start_s=60 * start_min,
        end_s=60 * end_min,
        charge_usd=Decimal(1),
        wasted_usd=Decimal(0),
        ready_s=None,
        how_it_ended=how_it_ended,
    )


@pytest.mark.parametrize(
    ("leases", "moves"),
    [
        pytest.param([lease(0, 30)], 1, id="ended half an hour after it was ordered"),
        pytest.param([lease(0, 60)], 0, id="an hour later is not less than an hour"),
        pytest.param([lease(0, 120), lease(130, 300)], 1, id="bought again ten minutes later"),
        pytest.param([lease(0, 30), lease(0, 30)], 1, id="two nodes of one instant are one move"),
        pytest.param([lease(0, 120), lease(120, 300)], 0, id="out and in at one instant are a replacement"),
        pytest.param([lease(0, 30, "taken back")], 0, id="being taken back is no move of ours"),
        pytest.param([lease(0, 30, "still running")], 0, id="nor is the end of the replay"),
        pytest.param([lease(0, 120), lease(130, 300, model="other")], 0, id="each model moves on its own"),
    ],
)
def test_opposite_moves_are_those_less_than_an_hour_apart(leases: list[HeldLease], moves: int) -> None:
    assert opposite_moves(tuple(leases)) == moves
