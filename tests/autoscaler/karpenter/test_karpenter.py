"""NodePools of a plan, held to Karpenter's published schema and to the rules it states beside it."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from autoscaler.cli import baseload, run
from autoscaler.cluster.karpenter import Exported, NodePool, Wanted, name_of, node_pools, weights
from planner.catalog.offer import Catalog, Offer, Role
from planner.errors import InputError
from planner.fleet.daemon import ClusterSettings
from planner.plan import Plan, PlannedLease
from planner.report.plan_json import plan_text
from policies.billing import Billing
from policies.scaling import ScalingPolicy
from tests.planner.report.plans import SPOT, START, a_rate, an_offer, small_plan

SCHEMA = json.loads((Path(__file__).parent / "nodepool_v1.json").read_text())
ON_DEMAND = SPOT.removesuffix("/spot")
ALLOWED = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone", "kubernetes.io/arch", "kubernetes.io/os")
"""Of the restricted domains, what a NodePool may ask for, as far as ours do; node.kubernetes.io as a whole may."""
WANTED = Wanted(node_class="default", headroom_ratio=1.5, by_family=False, with_fallback=True)


def machine(offer: str, **changes: Any) -> Offer:
    made = Offer(
        id=offer,
        provider="aws",
        product="r7a.4xlarge",
        role=Role.BURST,
        region="us-east-1",
        vcpu=16,
        memory_gib=128,
        billing=Billing.SECOND,
        price_usd_hour=Decimal(1),
        price_date=date(2026, 11, 1),
        source="list",
        is_spot=offer.endswith("/spot"),
    )
    return replace(made, **changes)


CATALOG = Catalog(offers=(machine(SPOT), machine(ON_DEMAND)))


def bursting(*spans: tuple[int, int, int], offer: str = SPOT) -> Plan:
    """The small plan with leases of `offer` instead: (first hour, end, nodes); 1,000 in or 100 out keep one busy."""
    plan = small_plan()
    leases = tuple(
        PlannedLease(
            offer=offer,
            model="m",
            start=START + timedelta(hours=first),
            end=START + timedelta(hours=end),
            count=count,
            charge_usd=Decimal(1),
        )
        for first, end, count in spans
    )
    offers = {
        **plan.offers,
        ON_DEMAND: an_offer("burst", ON_DEMAND, rate_usd_hour=Decimal("1.25"), billing=Billing.SECOND),
    }
    rates = {**plan.models["m"].rates, SPOT: a_rate(1000.0, 100.0), ON_DEMAND: a_rate(1000.0, 100.0)}
    return replace(plan, leases=leases, offers=offers, models={"m": replace(plan.models["m"], rates=rates)})


def exported(plan: Plan, wanted: Wanted = WANTED, *, catalog: Catalog = CATALOG, **changes: Any) -> Exported:
    scaling = ScalingPolicy(**changes.pop("scaling", {}))
    found = node_pools(plan, catalog, wanted, cluster=ClusterSettings(**changes), scaling=scaling)
    for one in found.node_pools:
        held_to_the_schema(one)
    return found


def held_to_the_schema(pool: NodePool) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(pool)
    template = pool["spec"]["template"]
    asked = template["spec"]["requirements"]
    keys = [*template["metadata"]["labels"], *(one["key"] for one in asked)]
    for key in keys:
        domain = key.rpartition("/")[0]
        if domain.endswith(("kubernetes.io", "k8s.io")):
            assert key in ALLOWED or domain.endswith("node.kubernetes.io"), key
    assert all(one["values"] for one in asked)
    assert all(len(one["values"]) == 1 and int(one["values"][0]) >= 0 for one in asked if one["operator"] == "Gt")
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", pool["metadata"]["name"])
    assert len(pool["metadata"]["name"]) <= 63


def asked_for(pool: NodePool) -> dict[str, str]:
    return {one["key"]: one["values"][0] for one in pool["spec"]["template"]["spec"]["requirements"]}


def test_a_spot_pool_comes_first_and_the_same_machine_on_demand_after_it() -> None:
    spot, on_demand = exported(bursting((0, 2, 1), (1, 4, 1))).node_pools
    assert [one["spec"]["weight"] for one in (spot, on_demand)] == [100, 90]
    assert asked_for(spot) == {
        "karpenter.sh/capacity-type": "spot",
        "node.kubernetes.io/instance-type": "r7a.4xlarge",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/region": "us-east-1",
    }
    assert asked_for(on_demand)["karpenter.sh/capacity-type"] == "on-demand"
    # Two nodes at once, times 1.5: three of 16 processors and 128 GiB.
    assert [one["spec"]["limits"] for one in (spot, on_demand)] == [{"cpu": "48", "memory": "384Gi"}] * 2
    told = [one["metadata"]["annotations"] for one in (spot, on_demand)]
    assert [one["baseload.dev/planned-nodes"] for one in told] == ["2", "0"]
    # 10 in for 1 out: a million tokens are 909.1 s of prefill and 909.1 s of decode, 0.505 h at 0.5 and 1.25.
    assert [one["baseload.dev/usd-per-mtok"] for one in told] == ["0.2525", "0.6313"]


def test_a_lease_that_begins_as_another_ends_is_no_second_node() -> None:
    (pool,) = exported(
        bursting((0, 2, 1), (2, 4, 1)), replace(WANTED, with_fallback=False, headroom_ratio=1)
    ).node_pools
    assert pool["spec"]["limits"]["cpu"] == "16"


def test_the_cheaper_work_weighs_more_whatever_a_machine_costs() -> None:
    plan = bursting((0, 4, 1))
    rates = {**plan.models["m"].rates, ON_DEMAND: a_rate(4000.0, 400.0)}  # 2.5 times the price, four times the work
    plan = replace(plan, models={"m": replace(plan.models["m"], rates=rates)})
    first, second = exported(plan).node_pools
    assert asked_for(first)["karpenter.sh/capacity-type"] == "on-demand"
    assert (first["spec"]["weight"], second["spec"]["weight"]) == (100, 90)


@pytest.mark.parametrize(("count", "last"), [(1, 100), (2, 90), (10, 10), (11, 10), (12, 1), (100, 1)])
def test_no_two_pools_of_a_model_weigh_the_same(count: int, last: int) -> None:
    found = weights(count)
    assert (found[0], found[-1], len(set(found))) == (100, last, count)
    assert found == sorted(found, reverse=True)


def test_more_pools_than_weights_are_refused() -> None:
    with pytest.raises(InputError, match="Karpenter has 100 weights"):
        weights(101)


def test_the_offers_own_limit_holds() -> None:
    plan = bursting((0, 4, 10))
    offers = {**plan.offers, SPOT: replace(plan.offers[SPOT], max_count=4)}
    (pool,) = exported(replace(plan, offers=offers), replace(WANTED, with_fallback=False)).node_pools
    assert pool["spec"]["limits"]["cpu"] == str(4 * 16)


def test_a_family_takes_no_smaller_machine_and_as_many_cards() -> None:
    catalog = Catalog(
        offers=(machine(SPOT, product="g5.12xlarge", vcpu=48, gpu="A10G", gpu_count=4, gpu_memory_gib=22.0),)
    )
    wanted = replace(WANTED, by_family=True, with_fallback=False)
    (pool,) = exported(bursting((0, 4, 2)), wanted, catalog=catalog).node_pools
    asked = {one["key"]: (one["operator"], one["values"][0]) for one in _requirements(pool)}
    assert "node.kubernetes.io/instance-type" not in asked
    assert asked["karpenter.k8s.aws/instance-family"] == ("In", "g5")
    assert asked["karpenter.k8s.aws/instance-cpu"] == ("Gt", "47")
    assert asked["karpenter.k8s.aws/instance-gpu-count"] == ("In", "4")
    assert pool["spec"]["limits"]["nvidia.com/gpu"] == "12"


def _requirements(pool: NodePool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pool["spec"]["template"]["spec"]["requirements"]
    return found


def test_nodes_bear_the_clusters_labels_and_taints_and_never_the_fleets_tag() -> None:
    """A machine with the fleet's tag would be the daemon's to end; these are Karpenter's."""
    pool = exported(
        bursting((0, 4, 1)),
        labels={"team": "search"},
        taints=("baseload.dev/burst=yes:NoSchedule", "spot:PreferNoSchedule"),
        model_label="serving/model",
    ).node_pools[0]
    template = pool["spec"]["template"]
    assert template["metadata"]["labels"] == {
        "team": "search",
        "baseload.dev/model": "m",
        "serving/model": "m",
        "baseload.dev/pool": "aws_r7a.4xlarge_spot-" + template["metadata"]["labels"]["baseload.dev/pool"][-6:],
    }
    assert template["spec"]["taints"] == [
        {"key": "baseload.dev/burst", "value": "yes", "effect": "NoSchedule"},
        {"key": "spot", "effect": "PreferNoSchedule"},
    ]


def test_the_policys_durations_are_karpenters() -> None:
    scaling = {"cooldown_s": 240.5, "drain_timeout_s": 900.0, "max_drains_per_tick": 2}
    pool = exported(bursting((0, 4, 1)), scaling=scaling).node_pools[0]
    assert pool["spec"]["disruption"] == {
        "consolidationPolicy": "WhenEmpty",
        "consolidateAfter": "241s",
        "budgets": [{"nodes": "2"}],
    }
    assert pool["spec"]["template"]["spec"]["terminationGracePeriod"] == "900s"


def test_it_says_what_is_left_out_and_what_the_limits_allow() -> None:
    plan = bursting((0, 4, 2))
    mixed = replace(plan, leases=(*plan.leases, *small_plan().leases))
    remarks = exported(mixed, scaling={"max_usd_hour": Decimal(5), "max_nodes": 6}).remarks
    assert remarks[0] == "left out: burst at ovh, which Karpenter's AWS provider cannot launch"
    assert remarks[1].startswith("left out: base nodes at hetzner, which people order")
    # Three on spot at 0.50 and three on demand at 1.25.
    assert remarks[2] == (
        "the limits allow 6 nodes and USD 5.25 an hour in all; max_usd_hour of the policy is 5, "
        "and Karpenter has no cap over several NodePools"
    )


def test_prices_that_were_old_when_the_plan_was_made_are_said_for_weights_go_by_them() -> None:
    plan = bursting((0, 4, 1))
    old = {key: replace(one, is_price_stale=True) for key, one in plan.offers.items()}
    assert not any("old prices" in one for one in exported(plan).remarks)
    said = exported(replace(plan, offers=old)).remarks[-1]
    days = old[SPOT].price_date, old[ON_DEMAND].price_date
    assert said == f"old prices: aws of {days[1]}, aws spot of {days[0]}; `baseload catalog refresh` asks for today's"


@pytest.mark.parametrize("name", ["gpu", "gpu-2.team", "4x", "a" * 253])
def test_a_node_class_is_a_name_in_kubernetes(name: str) -> None:
    assert replace(WANTED, node_class=name).node_class == name


@pytest.mark.parametrize("name", ["", "GPU", "ec2nodeclass/gpu", "gpu_2", "-gpu", "gpu.", "a..b", "gpu\n", "a" * 254])
def test_what_is_no_name_in_kubernetes_is_no_node_class(name: str) -> None:
    with pytest.raises(InputError, match="expected that of an EC2NodeClass alone"):
        replace(WANTED, node_class=name)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (small_plan(), "the plan has no burst nodes at AWS (it bursts to ovh)"),
        (replace(small_plan(), leases=()), "(it has no burst nodes)"),
    ],
)
def test_a_plan_without_aws_is_refused(plan: Plan, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        exported(plan)


def test_a_machine_nobody_knows_the_size_of_is_refused_for_it_would_have_no_limit() -> None:
    with pytest.raises(InputError, match="has no size in the catalog; expected vcpu"):
        exported(bursting((0, 4, 1)), catalog=Catalog(offers=(machine(SPOT, vcpu=None, memory_gib=None),)))
    with pytest.raises(InputError, match="is in the plan and not in the fleet's catalog"):
        exported(bursting((0, 4, 1)), catalog=Catalog(offers=()))


def test_names_are_valid_and_differ_where_what_is_kept_of_them_does_not() -> None:
    one, two = name_of("Llama_3.1", SPOT), name_of("llama-3-1", SPOT)
    assert one != two
    assert one[:-7] == two[:-7] == "llama-3-1-r7a-4xlarge-spot"
    assert len(name_of("m" * 200, SPOT)) == 63


Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    plan = bursting((0, 4, 2))
    (tmp_path / "plan.json").write_text(plan_text(plan))
    (tmp_path / "fleet.toml").write_text('[[model]]\nname = "m"\nprofile = "llama-7b-q4"\n')

    def made(*words: object, config: str = "fleet.toml") -> tuple[int, str, str]:
        code = run(baseload(), ["export", "karpenter", "-c", str(tmp_path / config), *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return made


def test_yaml_for_people_json_for_programs_and_a_file(export: Said, tmp_path: Path) -> None:
    given = ("--plan", tmp_path / "plan.json")
    code, out, err = export(*given)
    assert code == 0, err
    pools: list[Mapping[str, Any]] = list(yaml.safe_load_all(out))
    assert [one["kind"] for one in pools] == ["NodePool", "NodePool"]
    assert out.startswith("---\napiVersion: karpenter.sh/v1\n")
    code, as_json, _ = export(*given, "--json")
    document = json.loads(as_json)
    assert (document["kind"], document["items"]) == ("List", pools)
    code, out, err = export(*given, "--no-fallback", "--node-class", "gpu", "-o", tmp_path / "pools.yaml")
    assert (code, out) == (0, "")
    assert "wrote " in err
    (pool,) = yaml.safe_load_all((tmp_path / "pools.yaml").read_text())
    assert pool["spec"]["template"]["spec"]["nodeClassRef"]["name"] == "gpu"


def test_wrong_input_is_exit_code_2_and_writes_nothing(export: Said, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(plan_text(small_plan()))
    target = tmp_path / "pools.yaml"
    code, out, err = export("--plan", tmp_path / "other.json", "-o", target)
    assert (code, out, target.exists()) == (2, "", False)
    assert "Karpenter launches machines of AWS" in err
    assert export("--plan", tmp_path / "none.json")[0] == 2
    assert export("--plan", tmp_path / "plan.json", "--headroom", 0.5)[0] == 2
    code, out, err = export("--plan", tmp_path / "plan.json", "--node-class", "GPU", "-o", target)
    assert (code, out, target.exists()) == (2, "", False)
    assert "--node-class GPU: is no name of an object in Kubernetes" in err


def test_a_fleet_without_the_plans_model_is_another_fleet(export: Said, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('[[model]]\nname = "chat"\nprofile = "llama-7b-q4"\n')
    target = tmp_path / "pools.yaml"
    code, out, err = export("--plan", tmp_path / "plan.json", "-o", target, config="other.toml")
    assert (code, out, target.exists()) == (2, "", False)
    assert f"plan.json: plans for m, which {tmp_path / 'other.toml'} does not have (it has chat)" in err
    assert "expected the plan's fleet with -c" in err
    assert err.count("\n") == 1
