"""What read-only calls tell before a start: rights in the cluster, and errors without secrets."""

from typing import Any

import pytest

from autoscaler.cluster.api import ClusterError
from autoscaler.cluster.rights import REVIEWS
from autoscaler.daemon.start.clouds import Cloud
from autoscaler.daemon.start.probe import probe_clouds, probe_cluster, probe_served
from autoscaler.providers.check import Finding
from tests.autoscaler.daemon.calls.test_guarded import SECRET, clean
from tests.autoscaler.daemon.hanging import Hanging
from tests.autoscaler.serving.kubernetes.double import Double

Json = dict[str, Any]


class Reviewer:
    """An API server that allows all but what it is told."""

    def __init__(self, *refused: tuple[str, str]) -> None:
        self.refused = refused
        self.asked: list[Json] = []

    def post(self, path: str, body: Json) -> Json:
        assert path == REVIEWS
        asked = body["spec"]["resourceAttributes"]
        self.asked.append(asked)
        return {"status": {"allowed": (asked["verb"], asked["resource"]) not in self.refused}}


def test_a_right_that_lacks_is_named() -> None:
    api: Any = Reviewer(("patch", "nodes"))
    (found,) = probe_cluster(api, namespace="baseload", leads=True, clean=clean)
    assert (found.what, found.is_ok) == ("cluster: rights", False)
    assert found.detail.startswith("this account may not patch nodes; expected the roles of infra/kubernetes")


def test_without_a_lease_in_the_cluster_no_right_to_one_is_asked_for() -> None:
    api: Any = Reviewer()
    (found,) = probe_cluster(api, namespace="baseload", leads=False, clean=clean)
    assert found.is_ok
    assert {one["resource"] for one in api.asked} == {"nodes", "pods"}
    probe_cluster(api, namespace="baseload", leads=True, clean=clean)
    assert {one["namespace"] for one in api.asked if one["resource"] == "leases"} == {"baseload"}


def test_an_api_server_that_does_not_answer_is_a_finding_without_secrets() -> None:
    class Down:
        def post(self, path: str, body: Json) -> Json:
            raise ClusterError(f"no answer, token {SECRET}")

    api: Any = Down()
    assert probe_cluster(api, namespace="baseload", leads=False, clean=clean) == [
        Finding(what="cluster", is_ok=False, detail="no answer, token ***")
    ]


def test_which_models_run_on_which_machines_is_told() -> None:
    with Double() as double:
        machine = {"node.kubernetes.io/instance-type": "r7a.4xlarge", "baseload.dev/pool": "aws_r7a.4xlarge"}
        double.add_node("n1", labels=machine)
        double.add_node("n2", labels=machine)
        for name, node in (("a", "n1"), ("b", "n2")):
            double.add_pod(name, node=node, labels={"baseload.dev/model": "chat"})
        api = double.api()
        found = probe_served(api, model_label="baseload.dev/model", models=["chat", "code"], clean=clean)
        api.close()
    assert [(one.what, one.is_ok) for one in found] == [("cluster: chat", True), ("cluster: code", None)]
    assert found[0].detail == "on 2 × r7a.4xlarge (pool aws_r7a.4xlarge): 2 of 2 pods are ready"
    assert found[1].detail.startswith("no pod of it is on a node; expected pods with the label baseload.dev/model")


@pytest.mark.parametrize("is_ok", [True, False, None])
def test_findings_of_a_cloud_are_its_own_words_without_secrets(is_ok: bool | None) -> None:
    cloud = Cloud(
        name="aws",
        provider=Hanging(),
        source=None,
        check=lambda: (Finding(what="aws: credentials", is_ok=is_ok, detail=f"{SECRET} it is"),),
    )
    assert probe_clouds([cloud], clean) == [Finding(what="aws: credentials", is_ok=is_ok, detail="*** it is")]
