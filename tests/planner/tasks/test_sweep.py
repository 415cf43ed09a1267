"""Values of a sweep: lists, whole numbers, steps, factors."""

import pytest

from planner.errors import InputError
from planner.tasks.sweep import crossed


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("k=a, b", ["a", "b"]),
        ("k=8..11", ["8", "9", "10", "11"]),
        ("k=*1..*3", ["*1", "*2", "*3"]),
        ("k=0.5..1:0.25", ["0.5", "0.75", "1"]),
        ("k=*0.8..*1.2:0.1", ["*0.8", "*0.9", "*1", "*1.1", "*1.2"]),
        ("k=0..1:0.4", ["0", "0.4", "0.8"]),
        ("k=8..12:2", ["8", "10", "12"]),
        ("k=7..7", ["7"]),
    ],
)
def test_a_sweep_has_these_values(written: str, values: list[str]) -> None:
    assert [point["k"] for point in crossed([written])] == values


@pytest.mark.parametrize("written", ["k=*1..2", "k=0.5..1", "k=0..1:0", "k=5..1", "k=0..1:0.00001", "k=1..*2:1"])
def test_a_range_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(InputError, match=r"--sweep k=.*: expected"):
        crossed([written])


def test_several_are_crossed_the_last_one_fastest() -> None:
    assert [tuple(point.values()) for point in crossed(["a=1,2", "b=x,y"])] == [
        ("1", "x"),
        ("1", "y"),
        ("2", "x"),
        ("2", "y"),
    ]
