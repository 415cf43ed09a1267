"""Facts refuse what cannot be true: local times, spans that end before they start, columns of unequal length."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from planner.ledger import Lease, PriceInForce, ServedHours, tags_of
from policies.billing import Billing, Tariff

START = datetime(2026, 10, 1, tzinfo=UTC)


def a_price(**changes: Any) -> PriceInForce:
    tariff = Tariff(billing=Billing.STARTED_HOUR, price_usd_hour=Decimal("0.30"))
    return PriceInForce(**{"offer": "ovh/b3-64", "provider": "ovh", "tariff": tariff, **changes})


def a_lease(**changes: Any) -> Lease:
    return Lease(**{"id": "n1", "offer": "ovh/b3-64", "provider": "ovh", "start": START, "price": a_price(), **changes})


def served(**changes: Any) -> ServedHours:
    one = np.zeros(1, dtype=np.int32)
    tokens = np.ones(1, dtype=np.int64)
    columns = {"hour": one, "model": one, "tag": one, "input_tokens": tokens, "output_tokens": tokens}
    return ServedHours(**{"start": START, "hours": 24, "models": ("m",), "tags": ((),), **columns, **changes})


def test_tags_are_sorted_and_an_empty_value_is_no_tag() -> None:
    assert tags_of({"team": "search", "product": "", "env": "prod"}) == (("env", "prod"), ("team", "search"))


def test_a_lease_may_still_run() -> None:
    assert a_lease().end is None


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"end": START - timedelta(seconds=1)}, "end must not be before start"),
        ({"start": START.replace(tzinfo=None)}, "start must be UTC"),
        ({"start": START.astimezone(timezone(timedelta(hours=2)))}, "start must be UTC"),
        ({"price": a_price(offer="ovh/c3-64")}, "the price in force is of ovh/c3-64, expected ovh/b3-64"),
    ],
)
def test_a_lease_that_cannot_be_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=f"lease n1: {complaint}"):
        a_lease(**changes)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"usd_per_unit": Decimal(0)}, "usd_per_unit must be above 0"),
        ({"usd_per_unit": Decimal("1.1")}, "usd_per_unit of USD must be 1"),
        ({"setup_fee_usd": Decimal(-1)}, "setup_fee_usd must be 0 or more"),
    ],
)
def test_a_price_that_cannot_be_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        a_price(**changes)


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"unserved_tokens has the shape \(2,\), expected \(1,\)"):
        served(unserved_tokens=np.zeros(2, dtype=np.int64))


def test_an_hour_is_named_by_its_start() -> None:
    assert served().at(23) == START + timedelta(hours=23)
    with pytest.raises(ValueError, match="start must be UTC"):
        served(start=START.replace(tzinfo=None))
