"""From a plan to pools, kept models and levels."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from autoscaler.daemon.plan.parts import at_price, parts_of
from planner.catalog.offer import Offer, Role
from planner.plan import Plan
from policies.billing import Billing
from tests.planner.report.plans import BASE, POOL, SPOT, START, a_rate, an_offer, small_plan

HOUR = timedelta(hours=1)


def made(plan: Plan | None = None, **other: Any):
    known: dict[str, Any] = {"now": START, "models": ["m"], "providers": ["aws", "ovh"], "quota": {}}
    return parts_of(plan or small_plan(), **{**known, **other})


def test_the_burst_offers_of_the_plan_are_the_pools() -> None:
    pools = made().pools
    assert sorted(pools) == sorted([POOL, SPOT])
    assert (pools[POOL].provider, pools[SPOT].provider) == ("ovh", "aws")
    assert pools[POOL].tariff.billing is Billing.STARTED_HOUR
    assert pools[POOL].tariff.price_usd_hour == Decimal("0.30")
    assert pools[POOL].egress_usd_mtok == Decimal("0.1")
    assert pools[SPOT].is_spot
    assert pools[SPOT].tariff.is_spot


def test_the_zone_of_a_pool_is_in_its_key() -> None:
    key = "aws/r7a.4xlarge@us-east-1a/spot"
    plan = small_plan()
    plan = replace(plan, offers={**plan.offers, key: replace(plan.offers[SPOT], offer_id=key)})
    assert made(plan).pools[key].zone == "us-east-1a"
    assert made(plan).pools[SPOT].zone is None


def test_of_quota_and_the_plans_own_limit_the_lower_holds() -> None:
    plan = small_plan()
    plan = replace(plan, offers={**plan.offers, POOL: replace(plan.offers[POOL], max_count=10)})
    assert made(plan).pools[POOL].max_count == 10
    assert made(plan, quota={POOL: 4}).pools[POOL].max_count == 4
    assert made(plan, quota={POOL: 40}).pools[POOL].max_count == 10
    assert made(plan).pools[SPOT].max_count is None


def test_pools_of_one_group_share_its_limit() -> None:
    plan = small_plan()
    group = replace(plan.offers[POOL], count_group="account", group_max=10)
    found = made(replace(plan, offers={**plan.offers, POOL: group}))
    assert found.group_max == {"account": 10}
    assert found.pools[POOL].count_group == "account"


def test_what_the_catalog_sells_beside_the_plan_has_a_price_and_is_never_launched() -> None:
    sold = Offer(
        id="ovh/b3-128",
        provider="ovh",
        product="b3-128",
        role=Role.BURST,
        region="GRA11",
        billing=Billing.STARTED_HOUR,
        price_usd_hour=Decimal("0.61"),
        price_date=date(2026, 11, 1),
        source="price list",
    )
    base = replace(sold, id="ovh/b3-128/month", role=Role.BASE, fee_usd_month=Decimal(400))
    planned = replace(sold, id=POOL)
    pools = made(sold=[sold, base, planned]).pools
    assert sorted(pools) == sorted([POOL, SPOT, "ovh/b3-128"])
    assert pools["ovh/b3-128"].tariff.price_usd_hour == Decimal("0.61")
    assert (pools["ovh/b3-128"].max_count, dict(pools["ovh/b3-128"].lead_time_s)) == (0, {})
    assert pools[POOL].tariff.price_usd_hour == Decimal("0.30")  # the plan's own


def test_an_owned_server_has_the_rates_of_its_offer() -> None:
    plan = small_plan()
    owned = f"{BASE}#owned"
    terms = plan.models["m"]
    offers = {**plan.offers, owned: an_offer("base", BASE)}
    rates = {owned: a_rate(2000.0, 200.0), POOL: terms.rates[POOL]}
    plan = replace(plan, offers=offers, models={"m": replace(terms, rates=rates)}, base={owned: 2, BASE: 1})
    found = made(plan)
    assert found.models["m"].rates[BASE].decode_tok_s == 200.0
    assert found.base == {BASE: 3}


def test_a_model_that_is_not_planned_is_not_kept() -> None:
    assert list(made(models=["m", "n"]).models) == ["m"]


def test_levels_are_the_plans_own_hours_and_go_on_after_its_end() -> None:
    own = made().levels.at("m", START + 2 * HOUR)
    assert own is not None
    assert own.burst == {POOL: 2}
    later = made(now=START + 6 * HOUR).levels
    found = [later.at("m", START + n * HOUR) for n in (4, 5, 6, 7)]
    assert [one.burst.get(POOL, 0) for one in found if one is not None][-3:] == [1, 2, 0]  # hours 1, 2, 3 of the plan
    assert later.at("m", START + timedelta(days=7)) is not None


def test_a_plan_that_has_not_begun_is_laid_over_the_hours_before_it() -> None:
    found = made(now=START - HOUR).levels.at("m", START - HOUR)
    assert found is not None
    assert found.burst.get(POOL, 0) == 0  # its last hour


def test_a_pool_at_another_price_is_the_same_pool() -> None:
    pool = made().pools[SPOT]
    assert at_price(pool, Decimal("0.7")).tariff.price_usd_hour == Decimal("0.7")
    assert replace(at_price(pool, Decimal("0.7")), tariff=pool.tariff) == pool


def test_a_pool_of_a_provider_that_is_not_configured_has_a_price_and_is_never_launched() -> None:
    plan = small_plan()
    plan = replace(plan, offers={**plan.offers, POOL: replace(plan.offers[POOL], lead_time_s={"m": 60.0})})
    pool = made(plan, providers=["aws"]).pools[POOL]
    assert (dict(pool.lead_time_s), pool.max_count) == ({}, 0)
    assert pool.tariff.price_usd_hour == Decimal("0.30")
