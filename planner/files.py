"""The one module that opens files: bytes and text in, whole files out. Readers take text or bytes.

What cannot be read or written is an InputError of one line: which file, what is wrong with it, what was expected.
"""

import errno
import fcntl
import gzip
import os
import tempfile
import zlib
from contextlib import suppress
from importlib import resources
from io import BytesIO
from pathlib import Path

from planner.errors import InputError

MAX_BYTES = 1 << 30
"""Largest input, unpacked: 1 GiB, some ten million rows. A small gzip can unpack to more than a machine holds."""

_GZIP = b"\x1f\x8b"
_SQLITE = b"SQLite format 3\x00"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_bytes(path: str | Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The content of a file, unpacked if it is gzip (told by its first bytes, not by its name)."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a directory; expected a file") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({_reason(error)})") from error
    if data[:2] == _GZIP and len(data) <= max_bytes:
        data = _unpacked(data, path, max_bytes)
    if len(data) > max_bytes:
        raise InputError(f"{path}: more than {max_bytes / (1 << 30):g} GiB unpacked; expected a smaller file")
    return data


def read_text(path: str | Path, *, max_bytes: int = MAX_BYTES) -> str:
    """The text of a UTF-8 file, plain or gzip, without its byte order mark."""
    data = read_bytes(path, max_bytes=max_bytes)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if data[:2] in _UTF16:
            raise InputError(f"{path}: looks like UTF-16; expected UTF-8") from None
        row = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, row {row}: byte 0x{data[error.start]:02x} is not UTF-8; expected UTF-8") from None


def check_writable(path: str | Path) -> None:
    """Raises InputError where a file could not be written, so that no work is done in vain. Writes nothing."""
    target = Path(path)
    if target.is_dir():
        raise InputError(f"{path}: is a directory; expected a file to write")
    if target.parent.exists() and not target.parent.is_dir():
        raise InputError(f"{path}: cannot be written (Not a directory)")
    if not target.parent.is_dir():
        raise InputError(f"{path}: the folder {target.parent} does not exist")
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise InputError(f"{path}: cannot be written (permission denied)")
    _refuse_database(target, path)


def write_atomic(path: str | Path, content: str | bytes) -> None:
    """Write a whole file or nothing: a temporary file beside it, then a rename. Text is written as UTF-8."""
    target = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    if target.is_dir():
        raise InputError(f"{path}: is a directory; expected a file to write")
    if target.exists() and not target.is_file():  # a pipe or /dev/stdout cannot be replaced, only written to
        _write_through(target, data)
        return
    _refuse_database(target, path)
    target = target.resolve() if target.is_symlink() else target
    temporary: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode(target))
        temporary.replace(target)
    except FileNotFoundError:
        raise InputError(f"{path}: the folder {target.parent} does not exist") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be written ({_reason(error)})") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()  # gone already after the rename


def packaged_text(name: str) -> str:
    """The text of a file shipped with the planner, such as `defaults/fleet.toml`."""
    return resources.files("planner").joinpath(name).read_text(encoding="utf-8")


def packaged_preset_text(name: str) -> str:
    """The text of a policy preset shipped with the policies, such as `funded`."""
    return resources.files("policies").joinpath("presets", f"{name}.toml").read_text(encoding="utf-8")


def _refuse_database(target: Path, path: str | Path) -> None:
    """Raises InputError where a ledger would be written over: nothing we write replaces a database."""
    with suppress(OSError):
        if target.is_file():
            with target.open("rb") as file:
                if file.read(len(_SQLITE)) == _SQLITE:
                    raise InputError(f"{path}: is a SQLite database, such as the ledger; expected another file")


def _unpacked(data: bytes, path: str | Path, max_bytes: int) -> bytes:
    try:
        with gzip.open(BytesIO(data)) as packed:
            return packed.read(max_bytes + 1)
    except EOFError:
        raise InputError(f"{path}: the gzip file is cut short; expected a whole one") from None
    except (gzip.BadGzipFile, zlib.error, OSError) as error:
        raise InputError(f"{path}: the gzip file is damaged ({_reason(error)})") from None


def _write_through(target: Path, data: bytes) -> None:
    try:
        with target.open("wb") as file:
            file.write(data)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({_reason(error)})") from error


def _mode(target: Path) -> int:
    """Permissions for the new file: those of the file it replaces, else what the umask leaves of rw-rw-rw-."""
    with suppress(OSError):
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())


class AppendedLines:
    """A file that grows by whole lines, each on the disk before the next; one process at a time holds it.

    A last line that a crash cut short is taken away when the file is opened. Raises InputError.
    """

    def __init__(self, path: str | Path) -> None:
        check_writable(path)
        self._path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({_reason(error)})") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise InputError(f"{path}: is in use by another run; expected a file of its own") from None
        held = self._whole()
        try:
            self.lines = tuple(held.decode("utf-8").splitlines())
            """Those the file held when it was opened."""
        except UnicodeDecodeError:
            os.close(self._file)
            raise InputError(f"{path}: is not UTF-8; expected a file of lines") from None

    def append(self, line: str) -> None:
        """Writes the line down; it is on the disk when this returns."""
        data = line.encode("utf-8") + b"\n"
        try:
            if os.write(self._file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file)
        except OSError as error:
            raise InputError(f"{self._path}: cannot be written ({_reason(error)})") from error

    def close(self) -> None:
        """Lets the file go."""
        os.close(self._file)

    def _whole(self) -> bytes:
        """The content up to the last whole line; what follows it is cut off."""
        with os.fdopen(os.dup(self._file), "rb") as file:
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data) and (whole or data.startswith(b'{"schema"')):
            os.ftruncate(self._file, len(whole))
        elif len(whole) < len(data):
            whole = data  # one line of something else: the reader refuses it
        return whole
