"""Setup: everything a daemon is made of, as parts that were built and checked before. Values and protocols."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from autoscaler.daemon.plan.watch import PlanWatch
from autoscaler.daemon.status import Status
from autoscaler.decide import decide
from autoscaler.fleet import Controls
from autoscaler.journal import Journal
from autoscaler.leadership import Leadership
from autoscaler.loop.controller import Decide
from autoscaler.providers.provider import Provider
from autoscaler.serving.serving import ModelReading, Serving
from planner.catalog.offer import Offer
from planner.catalog.sources.source import Source
from planner.fleet.daemon import AutoscaleSettings
from policies.scaling import ScalingPolicy


def as_is(text: str) -> str:
    """The text: nothing in it is secret."""
    return text


def nothing_kept(_readings: Mapping[str, ModelReading], _now: datetime) -> tuple[str, ...]:
    """Nothing: without a database no served hours are kept."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The parts."""

    settings: AutoscaleSettings
    policy: ScalingPolicy
    models: tuple[str, ...]
    """Of the fleet."""
    quota: Mapping[str, int] = field(default_factory=dict)
    """By pool: nodes an account may hold."""
    sold: tuple[Offer, ...] = ()
    """What the catalog has, for the prices of pools that left the plan."""
    plan: PlanWatch
    providers: tuple[Provider, ...]
    sources: Mapping[str, Source] = field(default_factory=dict)
    """By provider, those that tell prices and stock."""
    serving: Serving
    journal: Callable[[], Journal]
    """The journal a loop begins with; in a dry run a new one each time, over the real one."""
    leadership: Leadership
    controls: Callable[[], Controls]
    """What an operator asks for now. Raises PlannerError."""
    save: Callable[[Status], None]
    """Keeps the status where `baseload autoscale status` finds it. Raises PlannerError."""
    measured: Callable[[Mapping[str, ModelReading], datetime], tuple[str, ...]] = nothing_kept
    """Adds up what was served, by model; why an hour was not kept. Raises PlannerError."""
    clean: Callable[[str], str] = as_is
    """Takes secrets out of a text."""
    holder: str
    """Name of this daemon among those of its fleet."""
    version: str = ""
    is_dry_run: bool = False
    decider: Decide = decide
