"""Which Node is which node of ours, what a pod serves, and our words as labels."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.cluster.labels import label_value
from autoscaler.fleet import Node, NodeState
from autoscaler.serving.kubernetes.match import Matched, machine_of, match
from autoscaler.serving.kubernetes.objects import ClusterNode, node_of, pod_of

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")


def an_object(
    name: str, *, label: str | None = None, provider_id: str | None = None, fleet: str = "main"
) -> ClusterNode:
    labels = {} if label is None else {"baseload.dev/node": label, "baseload.dev/fleet": fleet}
    found = node_of({"metadata": {"name": name, "labels": labels}, "spec": {"providerID": provider_id}})
    assert found is not None
    return found


def a_node(
    node_id: str,
    *,
    machine_id: str | None = None,
    pool: str = "aws/r7a.4xlarge",
    instances: tuple[str, ...] | None = None,
) -> Node:
    return Node(
        id=node_id,
        pool=pool,
        model="m",
        state=NodeState.READY,
        since=NOW,
        ordered_at=NOW,
        machine_id=machine_id,
        instances=instances,
    )


def matched(objects: list[ClusterNode], nodes: list[Node]) -> Matched:
    return match(objects, nodes, fleet="main")


@pytest.mark.parametrize(
    ("provider_id", "found"),
    [
        ("aws:///us-east-1a/i-0ab", ("aws", "i-0ab")),
        ("hcloud://4711", ("hcloud", "4711")),
        ("hrobot://321", ("hrobot", "321")),
        ("openstack:///b5a3-11", ("openstack", "b5a3-11")),
        ("openstack://GRA11/b5a3-11", ("openstack", "b5a3-11")),
        ("k3s://node-1", None),
        ("aws:///", None),
        ("i-0ab", None),
        ("", None),
        (None, None),
    ],
)
def test_a_machine_is_read_of_a_provider_id_of_a_known_kind(provider_id, found) -> None:
    assert machine_of(provider_id) == found


@pytest.mark.parametrize(
    ("pool", "provider_id", "machine_id"),
    [
        ("aws/r7a.4xlarge@us-east-1a/spot", "aws:///us-east-1a/i-1", "i-1"),
        ("hetzner-cloud/ccx43", "hcloud://4711", "4711"),
        ("hetzner/ax102", "hrobot://321", "321"),
        ("ovh/b3-64", "openstack:///b5a3-11", "b5a3-11"),
    ],
)
def test_a_machine_of_each_provider_is_known_without_a_label(pool: str, provider_id: str, machine_id: str) -> None:
    found = matched([an_object("x", provider_id=provider_id)], [a_node("n1", machine_id=machine_id, pool=pool)])
    assert set(found.objects) == {"n1"}


def test_the_same_number_at_another_provider_is_another_machine() -> None:
    found = matched([an_object("x", provider_id="hrobot://4711")], [a_node("n1", machine_id="4711", pool="ovh/b3-64")])
    assert (found.objects, found.problems) == ({}, ())


@pytest.mark.parametrize(
    ("instances", "is_known"),
    [(("i-1",), True), (("i-0", "i-1"), True), ((), True), (("i-2",), False), (None, False)],
    ids=["its instance", "one of two", "none is known yet", "another instance", "no pool: it is the machine itself"],
)
def test_a_pool_of_one_is_known_by_the_instance_in_it(instances: tuple[str, ...] | None, is_known: bool) -> None:
    node = a_node("n1", machine_id="pool-1", pool="ovh/b3-8", instances=instances)
    found = matched([an_object("x", label="n1", provider_id="openstack:///i-1")], [node])
    assert (set(found.objects) == {"n1"}, bool(found.problems)) == (is_known, not is_known)


def test_the_instance_in_a_pool_of_one_is_enough_without_a_label() -> None:
    node = a_node("n1", machine_id="pool-1", pool="ovh/b3-8", instances=("i-1",))
    assert set(matched([an_object("x", provider_id="openstack:///i-1")], [node]).objects) == {"n1"}


def test_a_label_alone_is_enough_where_no_machine_is_named() -> None:
    found = matched([an_object("x", label="n1", provider_id="k3s://x")], [a_node("n1", machine_id="i-1")])
    assert set(found.objects) == {"n1"}


def test_a_label_of_another_fleet_says_nothing() -> None:
    found = matched([an_object("x", label="n1", fleet="other")], [a_node("n1")])
    assert (found.objects, found.strays, found.problems) == ({}, (), ())


def test_the_machine_wins_over_a_label_that_another_node_claims() -> None:
    objects = [
        an_object("liar", label="n1", provider_id="frob://1"),
        an_object("true", label="n1", provider_id="aws:///z/i-1"),
    ]
    found = matched(objects, [a_node("n1", machine_id="i-1")])
    assert found.objects["n1"].name == "true"


def test_a_machine_made_twice_under_one_label_is_told_apart_by_its_machines() -> None:
    objects = [
        an_object("a", label="n1", provider_id="aws:///z/i-1"),
        an_object("b", label="n1", provider_id="aws:///z/i-2"),
    ]
    found = matched(objects, [a_node("n1", machine_id="i-1"), a_node("n1~i-2", machine_id="i-2")])
    assert {node_id: one.name for node_id, one in found.objects.items()} == {"n1": "a", "n1~i-2": "b"}
    assert found.problems == ()


def test_a_node_of_no_node_of_ours_is_a_stray_only_if_it_says_it_is_ours() -> None:
    found = matched([an_object("x", label="n9"), an_object("y"), an_object("z", provider_id="aws:///z/i-9")], [])
    assert [one.name for one in found.strays] == ["x"]


@pytest.mark.parametrize("item", [{}, {"metadata": None}, {"metadata": {}}, {"metadata": {"name": "x"}, "spec": 7}])
def test_an_object_that_cannot_be_read_is_nobody(item: dict) -> None:
    assert node_of(item) is None


def test_a_mark_that_is_no_time_is_none() -> None:
    found = node_of({"metadata": {"name": "x", "annotations": {"baseload.dev/draining": "yesterday"}}})
    assert found is not None
    assert found.draining_since is None


@pytest.mark.parametrize(
    ("words", "model"),
    [
        (["vllm", "serve", "meta/llama", "--port", "8000"], "meta/llama"),
        (["/usr/bin/vllm", "serve", "meta/llama"], "meta/llama"),
        (["vllm", "serve", "meta/llama", "--served-model-name", "llama-8b"], "llama-8b"),
        (["python", "-m", "vllm.entrypoints.openai.api_server", "--model=meta/llama"], "meta/llama"),
        (["sh", "-c", "exec vllm serve meta/llama --port 8000"], "meta/llama"),
        (["llama-server", "-m", "/models/llama.gguf", "--alias", "llama-7b-q4"], "llama-7b-q4"),
        (["text-generation-launcher", "--model-id", "meta/llama"], "meta/llama"),
        (["nginx", "-g", "daemon off;"], None),
        (["vllm", "serve"], None),
        ([], None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_pod_without_a_label_is_known_by_what_it_is_started_with(words: list[str], model: str | None) -> None:
    item = {
        "metadata": {"name": "p", "namespace": "d"},
        "spec": {"containers": [{"command": words[:1], "args": words[1:]}]},
    }
    pod = pod_of(item, model_label="baseload.dev/model")
    assert pod is not None
    assert pod.model == model


def test_the_label_of_a_pod_counts_more_than_its_command() -> None:
    item = {
        "metadata": {"name": "p", "namespace": "d", "labels": {"llm": "a"}},
        "spec": {"containers": [{"args": ["--model", "b"]}]},
    }
    pod = pod_of(item, model_label="llm")
    assert pod is not None
    assert pod.model == "a"


@given(text=st.text())
def test_whatever_it_is_made_of_the_value_of_a_label_is_valid(text: str) -> None:
    assert LABEL.fullmatch(label_value(text))


@given(text=st.from_regex(LABEL, fullmatch=True))
def test_what_is_valid_stays_as_it_is(text: str) -> None:
    assert label_value(text) == text


def test_two_names_that_only_differ_in_what_is_not_allowed_stay_two() -> None:
    assert (
        len({label_value("a/b"), label_value("a@b"), label_value("a_b"), label_value("a" * 70), label_value("a" * 71)})
        == 5
    )
