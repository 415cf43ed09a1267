"""The leader's Lease on a real API server."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from autoscaler.cluster.api import ClusterApi
from autoscaler.cluster.lease import ClusterLease
from autoscaler.leadership import LeadershipError
from tests.cluster.control_plane import Cluster
from tests.servers.process import free_port

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


class Stopwatch:
    """Seconds that rise when told."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def elapsed() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def contender(cluster: Cluster, namespace: str, elapsed: Stopwatch) -> Iterator:
    with ExitStack() as stack:

        def make(holder: str, *, least_epoch: int = 0, url: str | None = None) -> ClusterLease:
            api = cluster.api(url=url, timeout_s=5)
            stack.callback(api.close)
            return ClusterLease(
                api,
                namespace=namespace,
                name="baseload-test",
                holder=holder,
                lease_s=60,
                least_epoch=lambda: least_epoch,
                elapsed=elapsed,
            )

        yield make


def test_of_two_one_leads_and_renews(contender) -> None:
    a, b = contender("a"), contender("b")

    first = a.lead(NOW)
    assert first is not None
    assert (first.epoch, first.ends_at) == (1, NOW + timedelta(seconds=60))
    assert b.lead(NOW) is None

    renewed = a.lead(NOW + timedelta(seconds=30))
    assert renewed is not None
    assert (renewed.epoch, renewed.ends_at) == (1, NOW + timedelta(seconds=90))
    assert b.lead(NOW + timedelta(seconds=30)) is None


def test_who_is_cut_off_is_replaced_after_the_lease_and_led_by_a_higher_epoch(contender, elapsed) -> None:
    a, b = contender("a"), contender("b")
    a.lead(NOW)
    assert b.lead(NOW) is None  # sees the lease from now on

    elapsed.s = 59.9
    assert b.lead(NOW + timedelta(seconds=59.9)) is None
    elapsed.s = 60
    taken = b.lead(NOW + timedelta(seconds=60))
    assert taken is not None
    assert taken.epoch == 2

    assert a.lead(NOW + timedelta(seconds=61)) is None
    assert a.lead(NOW + timedelta(seconds=62)) is None


def test_a_renewal_begins_the_wait_of_others_anew(contender, elapsed) -> None:
    a, b = contender("a"), contender("b")
    a.lead(NOW)
    b.lead(NOW)
    elapsed.s = 40
    a.lead(NOW + timedelta(seconds=40))
    assert b.lead(NOW + timedelta(seconds=40)) is None
    elapsed.s = 99
    assert b.lead(NOW + timedelta(seconds=99)) is None
    elapsed.s = 100
    assert b.lead(NOW + timedelta(seconds=100)) is not None


@pytest.mark.parametrize("skew_h", [-5, 5])
def test_another_clock_hours_off_changes_nothing(contender, elapsed, skew_h: int) -> None:
    a, b = contender("a"), contender("b")
    skewed = NOW + timedelta(hours=skew_h)
    a.lead(NOW)
    assert b.lead(skewed) is None
    elapsed.s = 30
    assert b.lead(skewed) is None
    elapsed.s = 60
    assert b.lead(skewed) is not None


def test_a_resigned_lease_is_taken_at_once(contender) -> None:
    a, b = contender("a"), contender("b")
    a.lead(NOW)
    a.resign()
    taken = b.lead(NOW)
    assert taken is not None
    assert taken.epoch == 2
    a.resign()  # not held any more: nothing happens
    assert b.lead(NOW) is not None


def test_a_new_process_waits_for_the_lease_of_the_one_before(contender, elapsed) -> None:
    contender("a").lead(NOW)
    again = contender("a")  # the same name: it did not take that term itself
    assert again.lead(NOW) is None
    elapsed.s = 60
    taken = again.lead(NOW)
    assert taken is not None
    assert taken.epoch == 2


def test_of_two_who_take_it_at_once_one_does(contender, elapsed, monkeypatch) -> None:
    a, b, c = contender("a"), contender("b"), contender("c")
    a.lead(NOW)
    b.lead(NOW)
    c.lead(NOW)
    elapsed.s = 60
    read = c._read()
    monkeypatch.setattr(c, "_read", lambda: read)  # c read before b wrote

    assert b.lead(NOW) is not None
    assert c.lead(NOW) is None


def test_a_deleted_lease_does_not_take_the_epoch_back(contender, admin: ClusterApi, namespace: str) -> None:
    a = contender("a", least_epoch=7)
    a.lead(NOW)
    admin.delete(f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/baseload-test", {})
    again = a.lead(NOW)
    assert again is not None
    assert again.epoch == 8


def test_a_lease_that_a_person_made_anew_does_not_take_the_epoch_back(
    contender, admin: ClusterApi, namespace: str
) -> None:
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    made = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "baseload-test"}}
    admin.post(leases, made)  # nobody's, with no transitions
    again = contender("a", least_epoch=7).lead(NOW)
    assert again is not None
    assert again.epoch == 8


def test_a_server_that_is_not_there_is_an_error_not_another_leader(contender) -> None:
    with pytest.raises(LeadershipError, match=r"lease test-\d+/baseload-test: GET .*refused"):
        contender("a", url=f"https://127.0.0.1:{free_port()}").lead(NOW)


def test_a_namespace_that_is_not_there_is_named(cluster: Cluster) -> None:
    api = cluster.api()
    lease = ClusterLease(api, namespace="nowhere", name="x", holder="a", lease_s=60)
    with pytest.raises(LeadershipError, match='namespaces "nowhere" not found'):
        lease.lead(NOW)
    api.close()


def test_the_lease_says_who_leads_as_kubectl_shows_it(contender, admin: ClusterApi, namespace: str) -> None:
    contender("a").lead(NOW)
    spec = admin.get(f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/baseload-test")["spec"]
    assert spec == {
        "holderIdentity": "a",
        "leaseDurationSeconds": 60,
        "acquireTime": "2026-11-26T12:00:00.000000Z",
        "renewTime": "2026-11-26T12:00:00.000000Z",
        "leaseTransitions": 1,
    }
