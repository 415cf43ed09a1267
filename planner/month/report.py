"""The month's report: facts in, MonthReport out. Solves up to three plans; no clock and no files.

What cannot be said is left out with a remark that says why; only a month of which nothing is recorded is an error.
"""

from planner.demand.forecast import Forecast
from planner.economics.unit import UNKNOWN
from planner.ledger import TEAM
from planner.month.assumptions import assumptions
from planner.month.bill_lines import bill_lines, currency_remarks
from planner.month.demand import asked
from planner.month.facts import MonthFacts, Reckoning, reckon
from planner.month.following import next_month, owned_remarks
from planner.month.forecast_error import forecast_error
from planner.month.hindsight import regret
from planner.month.prices import break_evens, market_of_month, price_rows
from planner.month.risks import risks
from planner.month.spend import (
    hourly,
    model_months,
    spend_of_month,
    trend,
    unit_row,
    unserved_ratio,
    utilization,
)
from planner.month.value import BillLine, MonthReport, NextMonth
from planner.month.variance import variance
from planner.optimize.walk import Effort
from policies.billing import Billing

TITLE = "Capacity report"
EFFORT = Effort(dispatched_cells=20_000)
"""Some 25 base counts of a month are dispatched in whole nodes for each of three plans; what is left to gain is stated
in each. With 15 times as much the plans of a real month cost the same, and the report takes 10 s."""


def month_report(
    facts: MonthFacts,
    *,
    by: str = TEAM,
    title: str = TITLE,
    forecast: Forecast | None = None,
    effort: Effort | None = EFFORT,
) -> MonthReport:
    """The report of a month. `forecast`: of the month after, by the fleet's models; `effort`: of each plan's search."""
    month = reckon(facts, by=by)
    lines = bill_lines(month.bill)
    spend = spend_of_month(month)
    unit = unit_row(month, spend)
    came = asked(month)
    varied, no_variance = variance(month)
    missed, no_error = forecast_error(month, came)
    judged, no_regret = regret(month, came, effort)
    following, no_next = next_month(month, came, forecast, effort)
    plans = [judged.hindsight] if judged is not None else []
    plans += [following.plan] if following is not None else []
    unserved = unserved_ratio(month)
    prices, no_price = price_rows(month, spend)
    paid, no_break_even = break_evens(month, spend, prices)
    missing = (*no_variance, *no_error, *no_regret, *no_next, *no_price, *no_break_even)
    return MonthReport(
        month=facts.month,
        start=facts.start,
        end=facts.end,
        as_of=facts.as_of,
        title=title,
        models=month.hours.models,
        bill_usd=month.bill.bill_usd,
        bill=lines,
        charges=month.charges,
        model_months=model_months(month, spend),
        hourly=hourly(month),
        gap_hours=month.gap_hours,
        utilization=utilization(month),
        use=facts.use,
        unserved_ratio=unserved,
        unit=UNKNOWN if unit is None else unit.allocation,
        usage_unit=UNKNOWN if unit is None else unit.usage,
        spend=spend,
        trend=trend(month),
        plan=None if facts.planned is None else facts.planned.plan,
        variance=varied,
        forecast_error=missed,
        regret=judged,
        next_month=following,
        break_even=paid,
        prices=prices,
        risks=risks(month, unserved),
        assumptions=assumptions(month, tuple(plans), market_of_month(month, spend)),
        remarks=(*_remarks(month, lines, following), *missing, *month.charges.remarks, *facts.remarks),
    )


def _remarks(month: Reckoning, lines: tuple[BillLine, ...], following: NextMonth | None) -> tuple[str, ...]:
    """What a reader must know before any figure."""
    facts, hours = month.facts, month.hours
    said = []
    if facts.known_until < facts.end:
        said.append(
            f"{facts.month} is not over: {facts.past_hours} of {facts.hours} hours, running leases charged up to "
            f"{facts.known_until:%Y-%m-%d %H:%M} UTC"
        )
        whole = {one.lease.offer for one in month.bill.leases if one.lease.price.tariff.billing is Billing.MONTH}
        if whole:
            said.append(f"{', '.join(sorted(whole))}: due whole for the month, so unit cost falls until it is over")
    if not month.has_usage:
        said.append(f"no usage of {facts.month} is recorded: unit cost, utilization and charges by use are unknown")
    elif month.gap_hours:
        said.append(f"{month.gap_hours} of {facts.past_hours} hours were not measured: traffic and use are of the rest")
    if not month.bill.leases:
        said.append(
            f"no lease of {facts.month} is recorded: the bill holds other costs alone, and unit cost is unknown"
        )
    known = {model.name for model in facts.fleet.models}
    said += [
        f"{name}: not a model of {facts.fleet.source}; its rates are unknown, and it is not planned"
        for name in hours.models
        if name not in known
    ]
    tagged = {tag for tags in (facts.served.tags if facts.served else ()) for tag, _ in tags}
    if month.has_usage and month.charges.by not in tagged:
        there = f"there are {', '.join(sorted(tagged))}" if tagged else "usage has no tags"
        said.append(f"no usage is tagged {month.charges.by!r}, which charges go by; {there}")
    missing = sorted({lease.offer for lease in facts.leases if lease.offer not in facts.catalog})
    if missing:
        said.append(f"{', '.join(missing)}: not in the catalog; charged at the price of the lease, and in no new plan")
    owned = () if following is None else owned_remarks(facts)
    return (*said, *owned, *currency_remarks(lines))
