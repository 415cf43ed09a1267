"""What the cluster's tests share: a cluster for each process of the run, a namespace of its own for each test."""

from collections.abc import Iterator
from itertools import count

import pytest

from autoscaler.cluster.api import ClusterApi
from tests.cluster import rights
from tests.cluster.control_plane import Cluster, started
from tests.cluster.kubelet import Kubelet, running
from tests.cluster.scene import Scene

_numbers = count(1)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with started() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def admin(cluster: Cluster) -> Iterator[ClusterApi]:
    api = cluster.api()
    yield api
    api.close()


@pytest.fixture
def namespace(admin: ClusterApi) -> str:
    name = f"test-{next(_numbers)}"
    admin.post("/api/v1/namespaces", {"metadata": {"name": name}})
    return name


@pytest.fixture(scope="session")
def kubelet(cluster: Cluster) -> Iterator[Kubelet]:
    api = cluster.api()
    with running(api) as kubelet:
        yield kubelet
    api.close()


@pytest.fixture(scope="session")
def daemon_token(admin: ClusterApi) -> str:
    rights.apply(admin)
    return rights.token(admin)


@pytest.fixture
def daemon(cluster: Cluster, daemon_token: str) -> Iterator[ClusterApi]:
    """The API as the daemon may use it: a token of its service account, with the shipped roles and no more."""
    api = cluster.api(daemon_token)
    yield api
    api.close()


@pytest.fixture
def scene(admin: ClusterApi, kubelet: Kubelet, namespace: str) -> Iterator[Scene]:
    scene = Scene(admin=admin, kubelet=kubelet, namespace=namespace)
    yield scene
    for node in admin.get("/api/v1/nodes", {"labelSelector": f"test={namespace}"})["items"]:
        kubelet.alive.discard(node["metadata"]["name"])
        admin.delete(f"/api/v1/nodes/{node['metadata']['name']}", {})
    kubelet.holds = {name for name in kubelet.holds if not name.startswith(f"{namespace}/")}
