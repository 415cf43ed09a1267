"""The chart of a sweep: which values stand on one axis."""

import pytest

from planner.report.whatif_chart import share_an_axis


@pytest.mark.parametrize(
    ("values", "one_axis"),
    [
        (["*0.5", "*1", "*2"], True),
        (["0.6", "0.8"], True),
        (["*0.8", "0.8"], False),
        (["0.6", "none"], False),
        (["expected", "regret"], False),
    ],
)
def test_factors_and_plain_numbers_do_not_share_an_axis(values: list[str], one_axis: bool) -> None:
    assert share_an_axis(values) is one_axis
