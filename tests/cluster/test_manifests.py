"""The shipped manifests on a real API server: it takes them, and its controllers make what they say."""

import json
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from autoscaler.cluster.api import ClusterApi, ClusterError
from tests.cluster.control_plane import Cluster
from tests.infra.manifests import OVERLAYS, Manifest, rendered
from tests.needs import program

OLDER = {"PodDisruptionBudget": "policy/v1beta1", "CronJob": "batch/v1beta1"}
"""What this server (1.20) calls the versions that later ones have as v1; the published schemas check those."""
MISSING = ("ServiceMonitor",)
"""Of the Prometheus operator, which is not installed."""

IMAGE = "registry.example.com/baseload:0.1.0"
"""Of the production overlay."""


def as_this_server_says(objects: list[Manifest]) -> list[Manifest]:
    """The objects in this server's versions."""
    found = [{**one, "apiVersion": OLDER.get(one["kind"], one["apiVersion"])} for one in objects]
    for one in found:
        if one["kind"] == "CronJob":
            one["spec"] = {key: value for key, value in one["spec"].items() if key != "timeZone"}  # since 1.27
    return [one for one in found if one["kind"] not in MISSING]


def applied(cluster: Cluster, folder: Path, objects: list[Manifest]) -> list[str]:
    """What `kubectl apply` says, a line for each object."""
    manifest = folder / "all.yaml"
    manifest.write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    finished = subprocess.run(
        [program("kubectl", "kubernetes-client"), "apply", "-f", str(manifest)],
        env={"KUBECONFIG": str(cluster.kubeconfig(folder)), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_api_server_takes_every_object_and_a_second_time_changes_nothing(
    cluster: Cluster, admin: ClusterApi, tmp_path: Path, overlay: str
) -> None:
    objects = as_this_server_says(rendered(overlay))
    applied(cluster, tmp_path, objects)
    again = applied(cluster, tmp_path, objects)
    assert len(again) == len(objects)
    assert [line for line in again if not line.endswith("unchanged") and "cronjob" not in line] == []
    deployment = admin.get("/apis/apps/v1/namespaces/baseload/deployments/baseload", {})
    assert deployment["spec"]["replicas"] == (2 if overlay == "production" else 1)


def test_its_controller_makes_the_replicas_with_the_shipped_account(
    cluster: Cluster, admin: ClusterApi, tmp_path: Path
) -> None:
    with suppress(ClusterError):  # one that another overlay left would be replaced pod by pod, as they become ready
        admin.delete("/apis/apps/v1/namespaces/baseload/deployments/baseload", {"propagationPolicy": "Background"})
    applied(cluster, tmp_path, as_this_server_says(rendered("production")))
    deadline = time.monotonic() + 30
    pods: list[Manifest] = []
    while len(pods) != 2 and time.monotonic() < deadline:
        time.sleep(0.2)
        labels = {"labelSelector": "app.kubernetes.io/component=autoscaler"}
        pods = [
            pod
            for pod in admin.get("/api/v1/namespaces/baseload/pods", labels)["items"]
            if pod["spec"]["containers"][0]["image"] == IMAGE and "deletionTimestamp" not in pod["metadata"]
        ]
    assert [pod["spec"]["serviceAccountName"] for pod in pods] == ["baseload", "baseload"], json.dumps(pods)[:500]
    budget = admin.get("/apis/policy/v1beta1/namespaces/baseload/poddisruptionbudgets/baseload", {})
    assert budget["spec"]["minAvailable"] == 1
