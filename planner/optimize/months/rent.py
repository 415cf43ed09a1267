"""What can be rented when, and at which price: an offer ordered in a month keeps that month's price. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from planner.optimize.problem import BaseOption, Problem
from policies.billing import Tariff, horizon_fee_usd, month_span


@dataclass(frozen=True, slots=True, kw_only=True)
class Rent:
    """Servers of one base option at one price: those owned, or those ordered while the price holds."""

    key: str
    """Of the option."""
    orders: range
    """Months in which they can be ordered; empty for those owned."""
    owned: int
    """How many there are before the first month."""
    setup_usd: Decimal
    """Of one server, when it is ordered."""
    fee_usd: tuple[Decimal, ...]
    """Of one server in each month."""


def rents_of(problems: Sequence[Problem]) -> tuple[Rent, ...]:
    """Every price at which a base option of these consecutive months can be had, in the options' order."""
    rents = []
    for option in problems[0].base:
        offered = [_named(problem, option.key) for problem in problems]
        if option.owned_count is not None:
            rents.append(_rent(problems, option, range(0), option.owned_count))
            continue
        first = 0
        for month in range(1, len(problems) + 1):
            if month == len(problems) or _price(offered[month]) != _price(offered[first]):
                rents.append(_rent(problems, offered[first], range(first, month), 0))
                first = month
    return tuple(rents)


def _rent(problems: Sequence[Problem], option: BaseOption, orders: range, owned: int) -> Rent:
    fees = tuple(horizon_fee_usd(option.offer.tariff, *month_span(problem.start)) for problem in problems)
    return Rent(key=option.key, orders=orders, owned=owned, setup_usd=option.setup_due_usd, fee_usd=fees)


def _named(problem: Problem, key: str) -> BaseOption:
    return next(option for option in problem.base if option.key == key)


def _price(option: BaseOption) -> tuple[Tariff, Decimal]:
    return option.offer.tariff, option.setup_due_usd
