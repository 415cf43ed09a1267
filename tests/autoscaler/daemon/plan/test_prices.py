"""Live prices: asked beside the ticks, in force until the next word, never waited for."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from autoscaler.daemon.calls.lane import Lane
from autoscaler.daemon.plan.parts import parts_of
from autoscaler.daemon.plan.prices import REFRESH_S, PriceSource, asked_of, priced
from autoscaler.fleet import Pool
from planner.catalog.sources.source import PoolAsked, PoolNow, SourceError
from tests.autoscaler.daemon.calls.test_guarded import SECRET, clean, wait_for
from tests.autoscaler.daemon.clocks import START, SetClock
from tests.autoscaler.daemon.rig import Rig, launchable
from tests.planner.report.plans import POOL, SPOT


@dataclass
class Told:
    """A source that says what it is told to."""

    price: str = "0.42"
    error: Exception | None = None
    asked: list[Sequence[PoolAsked]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    more: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.gate.set()

    def now(self, pools: Sequence[PoolAsked]) -> tuple[PoolNow, ...]:
        self.asked.append(pools)
        self.gate.wait()
        if self.error is not None:
            raise self.error
        said = PoolNow(pool=SPOT, price_usd_hour=Decimal(self.price), as_of=START, source="a test")
        return (replace(said, **self.more),)  # type: ignore[arg-type]


def a_source(told: Told) -> PriceSource:
    return PriceSource(provider="aws", source=told, lane=Lane("prices", SetClock().monotonic_s), clean=clean)


ASKED = (PoolAsked(pool=SPOT, product="r7a.4xlarge", is_spot=True),)


def turned(source: PriceSource, monotonic_s: float) -> None:
    """A turn, and the end of the call it began."""
    source.turn(ASKED, monotonic_s)
    wait_for("prices")


def test_what_is_said_is_in_force_from_the_next_turn_on_and_asked_again_in_five_minutes() -> None:
    told = Told()
    source = a_source(told)
    turned(source, 0.0)
    assert source.said == {}
    turned(source, 60.0)
    assert source.said[SPOT].price_usd_hour == Decimal("0.42")
    assert len(told.asked) == 1
    told.price = "0.61"
    turned(source, REFRESH_S)
    turned(source, REFRESH_S + 60)
    assert source.said[SPOT].price_usd_hour == Decimal("0.61")
    assert len(told.asked) == 2


def test_a_source_that_fails_keeps_its_last_word_and_says_so_without_secrets() -> None:
    told = Told()
    source = a_source(told)
    turned(source, 0.0)
    turned(source, 60.0)
    told.error = SourceError(f"{SECRET} is refused")
    turned(source, 600.0)
    turned(source, 660.0)
    assert source.said[SPOT].price_usd_hour == Decimal("0.42")
    assert source.problem == "prices of aws: *** is refused"
    assert source.oldest([SPOT]) == START
    told.error = None
    turned(source, 1200.0)
    turned(source, 1260.0)
    assert source.problem == ""


def test_a_source_that_hangs_holds_up_nobody() -> None:
    told = Told()
    told.gate.clear()
    source = a_source(told)
    source.turn(ASKED, 0.0)
    source.turn(ASKED, 400.0)
    assert "still waiting for prices and stock" in source.problem
    assert len(told.asked) == 1
    told.gate.set()
    wait_for("prices")


def pools() -> Mapping[str, Pool]:
    return parts_of(launchable(), now=START, models=["m"], providers=["aws", "ovh"], quota={POOL: 9}).pools


def now_of(pool: str, as_of: datetime = START, **rest: object) -> dict[str, PoolNow]:
    return {pool: PoolNow(pool=pool, as_of=as_of, source="a test", **rest)}  # type: ignore[arg-type]


def test_a_price_that_moved_is_the_pools() -> None:
    found = priced(pools(), now_of(SPOT, price_usd_hour=Decimal("0.7")), {})
    assert found[SPOT].tariff.price_usd_hour == Decimal("0.7")
    assert found[POOL] is pools()[POOL] or found[POOL] == pools()[POOL]


def test_of_what_an_account_may_start_yet_and_holds_the_sum_is_the_quota() -> None:
    found = priced(pools(), now_of(POOL, quota_left=3), {POOL: 4})
    assert found[POOL].max_count == 7
    assert priced(pools(), now_of(POOL, quota_left=30), {POOL: 4})[POOL].max_count == 9


def test_a_pool_said_to_be_sold_out_is_left_alone_until_it_is_asked_about_again() -> None:
    found = priced(pools(), now_of(POOL, is_available=False), {})
    assert found[POOL].retry_at == START + timedelta(seconds=2 * REFRESH_S)
    assert priced(pools(), now_of(POOL, is_available=True), {})[POOL].retry_at is None


def test_without_a_word_the_pools_are_the_same_object() -> None:
    own = pools()
    assert priced(own, {}, {}) is own


def test_pools_are_asked_about_in_their_providers_words() -> None:
    assert asked_of(pools(), "aws") == ASKED


def test_a_daemon_takes_the_cheaper_pool_once_its_price_is_known(tmp_path: Path) -> None:
    told = Told(price="0.01")
    rig = Rig(tmp_path, sources={"aws": told})
    rig.turn(0)
    wait_for("prices of aws")
    rig.world.demand(75.0)
    report = rig.turn()
    assert report is not None
    assert {node.pool for node in rig.daemon._acting.known(report).snapshot.nodes} == {SPOT}
    (aws,) = [one for one in rig.status.providers if one.name == "aws"]
    assert aws.prices_at == START
    assert rig.metric("provider_price_age_seconds", provider="aws") == pytest.approx(60.0)


def test_a_source_that_fails_is_a_problem_of_the_tick_and_stops_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path, sources={"aws": Told(error=SourceError("no route"))})
    rig.turn(0)
    wait_for("prices of aws")
    rig.world.demand(75.0)
    rig.turn()
    assert "prices of aws: no route" in rig.status.problems
    assert rig.world.held() == 2
