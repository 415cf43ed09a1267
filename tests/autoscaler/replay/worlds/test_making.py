"""From a world file, a fleet and traffic to the world of a replay."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from random import Random

import numpy as np
import pytest

from autoscaler.providers.provider import Order
from autoscaler.providers.simulated.cloud import SimulatedCloud
from autoscaler.providers.simulated.mixes import NORMAL, STORM
from autoscaler.replay.traffic.hourly import hourly
from autoscaler.replay.traffic.reference import (
    BASE_TOK_S,
    BASE_USD_HOUR,
    BURST_TOK_S,
    BURST_USD_HOUR,
    reference_base_nodes,
    reference_demand,
)
from autoscaler.replay.world import Traffic, World
from autoscaler.replay.worlds.base_nodes import plan_for
from autoscaler.replay.worlds.file import load_world, read_world
from autoscaler.replay.worlds.making import reference_world, world_from
from autoscaler.replay.worlds.sold import Sold, nearest_curve
from autoscaler.timeline import Timeline
from planner.case import load_catalog, load_profiles
from planner.errors import InputError
from planner.fleet import default_fleet, read_fleet
from planner.optimize.prepare import egress_usd_mtok, interruption_usd_hour
from planner.profile.model import Unfit
from planner.profile.rate import rates_for
from policies.billing import Billing

MODEL = "llama-7b-q4"


def a_traffic(
    hours: int = 48, *, models: tuple[str, ...] = (MODEL,), tok_s: float = 800.0, step_s: float = 600.0
) -> Traffic:
    """Two days of a daily wave, twice as much input as output."""
    steps = round(hours * 3600 / step_s)
    wave = tok_s * (1 + 0.6 * np.sin(np.arange(steps) * step_s / 86_400 * 2 * np.pi))
    series = np.tile(wave, (len(models), 1))
    return Traffic(
        start=datetime(2026, 12, 1, tzinfo=UTC),
        step_s=step_s,
        models=models,
        input_tok_s=2 * series,
        output_tok_s=series,
        is_gap=np.zeros(steps, dtype=np.bool_),
    )


@cache
def realistic(seed: int = 0) -> World:
    return world_from(load_world("realistic"), traffic=a_traffic(), fleet=default_fleet(), seed=seed)


def sold() -> Sold:
    fleet = default_fleet()
    return Sold(fleet=fleet, catalog=load_catalog(fleet), profiles=load_profiles(fleet))


def usd(price: Decimal | None) -> Decimal:
    """A price that is known."""
    assert price is not None
    return price


# --- the reference world


def test_the_reference_world_is_the_one_of_the_design():
    demand = np.linspace(1000.0, 7000.0, 14 * 1440)  # the 28.7 % quantile is 2,722 tok/s
    world = reference_world(demand)
    (pool,), (base,) = world.pools, world.base
    model = world.models["reference"]
    assert (world.tick_s, world.traffic.step_s, world.ticks) == (60.0, 60.0, 20_160)
    assert (pool.lead_times_s, pool.tariff.price_usd_hour, pool.tariff.billing) == (
        (360.0,),
        Decimal("0.20"),
        Billing.SECOND,
    )
    assert (pool.stock, pool.quota, pool.prices_usd_hour, pool.interruption_usd_hour, pool.egress_usd_mtok) == (
        (),
        None,
        (),
        0,
        0,
    )
    assert {offer: rates.decode_tok_s for offer, rates in model.rates.items()} == {
        "reference/burst": 200.0,
        "reference/base": 300.0,
    }
    assert (model.patience_s, model.service_s, model.load_s, model.cache_hit_ratio, model.reference) == (
        0,
        0,
        0,
        0,
        "reference/burst",
    )
    assert (base.count, base.bill_usd) == (9, 9 * Decimal(154) * 336 / 730)
    assert world.faults.name == "none"
    assert not world.traffic.input_tok_s.any()


@pytest.mark.parametrize("seed", range(5))
def test_the_file_of_the_reference_world_says_what_its_demand_was_made_for(seed):
    demand = reference_demand(np.abs(np.random.default_rng(seed).normal(1.0, 0.4, 144)) + 0.01, seed=seed)
    world = reference_world(demand)
    assert world.base[0].count == reference_base_nodes(demand) > 0
    rates = {offer: rates.decode_tok_s for offer, rates in world.models["reference"].rates.items()}
    assert rates == {"reference/burst": BURST_TOK_S, "reference/base": BASE_TOK_S}
    assert float(usd(world.pools[0].tariff.price_usd_hour)) == BURST_USD_HOUR
    assert float(world.base[0].bill_usd) == pytest.approx(world.base[0].count * BASE_USD_HOUR * 24)


def test_the_reference_world_by_started_hours_differs_in_that_alone():
    demand = np.full(600, 4000.0)
    by_second, by_hour = (
        reference_world(demand, billing=billing) for billing in (Billing.SECOND, Billing.STARTED_HOUR)
    )
    assert by_hour.pools[0].tariff.billing is Billing.STARTED_HOUR
    assert by_hour.pools[0].tariff.price_usd_hour == Decimal("0.20")
    assert (by_hour.base, by_hour.models) == (by_second.base, by_second.models)


def test_in_the_reference_world_a_node_ordered_at_s_serves_at_s_plus_360_and_stops_paying_when_ended():
    world = reference_world(np.full(600, 4000.0))
    timeline = Timeline(start=world.traffic.start)
    cloud = SimulatedCloud(name="reference", pools=world.pools, timeline=timeline, rng=Random(0))
    timeline.now_s = 60.0
    machine = cloud.launch(Order(key="k", node_id="n", fleet="f", pool="reference/burst", model="reference"))
    while timeline.now_s < 420:
        timeline.step()
    assert cloud.truth[0].running_s == 420.0
    timeline.now_s = 1860.0
    cloud.terminate(machine.id)
    assert cloud.charge_usd(cloud.truth[0]) == Decimal("0.10")


def test_of_a_traffic_with_input_tokens_the_reference_world_serves_the_output_alone():
    world = reference_world(a_traffic(step_s=60.0))
    assert not world.traffic.input_tok_s.any()
    assert world.traffic.output_tok_s.any()


# --- the realistic world


def test_the_realistic_world_has_three_clouds_by_their_own_rules_and_few_pools():
    billing = {(pool.provider, pool.is_spot): pool.tariff.billing for pool in realistic().pools}
    assert billing == {
        ("hetzner-cloud", False): Billing.STARTED_HOUR_CAPPED,
        ("aws", True): Billing.SECOND,
        ("aws", False): Billing.SECOND,
        ("ovh", False): Billing.STARTED_HOUR,
    }
    assert len(realistic().pools) == 8


def test_pools_are_those_that_alone_would_follow_the_traffic_cheapest_in_whole_nodes():
    one = sold()
    model = one.fleet.models[0]
    hours = hourly(a_traffic())

    def cost(offer):
        rates = rates_for(model, offer, one.profiles, measured_only=False)
        if isinstance(rates, Unfit):
            return float("inf")
        work = hours.input_tok_s[0, 0] / rates.prefill_tok_s + hours.output_tok_s[0, 0] / rates.decode_tok_s
        return float(offer.price_usd_hour) * np.ceil(work).mean()  # OVH charges nothing for traffic

    ovh = [offer for offer in one.catalog if offer.provider == "ovh"]
    cheapest = sorted(ovh, key=cost)[:2]
    assert {pool.key for pool in realistic().pools if pool.provider == "ovh"} == {offer.id for offer in cheapest}


def test_a_small_traffic_gets_small_nodes_and_a_large_one_those_cheapest_by_work():
    fleet = read_fleet("[[model]]\nname = 'm'\nprofile = 'llama-3.1-8b'\n", source="f")
    settings = read_world('[[pool]]\noffers = "aws.on-demand"\n', source="w.toml", name="w")
    small, large = (
        world_from(settings, traffic=a_traffic(models=("m",), tok_s=tok_s), fleet=fleet) for tok_s in (100.0, 300_000.0)
    )
    # One node is all but always enough (1.02 nodes of work at most), and an L4 costs a fifth less than an A10G.
    assert [pool.key for pool in small.pools] == ["aws/g6.xlarge"]
    assert [pool.key for pool in large.pools] == ["aws/p5.4xlarge"]  # its card is dearer, and its tokens cheaper


def test_the_curve_of_a_node_with_several_replicas_is_that_of_them_all():
    one = Sold(
        fleet=read_fleet("[[model]]\nname = 'm'\nprofile = 'llama-3.1-8b'\n", source="f"),
        catalog=sold().catalog,
        profiles=sold().profiles,
    )
    curves = []
    for name in ("aws/g5.xlarge", "aws/g5.12xlarge"):  # one A10G and four
        rated = one.rated(one.fleet.models[0], one.catalog[name])
        assert not isinstance(rated, Unfit)
        curve = nearest_curve(rated, one.catalog[name], 2.0, 1.0)
        assert curve is not None
        curves.append(curve)
    single, four = (curve.points[-1] for curve in curves)
    assert (four.concurrency, four.output_tok_s) == (4 * single.concurrency, 4 * single.output_tok_s)
    assert (four.ttft_ms, four.tpot_ms) == (single.ttft_ms, single.tpot_ms)


def test_interruption_cost_and_egress_are_the_planners_with_the_rate_of_the_trace():
    one = sold()
    model = one.fleet.models[0]
    (spot, *_) = (pool for pool in realistic().pools if pool.is_spot)
    offer = one.catalog[spot.key]
    assert spot.egress_usd_mtok == egress_usd_mtok(offer, one.fleet.policy) > 0
    # the p2.xlarge trace: 42 falls in 281 available hours; 31.5 s to start, 120 s to load, 120 s of work done again
    by_advisor = interruption_usd_hour(offer, [model], one.fleet.policy)
    by_trace = float(usd(offer.price_usd_hour)) * 42 / (0.953515 * 294) * 271.5 / 3600
    assert float(spot.interruption_usd_hour) == pytest.approx(by_trace, rel=0.01)
    assert spot.interruption_usd_hour > 10 * by_advisor


def test_base_nodes_are_those_of_the_plan_for_the_traffic_with_its_bill():
    world = realistic()
    plan = plan_for(world.traffic, sold(), frozenset(pool.key for pool in world.pools))
    assert {nodes.offer: nodes.count for nodes in world.base} == {
        key: count for key, count in plan.base.items() if count
    }
    assert sum(nodes.bill_usd for nodes in world.base) == plan.cost.base_fees_usd + plan.cost.setup_usd
    assert all(nodes.offer in world.models[MODEL].rates for nodes in world.base)
    assert "as `baseload plan` would rent" in world.remarks[-1]


def test_base_nodes_of_a_group_leave_less_of_it_for_burst():
    world = realistic()
    in_group = sum(nodes.count for nodes in world.base if nodes.offer.startswith("hetzner-cloud/"))
    assert in_group > 0
    assert world.group_max == {"hetzner-cloud": 10 - in_group}


def test_every_trace_that_stands_for_a_pool_is_said():
    said = [remark for remark in realistic().remarks if "sold out and taken back as" in remark]
    assert len(said) == sum(pool.is_spot for pool in realistic().pools) == 3
    assert "p2.xlarge in us-west-2a" in said[0]
    assert any(
        remark == "lead times of ovh: 4 measured starts, 93 s in the middle, 98 s at most"
        for remark in realistic().remarks
    )


def test_spot_pools_are_sold_out_when_their_trace_says_so_and_have_few_nodes_otherwise():
    (spot, *_) = (pool for pool in realistic().pools if pool.is_spot)
    assert {one.nodes == 0 or 8 <= one.nodes <= 40 for one in spot.stock} == {True}
    assert [one.end_s for one in spot.stock[:-1]] == [one.start_s for one in spot.stock[1:]]
    assert spot.stock[-1].end_s == 48 * 3600
    assert (spot.notice_s, spot.rebalance_s) == (120.0, 300.0)
    assert all(pool.stock == () for pool in realistic().pools if not pool.is_spot)


def test_spot_prices_walk_below_on_demand_and_other_prices_stay():
    catalog = sold().catalog
    for pool in realistic().pools:
        if not pool.is_spot:
            assert pool.prices_usd_hour == ()
            continue
        dearest = max(usd for _, usd in pool.prices_usd_hour)
        assert len(pool.prices_usd_hour) > 30
        assert dearest <= usd(catalog[pool.key.removesuffix("/spot")].price_usd_hour)


def test_the_same_seed_gives_the_same_world_and_another_only_other_chance():
    again = world_from(load_world("realistic"), traffic=a_traffic(), fleet=default_fleet(), seed=0)
    assert repr(again.pools) == repr(realistic().pools)
    assert repr(again.models) == repr(realistic().models)
    other = realistic(1)
    assert [pool.key for pool in other.pools] == [pool.key for pool in realistic().pools]
    assert [pool.prices_usd_hour for pool in other.pools] != [pool.prices_usd_hour for pool in realistic().pools]


def test_faults_asked_for_win_over_those_of_the_file():
    settings = load_world("reference")
    assert world_from(settings, traffic=a_traffic(), faults="storm").faults is STORM
    assert world_from(settings, traffic=a_traffic(), faults=NORMAL).faults is NORMAL
    with pytest.raises(InputError, match="--faults calm: expected one of none, normal, storm"):
        world_from(settings, traffic=a_traffic(), faults="calm")


def test_a_plan_that_is_given_brings_its_own_base_nodes():
    one = sold()
    traffic = a_traffic()
    plan = plan_for(a_traffic(hours=96), one, frozenset({"ovh/c3-64"}))  # twice as long: its fees count for half
    world = world_from(load_world("realistic"), traffic=traffic, fleet=one.fleet, plan=plan)
    assert {nodes.offer: nodes.count for nodes in world.base} == {
        key: count for key, count in plan.base.items() if count
    }
    fees = plan.cost.base_fees_usd + plan.cost.setup_usd
    assert float(sum(nodes.bill_usd for nodes in world.base)) == pytest.approx(float(fees) / 2)


# --- several models, and complaints


TWO = """
[[model]]
name = "chat"
profile = "llama-7b-q4"
cache_hit_ratio = 0.3
load_time_s = 90
[[model]]
name = "code"
profile = "llama-3.1-8b"
"""


def test_two_models_get_the_pools_each_is_cheapest_on_and_rates_of_their_own():
    fleet = read_fleet(TWO, source="two.toml")
    settings = read_world('[[pool]]\noffers = "aws.on-demand"\nmost = 1\n', source="w.toml", name="w")
    world = world_from(settings, traffic=a_traffic(models=("chat", "code")), fleet=fleet)
    assert 1 <= len(world.pools) <= 2
    for name, model in world.models.items():
        assert set(model.rates) <= {pool.key for pool in world.pools}
        assert model.reference in model.rates, name
    assert (world.models["chat"].load_s, world.models["chat"].cache_hit_ratio) == (90.0, 0.3)
    assert world.models["code"].load_s == 120.0
    assert world.models["chat"].curves


def test_base_nodes_written_out_are_billed_by_the_catalog_with_their_part_of_the_setup_fee():
    settings = read_world(
        '[[pool]]\noffers = "ovh"\n[[base]]\noffer = "hetzner/ax102"\ncount = 2\n', source="w.toml", name="w"
    )
    world = world_from(settings, traffic=a_traffic(hours=744), fleet=default_fleet())
    offer = sold().catalog["hetzner/ax102"]
    assert [(nodes.offer, nodes.count) for nodes in world.base] == [("hetzner/ax102", 2)]
    assert world.base[0].bill_usd == 2 * (usd(offer.fee_usd_month) + offer.setup_fee_usd / 12)


def test_a_traffic_is_a_forecast_of_its_hourly_means():
    forecast = hourly(a_traffic(hours=3, tok_s=600.0))
    wave = 600 * (1 + 0.6 * np.sin(np.arange(18) * 600 / 86_400 * 2 * np.pi))
    assert forecast.output_tok_s[0, 0] == pytest.approx(wave.reshape(3, 6).mean(axis=1))
    assert forecast.input_tok_s[0, 0] == pytest.approx(2 * wave.reshape(3, 6).mean(axis=1))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param(
            '[[pool]]\noffers = "azure"\n',
            r"^world w, \[\[pool\]\] azure: selector 'azure' matches no offer",
            id="unknown",
        ),
        pytest.param(
            '[[pool]]\noffers = "hetzner.base"\n', r"hetzner.base: means base offers alone; expected burst", id="base"
        ),
        pytest.param(
            '[[pool]]\noffers = "aws/r7a.medium"\n',
            r"none of 1 offers is left to serve llama-7b-q4: no measured rate",
            id="unfit",
        ),
        pytest.param(
            '[[base]]\noffer = "hetzner/ax1000"\ncount = 1\n',
            r"\[\[base\]\] hetzner/ax1000: no such offer in the catalog",
            id="no base offer",
        ),
        pytest.param("", r"^world w: no pool and no base node serves llama-7b-q4; expected one at least", id="nothing"),
        pytest.param(
            'base_from = "plan"\n',
            r"base_from is 'plan'; expected pools of a fleet's catalog",
            id="nothing to plan with",
        ),
        pytest.param(
            '[[pool]]\noffers = "ovh"\n[group_max]\nhetzner = 3\n',
            r"group_max.hetzner: no pool of the world has this",
            id="group",
        ),
    ],
)
def test_what_does_not_fit_the_catalog_is_said_with_its_block(text, complaint):
    with pytest.raises(InputError, match=complaint):
        world_from(read_world(text, source="w.toml", name="w"), traffic=a_traffic(), fleet=default_fleet())


def test_a_fleet_without_aws_or_with_cards_alone_still_has_a_realistic_world():
    plain = read_fleet(
        "[[model]]\nname = 'm'\nprofile = 'llama-7b-q4'\n[catalog]\nonly = ['ovh', 'hetzner']\n", source="f"
    )
    cards = read_fleet("[[model]]\nname = 'm'\nprofile = 'llama-3.1-8b'\n", source="f")
    worlds = [
        world_from(load_world("realistic"), traffic=a_traffic(models=("m",)), fleet=one) for one in (plain, cards)
    ]
    assert [{pool.provider for pool in world.pools} for world in worlds] == [{"hetzner-cloud", "ovh"}, {"aws", "ovh"}]
    missing = [[remark for remark in world.remarks if remark.endswith("the world does without")] for world in worlds]
    assert [len(one) for one in missing] == [2, 1]
    assert missing[0][0].startswith("world realistic, [[pool]] aws.spot: selector 'aws.spot' matches no offer")
    assert not any(remark.startswith("lead times of aws") for remark in worlds[0].remarks)


def test_a_selector_without_a_fleet_is_refused():
    settings = read_world('[[pool]]\noffers = "aws.spot"\n', source="w.toml", name="w")
    with pytest.raises(InputError, match="a selector needs a fleet's catalog"):
        world_from(settings, traffic=a_traffic())


# --- size


@pytest.mark.parametrize(("tok_s", "is_refused"), [(2_000_000.0, False), (2_000_001.0, True)])
def test_traffic_for_more_than_ten_thousand_nodes_is_refused(tok_s: float, *, is_refused: bool):
    """A node gives 200 tok/s."""
    asked = replace(a_traffic(hours=1), output_tok_s=np.full((1, 6), tok_s), input_tok_s=np.zeros((1, 6)))
    pool = "[[pool]]\noffer = 'x/y'\nprice_usd_hour = 0.2\nbilling = 'second'\ndecode_tok_s = 200\nlead_s = [60]\n"
    settings = read_world(pool, source="w.toml", name="w")
    if is_refused:
        with pytest.raises(InputError, match=r"2,000,001 tok/s, 10,001 of the fastest nodes; .* demand=\*0\.1\)"):
            world_from(settings, traffic=asked)
    else:
        assert world_from(settings, traffic=asked).pools[0].key == "x/y"
