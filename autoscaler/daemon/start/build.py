"""Build: from fleet.toml, environment and database to the parts of a daemon, each made once and closed at the end."""

import os
import secrets as chance
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from autoscaler.daemon.calls.lane import Lane, NoAnswer, StillWaiting
from autoscaler.daemon.clock import Clock
from autoscaler.daemon.plan.source import PlanFile, PlanSource, RecordedPlans
from autoscaler.daemon.plan.watch import PlanWatch
from autoscaler.daemon.setup import Setup, nothing_kept
from autoscaler.daemon.start.clouds import Cloud, Made, clouds_of, quota_of
from autoscaler.daemon.start.dry_run import DryRunJournal, LookingOn
from autoscaler.daemon.start.invoiced import prices_in_force
from autoscaler.daemon.start.sides import cluster_of, metrics_of, serving_of, user_data_of
from autoscaler.daemon.status import Status
from autoscaler.fleet import Controls
from autoscaler.journal import Journal, MemoryJournal
from autoscaler.leadership import Leadership, Term
from autoscaler.providers.dry_run import DryRunProvider
from autoscaler.providers.provider import Product
from autoscaler.serving.dry_run import DryRunServing
from autoscaler.serving.serving import ModelReading
from autoscaler.settings import SHORTEST, Secrets
from planner.catalog.offer import Catalog, Role
from planner.catalog.offer_id import OfferId
from planner.errors import InputError, StoreError
from planner.fleet import Fleet
from planner.ledger import PlanRecord
from planner.plan import Plan

if TYPE_CHECKING:
    from sqlalchemy import URL

    from autoscaler.cluster.api import ClusterApi
    from autoscaler.records import Records
    from autoscaler.serving.metrics import MetricsReader

LONG = timedelta(days=3650)
PLANS_WAIT_S = 10.0
"""Longest that recorded plans are waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a daemon is built from."""

    fleet: Fleet
    catalog: Catalog
    database: "URL"
    environ: Mapping[str, str]
    clock: Clock
    render: Callable[[Status], str]
    """A status as JSON."""
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A daemon's parts, and what a check looks at."""

    setup: Setup
    clouds: tuple[Cloud, ...]
    records: "Records | None"
    """None: a dry run without a database."""
    cluster: "ClusterApi | None"
    metrics: "MetricsReader | None"
    secrets: Secrets


def secrets_for(fleet: Fleet, database: "URL", environ: Mapping[str, str]) -> Secrets:
    """The secrets of a process, those of the database's URL known from the start."""
    from urllib.parse import quote

    from planner.store.address import secrets_of

    found = Secrets(environ, folder=fleet.daemon.folder)
    for secret in secrets_of(database):
        for form in {secret, quote(secret, safe="")}:
            if len(form) >= SHORTEST:
                found.known(form, where="the database's password")
    return found


def plan_watch_of(given: Given) -> PlanWatch:
    """The watch over the plan of [autoscale] plan, or over those recorded in the database."""
    fleet, settings = given.fleet, given.fleet.daemon
    source: PlanSource
    if settings.autoscale.plan is not None:
        source = PlanFile(Path(settings.folder) / Path(settings.autoscale.plan).expanduser())
    else:
        from planner.store.address import shown_url

        lane = Lane("recorded plans", given.clock.monotonic_s)
        source = RecordedPlans(partial(_recorded, given.database, lane), name=shown_url(given.database))
    return PlanWatch(source, models=fleet.model_names)


def _recorded(database: "URL", lane: Lane, start: datetime, end: datetime) -> tuple[PlanRecord, ...]:
    from planner.store import open_ledger

    def read() -> tuple[PlanRecord, ...]:
        with open_ledger(database, create=True) as ledger:  # an absent one is not made by reading: it has no plans
            return ledger.plans(start, end)

    try:
        return lane.call("plans", read, PLANS_WAIT_S)
    except (NoAnswer, StillWaiting) as error:
        raise StoreError(f"recorded plans: {error}") from None


@contextmanager
def built(given: Given, watch: PlanWatch, secrets: Secrets) -> Iterator[Built]:
    """The parts, made for the plan `watch` has in force. Raises InputError, StoreError, ProviderError."""
    fleet, settings, clock = given.fleet, given.fleet.daemon, given.clock
    with ExitStack() as stack:
        cluster = cluster_of(settings)
        if cluster is not None:
            stack.callback(cluster.close)
            if len(cluster.bearer) >= SHORTEST:
                secrets.known(cluster.bearer, where="the cluster's token")
        clouds = clouds_of(_made(given, watch, secrets))
        metrics = metrics_of(settings, fleet.model_names, secrets)
        if metrics is not None:
            stack.callback(metrics.prometheus.close)
        serving = stack.enter_context(
            serving_of(
                settings,
                fleet.model_names,
                policy=fleet.scaling,
                secrets=secrets,
                cluster=cluster,
                metrics=metrics,
                clock=clock.now,
            )
        )
        records = _records(given, secrets, stack)
        holder = holder_of(given.environ)
        providers = tuple(cloud.provider for cloud in clouds)
        setup = Setup(
            settings=settings.autoscale,
            policy=fleet.scaling,
            models=fleet.model_names,
            quota=quota_of(settings.providers),
            sold=tuple(offer for offer in given.catalog if offer.role is Role.BURST),
            plan=watch,
            providers=tuple(DryRunProvider(observed=one) for one in providers) if given.is_dry_run else providers,
            sources={cloud.name: cloud.source for cloud in clouds if cloud.source is not None},
            serving=DryRunServing(observed=serving) if given.is_dry_run else serving,
            journal=partial(_journal, records, is_dry_run=given.is_dry_run),
            leadership=_leadership(given, records, cluster, holder),
            controls=Controls if records is None else records.controls,
            save=partial(_save, records, given.render),
            measured=nothing_kept if records is None else _measured(records, settings.autoscale.interval_s),
            clean=secrets.hidden,
            holder=holder,
            version=version("baseload"),
            is_dry_run=given.is_dry_run,
        )
        yield Built(setup=setup, clouds=clouds, records=records, cluster=cluster, metrics=metrics, secrets=secrets)


def holder_of(environ: Mapping[str, str]) -> str:
    """A name no other daemon has at the same time: pod or host, process, and chance."""
    where = environ.get("POD_NAME") or socket.gethostname()
    return f"{where}-{os.getpid()}-{chance.token_hex(2)}"


def products_of(keys: Mapping[str, str | None]) -> dict[str, Product]:
    """By pool: what its nodes are in their provider's words; `keys`: pool -> zone."""
    return {
        key: Product(pool=key, name=OfferId.of(key).product, zone=zone, is_spot=OfferId.of(key).is_spot)
        for key, zone in keys.items()
    }


def _made(given: Given, watch: PlanWatch, secrets: Secrets) -> Made:
    fleet, settings = given.fleet, given.fleet.daemon
    plan = None if watch.in_force is None else watch.in_force.plan
    planned = products_of({} if plan is None else burst_of(plan))
    sold = products_of({offer.id: offer.zone for offer in given.catalog if offer.role is Role.BURST})
    return Made(
        fleet=settings.autoscale.fleet,
        products={**sold, **planned},
        planned=planned,
        user_data=user_data_of(settings, secrets),
        secrets=secrets,
        clock=given.clock.now,
        call_timeout_s=settings.autoscale.call_timeout_s,
        usd_per_eur=given.catalog.usd_per_eur,
        models=fleet.model_names,
        base_offers=frozenset(offer.id for offer in given.catalog if offer.role is Role.BASE),
        ordered_on={one.offer: one.ordered_on for one in fleet.owned if one.ordered_on is not None},
        settings=settings,
    )


def burst_of(plan: Plan) -> dict[str, str | None]:
    """The plan's burst pools and their zones."""
    keys = (key for key, terms in plan.offers.items() if terms.role == "burst")
    return {key: OfferId.of(key).zone for key in keys}


def is_there(database: "URL") -> bool:
    """Whether the database holds anything of ours. Raises InputError where it is of another version, StoreError."""
    from planner.store import open_ledger

    with open_ledger(database, create=True) as ledger:  # reading makes nothing
        return ledger.exists


def _records(given: Given, secrets: Secrets, stack: ExitStack) -> "Records | None":
    """The records of the fleet; of a dry run only where there are some, for it makes no database."""
    from autoscaler.records import open_records

    if given.is_dry_run and not is_there(given.database):
        return None
    prices = prices_in_force(given.catalog, given.fleet.owned)
    opened = open_records(given.database, fleet=given.fleet.daemon.autoscale.fleet, prices=prices, hide=secrets.hidden)
    return stack.enter_context(opened)


def _leadership(given: Given, records: "Records | None", cluster: "ClusterApi | None", holder: str) -> Leadership:
    settings = given.fleet.daemon
    if given.is_dry_run or records is None:
        return LookingOn(term=Term(epoch=0, ends_at=given.clock.now() + LONG))
    if settings.autoscale.leadership == "database":
        return records.leadership(holder, lease_s=settings.autoscale.lease_s)
    from autoscaler.cluster.lease import ClusterLease

    if cluster is None or settings.cluster is None:
        raise InputError('[autoscale] leadership is "cluster"; expected [cluster] too')
    return ClusterLease(
        cluster,
        namespace=settings.cluster.namespace,
        name=f"baseload-{settings.autoscale.fleet}",
        holder=holder,
        lease_s=settings.autoscale.lease_s,
        least_epoch=records.epoch,
        elapsed=given.clock.monotonic_s,
    )


def _journal(records: "Records | None", *, is_dry_run: bool) -> Journal:
    real: Journal = MemoryJournal() if records is None else records.journal
    return DryRunJournal(real=real) if is_dry_run else real


def _measured(
    records: "Records", interval_s: float
) -> Callable[[Mapping[str, ModelReading], datetime], tuple[str, ...]]:
    return records.served_hours(longest_s=2 * interval_s).record


def _save(records: "Records | None", render: Callable[[Status], str], status: Status) -> None:
    if records is not None:
        records.save_status(render(status), status.at)
