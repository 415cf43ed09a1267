"""Values as bytes that can be kept in a file, exactly; and back, without running what a stranger wrote into it.

A pickle can call anything. What is unpacked here may only be made of plain data: our own dataclasses and enumerations,
numbers, times, arrays.
"""

import io
import pickle
import zlib
from dataclasses import is_dataclass
from enum import Enum
from importlib import import_module
from typing import Any

OURS = ("autoscaler", "planner", "policies")
PLAIN = frozenset(
    {
        ("builtins", "frozenset"),
        ("builtins", "set"),
        ("builtins", "complex"),
        ("builtins", "bytearray"),
        ("datetime", "datetime"),
        ("datetime", "date"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("decimal", "Decimal"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.numeric", "_frombuffer"),
    }
)
"""What a pickle may name beside our own values."""


def packed(value: object) -> bytes:
    """The value as bytes; the same process state or not, it comes back equal."""
    return zlib.compress(pickle.dumps(value, protocol=5), level=6)


def unpacked(data: bytes) -> Any:
    """The value of the bytes. Raises ValueError where they are none, or name what is no plain data."""
    try:
        return _Plain(io.BytesIO(zlib.decompress(data))).load()
    except (zlib.error, pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, TypeError) as error:
        raise ValueError(" ".join(str(error).split())) from error


class _Plain(pickle.Unpickler):
    """Makes plain data and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in PLAIN:
            return super().find_class(module, name)
        if module.partition(".")[0] in OURS:
            found = getattr(import_module(module), name, None)
            if isinstance(found, type) and (is_dataclass(found) or issubclass(found, Enum)):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is no plain data")
