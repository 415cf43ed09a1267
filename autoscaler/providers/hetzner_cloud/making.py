"""Making: servers from their order until the actions that make them have ended, and what is done where one fails.

A failure while the launch waits is the launch's: the server is deleted, and its key may be asked for again. A failure
after that is a broken machine in the list, which the loop ends; its pool is rested for `REST`.
"""

import logging
from collections.abc import Callable, Container
from datetime import datetime, timedelta

from autoscaler.providers.hetzner_cloud.api import NO_CAPACITY, Api, Json, readable
from autoscaler.providers.provider import CapacityUnavailable, NodeNotFound, Order, ProviderError, Temporary

log = logging.getLogger(__name__)

NAME = "hetzner-cloud"
POLL_S = 1.0
"""Between two looks at an action, as the API's own client waits."""
WAIT_S = 10.0
"""Longest that a launch waits for actions: a placement that fails does so at once, and the tick has other work."""
KEEP_S = 2.0
"""Of a launch's time, what is kept for ending a server whose making failed."""
REST = timedelta(minutes=10)
"""After a server broke in the making, nothing new is launched in its pool for so long: each costs a started hour."""


class Making:
    """What a process knows of servers that are being made."""

    def __init__(self, api: Api, *, clock: Callable[[], datetime], sleep: Callable[[float], None]) -> None:
        self._api = api
        self._clock = clock
        self._sleep = sleep
        self._open: dict[str, tuple[str, list[int]]] = {}
        """By server: its pool, and the actions that had not ended when its launch returned."""
        self._given_up: dict[str, bool] = {}
        """Servers whose launch failed: whether their deletion was accepted."""
        self._broken: set[str] = set()
        """Servers that failed after their launch had returned."""
        self._rests: dict[str, datetime] = {}
        """By pool: until when it rests."""

    def check_rested(self, order: Order) -> None:
        """Raises CapacityUnavailable where the order is new and its pool rests; one asked for before may be there."""
        until = self._rests.get(order.pool)
        if order.asked_at is None and until is not None and self._clock() < until:
            raise CapacityUnavailable(f"{NAME}: {order.pool}: the making of its last server failed; rests till {until}")

    def wait(self, order: Order, machine_id: str, actions: list[Json], deadline_s: float) -> None:
        """Waits for the actions of a server; what has not ended by then is looked after with the lists.

        Where one failed the server is deleted: raises CapacityUnavailable or Temporary.
        """
        until_s = min(deadline_s - KEEP_S, self._api.now_s() + WAIT_S)
        with readable("the actions of POST /servers"):
            found = {int(action["id"]): action for action in actions}
            running = list(found)
        while True:
            failed = [action for action in found.values() if action["status"] == "error"]
            running = [one for one in running if one not in found or found[one]["status"] == "running"]
            if failed:
                raise self._undone(machine_id, failed[0], deadline_s)
            if not running:
                return
            if self._api.left_s(until_s) < POLL_S:
                break
            self._sleep(POLL_S)
            try:
                found = self._actions(running, deadline_s)
            except ProviderError as error:  # the server is there, and that is what counts
                log.warning("provider=%s event=action-unknown node=%s reason=%s", NAME, order.node_id, error)
                break
        self._open[machine_id] = order.pool, running

    def look_after(self, deadline_s: float) -> None:
        """Looks again at what was open, and asks again for the ends that were not accepted."""
        for machine_id in [one for one, is_ending in self._given_up.items() if not is_ending]:
            self.give_up(machine_id, deadline_s)
        if not self._open:
            return
        try:
            found = self._actions([one for _, ids in self._open.values() for one in ids], deadline_s)
        except ProviderError as error:
            log.warning("provider=%s event=action-unknown reason=%s", NAME, error)
            return
        for machine_id, (pool, ids) in list(self._open.items()):
            known = [found[one] for one in ids if one in found]  # one that is not known any more has ended
            failed = [action for action in known if action["status"] == "error"]
            if failed:
                self._broken.add(machine_id)
                self._rests[pool] = self._clock() + REST
                log.warning("provider=%s event=making-failed machine=%s reason=%s", NAME, machine_id, _why(failed[0]))
            if failed or all(action["status"] != "running" for action in known):
                del self._open[machine_id]

    def is_broken(self, machine_id: str) -> bool:
        """Whether the server will not run."""
        return machine_id in self._broken or machine_id in self._given_up

    def is_given_up(self, machine_id: str) -> bool:
        """Whether the server is one whose launch failed."""
        return machine_id in self._given_up

    def forget_all_but(self, listed: Container[str]) -> None:
        """Forgets servers that are gone, by a whole list."""
        self._given_up = {one: ends for one, ends in self._given_up.items() if one in listed or not ends}
        self._broken = {one for one in self._broken if one in listed}

    def give_up(self, machine_id: str, deadline_s: float) -> bool:
        """Whether the end of a server whose launch failed was accepted; else it is asked for again with the lists."""
        self._given_up[machine_id] = self._given_up.get(machine_id, False)
        if not self._given_up[machine_id]:
            try:
                self._api.call("DELETE", f"/servers/{machine_id}", deadline_s=deadline_s)
                self._given_up[machine_id] = True
            except NodeNotFound:
                self._given_up[machine_id] = True
            except ProviderError as error:
                log.warning("provider=%s event=failed-server-stays machine=%s reason=%s", NAME, machine_id, error)
        return self._given_up[machine_id]

    def _undone(self, machine_id: str, action: Json, deadline_s: float) -> ProviderError:
        """Deletes a server whose making failed, and returns the error that says so."""
        why = f"{NAME}: {_why(action)}"
        if not self.give_up(machine_id, deadline_s):
            return Temporary(f"{why}; server {machine_id} could not be deleted yet")
        code = (action.get("error") or {}).get("code")
        return CapacityUnavailable(why) if code in NO_CAPACITY else Temporary(why)

    def _actions(self, ids: list[int], deadline_s: float) -> dict[int, Json]:
        """Those of the actions that are known, by id."""
        answer = self._api.get("/actions", deadline_s=deadline_s, params={"id": ids})
        with readable("GET /actions"):
            return {int(action["id"]): {**action, "status": str(action["status"])} for action in answer["actions"]}


def _why(action: Json) -> str:
    error = action.get("error") or {}
    return f"{action.get('command')} failed: {error.get('message')} ({error.get('code')})"
