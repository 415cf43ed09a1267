import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.providers.hetzner_cloud.labels import LONGEST, decoded, encoded, labels_of, order_of, server_name
from autoscaler.providers.provider import Order

VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(texts)
def test_whatever_is_encoded_has_the_form_of_a_label_and_comes_back(text):
    value = encoded(text)
    assert VALUE.fullmatch(value)
    assert decoded(value) == text


@given(texts, texts)
def test_an_order_comes_back_from_labels_of_at_most_63_characters(pool, model):
    order = Order(key="k", node_id="n", fleet="f", pool=pool, model=model)
    labels = labels_of(order)
    assert all(len(value) <= LONGEST and VALUE.fullmatch(value) for value in labels.values())
    assert order_of(labels) == order


def test_a_pool_key_stays_readable():
    assert encoded("hetzner-cloud/cx33@fsn1") == "hetzner-cloud_2fcx33_40fsn1"


def test_a_long_model_name_is_spread_over_several_labels():
    order = Order(key="k", node_id="n", fleet="f", pool="p", model="m" * 62 + "/x")
    assert labels_of(order) | {} == {
        "baseload-node": "n",
        "baseload-fleet": "f",
        "baseload-pool": "p",
        "baseload-key": "k",
        "baseload-model.0": "x" + "m" * 61 + "x",
        "baseload-model.1": "xm_2fxx",
    }


@pytest.mark.parametrize("labels", [{}, {"baseload-node": "n"}, {"role": "web"}])
def test_labels_that_are_not_an_order_are_not_ours(labels):
    assert order_of(labels) is None


def test_labels_that_somebody_edited_are_not_ours():
    labels = labels_of(Order(key="k", node_id="n", fleet="f", pool="p", model="m"))
    assert order_of({**labels, "baseload-pool": "a_zz"}) is None
    assert order_of({**labels, "baseload-pool": "a_ff"}) is None


def test_a_key_that_is_a_host_name_is_the_servers_name():
    assert server_name("chat-3-20261201t000000-1") == "chat-3-20261201t000000-1"


def test_other_keys_have_names_of_their_own():
    names = {server_name(key) for key in ("a/b", "a_b", "A/b", "x" * 64, "x" * 65, "")}
    assert len(names) == 6
    assert all(re.fullmatch(r"[a-z0-9-]{1,63}", name) for name in names)
