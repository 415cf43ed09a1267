"""What the API server has of one kind, kept up to date by a watch that is opened once a tick.

The list is fetched in pages; after that each tick asks which version there is now and reads the changes up to it: until
one of that version or later came, or none came for a moment, which is longer where the server is slow to answer. Where
the server does not know that far back any more (410), or the stream broke, the list is fetched anew. A watch kept open
between ticks would need a thread, and could not tell a quiet cluster from one that is cut off.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from time import monotonic
from typing import Any, Generic, TypeVar

from autoscaler.cluster.api import ClusterApi, ClusterError, Json, StreamBroke

T = TypeVar("T")
PAGE = 500
QUIET_S = 0.1
"""Changes so far are there when none came for this long; a change that is later yet is seen by the next tick."""
PATIENCE = 5.0
"""Or, if that is longer, for this many times as long as the server took to tell the version."""
RESYNC_S = 600.0
"""The list is fetched anew after this long, whatever the watches said."""
GONE = 410


class Mirror(Generic[T]):
    """The objects of one kind, by uid."""

    def __init__(
        self,
        api: ClusterApi,
        path: str,
        read: Callable[[Mapping[str, Any]], T | None],
        *,
        selector: str | None = None,
        quiet_s: float = QUIET_S,
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        """`read`: an object as a value, or None where it cannot be read; then it is left out."""
        self._api = api
        self._path = path
        self._read = read
        self._selector = {} if selector is None else {"labelSelector": selector}
        self._quiet_s = quiet_s
        self._elapsed = elapsed
        self._listed_at = 0.0
        self._version: str | None = None
        self._found: dict[str, T] = {}
        self.lists = 0
        """Times the whole list was fetched."""

    def refresh(self) -> None:
        """Takes in what changed. Raises ClusterError."""
        is_old = self._elapsed() - self._listed_at >= RESYNC_S
        if self._version is None or is_old or not self._follow():
            self._list()

    @property
    def objects(self) -> tuple[T, ...]:
        """As the last refresh left them."""
        return tuple(self._found.values())

    def _list(self) -> None:
        self.lists += 1
        began = self._elapsed()
        found: dict[str, T] = {}
        query: dict[str, str | int] = {**self._selector, "limit": PAGE}
        while True:
            try:
                page = self._api.get(self._path, query)
            except ClusterError as error:
                if error.status != GONE or "continue" not in query:
                    raise
                found, query = {}, dict(self._selector)  # the pages grew too old: all in one
                continue
            for item in page.get("items") or ():
                self._take(found, item)
            meta = page.get("metadata") or {}
            if not meta.get("continue"):
                break
            query["continue"] = meta["continue"]
        self._found, self._version, self._listed_at = found, str(meta.get("resourceVersion", "")), began

    def _follow(self) -> bool:
        """Whether the changes up to now were taken in; False: the list has to be fetched anew. Raises ClusterError."""
        asked = self._elapsed()
        head = self._api.get(self._path, {**self._selector, "limit": 1})
        quiet_s = max(self._quiet_s, PATIENCE * (self._elapsed() - asked))
        now = str((head.get("metadata") or {}).get("resourceVersion", ""))
        if self._version == now:
            return True
        query = {**self._selector, "resourceVersion": str(self._version), "allowWatchBookmarks": "true"}
        try:
            with closing(self._api.watch(self._path, query, quiet_s=quiet_s)) as events:
                for event in events:
                    if not self._is_taken(event):
                        return False
                    if _reaches(str(self._version), now):
                        break
        except StreamBroke:
            return False
        except ClusterError as error:
            if error.status != GONE:
                raise
            return False
        return True

    def _is_taken(self, event: Json) -> bool:
        item, kind = event.get("object"), event.get("type")
        if not isinstance(item, dict) or kind not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK"):
            return False  # ERROR, whose object is a Status: mostly 410, "too old resource version"
        meta = item.get("metadata") or {}
        if not meta.get("resourceVersion"):
            return False
        if kind == "DELETED":
            self._found.pop(str(meta.get("uid")), None)
        elif kind != "BOOKMARK":
            self._take(self._found, item)
        self._version = str(meta["resourceVersion"])
        return True

    def _take(self, found: dict[str, T], item: Mapping[str, Any]) -> None:
        value = self._read(item)
        uid = str((item.get("metadata") or {}).get("uid"))
        if value is None:
            found.pop(uid, None)
        else:
            found[uid] = value


def _reaches(version: str, other: str) -> bool:
    """Whether a version is not before another; False: they cannot be compared."""
    return version.isdecimal() and other.isdecimal() and int(version) >= int(other)
