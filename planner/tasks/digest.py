"""The digest of a value: equal for equal inputs in any process, different for any other. Pure.

It goes by content: a pickle differs with what happens to be shared, and Python's own hash with the process.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AnySet
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np

TEXTS: Mapping[type, Callable[[Any], str]] = {
    type(None): str,
    bool: str,
    int: str,
    float: float.hex,
    str: str,
    Decimal: str,
    datetime: datetime.isoformat,
    date: date.isoformat,
    timedelta: lambda span: f"{span.days} {span.seconds} {span.microseconds}",
}
"""Values that one text tells apart from all others of their type."""


class Digests:
    """Digests of values, each part shared by several values reckoned once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, bytes]] = {}  # the object beside its digest, so that no id comes twice

    def hex(self, value: object) -> str:
        """The digest of a value as text. Raises TypeError for a value that is no plain input."""
        return self._digest(value).hex()

    def _digest(self, value: object) -> bytes:
        known = self._known.get(id(value))
        if known is not None:
            return known[1]
        made = hashlib.sha256()
        for part in self._parts(value):
            made.update(len(part).to_bytes(8, "big"))
            made.update(part)
        digest = made.digest()
        if is_dataclass(value) or isinstance(value, np.ndarray):
            self._known[id(value)] = (value, digest)
        return digest

    def _parts(self, value: object) -> Iterator[bytes]:
        kind = type(value)
        yield f"{kind.__module__}.{kind.__qualname__}".encode()
        if kind in TEXTS:
            yield TEXTS[kind](value).encode()
        elif isinstance(value, bytes):
            yield value
        elif isinstance(value, np.ndarray | np.generic):
            yield f"{value.dtype.str} {value.shape}".encode()
            yield value.tobytes()
        elif isinstance(value, Enum):
            yield value.name.encode()
        elif hasattr(value, "__fspath__"):
            yield str(value).encode()
        elif isinstance(value, type | FunctionType):
            yield f"{value.__module__}.{value.__qualname__}".encode()
        else:
            yield from self._of_collection(value)

    def _of_collection(self, value: object) -> Iterator[bytes]:
        if is_dataclass(value):
            for one in fields(value):
                yield one.name.encode()
                yield self._digest(getattr(value, one.name))
        elif isinstance(value, Mapping):
            for key, held in value.items():
                yield self._digest(key)
                yield self._digest(held)
        elif isinstance(value, list | tuple):
            yield from map(self._digest, value)
        elif isinstance(value, partial):
            yield self._digest((value.func, value.args, value.keywords))
        elif isinstance(value, AnySet):
            yield from sorted(map(self._digest, value))
        else:
            raise TypeError(f"{type(value).__qualname__} is no plain value; expected data, got {value!r:.60}")
