"""Notices: what the queue says of our machines. At least once, in any order, with messages about others among them.

A message is deleted only when its machine is gone or it is too old to matter. Until then it comes again, once per
`VISIBLE_AGAIN_S`, and so to a daemon that was started anew. What cannot be read is never deleted: after as many
receives as the queue's redrive policy allows it goes to the dead letter queue, where a person finds it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from autoscaler.providers.aws.errors import sorted_errors
from autoscaler.providers.aws.event import Event, parsed
from autoscaler.providers.provider import Listing, Machine, MachineState, ProviderError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

VISIBLE_AGAIN_S = 60
"""A message that was received is not given again for this long."""
TOO_OLD = timedelta(minutes=15)
"""The machine of an older warning is long gone; older advice was heard by every daemon that is to act on it."""
APPEARS_WITHIN = timedelta(minutes=5)
"""A message about a machine that a complete list does not have is about somebody else's after this long."""
RECEIVES = 20
"""Least maxReceiveCount of the redrive policy: a good message is received TOO_OLD / VISIBLE_AGAIN_S = 15 times."""
BATCH = 10
"""Messages of one receive: the most that SQS gives."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was said of one instance, all messages together."""

    taken_back_at: datetime | None = None
    """The earliest that was said: a duplicate moves nothing."""
    is_at_risk: bool = False

    def and_(self, event: Event) -> Told:
        """The same with one more message."""
        if event.taken_back_at is None:
            return replace(self, is_at_risk=True)
        known = self.taken_back_at
        return replace(self, taken_back_at=event.taken_back_at if known is None else min(known, event.taken_back_at))


class Notices:
    """What was heard so far, by instance."""

    def __init__(self, queue_url: str, *, wait_s: int) -> None:
        """`wait_s`: how long the first receive waits for a message; above 0 it asks every server of the queue."""
        self._url = queue_url
        self._wait_s = wait_s
        self._told: dict[str, Told] = {}

    def hear(self, queue: SQSClient, listing: Listing, *, now: datetime, is_late: Callable[[], bool]) -> None:
        """Takes in what waits in the queue. Never raises: without its notices a list is still a list."""
        states = {machine.id: machine.state for machine in listing.machines}
        wait_s = self._wait_s
        try:
            while not is_late():
                with sorted_errors("receive from the queue"):
                    reply = queue.receive_message(
                        QueueUrl=self._url,
                        MaxNumberOfMessages=BATCH,
                        VisibilityTimeout=VISIBLE_AGAIN_S,
                        WaitTimeSeconds=wait_s,
                    )
                messages = reply.get("Messages", [])
                if not messages:
                    break
                wait_s = 0
                for message in messages:
                    self._take_in(queue, message, states, is_complete=listing.is_complete, now=now)
        except ProviderError as error:
            log.warning("event=queue_not_heard error=%r", str(error))
        self._forget(states, is_complete=listing.is_complete, now=now)

    def on(self, machine: Machine) -> Machine:
        """The machine with what was said of it."""
        told = self._told.get(machine.id)
        if told is None:
            return machine
        return replace(machine, taken_back_at=told.taken_back_at, is_at_risk=told.is_at_risk)

    def _take_in(
        self,
        queue: SQSClient,
        message: MessageTypeDef,
        states: dict[str, MachineState],
        *,
        is_complete: bool,
        now: datetime,
    ) -> None:
        message_id = message.get("MessageId", "?")
        try:
            event = parsed(message.get("Body", ""))
        except ValueError as error:
            log.warning("event=message_not_understood message=%s error=%r", message_id, str(error))
            return
        age = now - event.at
        state = states.get(event.instance_id)
        is_gone = state is MachineState.GONE or (state is None and is_complete and age >= APPEARS_WITHIN)
        if is_gone or age >= TOO_OLD:
            self._delete(queue, message)
        if not is_gone and age < TOO_OLD:
            self._told[event.instance_id] = self._told.get(event.instance_id, Told()).and_(event)

    def _delete(self, queue: SQSClient, message: MessageTypeDef) -> None:
        try:
            with sorted_errors("delete from the queue"):
                queue.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        except (ProviderError, KeyError) as error:  # it comes again, and is deleted then
            log.warning("event=message_left message=%s error=%r", message.get("MessageId", "?"), str(error))

    def _forget(self, states: dict[str, MachineState], *, is_complete: bool, now: datetime) -> None:
        """Drops what was said of machines that are gone; of one that is in no list yet it is kept a while."""
        for instance_id, told in list(self._told.items()):
            state = states.get(instance_id)
            said_at = told.taken_back_at
            is_old = said_at is None or now >= said_at + APPEARS_WITHIN
            if state is MachineState.GONE or (state is None and is_complete and is_old):
                del self._told[instance_id]
