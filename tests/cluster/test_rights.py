"""The shipped roles, on a real API server: what they grant is what the daemon uses, no more and no less."""

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from autoscaler.cluster.api import ClusterApi
from autoscaler.cluster.lease import ClusterLease
from autoscaler.cluster.rights import RIGHTS, lacking
from autoscaler.fleet import NodeState
from autoscaler.leadership import LeadershipError
from autoscaler.serving.kubernetes import served_by
from autoscaler.serving.serving import ServingError
from planner.errors import PlannerError
from tests.cluster import rights
from tests.cluster.control_plane import Cluster
from tests.cluster.scene import Scene


def all_that_the_daemon_does(scene: Scene, api: ClusterApi) -> None:
    """A life of two nodes: they join, serve, drain, drain again until time is up, and one machine goes."""
    lease = ClusterLease(api, namespace="baseload", name=scene.namespace, holder="a", lease_s=60)
    assert lease.lead(datetime(2026, 11, 26, 12, 0, tzinfo=UTC)) is not None
    assert lease.lead(datetime(2026, 11, 26, 12, 1, tzinfo=UTC)) is not None
    served_by(api)
    n1, n2 = scene.join("n1"), scene.join("n2")
    scene.run(replicas=2)
    scene.run("other", replicas=2, model=None)
    scene.budget("other", min_available=2)
    serving = scene.serving(api)
    serving.follow(list(scene.nodes.values()))
    serving.read()
    serving.stop_routing(n1)
    serving.read()
    serving.resume_routing(n1)
    scene.nodes[n1] = replace(scene.nodes[n1], state=NodeState.DRAINING, since=datetime.now(UTC) - timedelta(hours=1))
    serving.follow(list(scene.nodes.values()))
    scene.kubelet.alive.discard(f"ip-{n2}")
    del scene.nodes[n2]
    scene.until(lambda: not scene.is_usable(f"ip-{n2}"), "the node controller does not miss it")
    serving.read()
    serving.follow(list(scene.nodes.values()))
    lease.resign()


def test_what_is_granted_is_what_is_used(scene: Scene, daemon: ClusterApi, cluster: Cluster) -> None:
    all_that_the_daemon_does(scene, daemon)
    used = {right for right in cluster.used(rights.USER) if right[1] != "authorization.k8s.io"}  # everybody may ask
    assert used == rights.granted()


def test_the_rights_that_are_asked_for_are_those_that_are_shipped() -> None:
    assert {(right.verb, right.group, right.resource) for right in RIGHTS} == rights.granted()


def test_before_anything_is_done_it_can_be_told_which_rights_are_lacking(
    scene: Scene, admin: ClusterApi, daemon: ClusterApi, cluster: Cluster
) -> None:
    assert lacking(daemon, namespace="baseload", leads=True) == ()

    api = cluster.api(_lesser(admin, scene.namespace, ("create", "", "pods/eviction")))
    assert [str(right) for right in lacking(api, namespace="baseload", leads=True)] == ["create pods/eviction"]
    elsewhere = lacking(api, namespace=scene.namespace, leads=True)
    assert [str(right) for right in elsewhere] == [
        "create pods/eviction",
        "get leases",
        "create leases",
        "update leases",
    ]
    assert [str(right) for right in lacking(api, namespace=scene.namespace, leads=False)] == ["create pods/eviction"]
    api.close()


@pytest.mark.parametrize("right", sorted(rights.granted()), ids="-".join)
def test_without_any_one_right_something_fails_and_says_which(
    right: tuple[str, str, str], scene: Scene, admin: ClusterApi, cluster: Cluster, daemon_token: str
) -> None:
    verb, group, resource = right
    api = cluster.api(_lesser(admin, scene.namespace, right))
    try:
        with pytest.raises((ServingError, LeadershipError), match=r"403 Forbidden: .*cannot") as caught:
            all_that_the_daemon_does(scene, api)
    finally:
        api.close()
    assert isinstance(caught.value, PlannerError)
    assert f'cannot {verb} resource "{resource}" in API group "{group}"' in str(caught.value)


def _lesser(admin: ClusterApi, name: str, without: tuple[str, str, str]) -> str:
    """A token of an account that has every shipped right but one."""
    for shipped in rights.documents():
        item = deepcopy(shipped)
        if item["kind"] == "Namespace":
            continue
        item["metadata"]["name"] = f"{name}-{item['metadata']['name']}"
        for rule in item.get("rules", ()):
            if (rule["apiGroups"], rule["resources"]) == ([without[1]], [without[2]]):
                rule["verbs"] = [verb for verb in rule["verbs"] if verb != without[0]]
        for subject in item.get("subjects", ()):
            subject["name"] = f"{name}-{subject['name']}"
        if "roleRef" in item:
            item["roleRef"]["name"] = f"{name}-{item['roleRef']['name']}"
        item["rules"] = [rule for rule in item.get("rules", ()) if rule["verbs"]] or item.get("rules")
        if item["rules"] is None:
            del item["rules"]
        admin.post(rights.PATHS[item["kind"]].format(**item["metadata"]), item)
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    made = admin.post(f"/api/v1/namespaces/baseload/serviceaccounts/{name}-baseload/token", asked)
    return str(made["status"]["token"])
