"""Probe: what read-only calls tell of clouds, metrics, cluster and database before a daemon starts."""

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from autoscaler.daemon.clouds import Cloud
from autoscaler.providers.check import Finding
from planner.errors import PlannerError
from planner.store.address import shown_url

if TYPE_CHECKING:
    from sqlalchemy import URL

    from autoscaler.cluster.api import ClusterApi
    from autoscaler.records import Records
    from autoscaler.serving.metrics import MetricsReader

Clean = Callable[[str], str]

IN_CLUSTER = (
    ("", "nodes", "", ("get", "list", "watch", "patch", "delete")),
    ("", "pods", "", ("list", "watch", "delete")),
    ("", "pods", "eviction", ("create",)),
)
"""Group, resource, subresource, verbs: what the shipped ClusterRole gives."""
OF_LEASE = ("coordination.k8s.io", "leases", "", ("get", "create", "update"))
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def probe_clouds(clouds: Sequence[Cloud], clean: Clean) -> list[Finding]:
    """Each cloud's own findings; of one that fails as a whole, that."""
    found: list[Finding] = []
    for cloud in clouds:
        found += _looked(f"{cloud.name}: check", cloud.check, clean)
    return found


def probe_database(records: "Records | None", url: "URL", clean: Clean) -> list[Finding]:
    """Whether the database can be written; where there is none yet, whether it can be made."""

    def look() -> list[Finding]:
        if records is not None:
            records.check_writable()
            return [Finding(what="database", is_ok=True, detail=f"{records.address} can be written")]
        if url.drivername != "sqlite":
            return [Finding(what="database", is_ok=None, detail=f"{shown_url(url)} is empty; the first run fills it")]
        folder = next(one for one in Path(str(url.database)).absolute().parents if one.exists())
        is_ok = None if os.access(folder, os.W_OK) else False
        why = "the first run makes it" if is_ok is None else f"{folder} cannot be written"
        return [Finding(what="database", is_ok=is_ok, detail=f"{shown_url(url)} is not there yet; {why}")]

    return _looked("database", look, clean)


def probe_metrics(reader: "MetricsReader", now: datetime, clean: Clean) -> list[Finding]:
    """Whether Prometheus answers, and what it says of each model."""

    def look() -> list[Finding]:
        metrics = reader.read(now)
        found = [Finding(what="Prometheus", is_ok=True, detail=f"{reader.prometheus.shown_url} answers")]
        for model, standing in metrics.standings.items():
            word = type(standing).__name__.lower()
            is_ok = True if model in metrics.models else None
            detail = f"{word}: {'demand is known' if is_ok else 'no demand is known of it now'}"
            found.append(Finding(what=f"metrics of {model}", is_ok=is_ok, detail=detail))
        remarks = [Finding(what="metrics", is_ok=None, detail=remark) for remark in metrics.remarks]
        return [*found, *remarks]

    return _looked("Prometheus", look, clean)


def probe_cluster(api: "ClusterApi", *, lease_namespace: str | None, clean: Clean) -> list[Finding]:
    """Whether the API server answers, and whether this account has every right; `lease_namespace`: of the leader."""

    def look() -> list[Finding]:
        wanted = [(*row, "") for row in IN_CLUSTER]
        if lease_namespace is not None:
            wanted.append((*OF_LEASE, lease_namespace))
        found = []
        for group, resource, subresource, verbs, namespace in wanted:
            refused = [verb for verb in verbs if not _may(api, verb, group, resource, subresource, namespace=namespace)]
            what = f"cluster: {resource}{'/' if subresource else ''}{subresource}"
            if namespace:
                what += f" in {namespace}"
            detail = f"may not {', '.join(refused)}; expected the roles of infra/kubernetes" if refused else "as needed"
            found.append(Finding(what=what, is_ok=not refused, detail=detail))
        return found

    return _looked("cluster", look, clean)


def _may(api: "ClusterApi", verb: str, group: str, resource: str, subresource: str, *, namespace: str) -> bool:
    asked = {"verb": verb, "group": group, "resource": resource, "subresource": subresource, "namespace": namespace}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in asked.items() if value}},
    }
    return bool(api.post(REVIEWS, review).get("status", {}).get("allowed"))


def _looked(what: str, look: Callable[[], Iterable[Finding]], clean: Clean) -> list[Finding]:
    try:
        found = list(look())
    except PlannerError as error:
        found = [Finding(what=what, is_ok=False, detail=" ".join(str(error).split()))]
    return [Finding(what=clean(one.what), is_ok=one.is_ok, detail=clean(one.detail)) for one in found]
