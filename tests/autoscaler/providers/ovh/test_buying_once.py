"""OVH has no idempotency keys: what keeps an order from being bought twice."""

from datetime import timedelta

import pytest

from autoscaler.providers.ovh.asked import KEPT_FOR
from autoscaler.providers.provider import Permanent, Temporary
from tests.autoscaler.providers.ovh.double import OvhDouble
from tests.autoscaler.providers.ovh.projects import an_api, an_order, some_instances, some_node_pools

POST = ("POST", "/instance")


def bought(double: OvhDouble) -> int:
    return len(double.cloud.instances)


def test_a_machine_whose_order_had_no_answer_and_that_appears_late_is_not_bought_again(api, double, clock):
    provider = some_instances(api, double)
    double.cloud.late_s = 120.0
    double.broken[POST] = "timeout after"
    with pytest.raises(Temporary):
        provider.launch(an_order())
    double.broken.clear()
    clock.wait(60)
    with pytest.raises(Temporary, match="node-k1 may have been made 60 s ago"):
        provider.launch(an_order())
    clock.wait(60)
    assert provider.launch(an_order()).node_id == "node-k1"
    assert bought(double) == 1


def test_an_order_that_may_have_been_made_is_asked_for_again_after_five_minutes_and_not_before(api, double, clock):
    provider = some_instances(api, double)
    double.broken[POST] = "timeout before"
    with pytest.raises(Temporary):
        provider.launch(an_order())
    double.broken.clear()
    clock.wait(299)
    with pytest.raises(Temporary):
        provider.launch(an_order())
    assert bought(double) == 0
    clock.wait(1)
    provider.launch(an_order())
    assert bought(double) == 1


def test_a_second_process_does_not_buy_what_the_first_may_have_bought(api, double, clock):
    double.cloud.late_s = 120.0
    double.broken[POST] = "timeout after"
    asked_at = clock()
    with pytest.raises(Temporary):
        some_instances(api, double).launch(an_order())
    double.broken.clear()
    restarted = some_instances(api, double)
    for _ in range(4):
        clock.wait(29)
        with pytest.raises(Temporary):
            restarted.launch(an_order(asked_at=asked_at))
    clock.wait(4)
    restarted.launch(an_order(asked_at=asked_at))
    assert bought(double) == 1


def test_an_order_that_another_process_never_sent_is_bought_once_that_is_sure(api, double, clock):
    asked_at = clock()
    restarted = some_instances(api, double)
    clock.wait(10)
    with pytest.raises(Temporary):
        restarted.launch(an_order(asked_at=asked_at))
    clock.wait(290)
    # The loop says each time when it asked last: that was this process, which asked OVH for nothing yet.
    restarted.launch(an_order(asked_at=clock() - timedelta(seconds=60)))
    assert bought(double) == 1


def test_an_order_whose_list_failed_was_not_sent_and_is_bought_at_once(api, double):
    provider = some_instances(api, double)
    double.broken[("GET", "/instance")] = "server error"
    with pytest.raises(Temporary):
        provider.launch(an_order())
    double.broken.clear()
    provider.launch(an_order(asked_at=double.now()))
    assert bought(double) == 1


@pytest.mark.parametrize("fault", ["rate limit", "busy"])
def test_an_order_that_was_refused_is_asked_for_again_at_once(api, double, fault):
    provider = some_instances(api, double)
    double.broken[POST] = fault
    with pytest.raises(Temporary):
        provider.launch(an_order())
    double.broken.clear()
    provider.launch(an_order())
    assert bought(double) == 1


@pytest.mark.parametrize("some", [some_instances, some_node_pools])
def test_an_answer_that_cannot_be_read_may_be_that_of_a_purchase(api, double, clock, some):
    provider = some(api, double)
    double.cloud.late_s = double.kube.late_s = 120.0
    double.broken[POST] = double.broken[("POST", "/nodepool")] = "odd after"
    with pytest.raises(Temporary, match="cannot be read"):
        provider.launch(an_order())
    double.broken.clear()
    with pytest.raises(Temporary, match="may have been made"):
        provider.launch(an_order())
    clock.wait(120)
    provider.launch(an_order())
    assert len(double.cloud.instances) + len(double.kube.pools) == 1


def test_of_two_machines_of_one_order_the_first_is_its_own(api, double, clock):
    provider = some_instances(api, double)
    first = provider.launch(an_order())
    clock.wait(1)
    name = double.cloud.instances[first.id].body["name"]
    double.cloud.add(name)
    assert some_instances(api, double).launch(an_order()).id == first.id
    assert bought(double) == 2  # both are listed with the tag; the loop ends the second


def test_a_key_that_names_another_machine_in_the_account_is_refused_after_a_restart(api, double):
    some_instances(api, double).launch(an_order("k1", "n1"))
    with pytest.raises(Permanent, match="key k1 is that of n1 in ovh/b3-8"):
        some_instances(api, double).launch(an_order("k1", "n2"))


def test_what_was_asked_is_forgotten_after_a_day(api, double, clock):
    provider = some_instances(api, double)
    provider.launch(an_order("k1", "n1"))
    clock.wait(KEPT_FOR.total_seconds() + 1)
    provider.launch(an_order("k2", "n2"))
    assert list(provider._orders._asked) == ["k2"]


def test_a_slow_call_that_the_double_never_answers_ends_with_the_errand_and_buys_nothing(double):

    hasty = an_api(double, call_timeout_s=0.4)
    double.broken[POST] = "hang"
    with pytest.raises(Temporary, match="no answer"):
        some_instances(hasty, double).launch(an_order())
    hasty.close()
    assert bought(double) == 0
