"""Sections about cost: quotes, unit cost, splits, hidden costs, the cost curve."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from planner import files
from planner.cli.price.options import CostGiven
from planner.cli.price.subject import Subject, decimal_of
from planner.demand.read import read_forecast
from planner.economics.curve import FACTORS, CostCurve, machine_curves, plan_curves
from planner.economics.pattern import (
    DEFAULT_BURST_PRICE_RATIO,
    SHIPPED,
    burst_price_ratio,
    levels_of,
    measure,
)
from planner.economics.spend import Spend
from planner.economics.true_cost import TrueCost, true_cost
from planner.errors import InputError
from planner.exchange.hidden_file import read_hidden
from planner.report.charts import check_chart_path
from planner.report.numbers import Currency
from planner.report.price.curve import curve_section
from planner.report.price.patterns import patterns_section
from planner.report.price.quotes import quotes_section
from planner.report.price.section import Section
from planner.report.price.splits import splits_section
from planner.report.price.true_cost import Target, true_cost_section
from planner.report.price.unit import unit_section
from policies.hidden import HiddenCost
from policies.planning import PlanningPolicy
from policies.pricing import price_by_margin

DEFAULT_MARGIN = Decimal("0.5")
"""Of the price named beside the true cost: the one the pricing guide's full cost example aims at."""

CHART_FACTORS = tuple(step / 20 for step in range(1, 61))
"""Loads of a plan on the chart: from a twentieth of its own traffic to three times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostOptions:
    """What is asked of cost; prices and margin are read."""

    curve: bool = False
    patterns: bool = False
    shapes: tuple[Path, ...] = ()
    """Forecasts measured beside the shipped shapes."""
    hidden: Path | None = None
    prices_usd_mtok: tuple[Decimal, ...] = ()
    margin_ratio: Decimal = DEFAULT_MARGIN

    @property
    def only_patterns(self) -> bool:
        """Whether nothing that needs a price is asked for."""
        return self.patterns and not self.curve and self.hidden is None


def cost_options(given: CostGiven) -> CostOptions:
    """The options as written, checked."""
    if given.hidden is None:
        for option, written in (("--price", given.prices), ("--margin", given.margin)):
            if written is not None:
                raise InputError(f"{option}: needs --hidden; expected both")
    listed = () if given.prices is None else tuple(decimal_of("--price", part) for part in given.prices.split(","))
    for price in listed:
        if price <= 0:
            raise InputError(f"--price {price}: expected USD per million tokens above 0")
    ratio = DEFAULT_MARGIN if given.margin is None else decimal_of("--margin", given.margin)
    if not ratio < 1:
        raise InputError(f"--margin {given.margin}: expected a share of the price below 1, such as 0.5")
    return CostOptions(
        curve=given.curve,
        patterns=given.patterns or bool(given.shapes),
        shapes=tuple(given.shapes or ()),
        hidden=given.hidden,
        prices_usd_mtok=listed,
        margin_ratio=ratio,
    )


def cost_sections(subject: Subject, asked: CostOptions, *, is_plain: bool = True) -> list[Section]:
    """The quotes of machines; unit cost and splits of one spend; and what is asked for beside them.

    Not `is_plain`: prices are asked for, and of cost only what is named.
    """
    sections = []
    if subject.machines and is_plain:
        sections.append(quotes_section(subject.machines, subject.utilizations))
    if subject.spend is not None and is_plain:
        sections += [unit_section(subject.spend), splits_section(subject.spend)]
    if asked.hidden is not None:
        sections.append(_true_cost(one_spend(subject, "--hidden"), asked, asked.hidden))
    if asked.curve:
        sections.append(curve_section(cost_curve(subject)))
    if asked.patterns:
        sections.append(_patterns(subject, asked.shapes))
    return sections


def check_chart(subject: Subject, chart: Path) -> None:
    """Raises InputError where the chart of the cost curve could not be drawn or written."""
    check_chart_path(chart)
    files.check_writable(chart)
    cost_curve(subject, ())


def write_chart(subject: Subject, chart: Path, currency: Currency) -> None:
    """The cost curve as a picture, the plan at closer steps than in the table."""
    from planner.report.price.chart import write_curve

    curve = cost_curve(subject, CHART_FACTORS)
    write_curve(curve, chart, about=subject.source, basis=subject.price_basis, currency=currency)


def one_spend(subject: Subject, option: str) -> Spend:
    """The spend an option is about; a sheet of several machines has none until one is chosen."""
    if subject.spend is None:
        if subject.machines:
            raise InputError(f"{option}: {subject.source} has several machines; expected --machine NAME beside it")
        raise InputError(f"{option}: needs --usd-hour, --costs or --plan beside it")
    return subject.spend


def cost_curve(subject: Subject, factors: Sequence[float] = FACTORS) -> CostCurve:
    """The curves of a plan's offers and the plan at multiples of its traffic, or of the machines quoted."""
    if subject.plan is not None:
        return plan_curves(subject.plan, one_spend(subject, "--curve"), factors=factors)
    if not subject.machines:
        raise InputError("--curve and --chart: need the machine's --tok-s, or a plan")
    return machine_curves(subject.machines)


def _true_cost(spend: Spend, asked: CostOptions, path: Path) -> Section:
    hidden = read_hidden(files.read_text(path), source=str(path))
    cost = cost_with(spend, hidden, str(path))
    unit = cost.per_mtok(cost.true_usd)
    target = Target(
        margin_ratio=asked.margin_ratio,
        price_usd_mtok=None if unit is None else price_by_margin(unit, asked.margin_ratio),
    )
    earned = [one for price in asked.prices_usd_mtok if (one := cost.at_price(price)) is not None]
    return true_cost_section(cost, target, earned)


def cost_with(spend: Spend, hidden: tuple[HiddenCost, ...], source: str) -> TrueCost:
    """Direct and hidden cost of the spend; a line that cannot be priced is an InputError of the file."""
    try:
        return true_cost(spend, hidden)
    except ValueError as error:
        raise InputError(f"{source}: {error}; expected another basis, or --tok-s") from None


def _patterns(subject: Subject, shapes: tuple[Path, ...]) -> Section:
    """The shipped shapes, the subject's own traffic and the forecasts given, at the plan's target or the default."""
    plan = subject.plan
    target = PlanningPolicy().target_utilization if plan is None else plan.policy.target_utilization
    known = None if plan is None else burst_price_ratio(plan)
    ratio = DEFAULT_BURST_PRICE_RATIO if known is None else known
    measured = []
    for shape in SHIPPED:
        forecast = read_forecast(files.packaged_text(shape.file), source=shape.file)
        measured.append(
            measure(
                levels_of(forecast),
                name=shape.name,
                source=shape.source,
                target_utilization=target,
                burst_price_ratio=ratio,
                guide=shape.guide,
            )
        )
    own = []
    if subject.levels is not None:
        name = "the plan" if plan is not None else "the month"
        own.append((name, subject.source if plan is None else plan.provenance.forecast, subject.levels))
    for path in shapes:
        forecast = read_forecast(files.read_text(path), source=str(path), unmeasured="interpolate")
        own.append((path.name, str(path), levels_of(forecast)))
    for name, source, levels in own:
        try:
            measured.append(
                measure(levels, name=name, source=source, target_utilization=target, burst_price_ratio=ratio)
            )
        except ValueError as error:
            raise InputError(f"{source}: {error}") from None
    return patterns_section(measured, target_utilization=target, burst_price_ratio=ratio, is_assumed=known is None)
