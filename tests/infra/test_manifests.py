"""The manifests: of the published schemas, without rights that are not needed, and of one mind with fleet.toml."""

from pathlib import Path

import kubernetes_validate
import pytest

from planner.fleet import read_fleet_file
from tests.infra.manifests import KUBERNETES, OVERLAYS, Manifest, named, pods, rendered

VERSIONS = ("1.29", "1.32", "1.35")
CUSTOM = ("ServiceMonitor",)
"""Kinds of the Prometheus operator, which Kubernetes' own schemas do not have."""


@pytest.fixture(scope="module", params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def objects(overlay: str) -> list[Manifest]:
    return rendered(overlay)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_keeps_to_the_published_schema(objects: list[Manifest], version: str) -> None:
    for one in objects:
        if one["kind"] not in CUSTOM:
            kubernetes_validate.validate(one, version, strict=True)


def test_every_object_lives_in_the_one_namespace(objects: list[Manifest]) -> None:
    wide = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
    assert {one["metadata"].get("namespace") for one in objects if one["kind"] not in wide} == {"baseload"}


def test_pods_have_no_rights_and_a_file_system_they_cannot_write(objects: list[Manifest]) -> None:
    for spec in pods(objects).values():
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
        hosts = ("hostNetwork", "hostPID", "hostIPC")
        assert not any(key in spec for key in hosts)
        assert not any("hostPath" in volume for volume in spec["volumes"])


def test_secrets_come_from_secrets_and_are_in_no_argument(objects: list[Manifest]) -> None:
    for spec in pods(objects).values():
        for container in spec["containers"]:
            for variable in container["env"]:
                assert "valueFrom" in variable  # never a value that is written out
            (url,) = [one for one in container["env"] if one["name"] == "BASELOAD_DATABASE_URL"]
            assert url["valueFrom"]["secretKeyRef"] == {"name": "baseload-database", "key": "url"}


def test_only_the_daemon_speaks_to_the_cluster(objects: list[Manifest]) -> None:
    specs = pods(objects)
    assert specs["Deployment"]["serviceAccountName"] == "baseload"
    assert specs["CronJob"]["automountServiceAccountToken"] is False


def test_the_daemon_does_not_run_on_a_node_it_may_end(objects: list[Manifest]) -> None:
    required = pods(objects)["Deployment"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert required["nodeSelectorTerms"] == [
        {"matchExpressions": [{"key": "baseload.dev/node", "operator": "DoesNotExist"}]}
    ]


def test_one_daemon_is_left_while_a_node_is_drained() -> None:
    objects = rendered("production")
    assert named(objects, "Deployment")["spec"]["replicas"] == 2
    assert named(objects, "PodDisruptionBudget")["spec"]["minAvailable"] == 1


def test_budget_service_and_network_policy_mean_the_daemons_pods(objects: list[Manifest]) -> None:
    labels = named(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    chosen = [
        named(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        named(objects, "Service")["spec"]["selector"],
        named(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    for selector in chosen:
        assert selector.items() <= labels.items()
    # The budget of the daemons must not hold a pod of the monthly plan.
    planning = named(objects, "CronJob", "baseload-plan")["spec"]["jobTemplate"]["spec"]["template"]["metadata"][
        "labels"
    ]
    assert not chosen[0].items() <= planning.items()


def test_a_daemon_that_was_told_to_stop_may_finish_its_tick(overlay: str, objects: list[Manifest]) -> None:
    fleet = read_fleet_file(KUBERNETES / "overlays" / overlay / "fleet.toml")
    told = fleet.daemon.autoscale
    grace_s = pods(objects)["Deployment"]["terminationGracePeriodSeconds"]
    assert grace_s >= told.interval_s + 2 * told.call_timeout_s


def test_fleet_and_manifests_speak_of_the_same_port_namespace_and_token(overlay: str, objects: list[Manifest]) -> None:
    daemon = read_fleet_file(KUBERNETES / "overlays" / overlay / "fleet.toml").daemon
    (container,) = pods(objects)["Deployment"]["containers"]
    (port,) = container["ports"]
    assert daemon.autoscale.listen == f"0.0.0.0:{port['containerPort']}"
    assert daemon.cluster is not None
    assert daemon.cluster.namespace == "baseload"
    assert daemon.cluster.token_file is not None
    mounted = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    assert str(Path(daemon.cluster.token_file).parent) == mounted["join"]
    assert container["args"][-1] == f"{mounted['fleet']}/fleet.toml"


def test_the_dry_run_changes_nothing() -> None:
    objects = rendered("dry-run")
    (container,) = pods(objects)["Deployment"]["containers"]
    assert "--dry-run" in container["args"]
    assert named(objects, "Deployment")["spec"]["replicas"] == 1
