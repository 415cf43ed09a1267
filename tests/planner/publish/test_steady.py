"""Prices that move calmly: half of the way after a half-life, within bounds; what was announced stays."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.fleet.publish import PublishedModel, PublishSettings
from planner.publish.entry import Entry, Price, changes_of
from planner.publish.steady import Standing, charged_since, standing_of, steadied

NOW = datetime(2026, 11, 26, tzinfo=UTC)
WEEK = Decimal(7)
HOW = PublishedModel(model="qwen", api_base="http://svc:8000/v1")


def price(low: str = "0.000004", high: str = "0.000012", ratio: str | None = "0.5") -> Price:
    """Four and twelve dollars a million, eight of the mix."""
    return Price(
        model="qwen",
        input_usd_token=Decimal(low),
        output_usd_token=Decimal(high),
        max_tokens=None,
        description="qwen on ax102",
        policy="cost",
        input_ratio=None if ratio is None else Decimal(ratio),
    )


def entry(days: float, low: str = "0.000002", high: str = "0.000006") -> Entry:
    """Two and six dollars, charged since so many days."""
    (change,) = changes_of(
        price(low, high), HOW, [], min_change_ratio=Decimal(0), effective_at=NOW - timedelta(days=days)
    )
    return change.after


def standing(days: float) -> Standing | None:
    return standing_of(entry(days), None)


@pytest.mark.parametrize(
    ("days", "low", "high"),
    [
        (7, "0.000003", "0.000009"),  # half of the way
        (14, "0.0000035", "0.0000105"),  # three quarters
        (0, "0.000002", "0.000006"),  # charged since this instant: no time has passed to go by
    ],
)
def test_a_price_goes_half_of_the_way_in_a_half_life(days: float, low: str, high: str) -> None:
    found = steadied(price(), standing(days), HOW, half_life_days=WEEK, now=NOW)
    assert (found.input_usd_token, found.output_usd_token) == (Decimal(low), Decimal(high))


def test_it_says_what_it_is_on_the_way_to() -> None:
    found = steadied(price(), standing(7), HOW, half_life_days=WEEK, now=NOW)
    assert found.description == "qwen on ax102; 50% of the way to USD 4.0000 in, 12.0000 out per million"
    assert found.towards is not None
    assert (found.towards.input_usd_token, found.towards.weight_ratio) == (Decimal("0.000004"), 0.5)


@given(parts=st.lists(st.floats(0.1, 20), min_size=1, max_size=8))
def test_however_often_it_is_published_the_way_is_the_same(parts: list[float]) -> None:
    now = NOW
    held = entry(0)
    for days in parts:
        now += timedelta(days=days)
        stepped = steadied(price(), standing_of(held, None), HOW, half_life_days=WEEK, now=now)
        (change,) = changes_of(stepped, HOW, [held], min_change_ratio=Decimal(0), effective_at=now)
        held = change.after
    left = (12e-6 - held["litellm_params"]["output_cost_per_token"]) / 6e-6
    assert left == pytest.approx(0.5 ** (sum(parts) / 7), abs=2e-5)  # the moments are kept to the second


def test_a_review_since_the_price_was_told_is_where_it_stands() -> None:
    held = entry(30)
    seen = Standing(
        input_usd_token=Decimal("0.000002"), output_usd_token=Decimal("0.000006"), at=NOW - timedelta(days=7)
    )
    assert standing_of(held, seen) == seen
    # four weeks of the old price do not count: half of the way, as a week ago nothing had moved
    found = steadied(price(), standing_of(held, seen), HOW, half_life_days=WEEK, now=NOW)
    assert found.output_usd_token == Decimal("0.000009")
    assert standing_of(held, replace(seen, at=NOW - timedelta(days=31))) == standing(30)  # told since


def test_without_a_half_life_or_a_known_moment_it_is_replaced_whole() -> None:
    for stands, half_life in ((standing(7), None), (None, WEEK)):
        assert steadied(price(), stands, HOW, half_life_days=half_life, now=NOW) == price()
    by_hand = entry(7)
    for said in ("yesterday", 7, "2026-11-19"):
        by_hand["model_info"]["baseload_effective_at"] = said
        assert charged_since(by_hand) is None
        assert standing_of(by_hand, None) is None
    assert standing_of(None, None) is None


@pytest.mark.parametrize(
    ("bounds", "low", "high", "name"),
    [
        ({"max_usd_mtok": Decimal(4)}, "0.000002", "0.000006", "max_usd_mtok"),  # eight of the mix: halved
        ({"min_usd_mtok": Decimal(16)}, "0.000008", "0.000024", "min_usd_mtok"),
        ({"min_usd_mtok": Decimal(8), "max_usd_mtok": Decimal(8)}, "0.000004", "0.000012", None),
    ],
)
def test_bounds_hold_the_blended_price_and_keep_input_to_output(
    bounds: dict[str, Any], low: str, high: str, name: str | None
) -> None:
    found = steadied(price(), None, replace(HOW, **bounds), half_life_days=None, now=NOW)
    assert (found.input_usd_token, found.output_usd_token, found.bound) == (Decimal(low), Decimal(high), name)
    unknown = steadied(price(ratio=None), None, replace(HOW, **bounds), half_life_days=None, now=NOW)
    assert unknown.bound is None


def test_bounds_come_after_the_way() -> None:
    found = steadied(price(), standing(7), replace(HOW, max_usd_mtok=Decimal(3)), half_life_days=WEEK, now=NOW)
    assert found.output_usd_token == Decimal("0.0000045")  # half of the way is 6 of the mix; 3 is half of that


def test_an_announced_price_is_kept_as_it_was_announced() -> None:
    announced = replace(price(), announced_why="first price")
    how = replace(HOW, max_usd_mtok=Decimal(1))
    assert steadied(announced, standing(7), how, half_life_days=WEEK, now=NOW) == announced


def test_a_kept_price_keeps_since_when_it_is_charged() -> None:
    held = entry(7)
    almost = price("0.00000204", "0.00000612")
    (change,) = changes_of(almost, HOW, [held], min_change_ratio=Decimal("0.05"), effective_at=NOW)
    assert charged_since(change.after) == NOW - timedelta(days=7)


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ({"min_usd_mtok": Decimal(0)}, "min_usd_mtok must be above 0"),
        ({"max_usd_mtok": Decimal("NaN")}, "max_usd_mtok must be above 0"),
        ({"min_usd_mtok": Decimal(3), "max_usd_mtok": Decimal(2)}, "max_usd_mtok must be min_usd_mtok or more"),
    ],
)
def test_wrong_bounds_are_refused(bounds: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(HOW, **bounds)
    with pytest.raises(ValueError, match="half_life_days must be above 0"):
        PublishSettings(half_life_days=Decimal(0))
