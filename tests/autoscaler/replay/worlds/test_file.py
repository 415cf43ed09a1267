"""The door of a world file: what is read, and each complaint by name."""

import re
from decimal import Decimal

import pytest

from autoscaler.replay.worlds.file import PACKAGED, load_world, read_world
from autoscaler.replay.worlds.settings import PriceWalk, WorldFile
from planner.errors import InputError
from policies.billing import Billing

OWN = '[[pool]]\noffer = "me/gpu"\nprice_usd_hour = 1.5\ndecode_tok_s = 100\n'


def test_the_packaged_worlds_are_read_and_say_what_they_are():
    worlds = {name: load_world(name) for name in PACKAGED}
    assert list(worlds) == ["reference", "realistic"]
    assert all(world.name == name and world.about for name, world in worlds.items())
    assert (worlds["reference"].faults, worlds["realistic"].faults) == ("none", "normal")


def test_a_world_of_ones_own_is_read_with_its_units():
    world = read_world(
        f"""tick_s = 10
{OWN}is_spot = true
lead_s = [30, 60]
availability = ["us-west-2a_p2.xlarge_2022-10-26"]
available_nodes = [2, 5]
notice_s = 120
price_walk = {{ spread_ratio = 0.2 }}
[[base]]
offer = "me/own"
count = 2
decode_tok_s = 300
fee_usd_month = 154
[serving]
patience_s = 0
""",
        source="w.toml",
        name="w",
    )
    (pool,) = world.pool
    assert (world.name, world.tick_s, world.serving.patience_s) == ("w", 10.0, 0.0)
    assert (pool.price_usd_hour, pool.billing, pool.lead_s) == (Decimal("1.5"), Billing.SECOND, (30.0, 60.0))
    assert (pool.available_nodes, pool.price_walk) == ((2, 5), PriceWalk(spread_ratio=0.2))
    assert world.base[0].fee_usd_month == 154


def test_an_empty_world_file_is_a_world_without_pools():
    assert read_world("", source="w.toml", name="w") == WorldFile(name="w")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("tick = 30", "unknown key 'tick'; did you mean 'tick_s'?", id="near miss at the top"),
        pytest.param(
            '[[pool]]\noffers = "aws.spot"\nnotise_s = 120',
            "[[pool]] aws.spot: unknown key 'notise_s'; did you mean 'notice_s'?",
            id="near miss in a pool",
        ),
        pytest.param(
            f"{OWN}price_walk = {{ revert = 3 }}",
            "[[pool]] me/gpu price_walk: unknown key 'revert'; did you mean 'revert_h'?",
            id="near miss two deep",
        ),
        pytest.param(
            "[serving]\npatience = 3", "[serving]: unknown key 'patience'; did you mean 'patience_s'?", id="in serving"
        ),
        pytest.param('tick_s = "30"', "tick_s is '30'; expected a valid number", id="text for a number"),
        pytest.param("tick_s = 0", "tick_s must be above 0, got 0", id="no time between ticks"),
        pytest.param("tick_s = nan", "tick_s is nan; expected a finite number", id="not a number"),
        pytest.param('faults = "hurricane"', "faults is 'hurricane'; expected one of none, normal, storm", id="faults"),
        pytest.param("pool = 3", "[pool] is 3; expected tables headed [[pool]], with two brackets", id="brackets"),
        pytest.param(
            "[[pool]]\nmost = 2",
            "[[pool]] number 1: expected either offers, a selector, or offer, a pool written out",
            id="no offer",
        ),
        pytest.param('[[pool]]\noffers = "aws"\nmost = 0', "[[pool]] aws: most must be 1 or more, got 0", id="most"),
        pytest.param(
            '[[pool]]\noffers = "aws"\ndecode_tok_s = 3',
            "[[pool]] aws: decode_tok_s goes with offer, a pool written out; offers keep what the catalog says",
            id="rates of the catalog",
        ),
        pytest.param(
            '[[pool]]\noffer = "me/gpu"',
            "[[pool]] me/gpu: offer me/gpu needs price_usd_hour and decode_tok_s",
            id="a price and a rate",
        ),
        pytest.param(
            OWN.replace("me/gpu", "gpu"), "[[pool]] gpu: offer must be provider/product, got 'gpu'", id="no provider"
        ),
        pytest.param(
            f'{OWN}billing = "started_hour_capped"',
            "[[pool]] me/gpu: fee_usd_month is missing; billing 'started_hour_capped' needs it",
            id="cap without a cap",
        ),
        pytest.param(
            f'{OWN}lead_times = "azure"',
            "[[pool]] me/gpu: lead_times is 'azure'; expected one of aws, ovh, hetzner-cloud",
            id="lead times",
        ),
        pytest.param(
            f'{OWN}lead_times = "aws"\nlead_s = [3]',
            "[[pool]] me/gpu: lead_s and lead_times are both given; expected one",
            id="two lead times",
        ),
        pytest.param(
            f'{OWN}availability = ["us-east-2a_p3.2xlarge"]',
            "[[pool]] me/gpu: availability: no trace 'us-east-2a_p3.2xlarge'; "
            "nearest: us-east-2a_p3.2xlarge_2023-02-16",
            id="trace",
        ),
        pytest.param(
            f"{OWN}available_nodes = [2, 3]",
            "[[pool]] me/gpu: available_nodes goes with availability; expected both",
            id="stock",
        ),
        pytest.param(f"{OWN}notice_s = -1", "[[pool]] me/gpu: notice_s must be 0 or more, got -1", id="negative"),
        pytest.param(
            f"{OWN}price_walk = {{ min_ratio = 1.2 }}",
            "[[pool]] me/gpu price_walk: expected min_ratio <= 1 <= max_ratio, got 1.2 and 1.5",
            id="bounds",
        ),
        pytest.param(
            '[[base]]\noffer = "hetzner/ax102"',
            "[[base]] hetzner/ax102: expected either count or demand_quantile",
            id="how many",
        ),
        pytest.param(
            '[[base]]\noffer = "x/y"\ndemand_quantile = 0.3',
            "[[base]] x/y: demand_quantile needs decode_tok_s",
            id="quantile",
        ),
        pytest.param(
            '[[base]]\noffer = "x/y"\ncount = 1\ndecode_tok_s = 3',
            "[[base]] x/y: offer x/y is written out; it needs fee_usd_month too",
            id="fee",
        ),
        pytest.param(
            "[[base]]\ncount = 1", "[[base]] number 1 offer: missing; expected a value", id="base without an offer"
        ),
        pytest.param(
            "[group_max]\nhetzner-cloud = -1", "group_max.hetzner-cloud must be 0 or more, got -1", id="group"
        ),
        pytest.param('base_from = "plans"', "base_from is 'plans'; expected 'plan' or 'none'", id="base_from"),
        pytest.param("tick_s = [", "not readable as TOML (Invalid value (at end of document))", id="no TOML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_file_key_and_what_was_expected(text, complaint):
    with pytest.raises(InputError) as caught:
        read_world(text, source="w.toml", name="w")
    assert re.split(r"(?<=w.toml)[,:] ", str(caught.value), maxsplit=1) == ["w.toml", complaint]


def test_a_world_that_is_neither_packaged_nor_a_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file or world; expected reference, realistic or a file"):
        load_world(str(tmp_path / "none.toml"))
    file = tmp_path / "mine.toml"
    file.write_text("tick_s = 5\n")
    assert load_world(str(file)) == WorldFile(name="mine", tick_s=5.0)
