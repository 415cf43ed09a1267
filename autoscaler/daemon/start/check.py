"""Check: whether a configuration holds, before anything is touched: the tables against each other, the plan, the pools.

No call is made here: what takes calls to look at is in `probe`.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from autoscaler.daemon.plan.parts import parts_of
from autoscaler.daemon.plan.watch import PlanInForce
from autoscaler.decide import doubts_of
from autoscaler.providers.check import Finding
from planner.catalog.offer_id import OfferId
from planner.fleet import Fleet
from planner.fleet.daemon import AutoscaleSettings, DaemonSettings
from planner.plan import Plan
from policies.scaling import ScalingPolicy

SOON = timedelta(days=2)
"""A plan that ends sooner is remarked on."""
LOOPBACK = ("127.", "localhost:", "[::1]:")


def check_settings(fleet: Fleet, *, is_sqlite: bool, is_in_pod: bool) -> list[Finding]:
    """Findings on the tables of fleet.toml alone."""
    settings, policy = fleet.daemon, fleet.scaling
    return [
        _ok("fleet.toml", f"{fleet.source}: fleet {settings.autoscale.fleet}, {', '.join(fleet.model_names)}"),
        *_times(settings.autoscale, policy),
        *_leadership(settings, is_sqlite=is_sqlite, is_in_pod=is_in_pod),
        *_serving(settings, fleet),
        *_names(settings, fleet),
        _listen(settings.autoscale),
        _caps(policy),
    ]


def check_plan(
    plan: PlanInForce | None,
    problem: str,
    fleet: Fleet,
    *,
    providers: Collection[str],
    quota: Mapping[str, int],
    now: datetime,
) -> list[Finding]:
    """Findings on the plan, and on the plan against providers and policy."""
    if plan is None:
        return [Finding(what="plan", is_ok=False, detail=problem)]
    found = [_plan(plan, problem, now)]
    found += _pools(plan.plan, providers)
    found += _quotas(plan.plan, quota)
    parts = parts_of(plan.plan, now=now, models=fleet.model_names, providers=providers, quota=quota)
    for name in fleet.model_names:
        if not any(name in pool.lead_time_s for pool in parts.pools.values()):
            found.append(
                Finding(
                    what=f"pools for {name}",
                    is_ok=False,
                    detail="no pool of the plan that serves it is at a provider that is configured; "
                    "expected [providers.*] for one of them",
                )
            )
    doubts = doubts_of(parts.pools.values(), fleet.scaling)
    found += [Finding(what="launch timeout", is_ok=None, detail=doubt) for doubt in doubts]
    return found


def _times(settings: AutoscaleSettings, policy: ScalingPolicy) -> list[Finding]:
    interval_s = settings.interval_s
    found = []
    if settings.call_timeout_s >= interval_s:
        found.append(
            Finding(
                what="call timeout",
                is_ok=False,
                detail=f"call_timeout_s {settings.call_timeout_s:g} is not below interval_s {interval_s:g}: "
                "one call that hangs would take a whole tick",
            )
        )
    for key, value, why in (
        ("stale_after_s", policy.stale_after_s, "measurements would be stale at every other tick"),
        ("renewal_margin_s", policy.renewal_margin_s, "a paid hour could end between two ticks"),
    ):
        if value < interval_s:
            detail = f"[policy.scaling] {key} {value:g} is below interval_s {interval_s:g}: {why}"
            found.append(Finding(what="times", is_ok=None, detail=detail))
    if not found:
        detail = f"a tick every {interval_s:g} s, calls up to {settings.call_timeout_s:g} s, a lease of"
        found.append(_ok("times", f"{detail} {settings.lease_s:g} s"))
    return found


def _leadership(settings: DaemonSettings, *, is_sqlite: bool, is_in_pod: bool) -> list[Finding]:
    where = settings.autoscale.leadership
    what = "leadership"
    if where == "cluster" and settings.cluster is None:
        return [Finding(what=what, is_ok=False, detail='leadership is "cluster"; expected [cluster] too')]
    if where == "cluster" and is_sqlite:
        detail = (
            'leadership is "cluster", for several daemons, and the database is SQLite, of one machine; '
            "expected PostgreSQL: set BASELOAD_DATABASE_URL"
        )
        return [Finding(what=what, is_ok=False, detail=detail)]
    if is_sqlite and is_in_pod:
        detail = "the database is SQLite, in a pod: one replica only, on a volume that outlives it"
        return [Finding(what=what, is_ok=None, detail=detail)]
    said = "a Lease of the cluster" if where == "cluster" else "a row of the database"
    more = "; SQLite: every daemon of the fleet is on this machine" if is_sqlite else ""
    return [_ok(what, f"{said}{more}")]


def _serving(settings: DaemonSettings, fleet: Fleet) -> list[Finding]:
    found = []
    if settings.cluster is None and settings.router is None:
        detail = "[cluster] and [router] are missing; expected one of them, to say who serves"
        found.append(Finding(what="serving side", is_ok=False, detail=detail))
    elif settings.cluster is not None and settings.router is not None:
        detail = "[cluster] and [router] are both there; the cluster is used"
        found.append(Finding(what="serving side", is_ok=None, detail=detail))
    if settings.metrics is None:
        detail = "[metrics] is missing: demand would never be known; expected the Prometheus of the model servers"
        found.append(Finding(what="metrics", is_ok=False, detail=detail))
    if settings.cluster is None and settings.router is not None:
        lacking = [name for name in fleet.model_names if name not in settings.server.command]
        is_launching = any((settings.providers.aws, settings.providers.ovh, settings.providers.hetzner_cloud))
        if lacking and is_launching:
            detail = f"[server] command has none for {', '.join(lacking)}; expected the command that serves it"
            found.append(Finding(what="server", is_ok=False, detail=detail))
    return found


def _names(settings: DaemonSettings, fleet: Fleet) -> list[Finding]:
    """Models that are named by keys and not planned for: a floor of a misspelt one would be none."""
    metrics, hetzner = settings.metrics, settings.providers.hetzner
    named = (
        ("[policy.scaling] min_nodes", fleet.scaling.min_nodes),
        ("[server] command", settings.server.command),
        ("[metrics] served_names", {} if metrics is None else metrics.served_names),
        ("[providers.hetzner] base", () if hetzner is None else hetzner.base.values()),
    )
    found = []
    for key, models in named:
        unknown = sorted({name for name in models if name not in fleet.model_names})
        if unknown:
            detail = f"names {', '.join(unknown)}, no model of the fleet; expected {', '.join(fleet.model_names)}"
            found.append(Finding(what=key, is_ok=False, detail=detail))
    return found


def _listen(settings: AutoscaleSettings) -> Finding:
    if settings.listen.startswith(LOOPBACK):
        return _ok("listen", f"{settings.listen}, from this machine alone")
    detail = f"{settings.listen} can be reached from other machines: whoever does may read metrics and status"
    return Finding(what="listen", is_ok=None, detail=detail)


def _caps(policy: ScalingPolicy) -> Finding:
    caps = {key: getattr(policy, key) for key in ("max_nodes", "max_usd_hour", "max_usd_month")}
    said = ", ".join(f"{key} {value}" for key, value in caps.items() if value is not None)
    if policy.max_usd_month is None:
        detail = f"no max_usd_month in [policy.scaling]: nothing bounds the month's bill ({said or 'no cap at all'})"
        return Finding(what="caps", is_ok=None, detail=detail)
    return _ok("caps", said)


def _plan(plan: PlanInForce, problem: str, now: datetime) -> Finding:
    span = f"{plan.plan.start:%Y-%m-%d %H:%M} to {plan.plan.end:%Y-%m-%d %H:%M} UTC"
    if problem:  # and one is in force: of recorded plans, one that was not the first choice
        return Finding(what="plan", is_ok=None, detail=f"{problem}; another one, of {span}, would be in force")
    if plan.plan.end <= now:
        detail = f"of {span}: it has ended, and its hours would be laid over today's; make a new one"
        return Finding(what="plan", is_ok=None, detail=detail)
    if plan.plan.start > now:
        detail = f"of {span}: it has not begun, and its hours would be laid over today's until then"
        return Finding(what="plan", is_ok=None, detail=detail)
    if plan.plan.end - now < SOON:
        return Finding(what="plan", is_ok=None, detail=f"of {span}: it ends soon, and no later one is known")
    return _ok("plan", f"of {span}, written {plan.written_at:%Y-%m-%d %H:%M}")


def _pools(plan: Plan, providers: Collection[str]) -> list[Finding]:
    """Which of the plan's pools can be launched, and which base nodes somebody lists."""
    burst = Counter(OfferId.of(key).provider for key, terms in plan.offers.items() if terms.role == "burst")
    found = []
    for name, count in sorted(burst.items()):
        key = name.replace("-", "_")
        if name in providers:
            found.append(_ok(f"pools of {name}", f"{count} of the plan"))
        else:
            detail = f"{count} of the plan, and [providers.{key}] is missing: none of them is launched"
            found.append(Finding(what=f"pools of {name}", is_ok=None, detail=detail))
    for key in sorted(key for key, count in plan.base.items() if count):
        offer = plan.offers[key].offer_id if key in plan.offers else key
        if OfferId.of(offer).provider not in providers:
            detail = f"the plan counts on {plan.base[key]}, and no provider that is configured lists them"
            found.append(Finding(what=f"base {offer}", is_ok=None, detail=detail))
    return found


def _quotas(plan: Plan, quota: Mapping[str, int]) -> list[Finding]:
    unknown = sorted(key for key in quota if key not in plan.offers)
    detail = "[providers.*] quota names it, and the plan has no such pool"
    return [Finding(what=f"quota {key}", is_ok=None, detail=detail) for key in unknown]


def _ok(what: str, detail: str) -> Finding:
    return Finding(what=what, is_ok=True, detail=detail)
