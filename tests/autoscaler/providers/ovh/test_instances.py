from typing import Any

import pytest

from autoscaler.providers.ovh.instances import OvhInstances, address_of
from autoscaler.providers.provider import CapacityUnavailable, Machine, MachineState, Permanent, Product, Temporary
from tests.autoscaler.providers.ovh.cloud import REGION
from tests.autoscaler.providers.ovh.double import OvhDouble
from tests.autoscaler.providers.ovh.projects import MODEL, TOKEN, an_api, an_order, some_instances

STATUSES = [
    ("BUILD", MachineState.PENDING),
    ("BUILDING", MachineState.PENDING),
    ("ACTIVE", MachineState.RUNNING),
    ("ERROR", MachineState.RUNNING),
    ("SHUTOFF", MachineState.RUNNING),
    ("UNKNOWN", MachineState.RUNNING),
    ("DELETING", MachineState.STOPPING),
    ("SOFT_DELETED", MachineState.STOPPING),
    ("DELETED", MachineState.GONE),
]


def sent(double: OvhDouble) -> list[Any]:
    return [body for method, path, body in double.bodies if method == "POST" and path.endswith("/instance")]


def row(provider: OvhInstances, machine_id: str) -> Machine:
    (found,) = [one for one in provider.machines().machines if one.id == machine_id]
    return found


@pytest.mark.parametrize(("status", "state"), STATUSES)
def test_what_bills_is_there_and_what_ends_is_ending(api, double, status, state):
    provider = some_instances(api, double)
    machine = provider.launch(an_order())
    double.cloud.instances[machine.id].status = status
    assert row(provider, machine.id).state is state


def test_an_instance_in_error_bills_and_can_be_ended(api, double):
    provider = some_instances(api, double)
    machine = provider.launch(an_order())
    double.cloud.instances[machine.id].status = "ERROR"
    provider.terminate(machine.id)
    assert row(provider, machine.id).state is MachineState.STOPPING


def test_an_end_that_was_accepted_and_forgotten_by_ovh_shows_after_five_minutes(api, double, clock):
    provider = some_instances(api, double)
    machine = provider.launch(an_order())
    clock.wait(100)
    provider.terminate(machine.id)
    made = double.cloud.instances[machine.id]
    made.end_asked_at = made.gone_at = None
    clock.wait(299)
    assert row(provider, machine.id).state is MachineState.STOPPING
    clock.wait(1)
    assert row(provider, machine.id).state is MachineState.RUNNING
    provider.terminate(machine.id)
    assert made.end_asked_at is not None


def test_an_order_is_sent_by_the_hour_with_ids_of_names_and_the_start_up_script(api, double):
    provider = some_instances(api, double, networks=["net-1"], ssh_key="ops")
    provider.launch(an_order("k1", "n1"))
    (body,) = sent(double)
    assert body == {
        "name": "n1__prod__llama-3_2e1-8b__ovh_2fb3-8__k1__baseload",
        "region": REGION,
        "flavorId": double.cloud.flavors["b3-8"]["id"],
        "imageId": double.cloud.images()[0]["id"],
        "userData": f"#!/bin/sh\njoin n1 {TOKEN}\n",
        "networks": [{"networkId": "net-1"}],
        "sshKeyId": "c3NoLWtleQ",
    }


def test_the_private_address_is_where_a_node_is_reached(api, double, clock):
    provider = some_instances(api, double, networks=["net-1"])
    machine = provider.launch(an_order())
    assert machine.address is None
    clock.wait(100)
    assert row(provider, machine.id).address == "10.0.0.1"


def test_without_a_private_network_it_is_the_public_address(api, double, clock):
    provider = some_instances(api, double)
    machine = provider.launch(an_order())
    clock.wait(100)
    assert row(provider, machine.id).address == "203.0.113.1"


def test_of_two_addresses_of_a_kind_it_is_the_ipv4_one():
    six = {"ip": "2001:db8::1", "type": "public", "version": 6}
    four = {"ip": "203.0.113.1", "type": "public", "version": 4}
    assert address_of([six, four]) == "203.0.113.1"
    assert address_of([six]) == "2001:db8::1"
    assert address_of([]) is None


@pytest.mark.parametrize(("key", "value", "why"), [("available", False, "out of stock"), ("quota", 0, "quota")])
def test_a_flavor_without_stock_or_room_is_not_asked_for(api, double, clock, key, value, why):
    provider = some_instances(api, double)
    provider.launch(an_order("k1"))
    double.cloud.flavors["b3-8"][key] = value
    clock.wait(301)
    with pytest.raises(CapacityUnavailable, match=f"flavor b3-8 in GRA11: .*{why}"):
        provider.launch(an_order("k2"))
    assert len(sent(double)) == 1


def test_stock_that_came_back_is_seen_within_half_a_minute(api, double, clock):
    provider = some_instances(api, double)
    double.cloud.flavors["b3-8"]["available"] = False
    with pytest.raises(CapacityUnavailable):
        provider.launch(an_order("k1"))
    double.cloud.flavors["b3-8"]["available"] = True
    clock.wait(30)
    assert provider.launch(an_order("k2")).node_id == "node-k2"


def test_ids_are_remembered_and_read_again_after_a_refusal(api, double):
    provider = some_instances(api, double)
    flavors = ("GET", "/cloud/project/{serviceName}/flavor")
    provider.launch(an_order("k1"))
    provider.launch(an_order("k2"))
    assert double.calls.count(flavors) == 1
    double.cloud.flavors["b3-8"]["id"] = "another"
    for made in double.cloud.instances.values():
        made.body["flavorId"] = "another"
    with pytest.raises(Permanent, match="Invalid flavor"):
        provider.launch(an_order("k3"))
    provider.launch(an_order("k4"))
    assert double.calls.count(flavors) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"image": "Debian 99"}, "there is no image 'Debian 99' in GRA11"),
        ({"ssh_key": "nobody"}, "there is no sshkey 'nobody' in GRA11"),
        ({"products": (Product(pool="ovh/b3-8", name="b3-9"),)}, "there is no flavor 'b3-9' in GRA11"),
        ({"products": ()}, "there is no pool ovh/b3-8"),
    ],
)
def test_what_is_configured_wrong_is_said_and_nothing_is_bought(api, double, wrong, said):
    with pytest.raises(Permanent, match=said):
        some_instances(api, double, **wrong).launch(an_order())
    assert sent(double) == []


def test_a_machine_of_another_fleet_is_left_alone(api, double):
    theirs = double.cloud.add("n1__staging__chat__ovh_2fb3-8____baseload")
    provider = some_instances(api, double)
    with pytest.raises(Permanent, match="has not the tag of fleet prod"):
        provider.terminate(theirs.id)
    assert theirs.end_asked_at is None


def test_a_base_node_is_listed_as_such_and_never_ended(api, double):
    base = double.cloud.add("chat-1__prod__chat__ovh_2ft2-45____baseload-base", "t2-45")
    provider = some_instances(api, double)
    listed = row(provider, base.id)
    assert (listed.is_base, listed.node_id, listed.pool) == (True, "chat-1", "ovh/t2-45")
    with pytest.raises(Permanent, match="watched, never ended"):
        provider.terminate(base.id)


def test_a_machine_of_others_counts_by_its_flavor(api, double):
    web = double.cloud.add("web-1", "b3-64")
    assert row(some_instances(api, double), web.id).pool == "ovh/b3-64"


def test_a_machine_that_the_list_lost_and_that_is_there_is_not_forgotten(api, double, clock):
    provider = some_instances(api, double)
    machine = provider.launch(an_order(model=MODEL))
    clock.wait(100)
    provider.machines()
    double.cloud.hidden.add(machine.id)
    assert row(provider, machine.id).state is MachineState.RUNNING


def test_a_list_that_lost_a_machine_which_cannot_be_asked_for_says_nothing(api, double, clock):
    provider = some_instances(api, double)
    machine = provider.launch(an_order())
    clock.wait(100)
    provider.machines()
    double.cloud.hidden.add(machine.id)
    double.broken[("GET", "/instance/{instanceId}")] = "server error"
    with pytest.raises(Temporary):
        provider.machines()


@pytest.mark.parametrize("fault", ["odd list", "odd refusal"])
def test_a_list_that_cannot_be_read_is_no_list(api, double, fault):
    double.broken[("GET", "/instance")] = fault
    with pytest.raises(Temporary, match="cannot be read"):
        some_instances(api, double).machines()


def test_a_machine_that_somebody_ended_is_gone(api, double, clock):
    provider = some_instances(api, double)
    machine = provider.launch(an_order())
    clock.wait(100)
    provider.machines()
    del double.cloud.instances[machine.id]
    assert provider.machines().machines == ()
    assert provider.machines().is_complete


def test_a_project_that_is_not_there_is_no_missing_node(double):

    api = an_api(double, project="another")
    with pytest.raises(Permanent, match="This service does not exist"):
        some_instances(api, double).machines()
    api.close()
