"""From a whole-node dispatch to leases and money: what every scenario costs, in Decimal. Pure.

Costs: fees and setup of the base; leases formed and charged by the billing rules; egress of what each option serves;
expected interruptions per lease hour; the penalty of unserved demand.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from planner.optimize.leases import LeaseFormer, Span
from planner.optimize.prepare import lead_time_s
from planner.optimize.problem import Problem
from planner.optimize.serving import Serving
from planner.optimize.whole import Dispatch


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioBill:
    """What one scenario costs beyond the base, USD."""

    leases: tuple[tuple[int, int, Span], ...]
    """(model, burst option, span)"""
    burst_usd: Decimal
    egress_usd: Decimal
    interruption_usd: Decimal
    unserved_penalty_usd: Decimal


def bill_scenarios(problem: Problem, dispatch: Dispatch, served: Serving) -> Iterator[ScenarioBill]:
    """What each scenario costs beyond the base, in the order of the problem."""
    formers = {
        (m, v): LeaseFormer(
            option.offer.tariff,
            start=problem.start,
            lead_time_s=round(lead_time_s(option.offer, model, problem.policy)),
            interruption_usd_hour=option.interruption_usd_hour,
        )
        for m, model in enumerate(problem.models)
        for v, option in enumerate(problem.burst)
    }
    egress = (served.base_share * problem.base_egress_usd()).sum(axis=(0, 1))
    egress += (served.burst_share * problem.burst_egress_usd()).sum(axis=(0, 1))
    penalty = (dispatch.unserved * problem.unserved_usd).sum(axis=0)
    for s in range(len(problem.scenarios)):
        cells = slice(s * problem.hours, (s + 1) * problem.hours)
        leases = [
            (m, v, span) for (m, v), former in formers.items() for span in former.form(dispatch.nodes[m, v, cells])
        ]
        held = [(span.count * span.hours, problem.burst[v]) for _, v, span in leases]
        yield ScenarioBill(
            leases=tuple(leases),
            burst_usd=sum((span.charge_usd * span.count for _, _, span in leases), Decimal(0)),
            egress_usd=exact(float(egress[cells].sum())),
            interruption_usd=sum((hours * option.interruption_usd_hour for hours, option in held), Decimal(0)),
            unserved_penalty_usd=exact(float(penalty[cells].sum())),
        )


def exact(value: float) -> Decimal:
    """A float of the model as the Decimal it prints as, to a millionth of a dollar."""
    return Decimal(repr(value)).quantize(Decimal("0.000001"))
