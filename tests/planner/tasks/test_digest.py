"""Digests: equal for equal values however they are built, different for any other."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.tasks.digest import Digests


class Color(Enum):
    RED = 1
    BLUE = 2


@dataclass(frozen=True, slots=True)
class Inner:
    name: str
    rate: float


@dataclass(frozen=True, slots=True)
class Outer:
    one: Inner
    other: Inner
    values: np.ndarray


def digest(value: object) -> str:
    return Digests().hex(value)


def test_what_is_shared_does_not_matter() -> None:
    inner = Inner("a", 1.0)
    shared = Outer(inner, inner, np.arange(3.0))
    apart = Outer(Inner("a", 1.0), Inner("a", 1.0), np.arange(3.0))
    assert digest(shared) == digest(apart)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(1, 1.0, id="whole number and fraction"),
        pytest.param(1, True, id="number and truth"),
        pytest.param("1", 1, id="text and number"),
        pytest.param(0.1, 0.1 + 2**-56, id="the last bit"),
        pytest.param(0.0, -0.0, id="the sign of zero"),
        pytest.param(Decimal("1.0"), Decimal("1.00"), id="the places of a price"),
        pytest.param(("ab", "c"), ("a", "bc"), id="where a text ends"),
        pytest.param((1, (2, 3)), ((1, 2), 3), id="where a tuple ends"),
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, id="the order of a table"),
        pytest.param(Color.RED, Color.BLUE, id="enumeration"),
        pytest.param(None, "None", id="nothing and its name"),
        pytest.param(date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), id="day and instant"),
        pytest.param(timedelta(seconds=1), timedelta(milliseconds=1), id="span"),
        pytest.param(Path("a"), "a", id="path and text"),
        pytest.param(np.zeros((2, 3)), np.zeros((3, 2)), id="shape"),
        pytest.param(np.zeros(2), np.zeros(2, dtype=np.float32), id="type of an array"),
        pytest.param(digest, Digests, id="functions and classes by name"),
    ],
)
def test_what_differs_has_another_digest(one: object, other: object) -> None:
    assert digest(one) != digest(other)


def test_a_set_has_no_order() -> None:
    assert digest(frozenset({"a", "b", "c"})) == digest(frozenset({"c", "b", "a"}))


def test_one_field_changed_changes_the_digest_of_the_whole() -> None:
    digests = Digests()
    outer = Outer(Inner("a", 1.0), Inner("b", 2.0), np.arange(3.0))
    assert digests.hex(outer) != digests.hex(replace(outer, other=Inner("b", 2.5)))
    assert digests.hex(outer) == digest(outer)


def test_what_is_no_plain_value_is_refused() -> None:
    with pytest.raises(TypeError, match="expected data"):
        digest((1, iter([2])))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_equal_digests_are_of_equal_values(one: object, other: object) -> None:
    assert (digest(one) == digest(other)) == (repr(one) == repr(other))
