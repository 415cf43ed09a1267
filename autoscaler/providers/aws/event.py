"""An interruption warning or rebalance advice, as EventBridge puts it into the queue. Pure.

Shapes: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html and
rebalance-recommendations.html.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

WARNING = "EC2 Spot Instance Interruption Warning"
ADVICE = "EC2 Instance Rebalance Recommendation"
NOTICE = timedelta(seconds=120)
"""From the warning to the interruption."""
INSTANCE_ID = re.compile(r"i-[0-9a-f]{8,17}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What one message says."""

    instance_id: str
    at: datetime
    """When it was said, aware UTC."""
    is_warning: bool
    """False: it is rebalance advice."""

    @property
    def taken_back_at(self) -> datetime | None:
        """When the machine goes; None: it may stay."""
        return self.at + NOTICE if self.is_warning else None


def parsed(body: str) -> Event:
    """The event in a message's body. Raises ValueError, which says what is wrong with it."""
    try:
        message = json.loads(body)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"is no JSON: {error}") from error
    if not isinstance(message, dict) or not isinstance(message.get("detail"), dict):
        raise ValueError("is no EventBridge event")  # noqa: TRY004 - one error for all that cannot be read
    kind = message.get("detail-type")
    if message.get("source") != "aws.ec2" or kind not in (WARNING, ADVICE):
        raise ValueError(f"detail-type is {str(kind)[:80]!r}; expected {WARNING!r} or {ADVICE!r}")
    instance_id, said_at = message["detail"].get("instance-id"), message.get("time")
    if not isinstance(instance_id, str) or not INSTANCE_ID.fullmatch(instance_id):
        raise ValueError("detail.instance-id is no id of an instance")
    try:
        at = datetime.fromisoformat(str(said_at))
    except ValueError as error:
        raise ValueError("time is no time") from error
    if at.tzinfo is None:
        raise ValueError("time has no zone")
    return Event(instance_id=instance_id, at=at.astimezone(UTC), is_warning=kind == WARNING)
