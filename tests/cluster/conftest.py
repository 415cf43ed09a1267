"""What the cluster's tests share: a cluster for each process of the run, a namespace of its own for each test."""

from collections.abc import Iterator
from itertools import count

import pytest

from autoscaler.cluster.api import ClusterApi
from tests.cluster.control_plane import Cluster, started
from tests.cluster.kubelet import Kubelet, running

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
