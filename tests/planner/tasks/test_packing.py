"""Values kept in a file: exact, and harmless."""

import os
import pickle
import zlib
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from planner.catalog.offer import Role
from planner.errors import InputError
from planner.plan import UnitCost
from planner.tasks.packing import packed, unpacked


def test_what_was_packed_comes_back_to_the_last_bit() -> None:
    value = {
        "floats": (0.1, 1 / 3, float("inf"), -0.0),
        "money": Decimal("12.3400"),
        "when": datetime(2026, 1, 1, tzinfo=UTC),
        "role": Role.BASE,
        "cost": UnitCost(blended=Decimal("0.1"), input=None, output=Decimal(3)),
        "set": frozenset({"a"}),
    }
    found = unpacked(packed(value))
    assert found == value
    assert str(found["money"]) == "12.3400"
    assert str(found["floats"]) == str(value["floats"])


def test_arrays_come_back_with_their_type_and_shape() -> None:
    found = unpacked(packed({"a": np.arange(6.0).reshape(2, 3), "b": np.float64(0.1), "c": np.array([True])}))
    assert found["a"].shape == (2, 3)
    assert found["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert (found["b"], found["b"].dtype, found["c"].dtype) == (0.1, np.float64, np.bool_)


class Calls:
    """A pickle of it calls a function."""

    def __init__(self, function: object, *given: object) -> None:
        self.call = (function, given)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(Calls(os.system, "true"), id="a command"),
        pytest.param(Calls(eval, "1 + 1"), id="code"),
        pytest.param(Calls(InputError, "x"), id="a class of ours that is no value"),
        pytest.param(Calls(packed, 1), id="a function of ours"),
        pytest.param(Calls(np.fromfile, "/dev/null"), id="a function of numpy"),
    ],
)
def test_what_calls_anything_is_refused(harm: object) -> None:
    with pytest.raises(ValueError, match="is no plain data"):
        unpacked(zlib.compress(pickle.dumps(harm)))


@pytest.mark.parametrize("data", [b"", b"x", packed(1)[:-3], zlib.compress(b"x")])
def test_bytes_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        unpacked(data)
