import logging
from typing import Any

import pytest

from autoscaler.providers.ovh.node_pools import OvhNodePools
from autoscaler.providers.ovh.pool_of_one import pool_name
from autoscaler.providers.provider import CapacityUnavailable, Machine, MachineState, Permanent, Product, Temporary
from planner.fleet.daemon import Taint
from tests.autoscaler.providers.ovh.double import OvhDouble
from tests.autoscaler.providers.ovh.projects import MODEL, an_api, an_order, some_node_pools

POST = ("POST", "/nodepool")


def sent(double: OvhDouble, method: str = "POST") -> list[Any]:
    return [body for verb, path, body in double.bodies if verb == method and "/nodepool" in path]


def rows(provider: OvhNodePools) -> dict[str, Machine]:
    return {machine.id: machine for machine in provider.machines().machines}


def test_an_order_is_a_pool_of_one_that_tells_the_node_what_it_is(api, double):
    taints = [Taint.of("gpu=only:NoSchedule"), Taint.of("burst:NoExecute")]
    provider = some_node_pools(api, double, labels={"team": "llm"}, taints=taints)
    order = an_order("k1", "n1", model="meta-llama/Llama-3.1-8B")
    provider.launch(order)
    (body,) = sent(double)
    assert body == {
        "name": pool_name(order),
        "flavorName": "b3-8",
        "desiredNodes": 1,
        "minNodes": 1,
        "maxNodes": 1,
        "autoscale": False,
        "template": {
            "metadata": {
                "labels": {
                    "team": "llm",
                    "baseload.dev/node": "n1",
                    "baseload.dev/fleet": "prod",
                    "baseload.dev/pool": body["template"]["metadata"]["labels"]["baseload.dev/pool"],
                    "baseload.dev/model": body["template"]["metadata"]["labels"]["baseload.dev/model"],
                },
                "annotations": {
                    "baseload.dev/node": "n1",
                    "baseload.dev/fleet": "prod",
                    "baseload.dev/pool": "ovh/b3-8",
                    "baseload.dev/model": "meta-llama/Llama-3.1-8B",
                    "baseload.dev/order": "k1",
                },
                "finalizers": [],
            },
            "spec": {
                "taints": [
                    {"key": "gpu", "value": "only", "effect": "NoSchedule"},
                    {"key": "burst", "value": "", "effect": "NoExecute"},
                ],
                "unschedulable": False,
            },
        },
    }
    # What is no value of a label is one with a digest of the whole.
    assert body["template"]["metadata"]["labels"]["baseload.dev/model"].startswith("meta-llama_Llama-3.1-8B-")


def test_a_pool_is_named_by_its_key_alone_and_fits_a_node_name():
    name = pool_name(an_order("prod-3-20261201t010203-1"))
    assert name == pool_name(an_order("prod-3-20261201t010203-1", model="another"))
    assert name != pool_name(an_order("prod-3-20261201t010203-2"))
    assert len(name) == 25


@pytest.mark.parametrize(("zone", "sent_zones"), [("eu-west-par-a", ["eu-west-par-a"]), ("GRA11", None), (None, None)])
def test_a_zone_other_than_the_region_is_asked_for(api, double, zone, sent_zones):
    provider = some_node_pools(api, double, products=[Product(pool="ovh/b3-8", name="b3-8", zone=zone)])
    provider.launch(an_order())
    assert sent(double)[0].get("availabilityZones") == sent_zones


def test_an_order_without_an_answer_whose_pool_appears_late_is_not_made_again(api, double, clock):
    provider = some_node_pools(api, double)
    double.kube.late_s = 120.0
    double.broken[POST] = "timeout after"
    with pytest.raises(Temporary):
        provider.launch(an_order())
    double.broken.clear()
    with pytest.raises(Temporary, match="may have been made 0 s ago"):
        provider.launch(an_order())
    clock.wait(120)
    provider.launch(an_order())
    assert len(double.kube.pools) == 1


def test_a_pool_of_that_name_that_no_list_shows_is_waited_for(api, double, clock):
    double.kube.late_s = 400.0
    asked_at = clock()
    some_node_pools(api, double).launch(an_order())
    clock.wait(301)
    restarted = some_node_pools(api, double)
    with pytest.raises(Temporary, match="of this name exists"):
        restarted.launch(an_order(asked_at=asked_at))
    clock.wait(99)
    restarted.launch(an_order(asked_at=asked_at))
    assert len(double.kube.pools) == 1


def test_a_busy_pool_is_ended_later(api, double):
    provider = some_node_pools(api, double)
    machine = provider.launch(an_order())
    double.broken[("DELETE", "/{nodePoolId}")] = "busy"
    with pytest.raises(Temporary, match="not ready"):
        provider.terminate(machine.id)
    assert rows(provider)[machine.id].state is MachineState.PENDING
    double.broken.clear()
    provider.terminate(machine.id)
    assert rows(provider)[machine.id].state is MachineState.STOPPING


@pytest.mark.parametrize("status", ["FLAVOR_OUT_OF_STOCK_ERROR", "USER_QUOTA_ERROR"])
def test_while_a_node_waits_for_stock_no_further_pool_of_its_flavor_is_made(api, double, status):
    provider = some_node_pools(api, double)
    double.kube.waits = status
    first = provider.launch(an_order("k1"))
    assert rows(provider)[first.id].state is MachineState.PENDING
    restarted = some_node_pools(api, double)
    with pytest.raises(CapacityUnavailable, match=f"flavor b3-8: a node waits .{status}"):
        restarted.launch(an_order("k2"))
    assert len(double.kube.pools) == 1
    double.kube.waits = None
    assert restarted.launch(an_order("k3", pool="ovh/b3-64")).pool == "ovh/b3-64"


def test_a_pool_that_waits_for_quota_is_as_good_as_none(api, double):
    provider = some_node_pools(api, double)
    first = provider.launch(an_order("k1"))
    double.kube.pools[first.id].status = "USER_QUOTA_ERROR"
    with pytest.raises(CapacityUnavailable, match="waits for quota"):
        provider.launch(an_order("k2"))


def test_a_pool_that_gets_no_node_at_all_is_broken(api, double):
    provider = some_node_pools(api, double)
    machine = provider.launch(an_order("k1"))
    pool = double.kube.pools[machine.id]
    pool.nodes.clear()
    assert not rows(provider)[machine.id].is_broken
    pool.status = "ERROR"
    assert rows(provider)[machine.id].is_broken


def test_a_flavor_the_cluster_shows_as_unavailable_is_not_asked_for(api, double):
    double.kube.sold_out.add("b3-8")
    with pytest.raises(CapacityUnavailable, match="flavor b3-8: out of stock"):
        some_node_pools(api, double).launch(an_order())
    assert sent(double) == []


def test_autoscaling_that_somebody_put_on_is_said_and_put_off_again(api, double, caplog):
    provider = some_node_pools(api, double)
    pool = double.kube.pools[provider.launch(an_order("k1")).id]
    pool.body |= {"autoscale": True, "minNodes": 0, "maxNodes": 5, "desiredNodes": 3}
    double.kube.fill(pool)
    with caplog.at_level(logging.WARNING):
        provider.machines()
        provider.machines()
    assert [record.getMessage().partition(" is ")[0] for record in caplog.records] == [f"ovh: node pool {pool.id}"]
    assert sent(double, "PUT") == []  # a list changes nothing: a dry run lists, too
    provider.launch(an_order("k2"))
    (body,) = sent(double, "PUT")
    assert body == {"autoscale": False, "minNodes": 1, "maxNodes": 3}
    provider.launch(an_order("k3"))
    assert len(sent(double, "PUT")) == 1


def test_a_pool_that_cannot_be_put_right_does_not_stop_a_launch(api, double, caplog):
    provider = some_node_pools(api, double)
    double.kube.pools[provider.launch(an_order("k1")).id].body["autoscale"] = True
    double.broken[("PUT", "/{nodePoolId}")] = "busy"
    with caplog.at_level(logging.WARNING):
        assert provider.launch(an_order("k2")).node_id == "node-k2"
    assert "not ready" in caplog.text


def test_nodes_beyond_the_one_are_machines_with_the_same_tag_and_end_alone(api, double, clock):
    provider = some_node_pools(api, double)
    first = provider.launch(an_order("k1", "n1"))
    clock.wait(10)
    pool = double.kube.pools[first.id]
    pool.body |= {"maxNodes": 2, "desiredNodes": 2}
    double.kube.fill(pool)
    further_id = f"{pool.id}/{pool.nodes[1].id}"
    assert {machine_id: row.node_id for machine_id, row in rows(provider).items()} == {first.id: "n1", further_id: "n1"}
    provider.terminate(further_id)
    (body,) = sent(double, "PUT")
    assert body == {
        "desiredNodes": 1,
        "minNodes": 1,
        "maxNodes": 1,
        "autoscale": False,
        "nodesToRemove": [pool.nodes[1].id],
    }
    assert rows(provider)[further_id].state is MachineState.STOPPING
    clock.wait(600)
    assert set(rows(provider)) == {first.id}
    assert rows(provider)[first.id].state is MachineState.RUNNING


def test_a_node_that_ovh_replaces_is_the_same_machine_and_no_second_one(api, double, clock):
    provider = some_node_pools(api, double)
    first = provider.launch(an_order())
    clock.wait(300)
    pool = double.kube.pools[first.id]
    pool.nodes[0].status = "DELETING"
    clock.wait(10)
    pool.nodes.append(type(pool.nodes[0])(id="new", created_at=clock(), ready_at=clock()))
    seen = rows(provider)
    assert seen[first.id].state is MachineState.RUNNING
    assert {row.state for machine_id, row in seen.items() if machine_id != first.id} == {MachineState.STOPPING}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("INSTALLING", MachineState.PENDING),
        ("READY", MachineState.RUNNING),
        ("UPDATING", MachineState.RUNNING),
        ("ERROR", MachineState.PENDING),
        ("DELETING", MachineState.PENDING),
    ],
)
def test_a_pool_of_one_is_as_its_node_is(api, double, status, state):
    provider = some_node_pools(api, double)
    machine = provider.launch(an_order())
    double.kube.pools[machine.id].nodes[0].status = status
    assert rows(provider)[machine.id].state is state


def test_a_pool_of_another_fleet_is_left_alone(api, double):
    theirs = some_node_pools(api, double, fleet="staging").launch(an_order())
    with pytest.raises(Permanent, match="has not the tag of fleet staging"):
        some_node_pools(api, double, fleet="staging").terminate(theirs.id)  # the order said prod
    assert double.kube.pools[theirs.id].end_asked_at is None


def test_a_key_of_another_order_is_refused_after_a_restart(api, double):
    some_node_pools(api, double).launch(an_order("k1", "n1", model=MODEL))
    with pytest.raises(Permanent, match="key k1 is that of n1"):
        some_node_pools(api, double).launch(an_order("k1", "n1", model="another"))


@pytest.mark.parametrize("fault", ["odd list", "odd refusal"])
@pytest.mark.parametrize("path", ["/nodepool", "/node"])
def test_a_list_that_cannot_be_read_is_no_list(api, double, fault, path):
    double.broken[("GET", path)] = fault
    with pytest.raises(Temporary, match="cannot be read"):
        some_node_pools(api, double).machines()


def test_a_cluster_that_is_not_there_is_no_missing_node(double):
    api = an_api(double)
    with pytest.raises(Permanent, match="Cluster not found"):
        some_node_pools(api, double, cluster="another").machines()
    api.close()


def test_a_pool_of_one_tells_the_instance_that_its_node_in_the_cluster_will_name(api, double, clock):
    provider = some_node_pools(api, double)
    pool_id = provider.launch(an_order("k1")).id
    (node,) = double.kube.pools[pool_id].nodes
    node.status = "FLAVOR_OUT_OF_STOCK_ERROR"
    assert rows(provider)[pool_id].instances == ()
    node.status = None
    clock.wait(300)
    assert rows(provider)[pool_id].instances == (node.instance_id,)
