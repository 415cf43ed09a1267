"""Checkpoint: a file of finished tasks, so that a run that was killed goes on where it ended.

One line of JSON per task: its key (a digest of inputs and program), what it is called, and its result packed. A line is
on the disk before the next task counts as done; one cut short by a crash is taken away when the file is opened again.
What has another key, of other inputs or another version, stays in the file and is never used.
"""

import json
from base64 import b64decode, b64encode
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from planner.errors import InputError
from planner.files import AppendedLines
from planner.tasks.packing import packed, unpacked

SCHEMA = "baseload.checkpoint/1"
HEADER = json.dumps({"schema": SCHEMA})


class Checkpoint:
    """The finished tasks of a file; used by one run at a time."""

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self.taken = 0
        """How many results this run took from the file."""
        self._known: dict[str, str] = {}
        self._file = AppendedLines(path)
        try:
            self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def take(self, key: str) -> Any:
        """The result kept under the key."""
        try:
            found = unpacked(b64decode(self._known[key], validate=True))
        except ValueError as error:
            raise InputError(
                f"{self.path}: the result of {key[:12]} cannot be read ({error}); expected plain data"
            ) from None
        self.taken += 1
        return found

    def keep(self, key: str, label: str, result: object) -> None:
        """Writes the result down; it is on the disk when this returns."""
        text = b64encode(packed(result)).decode("ascii")
        self._known[key] = text
        self._file.append(json.dumps({"key": key, "task": label, "result": text}, ensure_ascii=False))

    def _read(self) -> None:
        lines = self._file.lines
        if not lines:
            self._file.append(HEADER)
            return
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if number == 1 and not (isinstance(row, dict) and row.get("schema") == SCHEMA):
                raise InputError(f"{self.path}: is no checkpoint; expected a new file, or one written by --checkpoint")
            if number > 1:
                if not (
                    isinstance(row, dict) and isinstance(row.get("key"), str) and isinstance(row.get("result"), str)
                ):
                    raise InputError(f"{self.path}, row {number}: expected a key and a result")
                self._known[row["key"]] = row["result"]
