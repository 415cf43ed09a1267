"""The options of `baseload price` about what to charge, read and checked; files are named, not opened."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from planner.cli.price.options import ChargeGiven
from planner.cli.price.subject import above_0
from planner.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeOptions:
    """What is asked of prices; numbers are read, files are not."""

    tiers: bool = False
    market: bool = False
    market_class: str | None = None
    market_prices: Path | None = None
    market_chart: Path | None = None
    break_even_usd_mtok: tuple[Decimal, ...] = ()
    tokens_per_request: Decimal | None = None
    scenarios: Path | None = None
    per_token: bool = False
    card: bool = False
    claims: Path | None = None
    policy: str | None = None
    config: Path | None = None
    hidden: Path | None = None

    @property
    def is_asked(self) -> bool:
        """Whether any section of prices is asked for; then those about cost are shown only where they are named."""
        return self.needs_subject or self.scenarios is not None or bool(self.break_even_usd_mtok)

    @property
    def only_scenarios(self) -> bool:
        """Whether scenarios bring all the cost that is needed."""
        return self.scenarios is not None and not self.needs_subject

    @property
    def uses_policy(self) -> bool:
        """Whether prices are made or tried, and so a pricing policy is read: its rules, its hidden costs."""
        return self.needs_subject or bool(self.break_even_usd_mtok)

    @property
    def needs_subject(self) -> bool:
        """Whether a cost is needed: scenarios bring their own, and break-even may be theirs."""
        return self.tiers or self.market or self.per_token or self.card


def charge_options(
    given: ChargeGiven, *, market_chart: Path | None, config: Path | None, hidden: Path | None
) -> ChargeOptions:
    """The options as written, checked."""
    tokens = given.tokens_per_request
    if tokens is not None and given.break_even is None:
        raise InputError("--tokens-per-request: needs --break-even; expected both")
    names_market = given.market_class is not None or given.market_prices is not None
    listed = () if given.break_even is None else given.break_even.split(",")
    return ChargeOptions(
        tiers=given.tiers,
        market=given.market or market_chart is not None or (names_market and not given.card),
        market_class=given.market_class,
        market_prices=given.market_prices,
        market_chart=market_chart,
        break_even_usd_mtok=tuple(above_0("--break-even", part) for part in listed),
        tokens_per_request=None if tokens is None else above_0("--tokens-per-request", tokens),
        scenarios=given.scenarios,
        per_token=given.per_token,
        card=given.card,
        claims=given.claims,
        policy=given.policy,
        config=config,
        hidden=hidden,
    )
