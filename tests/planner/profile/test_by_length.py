"""Rates by length: costs that made the data are found again; what lengths do not tell is not invented."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.profile.by_length import LengthFit, Work, fit_by_length

READ, WRITE, CONTEXT = 1e-4, 5e-4, 2e-6


def work(i: float, o: float, *, read: float = READ, write: float = WRITE, context: float = CONTEXT) -> Work:
    return Work(input_tokens=i, output_tokens=o, seconds=read * i + write * o + context * o * (i + o / 2))


def fitted(*works: Work) -> LengthFit:
    found = fit_by_length(works)
    assert found is not None
    return found


def test_three_workloads_tell_all_three_costs() -> None:
    found = fitted(work(100, 100), work(1000, 100), work(100, 1000))
    assert found.read_s == pytest.approx(READ)
    assert found.write_s == pytest.approx(WRITE)
    assert found.context_s == pytest.approx(CONTEXT)
    assert found.worst < 1e-9
    # 500 in and 200 out: 0.05 s + 0.1 s + 2e-6 x 200 x 600 = 0.24 s
    assert found.seconds(500, 200) == pytest.approx(0.39)


def test_two_workloads_tell_writing_and_its_context() -> None:
    found = fitted(work(256, 128, read=0.0), work(4096, 512, read=0.0))
    assert found.read_s == 0
    assert found.write_s == pytest.approx(WRITE)
    assert found.context_s == pytest.approx(CONTEXT)


def test_one_workload_says_nothing_of_lengths() -> None:
    assert fit_by_length([work(100, 100)]) is None


def test_what_grows_faster_than_any_context_has_a_residual_and_no_negative_cost() -> None:
    slow = Work(input_tokens=4096, output_tokens=512, seconds=1000.0)
    found = fitted(work(256, 128), slow)
    assert min(found.read_s, found.write_s, found.context_s) >= 0
    assert found.worst > 0.01


@given(
    lengths=st.lists(st.tuples(st.integers(8, 8000), st.integers(8, 2000)), min_size=2, max_size=6),
    speeds=st.lists(st.floats(0.5, 2.0), min_size=6, max_size=6),
)
def test_costs_are_never_negative_and_residuals_are_those_of_the_costs(
    lengths: list[tuple[int, int]], speeds: list[float]
) -> None:
    works = [
        Work(input_tokens=i, output_tokens=o, seconds=work(i, o).seconds * speed)
        for (i, o), speed in zip(lengths, speeds, strict=False)
    ]
    found = fitted(*works)
    assert min(found.read_s, found.write_s, found.context_s) >= 0
    for one, residual in zip(works, found.residuals, strict=True):
        assert found.seconds(one.input_tokens, one.output_tokens) / one.seconds - 1 == pytest.approx(residual, abs=1e-9)
