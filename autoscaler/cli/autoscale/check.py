"""`baseload autoscale check`: whether fleet.toml, plan, secrets, clouds, metrics, cluster and database hold."""

import os
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autoscaler.cli.autoscale.inputs import ConfigOption, given_of
from planner.cli.options import JsonOption, say, screen
from planner.errors import InputError, PlannerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autoscaler.daemon.plan.watch import PlanWatch
    from autoscaler.daemon.start.build import Given
    from autoscaler.providers.check import Finding
    from autoscaler.settings import Secrets
    from planner.fleet import Fleet

BAD_INPUT, FAILED = 2, 5
OfflineOption = Annotated[bool, typer.Option("--offline", help="The configuration alone: no call to anything.")]


def check(
    context: typer.Context, config: ConfigOption, offline: OfflineOption = False, as_json: JsonOption = False
) -> None:
    """Look at everything a daemon needs before it is started: nothing is changed, every call only reads.

    Example: baseload autoscale check -c fleet.toml
    """
    from autoscaler.daemon.clock import SystemClock
    from autoscaler.daemon.start.build import plan_watch_of, secrets_for
    from autoscaler.daemon.telemetry.log import WARNING, logger_to
    from autoscaler.daemon.telemetry.relay import relayed
    from autoscaler.providers.check import Finding
    from autoscaler.report.findings import findings_text, render_findings

    with closing(SystemClock()) as clock:
        given = given_of(config, clock, is_dry_run=False)
        secrets = secrets_for(given.fleet, given.database, given.environ)
        watch = plan_watch_of(given)
        configured = configuration(given, watch)
        called: Sequence[Finding] = ()
        was_called = not offline
        if not offline:
            log = logger_to(sys.stderr, clean=secrets.hidden, now=clock.now, least=WARNING)
            try:
                with relayed(log):
                    called = _probed(given, watch, secrets)
            except InputError as error:  # of a table or a secret: nothing could be called
                was_called = False
                why, told = str(error), [one for one in configured if one.is_ok is False]
                if not any(why == one.detail or why.startswith(one.what) for one in told):
                    configured.append(Finding(what="configuration", is_ok=False, detail=why))
    findings = [*configured, *called]
    text = findings_text(findings) if as_json else render_findings(findings, screen=screen())
    typer.echo(secrets.hidden(text), nl=False)
    say(context, _old_prices(given.fleet))
    if not was_called:
        why = "--offline" if offline else "until the configuration is right"
        say(context, [f"{why}: clouds, metrics, cluster and database were not asked"])
    raise typer.Exit(verdict(configured, called))


def _old_prices(fleet: "Fleet") -> tuple[str, ...]:
    """What is said of the prices of what a daemon of the fleet may launch; a live price takes their place."""
    from autoscaler.daemon.start.clouds import names_of
    from planner.case import load_catalog
    from planner.catalog.offer import Role
    from planner.catalog.stale import stale_remarks
    from planner.cli.clock import today

    names = names_of(fleet.daemon.providers)
    offers = load_catalog(fleet, as_of=today())
    return stale_remarks((one.id, one) for one in offers if one.role is Role.BURST and one.provider in names)


def configuration(given: "Given", watch: "PlanWatch") -> list["Finding"]:
    """Findings on the tables and the plan: no call leaves this machine but for a plan kept in the database."""
    from autoscaler.daemon.start.check import check_plan, check_settings
    from autoscaler.daemon.start.clouds import kept_files, names_of, quota_of, readable_files
    from autoscaler.providers.check import Finding

    fleet, providers = given.fleet, given.fleet.daemon.providers
    is_sqlite = given.database.drivername == "sqlite"
    found = check_settings(fleet, is_sqlite=is_sqlite, is_in_pod="KUBERNETES_SERVICE_HOST" in given.environ)
    for key, path in readable_files(fleet.daemon):
        if not (path.is_file() and os.access(path, os.R_OK)):
            found.append(Finding(what=key, is_ok=False, detail=f"{path}: cannot be read; expected a file"))
    for key, path in kept_files(fleet.daemon):
        if not os.access(path.parent, os.W_OK | os.X_OK):
            detail = f"{path}: cannot be written; expected a folder that is there and may be written"
            found.append(Finding(what=key, is_ok=False, detail=detail))
    now = given.clock.now()
    plan = watch.look(now)
    found += check_plan(plan, watch.problem, fleet, providers=names_of(providers), quota=quota_of(providers), now=now)
    return found


def verdict(configured: "Sequence[Finding]", called: "Sequence[Finding]") -> int:
    """The exit code: 2 where the configuration is wrong, 5 where something that was called is, else 0."""
    if any(one.is_ok is False for one in configured):
        return BAD_INPUT
    return FAILED if any(one.is_ok is False for one in called) else 0


def refuse(findings: "Sequence[Finding]", source: Path) -> None:
    """Raises InputError where the configuration is wrong, with the first thing that is."""
    wrong = [one for one in findings if one.is_ok is False]
    if wrong:
        more = f" (and {len(wrong) - 1} more: `baseload autoscale check -c {source}`)" if len(wrong) > 1 else ""
        raise InputError(f"{source}: {wrong[0].what}: {wrong[0].detail}{more}")


def _probed(given: "Given", watch: "PlanWatch", secrets: "Secrets") -> list["Finding"]:
    """Findings of read-only calls. Raises InputError where what calls cannot be made."""
    from autoscaler.daemon.start.build import built
    from autoscaler.daemon.start.probe import probe_clouds, probe_cluster, probe_database, probe_metrics, probe_served
    from autoscaler.providers.check import Finding

    try:
        with built(replace(given, is_dry_run=True), watch, secrets) as made:
            found = probe_clouds(made.clouds, secrets.hidden)
            if made.metrics is not None:
                found += probe_metrics(made.metrics, given.clock.now(), secrets.hidden)
            settings = given.fleet.daemon
            if made.cluster is not None and settings.cluster is not None:
                found += probe_cluster(
                    made.cluster,
                    namespace=settings.cluster.namespace,
                    leads=settings.autoscale.leadership == "cluster",
                    clean=secrets.hidden,
                )
                found += probe_served(
                    made.cluster,
                    model_label=settings.cluster.model_label,
                    models=given.fleet.model_names,
                    clean=secrets.hidden,
                )
            return found + probe_database(made.records, given.database, secrets.hidden)
    except InputError:
        raise
    except PlannerError as error:
        return [Finding(what="daemon", is_ok=False, detail=secrets.hidden(" ".join(str(error).split())))]
