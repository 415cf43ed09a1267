"""Small worlds with sane defaults: each test states what matters to it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from autoscaler.providers.simulated.spec import SimulatedPool
from autoscaler.providers.simulated.truth import MachineTruth
from autoscaler.replay.serving.simulated import SimulatedServing
from autoscaler.replay.world import Requests, ServedModel, Traffic, World
from autoscaler.timeline import Timeline
from planner.profile.model import Basis, Rates
from policies.billing import Billing, Tariff

START = datetime(2026, 11, 2, tzinfo=UTC)


def rates(tok_s: float, concurrency: float | None = None) -> Rates:
    return Rates(prefill_tok_s=tok_s, decode_tok_s=tok_s, basis=Basis.MEASURED, concurrency=concurrency)


def a_model(**changes: Any) -> ServedModel:
    """Nodes of 100 tok/s, whatever the mix."""
    values: dict[str, Any] = {"name": "llm", "rates": {"cloud/small": rates(100)}, "reference": "cloud/small"}
    return ServedModel(**(values | changes))


def traffic(
    output_tok_s: Sequence[float],
    input_tok_s: Sequence[float] | None = None,
    *,
    start: datetime = START,
    step_s: float = 60.0,
    model: str = "llm",
    requests: Requests | None = None,
    source: str = "",
) -> Traffic:
    """One model, asked for output tokens alone unless input is given."""
    steps = len(output_tok_s)
    return Traffic(
        start=start,
        step_s=step_s,
        models=(model,),
        input_tok_s=np.array([input_tok_s or [0.0] * steps], dtype=float),
        output_tok_s=np.array([output_tok_s], dtype=float),
        is_gap=np.zeros(steps, dtype=bool),
        requests={} if requests is None else {model: requests},
        source=source,
    )


def a_pool(**changes: Any) -> SimulatedPool:
    """USD 0.36 an hour by the second, ready after a minute, never sold out."""
    values: dict[str, Any] = {
        "key": "cloud/small",
        "provider": "cloud",
        "tariff": Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("0.36")),
        "lead_times_s": (60.0,),
    }
    return SimulatedPool(**(values | changes))


def a_world(output_tok_s: list[float], *, step_s: float = 60.0, tick_s: float = 60.0, **changes: Any) -> World:
    values: dict[str, Any] = {
        "name": "small",
        "traffic": traffic(output_tok_s, step_s=step_s),
        "models": {"llm": a_model()},
        "pools": (a_pool(),),
        "tick_s": tick_s,
    }
    return World(**(values | changes))


def a_machine(node_id: str = "n1", *, pool: str = "cloud/small", is_base: bool = False) -> MachineTruth:
    return MachineTruth(
        id=f"m-{node_id}",
        key=node_id,
        node_id=node_id,
        fleet="fleet",
        pool=pool,
        model="llm",
        is_base=is_base,
        created_at=START,
        created_s=0.0,
    )


def serving_of(world: World) -> tuple[SimulatedServing, Timeline]:
    timeline = Timeline(start=START)
    return SimulatedServing(world, timeline), timeline


def until(timeline: Timeline, at_s: float) -> None:
    """Lets everything up to an instant happen."""
    while (next_s := timeline.next_at_s()) is not None and next_s <= at_s:
        timeline.step()
    timeline.now_s = at_s
