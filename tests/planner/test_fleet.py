"""fleet.toml: what is read, what is refused and with which word, presets, --set, and the published schema."""

import json
import re
import tomllib
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.case import load_catalog, policy_remarks
from planner.demand.read import read_forecast
from planner.errors import InputError
from planner.files import read_text
from planner.fleet import (
    PRESETS,
    CatalogSettings,
    Fleet,
    Owned,
    apply_set,
    default_fleet,
    default_fleet_text,
    fleet_schema,
    fleet_schema_text,
    known_set_keys,
    planning_preset,
    pricing_preset,
    read_fleet,
    read_fleet_file,
    read_policy_file,
    sample_forecast_text,
    scaling_preset,
    with_policy,
)
from policies.planning import PlanningPolicy, Sharing
from policies.pricing import DEFAULT_PRICING, DEFAULT_TIERS, Direction, Rounding, Tier, cost_plus
from policies.scaling import ScalingPolicy

ROOT = Path(__file__).parents[2]
FLEETS = sorted((ROOT / "examples").glob("*/fleet.toml"))
MODEL = '[[model]]\nname = "chat"\nprofile = "llama-7b-q4"\n'


def read(text: str, **options: Any) -> Fleet:
    return read_fleet(text, source="fleet.toml", **options)


def complaint(text: str) -> str:
    with pytest.raises(InputError) as caught:
        read(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def answer(text: str) -> str | None:
    """What the reader complains of, or None where it reads."""
    try:
        read(text)
    except InputError as error:
        return str(error)
    return None


def test_the_default_fleet_is_that_of_the_design() -> None:
    fleet = default_fleet()
    (model,) = fleet.models
    assert (model.name, model.profile, model.slo.ttft_ms, model.slo.tpot_ms) == (
        "llama-7b-q4",
        "llama-7b-q4",
        2000,
        200,
    )
    assert fleet.policy == PlanningPolicy()
    assert (fleet.policy.target_utilization, fleet.policy.tenure_months) == (0.75, 12)
    assert fleet.catalog == CatalogSettings(shipped=True, group_max={"hetzner-cloud": 10})
    assert fleet.owned == ()


def test_the_default_models_weights_are_the_size_of_its_file() -> None:
    memory = default_fleet().models[0].memory
    assert memory is not None
    assert memory.weights_gib == pytest.approx(4_080_263_168 / 2**30, abs=0.005)


def test_every_line_of_the_default_fleet_that_sets_something_is_explained() -> None:
    bare = [
        line
        for line in default_fleet_text().splitlines()
        if "=" in line and not line.startswith("#") and "#" not in line
    ]
    assert bare == []


def test_what_the_default_fleet_says_of_the_daemon_holds_once_it_is_uncommented() -> None:
    _, _, daemon = default_fleet_text().partition("# The daemon")
    lines = [line.removeprefix("# ") for line in daemon.splitlines() if re.match(r"# (\[|[a-z_]+ = )", line)]
    fleet = read(MODEL + "\n".join(lines))
    told = fleet.daemon
    assert (told.autoscale.fleet, told.metrics is not None, told.cluster is not None) == ("prod", True, True)
    assert told.router is not None
    clouds = told.providers
    assert None not in (clouds.aws, clouds.ovh, clouds.hetzner_cloud)


def test_the_packaged_sample_is_the_shipped_example_and_fits_the_default_fleet() -> None:
    text = sample_forecast_text()
    assert text == read_text(ROOT / "examples/forecasts/servegen_m_large_x0.01.csv")
    forecast = read_forecast(text, source="sample", models=default_fleet().model_names)
    assert (forecast.hours, forecast.models) == (336, ("llama-7b-q4",))


def test_all_that_a_fleet_can_say_is_read() -> None:
    fleet = read(
        MODEL
        + "cache_hit_ratio = 0.4\nunserved_usd_mtok = 12.5\n[model.slo]\nttft_ms = 500\n"
        + '[[owned]]\noffer = "hetzner/ax102"\ncount = 2\nordered_on = 2026-03-01\nfee_eur_month = 109.90\n'
        + '[catalog]\nshipped = ["hetzner"]\nfiles = ["mine.toml"]\nonly = ["hetzner"]\nwithout = ["ovh/b3-8"]\n'
        + "usd_per_eur = 1.17\nusd_per_eur_date = 2026-11-02\n[catalog.group_max]\nhetzner-cloud = 3\n"
        + '[policy]\nsharing = "hourly"\nmax_usd_month = 2000\n[profiles]\nfiles = ["p.toml"]\n',
        folder="/etc/fleet",
    )
    assert (fleet.models[0].cache_hit_ratio, fleet.models[0].unserved_usd_mtok) == (0.4, Decimal("12.5"))
    assert fleet.models[0].slo.ttft_ms == 500
    assert fleet.owned == (
        Owned(offer="hetzner/ax102", count=2, ordered_on=date(2026, 3, 1), fee_eur_month=Decimal("109.9")),
    )
    assert fleet.catalog.shipped == ("hetzner",)
    assert fleet.catalog.files == ("/etc/fleet/mine.toml",)
    assert fleet.catalog.usd_per_eur == Decimal("1.17")
    assert fleet.catalog.group_max == {"hetzner-cloud": 3}
    assert (fleet.policy.sharing, fleet.policy.max_usd_month) == (Sharing.HOURLY, Decimal(2000))
    assert fleet.profile_files == ("/etc/fleet/p.toml",)


def test_a_fee_in_force_is_converted_at_the_given_rate() -> None:
    owned = Owned(offer="hetzner/ax102", fee_eur_month=Decimal(100))
    assert owned.fee_in_force_usd(Decimal("1.17")) == Decimal("117.00")
    assert Owned(offer="hetzner/ax102", fee_usd_month=Decimal(99)).fee_in_force_usd(None) == Decimal(99)
    assert Owned(offer="hetzner/ax102").fee_in_force_usd(None) is None
    with pytest.raises(InputError, match="fee_eur_month needs a rate"):
        owned.fee_in_force_usd(None)


BAD = [
    ("", "fleet.toml: no model; expected at least one [[model]]", "empty"),
    ("[[model]\n", "not readable as TOML (", "no TOML"),
    ("a" + ".a" * 3000 + " = 1\n" + MODEL, "", "nested beyond reading"),
    (MODEL + "huge = 0x" + "f" * 5000, "", "a number beyond reading"),
    ("[modle]\n" + MODEL, "fleet.toml, modle: unknown key 'modle'; did you mean 'model'?", "section misspelt"),
    (MODEL + "cache_hit_ration = 0.4", "[[model]] chat cache_hit_ration: unknown key", "model key misspelt"),
    (MODEL + "slo.ttft_m = 4", "[[model]] chat slo.ttft_m: unknown key 'ttft_m'; did you mean 'ttft_ms'?", "SLO key"),
    (MODEL + "[policy]\ntarget_utilisation = 0.5", "did you mean 'target_utilization'?", "policy key misspelt"),
    ('[[model]]\nname = "chat"', "[[model]] chat profile: missing", "no profile"),
    ('[[model]]\nprofile = "chat"', "[[model]] number 1 name: missing", "no name"),
    (MODEL + MODEL, "model 'chat' appears twice", "a name twice"),
    (MODEL.replace("chat", " "), "name must be a printable text", "a blank name"),
    (MODEL + "cache_hit_ratio = 1", "[[model]] chat cache_hit_ratio must be in [0, 1), got 1", "all cached"),
    (MODEL + "cache_hit_ratio = nan", "cache_hit_ratio is nan; expected a finite number", "NaN"),
    (MODEL + "cache_hit_ratio = true", "cache_hit_ratio is True; expected a valid number", "a flag for a number"),
    (MODEL + 'cache_hit_ratio = "0.4"', "cache_hit_ratio is '0.4'; expected a valid number", "text for a number"),
    (MODEL + "slo.ttft_ms = 0", "[[model]] chat slo.ttft_ms must be above 0, got 0", "SLO of 0"),
    (MODEL + "load_time_s = -1", "load_time_s must be 0 or more, got -1", "negative load time"),
    (MODEL + "memory.weights_gib = 4", "memory.layers: missing", "half of the memory figures"),
    (MODEL + "[policy]\ntarget_utilization = 0", "[policy]: target_utilization must be in (0, 1], got 0", "target 0"),
    (MODEL + "[policy]\ntarget_utilization = 1.7", "target_utilization must be in (0, 1], got 1.7", "target above 1"),
    (
        MODEL + "[policy]\ntenure_months = 1.5",
        "[policy] tenure_months is 1.5; expected a valid integer",
        "half a month",
    ),
    (MODEL + '[policy]\nsharing = "all"', "[policy] sharing is 'all'; expected 'none' or 'hourly'", "unknown sharing"),
    (MODEL + '[policy]\nsharing = "colocated"', "'colocated'; this version does not plan it, expected", "colocated"),
    (
        MODEL + '[policy]\npreset = "founded"',
        "[policy] preset: unknown key 'founded'; did you mean 'funded'?",
        "preset",
    ),
    (MODEL + "[policy]\npreset = 3", "[policy] preset: unknown key '3'", "preset of a number"),
    (MODEL + "[policy]\nmax_usd_month = inf", "[policy] max_usd_month is inf", "endless budget"),
    ("policy = 3\n" + MODEL, "fleet.toml, [policy] is 3; expected", "policy is no table"),
    ("model = 3", "fleet.toml, [model] is 3; expected tables headed [[model]]", "model is no table"),
    (MODEL.replace("[[model]]", "[model]"), "expected tables headed [[model]], with two brackets", "one bracket"),
    ("model = [3]", "[[model]] number 1 is 3; expected", "model is a number"),
    (MODEL + "[[owned]]\ncount = 1", "[[owned]] number 1 offer: missing", "owned without offer"),
    (
        MODEL + '[[publish.model]]\nmodel = "chat"\npolcy = "cost"',
        "[[publish.model]] chat polcy: unknown key 'polcy'; did you mean 'policy'?",
        "published model with a misspelt key",
    ),
    (MODEL + '[[owned]]\noffer = "x/y"\ncount = 0', "[[owned]] x/y: count must be 1 or more, got 0", "none owned"),
    (MODEL + '[[owned]]\noffer = "x/y"\nfee_usd_month = 0', "fee_usd_month must be above 0, got 0", "free server"),
    (MODEL + '[[owned]]\noffer = "x/y"\nfee_usd_month = 1\nfee_eur_month = 1', "both given; expected one", "two fees"),
    (MODEL + '[[owned]]\noffer = "x/y"\nordered_on = "soon"', "[[owned]] x/y ordered_on is 'soon'", "no date"),
    (MODEL + "[catalog]\nshipped = 3", "[catalog] shipped is 3; expected true, false or a list", "shipped 3"),
    (MODEL + "[catalog]\nshipped = false", "shipped is false and files is empty", "no catalog"),
    (MODEL + "[catalog]\nusd_per_eur = 1.1", "usd_per_eur and usd_per_eur_date belong together", "rate without date"),
    (MODEL + "[catalog]\nonly = 'ovh'", "[catalog] only is 'ovh'; expected a valid array", "text for a list"),
    (MODEL + "[catalog.group_max]\nx = -1", "group_max.x must be 0 or more, got -1", "negative maximum"),
    (
        MODEL + "[catalog.group_max]\nx = 'y'",
        "[catalog] group_max.x is 'y'; expected a valid integer",
        "maximum is text",
    ),
]


@pytest.mark.parametrize(("text", "said"), [case[:2] for case in BAD], ids=[case[2] for case in BAD])
def test_a_wrong_fleet_is_one_line_with_file_key_and_what_was_expected(text: str, said: str) -> None:
    answer = complaint(text)
    assert answer.startswith("fleet.toml")
    assert said in answer


DAEMON = """
[autoscale]
fleet = "prod"
[metrics]
prometheus_url = "http://127.0.0.1:9090"
[providers.aws]
region = "eu-central-1"
image_id = "ami-1"
subnets = { eu-central-1a = "subnet-1" }
"""


def test_what_the_daemon_is_told_is_read_and_survives_a_set() -> None:
    fleet = read_fleet(MODEL + DAEMON, source="fleet.toml", folder="somewhere")
    changed = apply_set(fleet, "target_utilization=0.6")
    for one in (fleet, changed):
        assert one.daemon.autoscale.fleet == "prod"
        assert one.daemon.folder == "somewhere"
        assert one.daemon.providers.aws is not None
        assert one.daemon.providers.aws.subnets == {"eu-central-1a": "subnet-1"}
        assert one.daemon.providers.ovh is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[autoscale]\nfleet = 'a b'\n", "[autoscale]: fleet must be 1 to 30 letters"),
        (
            "[autoscale]\ncall_timeout_s = 30.0\n",
            "[autoscale]: call_timeout_s must be below half of lease_s (60 s), got 30",
        ),
        ("[providers.aws]\nregion = 'x'\n", "[providers.aws] image_id: missing"),
        ("[providers.aws]\nregio = 'x'\n", "[providers.aws] regio: unknown key 'regio'; did you mean 'region'?"),
        ("[metrics]\nprometheus_url = 'prom:9090'\n", "[metrics]: prometheus_url must begin with http:// or https://"),
    ],
)
def test_a_wrong_table_of_the_daemon_is_named_with_its_key(text: str, said: str) -> None:
    assert said in complaint(text + MODEL)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_states_every_planning_number_with_its_reason(name: str) -> None:
    text = (ROOT / "policies/presets" / f"{name}.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)["planning"]
    assert set(known_set_keys()) >= set(table)
    optional = {"max_usd_month"}  # no budget is the default of every preset
    assert {key for key in PlanningPolicy.__slots__ if key not in optional} == set(table)
    assert all("  #" in line for line in text.splitlines() if "=" in line)


def test_a_preset_carries_the_guides_advice_as_pricing() -> None:
    bootstrapped, funded, enterprise = (pricing_preset(name) for name in PRESETS)
    bands = [(one.min_price_usd_mtok, one.max_price_usd_mtok) for one in (bootstrapped, funded, enterprise)]
    assert bands == [
        (Decimal("0.2"), Decimal("0.3")),
        (Decimal("0.15"), Decimal("0.25")),
        (Decimal("0.5"), None),
    ]
    assert bootstrapped.commitments  # require minimum commits
    assert funded.volume_discounts  # offer volume discounts
    assert all(tier.has_sla for tier in enterprise.tiers)  # SLA commitments
    assert bootstrapped.sla_headroom_ratio < funded.sla_headroom_ratio < enterprise.sla_headroom_ratio


def test_naming_a_preset_keeps_to_its_providers_unless_the_fleet_names_its_own() -> None:
    fleet = with_policy(default_fleet(), "bootstrapped")
    assert fleet.policy_offers == ("hetzner",)  # start with Hetzner only
    assert {offer.provider for offer in load_catalog(fleet)} == {"hetzner", "hetzner-cloud"}
    own = with_policy(replace(fleet, catalog=CatalogSettings(only=("ovh",))), "bootstrapped")
    assert {offer.provider for offer in load_catalog(own)} == {"ovh"}
    (kept,), (not_kept,) = policy_remarks(fleet), policy_remarks(own)
    assert kept == (
        "preset bootstrapped keeps to offers of hetzner where the catalog has any; "
        "[catalog] only of a fleet.toml wins over it"
    )
    assert not_kept.endswith("not so here, because [catalog] only of default fleet says ovh")
    assert policy_remarks(with_policy(default_fleet(), "funded")) == ()


def test_pricing_is_read_beside_the_policy_and_differs_from_its_preset() -> None:
    fleet = read(
        MODEL
        + '[policy]\npreset = "funded"\n[policy.pricing]\nmarkup_ratio = 1.0\n'
        + 'rounding = { step_usd_mtok = 0.05, direction = "up" }\n'
    )
    assert (fleet.pricing.markup_ratio, fleet.pricing.margin_ratio) == (Decimal(1), None)
    assert fleet.pricing.rounding == Rounding(step_usd_mtok=Decimal("0.05"), direction=Direction.UP)
    assert fleet.pricing.tiers == pricing_preset("funded").tiers
    assert fleet.policy == planning_preset("funded")
    assert cost_plus(fleet.pricing, Decimal("0.26")).price_usd_mtok == Decimal("0.55")  # 0.52, up to 0.55


def test_without_a_word_on_pricing_half_of_the_price_is_margin() -> None:
    assert read(MODEL).pricing == DEFAULT_PRICING
    fleet = read(MODEL + "[policy.pricing]\nmax_price_usd_mtok = 0.4\n")
    assert (fleet.pricing.margin_ratio, fleet.pricing.max_price_usd_mtok) == (Decimal("0.5"), Decimal("0.4"))
    assert fleet.pricing.tiers == DEFAULT_TIERS


def test_hidden_costs_stand_in_the_policy() -> None:
    fleet = read(
        MODEL
        + '[policy.pricing]\nhidden = [{ kind = "support", basis = "month", price_usd = 500, what = "on call" }]\n'
    )
    (line,) = fleet.pricing.hidden
    assert (line.label, line.price_usd, line.grows_with_traffic) == ("support, on call", Decimal(500), False)
    said = complaint(MODEL + '[policy.pricing]\nhidden = [{ kind = "beer", basis = "month", price_usd = 5 }]\n')
    assert said.startswith("fleet.toml, [policy.pricing] hidden.0.kind is 'beer'; expected 'bandwidth'")


def test_a_policy_file_of_prices_alone_leaves_planning_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text('[pricing]\nmarkup_ratio = 0.5\n[[pricing.tiers]]\nname = "all"\nat_cost = true\n')
    fleet = with_policy(apply_set(default_fleet(), "target_utilization=0.6"), str(path))
    assert fleet.policy.target_utilization == 0.6
    assert fleet.pricing.tiers == (Tier(name="all", at_cost=True),)
    assert apply_set(fleet, "target_utilization=0.7").pricing == fleet.pricing


def test_presets_grow_more_careful() -> None:
    bootstrapped, funded, enterprise = (planning_preset(name) for name in PRESETS)
    assert bootstrapped.target_utilization > funded.target_utilization > enterprise.target_utilization
    assert bootstrapped.max_spot_share > funded.max_spot_share > enterprise.max_spot_share
    assert [one.survive_base_losses for one in (bootstrapped, funded, enterprise)] == [0, 1, 1]


def test_a_key_beside_a_preset_differs_from_it() -> None:
    fleet = read(MODEL + '[policy]\npreset = "enterprise"\ntarget_utilization = 0.5\n')
    assert fleet.policy.target_utilization == 0.5
    assert fleet.policy.max_spot_share == planning_preset("enterprise").max_spot_share == 0.2
    assert fleet.policy_source == "fleet.toml (preset enterprise)"


def test_a_policy_is_given_by_preset_or_by_file(tmp_path: Path) -> None:
    assert with_policy(default_fleet(), "enterprise").policy == planning_preset("enterprise")
    path = tmp_path / "careful.toml"
    path.write_text("[planning]\ntarget_utilization = 0.3\n")
    fleet = with_policy(default_fleet(), str(path))
    assert (fleet.policy.target_utilization, fleet.policy_source) == (0.3, str(path))
    with pytest.raises(InputError, match="no such file or preset; expected bootstrapped, funded, enterprise or a file"):
        with_policy(default_fleet(), "enterprize")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "p.toml: no [planning] table"),
        ("[planing]\n", "p.toml, planing: unknown key 'planing'; did you mean 'planning'?"),
        ("[scaling]\nmax_node = 3\n", "p.toml, [scaling] max_node: unknown key 'max_node'; did you mean 'max_nodes'?"),
        ("[scaling]\nlow_utilization = 0.8\n", "p.toml, [scaling]: expected 0 < low_utilization <= target_utilization"),
        ("[planning]\n[planning.scaling]\n", "p.toml, [planning] scaling: expected [scaling]"),
        ("[planning]\ntarget = 0.5\n", "p.toml, [planning] target: unknown key 'target'; did you mean"),
        ("[planning]\nmax_spot_share = 2\n", "p.toml, [planning]: max_spot_share must be in [0, 1], got 2"),
        ('[planning]\npreset = "funded"\n', "p.toml, [planning] preset: a policy file is complete"),
        ("[pricing]\nmarkup = 0.5\n", "p.toml, [pricing] markup: unknown key 'markup'; did you mean 'markup_ratio'?"),
        ("[pricing]\nmarkup_ratio = 1\nmargin_ratio = 0.5\n", "p.toml, [pricing]: markup_ratio and margin_ratio: both"),
        ('[pricing]\ntiers = [{ name = "a" }]\n', "p.toml, [pricing] tiers.0: tier 'a' must have one of"),
        (
            '[pricing]\nrounding = { step_usd_mtok = 0.1, direction = "off" }\n',
            "p.toml, [pricing] rounding.direction is",
        ),
        (
            "[pricing]\n[catalog]\nwithout = []\n",
            "p.toml, [catalog] without: unknown key 'without'; expected one of only",
        ),
        ("[pricing]\n[catalog]\nonly = 'ovh'\n", "p.toml, [catalog] only is 'ovh'; expected a list"),
        ("planning = 3\n", "p.toml: planning is no table; expected [planning]"),
    ],
)
def test_a_wrong_policy_file_is_one_line(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_policy_file(text, source="p.toml")
    assert str(caught.value).startswith(said)


def test_scaling_keeps_to_the_plan_unless_it_says_otherwise() -> None:
    fleet = read(MODEL + "[policy]\ntarget_utilization = 0.5\nmax_pool_share = 0.7\n")
    assert (fleet.scaling.target_utilization, fleet.scaling.max_pool_share) == (0.5, 0.7)
    assert (fleet.scaling.low_utilization, fleet.scaling.high_utilization) == (0.4, 0.7)  # around the target
    own = read(MODEL + "[policy]\ntarget_utilization = 0.5\n[policy.scaling]\ntarget_utilization = 0.8\n")
    assert (own.policy.target_utilization, own.scaling.target_utilization) == (0.5, 0.8)
    assert read(MODEL).scaling == default_fleet().scaling == ScalingPolicy()


def test_a_fleet_says_its_caps_and_floors() -> None:
    table = "[policy.scaling]\nmax_usd_month = 20.5\nmax_nodes = 0\nmin_nodes = { chat = 1 }\n"
    scaling = read(MODEL + table).scaling
    assert (scaling.max_usd_month, scaling.max_nodes, scaling.min_nodes) == (Decimal("20.5"), 0, {"chat": 1})


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("max_node = 3", "[policy.scaling] max_node: unknown key 'max_node'; did you mean 'max_nodes'?"),
        ("low_utilization = 0.9", "[policy.scaling]: expected 0 < low_utilization <= target_utilization"),
        ("min_nodes = { chat = 1.5 }", "[policy.scaling] min_nodes.chat is 1.5; expected a valid integer"),
        ("cooldown_s = -1", "[policy.scaling]: cooldown_s must be 0 or more, got -1"),
        ("is_predictive = 1", "[policy.scaling] is_predictive is 1; expected a valid boolean"),
    ],
)
def test_a_wrong_scaling_table_is_one_line(table: str, said: str) -> None:
    assert complaint(MODEL + f"[policy.scaling]\n{table}\n").startswith(f"fleet.toml, {said}")


def test_a_preset_scales_as_it_plans() -> None:
    bootstrapped, funded, enterprise = (scaling_preset(name) for name in PRESETS)
    assert (bootstrapped.target_utilization, funded.target_utilization, enterprise.target_utilization) == (
        0.8,
        0.75,
        0.6,
    )
    assert enterprise.max_spot_share == planning_preset("enterprise").max_spot_share
    assert bootstrapped.max_usd_month == Decimal(150)
    assert (funded.max_usd_month, enterprise.max_nodes) == (None, None)
    fleet = read(MODEL + '[policy]\npreset = "enterprise"\n[policy.scaling]\ncooldown_s = 60\n')
    assert fleet.scaling == replace(enterprise, cooldown_s=60)


def test_a_policy_file_may_speak_of_scaling_alone(tmp_path: Path) -> None:
    path = tmp_path / "calm.toml"
    path.write_text("[scaling]\nhold_s = 900\n")
    fleet = with_policy(apply_set(default_fleet(), "target_utilization=0.6"), str(path))
    assert (fleet.scaling.hold_s, fleet.scaling.target_utilization, fleet.policy.target_utilization) == (900, 0.6, 0.6)


def test_set_reaches_scaling_and_what_it_has_in_common_with_the_plan_follows() -> None:
    fleet = default_fleet()
    assert apply_set(fleet, "scaling.max_nodes=3").scaling == replace(ScalingPolicy(), max_nodes=3)
    assert apply_set(fleet, "scaling.min_nodes.llama-7b-q4=2").scaling.min_nodes == {"llama-7b-q4": 2}
    assert apply_set(apply_set(fleet, "scaling.max_usd_hour=1.5"), "scaling.max_usd_hour=none") == fleet
    followed = apply_set(fleet, "target_utilization=0.5")
    assert (followed.scaling.target_utilization, followed.scaling.high_utilization) == (0.5, 0.7)
    assert apply_set(followed, "target_utilization=0.75") == fleet
    own = apply_set(fleet, "scaling.target_utilization=0.9")
    assert (own.policy.target_utilization, own.scaling.low_utilization) == (0.75, 0.72)
    assert apply_set(own, "target_utilization=0.6").scaling.target_utilization == 0.9


TWO = MODEL + MODEL.replace("chat", "llama-3.1-8b")


def test_set_changes_a_policy_number_and_nothing_else() -> None:
    fleet = default_fleet()
    changed = apply_set(fleet, "target_utilization=0.6")
    assert changed.policy.target_utilization == 0.6
    assert apply_set(changed, "target_utilization = 0.75") == fleet


def test_set_changes_every_model_or_the_named_one() -> None:
    fleet = read(TWO)
    assert [m.cache_hit_ratio for m in apply_set(fleet, "cache_hit_ratio=0.4").models] == [0.4, 0.4]
    assert [m.cache_hit_ratio for m in apply_set(fleet, "llama-3.1-8b.cache_hit_ratio=0.4").models] == [0.0, 0.4]
    assert [m.slo.ttft_ms for m in apply_set(fleet, "chat.slo.ttft_ms=500").models] == [500, None]
    assert [m.max_concurrency for m in apply_set(fleet, "max_concurrency=1").models] == [1, 1]


def test_set_reaches_a_table_the_file_left_out_only_if_it_is_then_complete() -> None:
    with pytest.raises(InputError, match=r"--set memory.layers=3, \[\[model\]\] chat memory.weights_gib: missing"):
        apply_set(read(MODEL), "memory.layers=3")


def test_set_keeps_the_resolved_paths_and_the_money() -> None:
    fleet = read(MODEL + "unserved_usd_mtok = 0.1\n[catalog]\nfiles = ['a.toml']\n", folder="/x")
    changed = apply_set(fleet, "max_spot_share=0")
    assert changed.catalog.files == ("/x/a.toml",)
    assert changed.models[0].unserved_usd_mtok == Decimal("0.1")


def test_set_none_takes_a_limit_away() -> None:
    fleet = apply_set(default_fleet(), "max_usd_month=100")
    assert fleet.policy.max_usd_month == Decimal(100)
    assert apply_set(fleet, "max_usd_month=none").policy.max_usd_month is None
    assert apply_set(fleet, "sharing=none").policy.sharing == Sharing.NONE


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("target_utilisation=0.6", "unknown key 'target_utilisation'; did you mean 'target_utilization'?"),
        ("ttft_ms=500", "unknown key 'ttft_ms'; did you mean 'slo.ttft_ms'?"),
        ("chat.slo.ttft=500", "unknown key 'slo.ttft'; did you mean 'slo.ttft_ms'?"),
        ("chat.target_utilization=0.6", "unknown key 'target_utilization'"),
        ("name=x", "unknown key 'name'"),
        ("target_utilization", "expected KEY=VALUE"),
        ("target_utilization=", "expected KEY=VALUE"),
        ("landing\n", "expected KEY=VALUE on one line"),
        ("target_utilization=0", "target_utilization must be in (0, 1], got 0"),
        ("target_utilization=much", "target_utilization is 'much'; expected a valid number"),
        ("tenure_months=3\nsharing=4", "expected KEY=VALUE on one line"),
        ("preset=funded", "unknown key 'preset'"),
        ("scaling.max_node=3", "unknown key 'scaling.max_node'; did you mean 'scaling.max_nodes'?"),
        ("scaling.cooldown_s.chat=3", "unknown key 'scaling.cooldown_s.chat'"),
        ("scaling.cooldown_s=-1", "cooldown_s must be 0 or more, got -1"),
    ],
)
def test_a_wrong_set_is_one_line(setting: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        apply_set(read(MODEL), setting)
    assert str(caught.value).startswith(f"--set {setting!r}" if "\n" in setting else f"--set {setting}")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def as_json(text: str) -> Any:
    """A TOML document as a JSON tool sees it: dates as text."""
    return json.loads(json.dumps(tomllib.loads(text), default=str))


def test_the_published_schema_is_current() -> None:
    published = (ROOT / "docs/schemas/fleet.schema.json").read_text(encoding="utf-8")
    assert published == fleet_schema_text(), "write planner.fleet.fleet_schema_text() to docs/schemas/fleet.schema.json"


@pytest.mark.parametrize(
    "text", [default_fleet_text(), *(path.read_text(encoding="utf-8") for path in FLEETS)], ids=lambda text: text[:30]
)
def test_the_default_and_the_examples_satisfy_the_schema(text: str) -> None:
    jsonschema.validate(as_json(text), fleet_schema(), cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("wrong", ["[policy]\ntarget = 0.5", "cache_hit_ratio = 'x'", "slo.ttft = 3"])
def test_the_schema_refuses_what_the_reader_refuses(wrong: str) -> None:
    complaint(MODEL + wrong)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(as_json(MODEL + wrong), fleet_schema(), cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("path", FLEETS, ids=lambda path: path.parent.name)
def test_every_example_fleet_is_read_and_its_forecast_names_its_models(path: Path) -> None:
    fleet = read_fleet_file(path)
    for name in path.parent.glob("forecast.csv"):
        forecast = read_forecast(read_text(name), source=name.name, models=fleet.model_names)
        assert forecast.models == fleet.model_names


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_fleet_or_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text)
    assert "\n" not in str(caught.value)


DEFAULT = default_fleet_text()


@settings(deadline=None)
@given(st.integers(0, len(DEFAULT)), st.integers(0, 12), st.text(alphabet="ab[]{}=.,\"\n0-9enf# '", max_size=8))
def test_a_damaged_fleet_is_read_or_refused_in_one_line(at: int, cut: int, put: str) -> None:
    said = answer(DEFAULT[:at] + put + DEFAULT[at + cut :])
    assert said is None or "\n" not in said
