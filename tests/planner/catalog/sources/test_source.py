from datetime import UTC, datetime
from decimal import Decimal

import pytest

from planner.catalog.sources.source import PoolNow

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def test_what_a_source_does_not_say_is_unknown_and_never_zero():
    said = PoolNow(pool="aws/m", as_of=NOW, source="test")
    assert (said.price_usd_hour, said.is_available, said.quota_left) == (None, None, None)


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        pytest.param({"price_usd_hour": Decimal(0)}, "above 0", id="nothing is free"),
        pytest.param({"quota_left": -1}, "0 or more", id="no quota below none"),
        pytest.param({"as_of": datetime(2026, 11, 26)}, "aware UTC", id="time without a zone"),  # noqa: DTZ001 - refused
    ],
)
def test_a_source_cannot_say_what_makes_no_sense(wrong, rule):
    with pytest.raises(ValueError, match=rule):
        PoolNow(**{"pool": "aws/m", "as_of": NOW, "source": "test"} | wrong)
