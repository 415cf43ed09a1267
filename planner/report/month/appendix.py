"""The appendix: what the report rests on, each thing with its value, date and source; where the plans come from."""

from collections.abc import Callable, Sequence

from planner.month.value import Assumption, MonthReport
from planner.plan import Plan
from planner.report.month.cells import named, short, table, words
from planner.report.month.document import Block, Heading, Points, Section, Table
from planner.report.month.reading import Reading
from planner.report.numbers import UNKNOWN, percent, span

KINDS = (
    ("rates", "Throughput", ("rates of ",)),
    ("prices", "Prices", ("price in force of ", "catalog price of ")),
    ("published", "Published prices", ("published price of ",)),
    ("policy", "Policy", ("policy ",)),
)
"""Id, title and how such an assumption begins; what begins otherwise comes first."""


def appendix(report: MonthReport, reading: Reading) -> Section:
    """Every assumption, price date and source."""
    blocks: list[Block] = []
    for id_, title, facts in _kinds(report.assumptions):
        blocks += [Heading(id=f"assumed-{id_}", text=title), _facts_table(id_, title, facts)]
    plans = _plans(report)
    if plans:
        blocks += [Heading(id="provenance", text="Where the plans come from"), _provenance(plans)]
    blocks.append(Heading(id="basis", text="Basis of the amounts"))
    basis = [
        f"{report.spend.price_basis}.",
        "Amounts are net of VAT. Bills are by the provider's calendar month, in UTC.",
    ]
    if reading.currency.note:
        basis.append(f"Amounts are {reading.currency.note}.")
    blocks.append(Points(items=tuple(basis)))
    return Section(id="appendix", title="Appendix: assumptions, prices, sources", blocks=tuple(blocks))


def _kinds(assumptions: Sequence[Assumption]) -> list[tuple[str, str, list[Assumption]]]:
    """Assumptions by kind, each in its order; kinds without any are left out."""

    def begins(fact: Assumption, openings: tuple[str, ...]) -> bool:
        return fact.what.startswith(openings)

    known = tuple(opening for _, _, openings in KINDS for opening in openings)
    groups = [("general", "Assumptions", [fact for fact in assumptions if not begins(fact, known)])]
    groups += [(id_, title, [fact for fact in assumptions if begins(fact, openings)]) for id_, title, openings in KINDS]
    return [group for group in groups if group[2]]


def _facts_table(id_: str, title: str, facts: Sequence[Assumption]) -> Table:
    rows = [
        [
            words(fact.what.removeprefix("policy ") if id_ == "policy" else fact.what),
            words(fact.value),
            words(UNKNOWN if fact.dated is None else fact.dated.isoformat()),
            words(fact.source or UNKNOWN),
        ]
        for fact in facts
    ]
    columns = (named("What"), named("Value"), short("Dated"), named("Source"))
    return table(f"assumed-{id_}-table", f"{title}: what the report rests on", columns, rows)


def _plans(report: MonthReport) -> list[tuple[str, Plan]]:
    plans = [
        ("this month's plan", report.plan),
        ("the plan in hindsight", None if report.regret is None else report.regret.hindsight),
        ("the next month's plan", None if report.next_month is None else report.next_month.plan),
    ]
    return [(name, plan) for name, plan in plans if plan is not None]


def _provenance(plans: Sequence[tuple[str, Plan]]) -> Table:
    """What each plan was made of: a column per plan."""
    said: tuple[tuple[str, Callable[[Plan], str]], ...] = (
        ("Horizon, UTC", lambda plan: span(plan.start, plan.end).removesuffix(" UTC")),
        ("Forecast", lambda plan: plan.provenance.forecast),
        ("Catalog", lambda plan: plan.provenance.catalog),
        ("Policy", lambda plan: plan.provenance.policy),
        ("Solver", lambda plan: f"{plan.provenance.solver}, {plan.provenance.status}"),
        ("At most above the bound", lambda plan: f"{percent(plan.gap_ratio, 2)} %"),
    )
    rows = [[words(title), *(words(of(plan) or UNKNOWN) for _, plan in plans)] for title, of in said]
    columns = (named("Made of"), *(named(name.capitalize()) for name, _ in plans))
    return table("provenance-table", "Inputs and proof of each plan", columns, rows)
