"""The leader's Lease: of several daemons of one fleet, the one that holds a coordination.k8s.io/v1 Lease leads.

The epoch is the Lease's leaseTransitions, which only rises: it is written in the one call that takes the Lease. That
call carries the resourceVersion that was read, so that of two who take it at once one is refused. No clock is compared
with another's: a Lease has run out when it did not change for its duration, as measured here, since this daemon saw it.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import ceil
from time import monotonic

from autoscaler.cluster.api import ClusterApi, ClusterError, Json
from autoscaler.leadership import LeadershipError, Term

CONFLICT, NOT_FOUND = 409, 404


class ClusterLease:
    """Leadership kept in a cluster."""

    def __init__(
        self,
        api: ClusterApi,
        *,
        namespace: str,
        name: str,
        holder: str,
        lease_s: float,
        least_epoch: Callable[[], int] = lambda: 0,
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        """`holder`: unique to this process. `least_epoch`: of the journal, which a Lease made anew must pass.

        `elapsed`: seconds that only ever rise.
        """
        self._api = api
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._namespace = namespace
        self._name = name
        self._holder = holder
        self._lease_s = lease_s
        self._least_epoch = least_epoch
        self._elapsed = elapsed
        self._epoch: int | None = None
        """Of the term that was taken, or at least asked for."""
        self._seen: tuple[object, float] | None = None
        """What another's Lease last looked like, and when it was first seen so."""

    def lead(self, now: datetime) -> Term | None:
        """The term of this daemon, begun or renewed; None: another one leads. Raises LeadershipError."""
        try:
            lease = self._read()
            if lease is None:
                return self._make(now)
            spec = lease.setdefault("spec", {})
            held = int(spec.get("leaseTransitions") or 0)
            if spec.get("holderIdentity") == self._holder and held == self._epoch:
                return self._write(lease, now, epoch=held)
            self._epoch = None
            if spec.get("holderIdentity") and not self._has_run_out(lease, spec):
                return None
            return self._write(lease, now, epoch=max(held, self._least_epoch()) + 1)
        except ClusterError as error:
            raise LeadershipError(f"lease {self._namespace}/{self._name}: {error}") from error

    def resign(self) -> None:
        """Gives the Lease back, if it is held. Raises LeadershipError."""
        if self._epoch is None:
            return
        epoch, self._epoch = self._epoch, None
        try:
            lease = self._read()
            if lease is None:
                return
            spec = lease.get("spec") or {}
            if spec.get("holderIdentity") == self._holder and spec.get("leaseTransitions") == epoch:
                spec["holderIdentity"] = ""
                self._api.put(f"{self._path}/{self._name}", lease)
        except ClusterError as error:
            if error.status not in (CONFLICT, NOT_FOUND):
                raise LeadershipError(f"lease {self._namespace}/{self._name}: {error}") from error

    def _read(self) -> Json | None:
        try:
            return self._api.get(f"{self._path}/{self._name}")
        except ClusterError as error:
            if error.status == NOT_FOUND:
                return None
            raise

    def _has_run_out(self, lease: Json, spec: Json) -> bool:
        """Whether another's Lease did not change for as long as it lasts, since it was first seen as it is."""
        looks = (
            lease["metadata"].get("uid"),
            spec.get("holderIdentity"),
            spec.get("renewTime"),
            spec.get("leaseTransitions"),
        )
        if self._seen is None or self._seen[0] != looks:
            self._seen = (looks, self._elapsed())
            return False
        lasts = float(spec.get("leaseDurationSeconds") or self._lease_s)
        return self._elapsed() - self._seen[1] >= lasts

    def _make(self, now: datetime) -> Term | None:
        self._epoch = None
        epoch = self._least_epoch() + 1
        body: Json = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
        }
        return self._write(body, now, epoch=epoch, is_new=True)

    def _write(self, lease: Json, now: datetime, *, epoch: int, is_new: bool = False) -> Term | None:
        """The term, once the Lease says so; None: another one wrote first."""
        is_taken = self._epoch != epoch
        said = f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
        spec = lease.setdefault("spec", {})
        spec["holderIdentity"] = self._holder
        spec["leaseDurationSeconds"] = max(1, ceil(self._lease_s))
        spec["renewTime"] = said
        spec["leaseTransitions"] = epoch
        if is_taken:
            spec["acquireTime"] = said
        self._epoch = epoch  # before it is asked: should the answer be lost, the term is known as ours
        try:
            if is_new:
                self._api.post(self._path, lease)
            else:
                self._api.put(f"{self._path}/{self._name}", lease)
        except ClusterError as error:
            if error.status == CONFLICT:
                self._epoch = None if is_taken else epoch
                return None
            if error.status is not None and is_taken:
                self._epoch = None
            raise
        return Term(epoch=epoch, ends_at=now + timedelta(seconds=self._lease_s))
