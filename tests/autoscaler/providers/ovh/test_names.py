import pytest

from autoscaler.providers.ovh.names import LONGEST, name_of, tag_of
from tests.autoscaler.providers.ovh.projects import an_order

NODE = "prod-3-20261201t010203-1"


def test_a_name_begins_with_the_node_and_says_the_order():
    name = name_of(an_order(NODE, NODE, model="llama-7b-q4"))
    assert name == f"{NODE}__prod__llama-7b-q4__ovh_2fb3-8____baseload"


@pytest.mark.parametrize("model", ["llama-3.1-8b", "meta-llama/Llama-3.1-8B", "a_b", "a__b", "ü", "m:70b", "_", "a_2f"])
def test_what_a_name_says_is_what_was_ordered(model):
    order = an_order("k_1", "n__1", model=model)
    tag = tag_of(name_of(order))
    assert tag is not None
    assert tag.is_of(order)
    assert not tag.is_base


@pytest.mark.parametrize("other", [{"key": "k2"}, {"pool": "ovh/b3-64"}, {"model": "m"}])
def test_another_order_is_told_from_it(other):
    tag = tag_of(name_of(an_order("k1", "n1")))
    assert tag is not None
    assert not tag.is_of(an_order(**{"key": "k1", "node_id": "n1", **other}))


@pytest.mark.parametrize(
    "name",
    [
        "web-1",
        "",
        "a__b__c__d__e__other",
        "a__b__c__d__baseload",
        "____c__d__e__baseload",
        "a__b__c.d__e____baseload",
        "a__b___ff__d____baseload",
        "a__b___zz__d____baseload",
    ],
)
def test_names_of_others_are_no_tags(name):
    assert tag_of(name) is None


def test_a_base_node_is_named_by_hand():
    tag = tag_of("chat-1__prod__chat__ovh_2ft2-45____baseload-base")
    assert tag is not None
    assert (tag.node_id, tag.fleet, tag.model, tag.pool, tag.is_base) == ("chat-1", "prod", "chat", "ovh/t2-45", True)


def test_a_name_that_openstack_would_not_take_is_refused_before_anything_is_bought():
    with pytest.raises(ValueError, match=f"would be named with .* characters, and {LONGEST} are allowed"):
        name_of(an_order(model="m" * 250))
