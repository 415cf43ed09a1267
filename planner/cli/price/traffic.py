"""What `baseload price` says of traffic: profit scenarios and break-even, of a subject or of scenarios."""

from collections.abc import Sequence

from planner import files
from planner.cli.price.charge_options import ChargeOptions
from planner.cli.price.cost import cost_with, one_spend
from planner.cli.price.subject import Subject
from planner.demand.read import read_forecast
from planner.economics.breakeven import TrafficCost, break_even_rows
from planner.economics.claims import Claim
from planner.economics.pattern import levels_of
from planner.economics.profit import ProfitScenario
from planner.economics.traffic_cost import constant_cost, growing_cost, plan_cost, scenario_costs, with_hidden
from planner.errors import InputError
from planner.exchange.scenario_file import read_scenarios
from planner.report.price.break_even import BreakEvens
from policies.hidden import HiddenCost


def named_scenarios(
    asked: ChargeOptions,
) -> tuple[tuple[ProfitScenario, ...], tuple[tuple[str, tuple[Claim, ...]], ...]]:
    """The scenarios of the file, and its claims under its name; forecasts are relative to the file."""
    if asked.scenarios is None:
        return (), ()
    folder = asked.scenarios.parent

    def series(name: str) -> list[float]:
        forecast = read_forecast(files.read_text(folder / name), source=str(folder / name))
        return [float(value) for value in levels_of(forecast)]

    text = files.read_text(asked.scenarios)
    scenarios, claims = read_scenarios(text, source=str(asked.scenarios), read_series=series)
    return scenarios, ((str(asked.scenarios), claims),)


def break_evens(
    subject: Subject, hidden: tuple[HiddenCost, ...], scenarios: Sequence[ProfitScenario], asked: ChargeOptions
) -> list[BreakEvens]:
    """Of the subject and of each scenario: with cost that grows, and held constant as the guide does."""
    named: list[tuple[str, TrafficCost]] = []
    if subject.spend is not None:
        named += [(subject.spend.source, cost) for cost in subject_costs(subject, hidden)]
    elif subject.machines:
        one_spend(subject, "--break-even")
    for scenario in scenarios:
        constant, growing = scenario_costs(scenario)
        named += [(scenario.name, growing), (scenario.name, constant)]
    if not named:
        raise InputError("--break-even: needs a quote, a plan or --scenarios; expected one of them")
    asks = asked.tokens_per_request
    return [
        BreakEvens(
            name=name,
            cost=cost,
            tokens_per_request=asks,
            rows=break_even_rows(cost, asked.break_even_usd_mtok, tokens_per_request=asks),
        )
        for name, cost in named
    ]


def subject_costs(subject: Subject, hidden: tuple[HiddenCost, ...]) -> list[TrafficCost]:
    """Cost that grows with traffic first; held constant where that is another one."""
    spend = one_spend(subject, "--break-even")
    cost_with(spend, hidden, "--hidden")
    if subject.growing is not None:
        growing = with_hidden(subject.growing, spend, hidden)
    elif subject.plan is not None:
        growing = plan_cost(subject.plan, spend, hidden)
    else:
        growing = growing_cost(spend, hidden)
    constant = constant_cost(spend, hidden)
    return (
        [growing] if growing.points[0] == constant.points[0] and growing.beyond_usd_mtok == 0 else [growing, constant]
    )
