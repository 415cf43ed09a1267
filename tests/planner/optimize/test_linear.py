"""The door for large linear programs: what it finds, and that what it calls proven is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.optimize.linear import Assembly, LinearProgram, Method, allowed_prices, least, proven_by


def two_by_two(*, upper: float = 10.0) -> LinearProgram:
    """2 x + 3 y, x + y >= 4, x - y = 1: x 2.5, y 1.5, 9.5 in all."""
    assembly = Assembly()
    x, y = assembly.add_columns(1, cost=2.0, upper=upper), assembly.add_columns(1, cost=3.0, upper=upper)
    enough = assembly.add_rows(1, lower=4.0)
    apart = assembly.add_rows(1, lower=1.0, upper=1.0)
    for row, sign in ((enough, 1.0), (apart, -1.0)):
        assembly.add_terms(row, x, 1.0)
        assembly.add_terms(row, y, sign)
    return assembly.program()


@pytest.mark.parametrize("method", list(Method))
def test_the_least_is_found_and_proven(method: Method) -> None:
    found = least(two_by_two(), method=method)
    assert found is not None
    assert found.cost == pytest.approx(9.5)
    assert found.x == pytest.approx([2.5, 1.5])
    assert found.proven == pytest.approx(9.5)
    assert found.row_price == pytest.approx([2.5, -0.5], abs=1e-5)


def test_rows_that_nothing_obeys_give_none() -> None:
    assert least(two_by_two(upper=1.0)) is None


def test_terms_given_twice_are_summed() -> None:
    assembly = Assembly()
    x = assembly.add_columns(1, cost=1.0, upper=10.0)
    row = assembly.add_rows(1, lower=6.0)
    assembly.add_terms(row, x, 1.0)
    assembly.add_terms(row, x, 2.0)
    found = least(assembly.program())
    assert found is not None
    assert found.cost == pytest.approx(2.0)


def test_a_column_without_finite_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="lower and upper must be finite"):
        two_by_two(upper=np.inf)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(prices=st.lists(st.floats(-5, 5), min_size=2, max_size=2))
def test_any_prices_prove_no_more_than_the_least(prices: list[float]) -> None:
    program = two_by_two()
    assert proven_by(program, allowed_prices(program, np.array(prices))) <= 9.5 + 1e-9


def test_a_price_on_a_side_without_a_bound_counts_as_none() -> None:
    program = two_by_two()
    assert allowed_prices(program, np.array([-1.0, -1.0])).tolist() == [0.0, -1.0]


def test_stopped_at_once_it_proves_something_lower() -> None:
    found = least(two_by_two(), most_seconds=0.0)
    assert found is not None
    assert found.proven <= 9.5
