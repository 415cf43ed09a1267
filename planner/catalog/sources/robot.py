"""Robot: Hetzner's web service for dedicated servers, as far as it reads; and orders tried without being placed.

Three bad logins block the address they come from for ten minutes, so one refused login is the last for that long. A
rate limit is a 403 that says its interval, and nothing is asked of that path until it is over. Requests have forms for
bodies, answers wrap each item in its kind, and an account without servers is a 404 (Robot's documentation).

There is one POST in here, and it always says `test=true`: this class cannot order or cancel anything.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from planner.catalog.sources.source import SourceError
from planner.catalog.sources.tls import certificates

ENDPOINT = "https://robot-ws.your-server.de"
LOCKED_S = 600.0
"""How long Hetzner blocks an address after bad logins."""
BUSY_S = 3600.0
"""Interval of a rate limit that does not say it: Robot's limits are told by the hour."""

Json = Any


class RobotBusy(SourceError):  # noqa: N818 - what to do next is in the name
    """Not now: a rate limit, maintenance, no answer. The same may be asked later."""


class RobotDenied(SourceError):  # noqa: N818
    """User or password are refused, or what they may not do was asked."""


class RobotRefused(SourceError):  # noqa: N818
    """What was asked is refused, and asking again changes nothing."""

    def __init__(self, message: str, *, status: int, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Robot:
    """One account."""

    def __init__(
        self,
        *,
        user: SecretStr,
        password: SecretStr,
        endpoint_url: str | None = None,
        timeout_s: float = 25.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`monotonic`: seconds that only ever grow, by which intervals are kept."""
        self._user = user
        self._password = password
        self._endpoint = (endpoint_url or ENDPOINT).rstrip("/")
        self._timeout_s = timeout_s
        self._monotonic = monotonic
        self._locked_until_s: float | None = None
        self._busy_until_s: dict[str, float] = {}
        """By kind of request."""

    def items(self, path: str, kind: str) -> tuple[dict[str, Json], ...]:
        """Every item of a list, out of its wrapping; none where Robot says that there is none."""
        try:
            rows = self._ask("GET", path)
        except RobotRefused as error:
            if error.status == 404:
                return ()
            raise
        return tuple(_unwrapped(row, kind, path) for row in _list(rows, path))

    def item(self, path: str, kind: str) -> dict[str, Json]:
        """One item, out of its wrapping."""
        return _unwrapped(self._ask("GET", path), kind, path)

    def currency(self) -> str:
        """The currency of the account, such as EUR."""
        found = self._ask("GET", "/order/currency")
        currency = found.get("currency") if isinstance(found, dict) else None
        if not isinstance(currency, str):
            raise _unreadable("/order/currency")
        return currency

    def try_order(self, product: str, *, location: str, addons: Sequence[str] = ()) -> dict[str, Json]:
        """The transaction an order would become, by Robot's `test=true`; nothing is ordered.

        Raises RobotRefused where Robot would not take the order.
        """
        fields = {"product_id": product, "location": location, "addon[]": list(addons), "test": "true"}
        path = "/order/server/transaction"
        return _unwrapped(self._ask("POST", path, fields), "transaction", path)

    def _ask(self, method: str, path: str, fields: Mapping[str, Json] | None = None) -> Json:
        certified = certificates()
        import httpx

        what = f"{method} {path}"
        kind = re.sub(r"\d+", "N", what)
        self._check_allowed(kind)
        try:
            response = httpx.request(
                method,
                self._endpoint + path,
                data=fields,
                auth=(self._user.get_secret_value(), self._password.get_secret_value()),
                timeout=self._timeout_s,
                verify=certified,
                headers={"Accept": "application/json"},
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RobotBusy(f"hetzner: {what}: {type(error).__name__}, no answer") from error
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if response.is_success:
            if answer is None:
                raise _unreadable(path)
            return answer
        raise self._sorted(response.status_code, answer, what, kind)

    def _check_allowed(self, kind: str) -> None:
        """Raises what was said before, while it still holds."""
        now_s = self._monotonic()
        if self._locked_until_s is not None and now_s < self._locked_until_s:
            raise RobotDenied(
                "hetzner: user or password were refused; not asked again for "
                f"{self._locked_until_s - now_s:.0f} s, because three bad logins block this address"
            )
        until_s = self._busy_until_s.get(kind, now_s)
        if now_s < until_s:
            raise RobotBusy(f"hetzner: {kind}: its rate limit is reached; asked again in {until_s - now_s:.0f} s")

    def _sorted(self, status: int, answer: Json, what: str, kind: str) -> SourceError:
        """The error of an answer by what to do next."""
        error = answer.get("error") if isinstance(answer, dict) else None
        error = error if isinstance(error, dict) else {}
        code = str(error.get("code", "no code"))
        said = f"hetzner: {what}: {error.get('message') or 'no reason given'} ({status} {code})"
        if status == 401:
            self._locked_until_s = self._monotonic() + LOCKED_S
            return RobotDenied(said)
        if code == "RATE_LIMIT_EXCEEDED" or status == 429:
            interval = error.get("interval")
            wait_s = float(interval) if isinstance(interval, int) and interval > 0 else BUSY_S
            self._busy_until_s[kind] = self._monotonic() + wait_s
            return RobotBusy(f"{said}; asked again in {wait_s:.0f} s")
        if status >= 500 or (status == 404 and not code.endswith("NOT_FOUND")):  # a gateway's 404 is no empty account
            return RobotBusy(said)
        if status == 403:
            return RobotDenied(said)
        wrong = [str(name) for field in ("missing", "invalid") for name in error.get(field) or ()]
        return RobotRefused(f"{said}{': ' if wrong else ''}{', '.join(wrong)}", status=status, code=code)


def _list(rows: Json, path: str) -> list[Json]:
    if not isinstance(rows, list):
        raise _unreadable(path)
    return rows


def _unwrapped(row: Json, kind: str, path: str) -> dict[str, Json]:
    found = row.get(kind) if isinstance(row, dict) else None
    if not isinstance(found, dict):
        raise _unreadable(path)
    return found


def _unreadable(path: str) -> RobotBusy:
    return RobotBusy(f"hetzner: {path}: an answer that cannot be read")
