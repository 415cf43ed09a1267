"""Where the result of a replay goes: stdout as a table or JSON, a file, a picture; and its exit code."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from autoscaler.cli.replay.inputs import Prepared
from autoscaler.replay.controllers import CONTROLLERS, OURS
from autoscaler.replay.result import Replayed
from autoscaler.replay.score.expected import expected_offers
from autoscaler.replay.score.planned import PlannedReplayed
from autoscaler.replay.seeds import is_over_seeds
from autoscaler.replay.sweep import SweptPoint
from planner.files import write_atomic
from planner.report.numbers import Currency, number, percent
from planner.report.screen import Screen

if TYPE_CHECKING:
    from rich.console import RenderableType

UNSERVED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How the result is shown."""

    screen: Screen
    currency: Currency
    hours: bool
    leases: bool
    as_json: bool = False
    output: Path | None = None
    chart: Path | None = None
    each_seed: bool = False
    """Of a sweep over seeds, a row for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One world, and what each controller did with it."""

    prepared: Prepared
    replayed: tuple[Replayed, ...]
    planned: PlannedReplayed | None = None
    """With --plan."""


def show(outcomes: Sequence[Outcome], shown: Shown) -> None:
    """The outcome of a replay on stdout and in the files asked for: one world, or a plan's scenarios."""
    from autoscaler.report.replay_json import replay_document, replay_text

    first = _shown_first(outcomes)
    world, policy = first.prepared.world, first.prepared.policy
    expected = expected_offers(world, policy.target_utilization)
    planned = [one.planned for one in outcomes if one.planned is not None]
    document = replay_text(
        replay_document(first.replayed, world, policy, expected=expected, planned=planned, remarks=remarks_of(outcomes))
    )
    _write(document, shown)
    if shown.chart is not None:
        from autoscaler.report.replay_chart import write_replay_chart

        write_replay_chart(first.replayed, world, shown.chart, max_unserved_ratio=policy.max_unserved_ratio)
    typer.echo(document if shown.as_json else _text(first, planned, shown), nl=False)


def _text(first: Outcome, planned: Sequence[PlannedReplayed], shown: Shown) -> str:
    from autoscaler.report.planned_tables import expected_parts, planned_parts
    from autoscaler.report.replay_compared import render_compared
    from autoscaler.report.replay_tables import render_replay

    world, policy = first.prepared.world, first.prepared.policy
    if len(first.replayed) > 1:
        expects = [
            f"The plan expects {number(shown.currency.amount(one.planned_bill_usd))} {shown.currency.code}."
            for one in planned[:1]
        ]
        return render_compared(
            first.replayed,
            world,
            {name: known.summary for name, known in CONTROLLERS.items()},
            max_unserved_ratio=policy.max_unserved_ratio,
            screen=shown.screen,
            currency=shown.currency,
            beside=expects,
        )
    target = policy.target_utilization
    beside: list[RenderableType] = []
    if planned:
        beside += [*planned_parts(planned, shown.screen, shown.currency), ""]
    beside += expected_parts(expected_offers(world, target), target, shown.currency)
    return render_replay(
        first.replayed[0],
        world,
        max_unserved_ratio=policy.max_unserved_ratio,
        screen=shown.screen,
        currency=shown.currency,
        leases=shown.leases,
        hours=shown.hours,
        beside=beside,
    )


def show_sweep(points: Sequence[SweptPoint], prepared: Prepared, shown: Shown) -> None:
    """A sweep on stdout and in the files asked for."""
    from autoscaler.report.replay_json import replay_text
    from autoscaler.report.seeds import render_seeds
    from autoscaler.report.sweep import render_sweep, sweep_document, write_sweep_chart

    world, policy = prepared.world, prepared.policy
    document = replay_text(sweep_document(points, world, policy, remarks=prepared.remarks))
    _write(document, shown)
    if shown.chart is not None:
        write_sweep_chart(points, world, shown.chart, max_unserved_ratio=policy.max_unserved_ratio)
    text = document
    if not shown.as_json:
        rendered = render_seeds if is_over_seeds(points) and not shown.each_seed else render_sweep
        text = rendered(
            points,
            world,
            max_unserved_ratio=policy.max_unserved_ratio,
            screen=shown.screen,
            currency=shown.currency,
        )
    typer.echo(text, nl=False)


def _write(document: str, shown: Shown) -> None:
    if shown.output is not None:
        write_atomic(shown.output, document)


def _shown_first(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome that is shown in full: of a plan's scenarios the one the plan shows."""
    return next((one for one in outcomes if one.planned is not None and one.planned.lines), outcomes[0])


def remarks_of(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """Remarks of all worlds, each once."""
    return tuple(dict.fromkeys(remark for one in outcomes for remark in one.prepared.remarks))


def verdict(outcomes: Sequence[Outcome]) -> tuple[int, str]:
    """The exit code and what to say: 3 where our controller, or the only one, leaves more unserved than may be."""
    for outcome in outcomes:
        most = outcome.prepared.policy.max_unserved_ratio
        judged = [one for one in outcome.replayed if one.policy == OURS or len(outcome.replayed) == 1]
        for one in judged:
            if one.unserved_ratio > most:
                return UNSERVED, (
                    f"{percent(one.unserved_ratio, 3)} % of tokens went unserved under {one.policy}, "
                    f"more than max_unserved_ratio {percent(most, 3)} %"
                )
    return 0, ""


def sweep_verdict(points: Sequence[SweptPoint], max_unserved_ratio: float) -> tuple[int, str]:
    """The exit code and what to say: 3 where no point of the sweep serves enough."""
    if any(point.replayed.unserved_ratio <= max_unserved_ratio for point in points):
        return 0, ""
    return UNSERVED, f"no point leaves as little as max_unserved_ratio {percent(max_unserved_ratio, 3)} % unserved"
