"""A file as it was published becomes a SQLite file: bzip2 and xz are unpacked, SQL dumps executed, sizes limited.

What a file is follows from its first bytes, never from its name. Raises InputError.
"""

import bz2
import lzma
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from planner.errors import InputError
from planner.exchange.spare_cores.dump import database_of_dump
from planner.exchange.spare_cores.fetch import check_place, download, is_url, shown

MAX_UNPACKED_BYTES = 1 << 32
"""4 GiB: a small bzip2 or xz can unpack to more than a disk holds."""
SQLITE = b"SQLite format 3\x00"
BZIP2 = b"BZh"
XZ = b"\xfd7zXZ\x00"
SQL = (b"PRAGMA ", b"BEGIN", b"CREATE ", b"--")
"""What a dump opens with."""
EXPECTED = "expected a SQLite database or its SQL dump, plain, .bz2 or .xz"
_CHUNK = 1 << 20


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...

    def readline(self, size: int, /) -> bytes: ...


@contextmanager
def database(place: str, *, max_bytes: int = MAX_UNPACKED_BYTES) -> Iterator[Path]:
    """The SQLite file of a path or URL; what had to be made for it is gone afterwards. Raises also SourceError."""
    check_place(place)
    with tempfile.TemporaryDirectory(prefix="baseload-") as made:
        folder = Path(made)
        path = Path(place)
        if is_url(place):
            path = folder / "downloaded"
            download(place, path)
        yield _database(path, shown(place), folder, max_bytes)


def _database(path: Path, name: str, folder: Path, max_bytes: int) -> Path:
    try:
        with path.open("rb") as file:
            head = file.read(len(SQLITE))
            file.seek(0)
            if head == SQLITE:
                return path
            unpacked = _Limited(_unpacker(file, head), name, max_bytes)
            inner = unpacked.peek(len(SQLITE))
            if inner == SQLITE:
                return _written(unpacked, folder / "unpacked.sqlite")
            if not inner.lstrip().upper().startswith(SQL):
                raise InputError(f"{name}: is something else; {EXPECTED}")
            return database_of_dump(unpacked.lines(), name, folder / "dumped.sqlite")
    except FileNotFoundError:
        raise InputError(f"{name}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{name}: is a directory; {EXPECTED}") from None
    except EOFError:
        raise InputError(f"{name}: is cut short; expected a whole file") from None
    except (OSError, ValueError, lzma.LZMAError) as error:
        raise InputError(f"{name}: cannot be read ({' '.join(str(error).split())}); {EXPECTED}") from error


def _unpacker(file: BinaryIO, head: bytes) -> _Stream:
    if head.startswith(BZIP2):
        return bz2.BZ2File(file)
    if head.startswith(XZ):
        return lzma.LZMAFile(file)
    return file


class _Limited:
    """Reads a stream and refuses to give more than `max_bytes` of it."""

    def __init__(self, stream: _Stream, name: str, max_bytes: int) -> None:
        self._stream = stream
        self._name = name
        self._max_bytes = max_bytes
        self._read_bytes = 0
        self._ahead = b""

    def peek(self, size: int) -> bytes:
        """The first bytes; they come again when it is read."""
        self._ahead = self._counted(self._stream.read(size))
        return self._ahead

    def chunks(self) -> Iterator[bytes]:
        """The rest, a MiB at a time."""
        yield self._ahead
        while chunk := self._counted(self._stream.read(_CHUNK)):
            yield chunk

    def lines(self) -> Iterator[bytes]:
        """The rest by lines; one longer than a MiB comes in parts."""
        yield from (self._ahead + self._counted(self._stream.readline(_CHUNK))).splitlines(keepends=True)
        while line := self._counted(self._stream.readline(_CHUNK)):
            yield line

    def _counted(self, data: bytes) -> bytes:
        self._read_bytes += len(data)
        if self._read_bytes > self._max_bytes:
            size_gib = self._max_bytes / (1 << 30)
            raise InputError(f"{self._name}: more than {size_gib:g} GiB unpacked; expected a smaller file")
        return data


def _written(stream: _Limited, target: Path) -> Path:
    with target.open("wb") as file:
        for chunk in stream.chunks():
            file.write(chunk)
    return target
