"""Sections about cost: quotes, unit cost, splits, hidden costs, the cost curve."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from planner import files
from planner.cli.price.subject import Subject, decimal_of
from planner.economics.curve import CostCurve, machine_curves, plan_curves
from planner.economics.spend import Spend
from planner.economics.true_cost import TrueCost, true_cost
from planner.errors import InputError
from planner.exchange.hidden_file import read_hidden
from planner.report.price.curve import curve_section
from planner.report.price.quotes import quotes_section
from planner.report.price.section import Section
from planner.report.price.splits import splits_section
from planner.report.price.true_cost import Target, true_cost_section
from planner.report.price.unit import unit_section
from policies.hidden import HiddenCost
from policies.pricing import price_by_margin

DEFAULT_MARGIN = Decimal("0.5")
"""Of the price named beside the true cost: the one the pricing guide's full cost example aims at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostOptions:
    """What is asked of cost; prices and margin are read."""

    curve: bool = False
    hidden: Path | None = None
    prices_usd_mtok: tuple[Decimal, ...] = ()
    margin_ratio: Decimal = DEFAULT_MARGIN


def cost_options(*, curve: bool, hidden: Path | None, prices: str | None, margin: str | None) -> CostOptions:
    """The options as written, checked."""
    if hidden is None:
        for option, given in (("--price", prices), ("--margin", margin)):
            if given is not None:
                raise InputError(f"{option}: needs --hidden; expected both")
    listed = () if prices is None else tuple(decimal_of("--price", part) for part in prices.split(","))
    for price in listed:
        if price <= 0:
            raise InputError(f"--price {price}: expected USD per million tokens above 0")
    ratio = DEFAULT_MARGIN if margin is None else decimal_of("--margin", margin)
    if not ratio < 1:
        raise InputError(f"--margin {margin}: expected a share of the price below 1, such as 0.5")
    return CostOptions(curve=curve, hidden=hidden, prices_usd_mtok=listed, margin_ratio=ratio)


def cost_sections(subject: Subject, asked: CostOptions) -> list[Section]:
    """The quotes of machines; unit cost and splits of one spend; and what is asked for beside them."""
    sections = []
    if subject.machines:
        sections.append(quotes_section(subject.machines, subject.utilizations))
    if subject.spend is not None:
        sections += [unit_section(subject.spend), splits_section(subject.spend)]
    if asked.hidden is not None:
        sections.append(_true_cost(one_spend(subject, "--hidden"), asked, asked.hidden))
    if asked.curve:
        sections.append(curve_section(cost_curve(subject)))
    return sections


def one_spend(subject: Subject, option: str) -> Spend:
    """The spend an option is about; a sheet of several machines has none until one is chosen."""
    if subject.spend is None:
        raise InputError(f"{option}: {subject.source} has several machines; expected --machine NAME beside it")
    return subject.spend


def cost_curve(subject: Subject) -> CostCurve:
    """The curves of a plan's offers and the plan, or of the machines quoted."""
    if subject.plan is not None:
        return plan_curves(subject.plan, one_spend(subject, "--curve"))
    if not subject.machines:
        raise InputError("--curve: needs the machine's --tok-s, or a plan")
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
