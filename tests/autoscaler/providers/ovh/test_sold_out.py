"""OVH says yes and then has no room: the machine in error is ended, and its pool is left alone for ten minutes."""

import pytest

from autoscaler.providers.ovh.sold_out import BACK_OFF
from autoscaler.providers.provider import CapacityUnavailable
from tests.autoscaler.providers.ovh.projects import an_order, some_instances, some_node_pools

OTHER = "ovh/b3-64"


def test_an_instance_in_error_is_broken_and_its_pool_is_sold_out_for_ten_minutes(api, double, clock):
    provider = some_instances(api, double)
    machine = provider.launch(an_order("k1"))
    double.cloud.instances[machine.id].status = "ERROR"
    assert [one.is_broken for one in provider.machines().machines] == [True]
    provider.terminate(machine.id)
    clock.wait(200)
    assert provider.machines().machines == ()
    with pytest.raises(CapacityUnavailable, match="of ovh/b3-8 came to nothing 200 s ago"):
        provider.launch(an_order("k2"))
    assert provider.launch(an_order("k3", pool=OTHER)).pool == OTHER
    clock.wait(BACK_OFF.total_seconds() - 200)
    assert provider.launch(an_order("k4")).pool == "ovh/b3-8"
    assert len(double.cloud.instances) == 3


@pytest.mark.parametrize("status", ["FLAVOR_OUT_OF_STOCK_ERROR", "USER_QUOTA_ERROR", "ERROR"])
def test_a_node_pool_that_waits_for_stock_is_broken_and_its_pool_is_sold_out(api, double, clock, status):
    provider = some_node_pools(api, double)
    double.kube.waits = status
    machine = provider.launch(an_order("k1"))
    assert [one.is_broken for one in provider.machines().machines] == [True]
    provider.terminate(machine.id)
    double.kube.waits = None
    clock.wait(200)
    with pytest.raises(CapacityUnavailable, match="came to nothing 200 s ago"):
        provider.launch(an_order("k2"))
    clock.wait(BACK_OFF.total_seconds() - 200)
    assert provider.launch(an_order("k3")).pool == "ovh/b3-8"


def test_an_instance_that_stays_in_error_holds_its_pool_back_no_longer_than_that(api, double, clock):
    provider = some_instances(api, double)
    double.cloud.instances[provider.launch(an_order("k1")).id].status = "ERROR"
    for _ in range(3):
        provider.machines()
        clock.wait(200)
    provider.machines()
    assert provider.launch(an_order("k2")).pool == "ovh/b3-8"


def test_instances_of_others_in_error_say_nothing(api, double):
    double.cloud.add("web-1").status = "ERROR"
    provider = some_instances(api, double)
    provider.machines()
    assert provider.launch(an_order()).pool == "ovh/b3-8"
