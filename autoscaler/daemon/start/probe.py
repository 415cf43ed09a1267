"""Probe: what read-only calls tell of clouds, metrics, cluster and database before a daemon starts."""

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from autoscaler.cluster.labels import label_value
from autoscaler.cluster.rights import lacking
from autoscaler.daemon.start.clouds import Cloud
from autoscaler.providers.check import Finding
from autoscaler.serving.kubernetes import Served, served_by
from planner.errors import PlannerError
from planner.store.address import shown_url

if TYPE_CHECKING:
    from sqlalchemy import URL

    from autoscaler.cluster.api import ClusterApi
    from autoscaler.records import Records
    from autoscaler.serving.metrics import MetricsReader

Clean = Callable[[str], str]


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


def probe_cluster(api: "ClusterApi", *, namespace: str, leads: bool, clean: Clean) -> list[Finding]:
    """Whether the API server answers, and this account has every right; `leads`: the lease is in `namespace`."""

    def look() -> list[Finding]:
        lacks = ", ".join(str(right) for right in lacking(api, namespace=namespace, leads=leads))
        if lacks:
            detail = f"this account may not {lacks}; expected the roles of infra/kubernetes/base/rbac.yaml"
            return [Finding(what="cluster: rights", is_ok=False, detail=detail)]
        return [Finding(what="cluster: rights", is_ok=True, detail="as needed")]

    return _looked("cluster", look, clean)


def probe_served(api: "ClusterApi", *, model_label: str, models: Sequence[str], clean: Clean) -> list[Finding]:
    """Which of `models` run in the cluster, on which kind of machine; one that runs nowhere is left open."""

    def look() -> list[Finding]:
        running = served_by(api, model_label=model_label)
        found = [
            Finding(what=f"cluster: {name}", is_ok=True if one.ready_pods else None, detail=_kind_of(one))
            for name in models
            for one in running
            if one.model == label_value(name)
        ]
        idle = [name for name in models if label_value(name) not in {one.model for one in running}]
        detail = f"no pod of it is on a node; expected pods with the label {model_label}, or started with its name"
        return found + [Finding(what=f"cluster: {name}", is_ok=None, detail=detail) for name in idle]

    return _looked("cluster: models", look, clean)


def _kind_of(served: Served) -> str:
    where = served.instance_type or "machines of an unknown type"
    pools = [f"{word} {name}" for word, name in (("pool", served.pool), ("nodepool", served.nodepool)) if name]
    kind = f"{where} ({', '.join(pools)})" if pools else where
    return f"on {served.nodes} × {kind}: {served.ready_pods} of {served.pods} pods are ready"


def _looked(what: str, look: Callable[[], Iterable[Finding]], clean: Clean) -> list[Finding]:
    try:
        found = list(look())
    except PlannerError as error:
        found = [Finding(what=what, is_ok=False, detail=" ".join(str(error).split()))]
    return [Finding(what=clean(one.what), is_ok=one.is_ok, detail=clean(one.detail)) for one in found]
