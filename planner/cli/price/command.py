"""`baseload price`: the command."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from planner.cli.options import CurrencyCode, CurrencyOption, JsonOption, PolicyOption, currency_of, say, screen
from planner.cli.price.options import (
    BreakEvenOption,
    CardOption,
    ChartOption,
    ClaimsOption,
    CostsOption,
    CurveOption,
    DecodeOnlyOption,
    HiddenOption,
    LedgerMonthOption,
    MachineOption,
    MarginOption,
    MarketChartOption,
    MarketClassOption,
    MarketOption,
    MarketPricesOption,
    MixOption,
    MtokMonthOption,
    PatternsOption,
    PerTokenOption,
    PlanFileOption,
    PriceFleetOption,
    PriceOption,
    ScenariosOption,
    ShapeOption,
    TiersOption,
    TokensPerRequestOption,
    TokSOption,
    UsdHourOption,
    UsdMonthOption,
    UtilizationOption,
)

if TYPE_CHECKING:
    from planner.cli.price.charge_options import ChargeOptions
    from planner.cli.price.cost import CostOptions
    from planner.cli.price.subject import Subject


def price(  # noqa: PLR0917 - a command's options are its arguments
    context: typer.Context,
    plan: PlanFileOption = None,
    month: LedgerMonthOption = None,
    config: PriceFleetOption = None,
    usd_hour: UsdHourOption = None,
    usd_month: UsdMonthOption = None,
    tok_s: TokSOption = None,
    decode_only: DecodeOnlyOption = False,
    utilization: UtilizationOption = None,
    mtok_month: MtokMonthOption = None,
    mix: MixOption = None,
    costs: CostsOption = None,
    machine: MachineOption = None,
    curve: CurveOption = False,
    patterns: PatternsOption = False,
    shapes: ShapeOption = None,
    hidden: HiddenOption = None,
    prices: PriceOption = None,
    margin: MarginOption = None,
    chart: ChartOption = None,
    tiers: TiersOption = False,
    market: MarketOption = False,
    market_class: MarketClassOption = None,
    market_prices: MarketPricesOption = None,
    market_chart: MarketChartOption = None,
    break_even: BreakEvenOption = None,
    tokens_per_request: TokensPerRequestOption = None,
    scenarios: ScenariosOption = None,
    per_token: PerTokenOption = False,
    card: CardOption = False,
    claims: ClaimsOption = None,
    policy: PolicyOption = None,
    currency: CurrencyOption = CurrencyCode.USD,
    as_json: JsonOption = False,
) -> None:
    """What a million tokens costs and what to charge: of a plan, a month, a price sheet or a quick quote.

    Example: baseload price --usd-hour 0.214 --tok-s 300 --utilization 0.7
    """
    from planner.cli.price.charge_options import charge_options
    from planner.cli.price.cost import cost_options
    from planner.cli.price.subject import QuoteOptions, read_subject

    quote = QuoteOptions(
        usd_hour=usd_hour,
        usd_month=usd_month,
        tok_s=tok_s,
        decode_only=decode_only,
        utilization=utilization,
        mtok_month=mtok_month,
        mix=mix,
    )
    asked = cost_options(curve=curve, patterns=patterns, shapes=shapes, hidden=hidden, prices=prices, margin=margin)
    charge = charge_options(
        tiers=tiers,
        market=market,
        market_class=market_class,
        market_prices=market_prices,
        market_chart=market_chart,
        break_even=break_even,
        tokens_per_request=tokens_per_request,
        scenarios=scenarios,
        per_token=per_token,
        card=card,
        claims=claims,
        policy=policy,
        config=config,
        hidden=hidden,
    )
    check_used(config, policy, month, charge)
    subject = read_subject(
        quote=quote,
        costs=costs,
        machine=machine,
        plan=plan,
        month=month,
        config=config,
        now=datetime.now(UTC),
        may_be_none=charge.only_scenarios or asked.only_patterns,
    )
    show(
        context,
        subject,
        asked,
        charge,
        Output(chart=chart, market_chart=market_chart, currency=currency, as_json=as_json),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where the result goes, and how."""

    chart: Path | None
    market_chart: Path | None
    currency: CurrencyCode
    as_json: bool


def check_used(config: Path | None, policy: str | None, month: str | None, charge: "ChargeOptions") -> None:
    """Raises InputError where a fleet or a policy is given that nothing asked for would read."""
    from planner.errors import InputError

    if config is not None and month is None and not charge.uses_policy:
        raise InputError("-c: needs --month, whose rates it tells, or --tiers and its like, whose prices it makes")
    if policy is not None and not charge.uses_policy:
        raise InputError(
            "--policy: makes prices; expected --tiers, --market, --per-token, --card or --break-even beside it"
        )


def show(
    context: typer.Context, subject: "Subject", asked: "CostOptions", charge: "ChargeOptions", output: Output
) -> None:
    """Every section asked for, the charts, and the remarks."""
    from planner.cli.price.charge import charge_sections, claim_sections
    from planner.cli.price.cost import check_chart, cost_sections, write_chart
    from planner.cli.price.market import check_chart_file, write_market_chart
    from planner.cli.price.subject import of_scenarios
    from planner.report.price.document import PriceHead, price_document, render_price

    if subject.basis == "none" and charge.scenarios is not None:
        subject = of_scenarios(subject, charge.scenarios)
    if output.chart is not None:
        check_chart(subject, output.chart)
    if output.market_chart is not None:
        check_chart_file(output.market_chart)
    charged = charge_sections(subject, charge)
    sections = [*cost_sections(subject, asked, is_plain=not charge.is_asked), *charged.sections]
    shown = currency_of(output.currency)
    head = PriceHead(
        basis=subject.basis,
        source=subject.source,
        price_basis=subject.price_basis,
        start=None if subject.spend is None else subject.spend.start,
        end=None if subject.spend is None else subject.spend.end,
        remarks=(*subject.remarks, *charged.remarks),
    )
    sections += claim_sections(head, sections, subject, charge, charged)
    if output.chart is not None:
        write_chart(subject, output.chart, shown)
    if output.market_chart is not None:
        write_market_chart(charged.market, output.market_chart, shown)
    if output.as_json:
        typer.echo(json.dumps(price_document(head, sections), indent=2, ensure_ascii=False))
    else:
        typer.echo(render_price(head, sections, screen=screen(), currency=shown), nl=False)
    say(context, head.remarks)
    say(context, [f"wrote {path}" for path in (output.chart, output.market_chart) if path is not None])
