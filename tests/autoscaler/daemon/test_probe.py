"""What read-only calls tell before a start: rights in the cluster, and errors without secrets."""

from typing import Any

import pytest

from autoscaler.cluster.api import ClusterError
from autoscaler.daemon.clouds import Cloud
from autoscaler.daemon.probe import REVIEWS, probe_clouds, probe_cluster
from autoscaler.providers.check import Finding
from tests.autoscaler.daemon.hanging import Hanging
from tests.autoscaler.daemon.test_guarded import SECRET, clean

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


def test_every_right_of_the_shipped_roles_is_asked_for_and_one_that_lacks_is_named() -> None:
    api: Any = Reviewer(("patch", "nodes"))
    nodes, pods, evictions, leases = probe_cluster(api, lease_namespace="baseload", clean=clean)
    assert (nodes.what, nodes.is_ok) == ("cluster: nodes", False)
    assert nodes.detail.startswith("may not patch; expected the roles of infra/kubernetes")
    assert (pods.is_ok, evictions.is_ok, leases.is_ok) == (True, True, True)
    assert evictions.what == "cluster: pods/eviction"
    assert {"verb": "create", "resource": "pods", "subresource": "eviction"} in api.asked
    assert leases.what == "cluster: leases in baseload"


def test_without_a_lease_in_the_cluster_no_right_to_one_is_asked_for() -> None:
    api: Any = Reviewer()
    found = probe_cluster(api, lease_namespace=None, clean=clean)
    assert all(one.is_ok for one in found)
    assert {one["resource"] for one in api.asked} == {"nodes", "pods"}


def test_an_api_server_that_does_not_answer_is_a_finding_without_secrets() -> None:
    class Down:
        def post(self, path: str, body: Json) -> Json:
            raise ClusterError(f"no answer, token {SECRET}")

    api: Any = Down()
    assert probe_cluster(api, lease_namespace=None, clean=clean) == [
        Finding(what="cluster", is_ok=False, detail="no answer, token ***")
    ]


@pytest.mark.parametrize("is_ok", [True, False, None])
def test_findings_of_a_cloud_are_its_own_words_without_secrets(is_ok: bool | None) -> None:
    cloud = Cloud(
        name="aws",
        provider=Hanging(),
        source=None,
        check=lambda: (Finding(what="aws: credentials", is_ok=is_ok, detail=f"{SECRET} it is"),),
    )
    assert probe_clouds([cloud], clean) == [Finding(what="aws: credentials", is_ok=is_ok, detail="*** it is")]
