"""`baseload price`: the command and its options."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from planner.cli.options import (
    CurrencyCode,
    CurrencyOption,
    JsonOption,
    PolicyOption,
    currency_of,
    say,
    screen,
)


def price(  # noqa: PLR0917 - a command's options are its arguments
    context: typer.Context,
    plan: Annotated[
        Path | None, typer.Option("--plan", metavar="FILE", help="A plan.json of `baseload plan -o`.")
    ] = None,
    month: Annotated[
        str | None, typer.Option("--month", metavar="MONTH", help="A month of the ledger, such as 2026-11 (UTC).")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("-c", "--config", metavar="FILE", help="fleet.toml: rates of a month, and [policy.pricing]."),
    ] = None,
    usd_hour: Annotated[
        str | None, typer.Option("--usd-hour", metavar="USD", help="Quick quote: a machine's price per hour.")
    ] = None,
    usd_month: Annotated[
        str | None, typer.Option("--usd-month", metavar="USD", help="Or its price per month, quoted at 720 h.")
    ] = None,
    tok_s: Annotated[
        str | None, typer.Option("--tok-s", metavar="TOK/S", help="Tokens per second at full load, input and output.")
    ] = None,
    decode_only: Annotated[
        bool, typer.Option("--decode-only", help="--tok-s counts output alone; input is taken to cost no time.")
    ] = False,
    utilization: Annotated[
        str | None,
        typer.Option("--utilization", metavar="RATIOS", help="Assumed, such as 0.7,0.5; the first is used throughout."),
    ] = None,
    mtok_month: Annotated[
        str | None, typer.Option("--mtok-month", metavar="MTOK", help="Or the million tokens served in a month.")
    ] = None,
    mix: Annotated[
        str | None, typer.Option("--mix", metavar="RATIO", help="Input tokens per output token of a quote (1).")
    ] = None,
    costs: Annotated[
        Path | None, typer.Option("--costs", metavar="FILE", help="A price sheet, TOML: several machines to quote.")
    ] = None,
    machine: Annotated[
        str | None, typer.Option("--machine", metavar="NAME", help="The machine of the price sheet to look at.")
    ] = None,
    curve: Annotated[bool, typer.Option("--curve", help="USD per million tokens against load.")] = False,
    patterns: Annotated[
        bool, typer.Option("--patterns", help="How full a fleet can be: steady, business hours, bursty, dev.")
    ] = False,
    shapes: Annotated[
        list[Path] | None, typer.Option("--shape", metavar="FILE", help="Measure this forecast beside the patterns.")
    ] = None,
    hidden: Annotated[
        Path | None,
        typer.Option("--hidden", metavar="FILE", help="Hidden costs, TOML: the true cost beside the direct."),
    ] = None,
    prices: Annotated[
        str | None,
        typer.Option("--price", metavar="USD", help="With --hidden: what these prices, such as 0.25,0.5, earn."),
    ] = None,
    margin: Annotated[
        str | None,
        typer.Option("--margin", metavar="RATIO", help="With --hidden: name the price of this margin (0.5)."),
    ] = None,
    chart: Annotated[
        Path | None, typer.Option("--chart", metavar="FILE", help="Draw the cost curve to an .svg or .png file.")
    ] = None,
    tiers: Annotated[
        bool, typer.Option("--tiers", help="What to charge: tiers, splits, discounts, commitments.")
    ] = False,
    market: Annotated[bool, typer.Option("--market", help="Where our prices stand among hosted models.")] = False,
    market_class: Annotated[
        str | None,
        typer.Option("--market-class", metavar="CLASS", help="Of models like 7-8B, 70B (told by the model's name)."),
    ] = None,
    market_prices: Annotated[
        Path | None, typer.Option("--market-prices", metavar="FILE", help="A price list of your own, CSV.")
    ] = None,
    market_chart: Annotated[
        Path | None, typer.Option("--market-chart", metavar="FILE", help="Draw the market to an .svg or .png file.")
    ] = None,
    break_even: Annotated[
        str | None, typer.Option("--break-even", metavar="USD", help="Traffic at which prices such as 0.10,0.20 pay.")
    ] = None,
    tokens_per_request: Annotated[
        str | None, typer.Option("--tokens-per-request", metavar="N", help="With --break-even: as requests a day too.")
    ] = None,
    scenarios: Annotated[
        Path | None, typer.Option("--scenarios", metavar="FILE", help="Profit scenarios, TOML, with feasibility.")
    ] = None,
    per_token: Annotated[
        bool, typer.Option("--per-token", help="Input and output price per single token, as LiteLLM takes them.")
    ] = False,
    card: Annotated[bool, typer.Option("--card", help="A quick reference card.")] = False,
    claims: Annotated[
        Path | None, typer.Option("--claims", metavar="FILE", help="Figures someone states, held against these, TOML.")
    ] = None,
    policy: PolicyOption = None,
    currency: CurrencyOption = CurrencyCode.USD,
    as_json: JsonOption = False,
) -> None:
    """What a million tokens costs and what to charge: of a plan, a month, a price sheet or a quick quote.

    Example: baseload price --usd-hour 0.214 --tok-s 300 --utilization 0.7
    """
    from planner.cli.price.charge import charge_sections, claim_sections
    from planner.cli.price.charge_options import charge_options
    from planner.cli.price.cost import check_chart, cost_options, cost_sections, write_chart
    from planner.cli.price.market import check_chart_file, write_market_chart
    from planner.cli.price.subject import QuoteOptions, of_scenarios, read_subject
    from planner.errors import InputError
    from planner.report.price.document import PriceHead, price_document, render_price

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
    if config is not None and month is None and not charge.uses_policy:
        raise InputError("-c: needs --month, whose rates it tells, or --tiers and its like, whose prices it makes")
    if policy is not None and not charge.uses_policy:
        raise InputError("--policy: makes prices; expected --tiers, --market, --per-token or --card beside it")
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
    if subject.basis == "none" and scenarios is not None:
        subject = of_scenarios(subject, scenarios)
    if chart is not None:
        check_chart(subject, chart)
    if market_chart is not None:
        check_chart_file(market_chart)
    charged = charge_sections(subject, charge)
    sections = [*cost_sections(subject, asked, is_plain=not charge.is_asked), *charged.sections]
    shown = currency_of(currency)
    remarks = (*subject.remarks, *charged.remarks)
    head = PriceHead(
        basis=subject.basis,
        source=subject.source,
        price_basis=subject.price_basis,
        start=None if subject.spend is None else subject.spend.start,
        end=None if subject.spend is None else subject.spend.end,
        remarks=remarks,
    )
    sections += claim_sections(head, sections, subject, charge, charged)
    if chart is not None:
        write_chart(subject, chart, shown)
    if market_chart is not None:
        write_market_chart(charged.market, market_chart)
    if as_json:
        typer.echo(json.dumps(price_document(head, sections), indent=2, ensure_ascii=False))
    else:
        typer.echo(render_price(head, sections, screen=screen(), currency=shown), nl=False)
    say(context, remarks)
    say(context, [f"wrote {path}" for path in (chart, market_chart) if path is not None])
