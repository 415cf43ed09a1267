"""Builders of journal entries with sane defaults."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from autoscaler.journal import Ended, Found, Intent, IntentKind, Outcome, Result
from policies.billing import Billing, Tariff

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
TARIFF = Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("0.36"))


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def an_intent(key: str = "blue-1", **changes: Any) -> Intent:
    given: dict[str, Any] = {"key": key, "kind": IntentKind.LAUNCH, "at": NOON, "node_id": key, "pool": "aws/m"}
    given |= {"model": "chat", "reason": "demand rose", "provider": "aws", "tariff": TARIFF, "epoch": 1}
    return Intent(**(given | changes))


def an_outcome(key: str = "blue-1", result: Result = Result.DONE, **changes: Any) -> Outcome:
    given: dict[str, Any] = {"key": key, "at": NOON, "result": result}
    if result is Result.DONE:
        given |= {"machine_id": f"i-{key}", "billed_from": NOON}
    return Outcome(**(given | changes))


def an_end(node_id: str = "blue-1", **changes: Any) -> Ended:
    given: dict[str, Any] = {"node_id": node_id, "pool": "aws/m", "model": "chat", "at": at(3600.0)}
    given |= {"was_taken_back": False, "machine_id": f"i-{node_id}", "billed_from": NOON, "tariff": TARIFF}
    given |= {"charges_usd": ((NOVEMBER, Decimal("0.36")),)}
    return Ended(**(given | changes))


def a_base(node_id: str = "base-1", **changes: Any) -> Found:
    given: dict[str, Any] = {"node_id": node_id, "machine_id": "4711", "provider": "hetzner", "pool": "hetzner/ax102"}
    given |= {"model": "chat", "at": NOON, "ordered_at": NOVEMBER}
    return Found(**(given | changes))
