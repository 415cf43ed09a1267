"""`baseload price`: the command."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from planner.cli.option_groups import with_options
from planner.cli.options import currency_of, say, screen
from planner.cli.price.options import ChargeGiven, CostGiven, Output, QuoteGiven, SubjectGiven

if TYPE_CHECKING:
    from planner.cli.price.charge_options import ChargeOptions
    from planner.cli.price.cost import CostOptions
    from planner.cli.price.subject import Subject


@with_options(SubjectGiven, QuoteGiven, CostGiven, ChargeGiven, Output)
def price(
    context: typer.Context, of: SubjectGiven, quote: QuoteGiven, cost: CostGiven, prices: ChargeGiven, output: Output
) -> None:
    """What a million tokens costs and what to charge: of a plan, a month, a price sheet or a quick quote.

    Example: baseload price --usd-hour 0.214 --tok-s 300 --utilization 0.7
    """
    from planner.cli.price.charge_options import charge_options
    from planner.cli.price.cost import cost_options
    from planner.cli.price.subject import read_subject

    asked = cost_options(cost)
    charge = charge_options(prices, market_chart=output.market_chart, config=of.config, hidden=cost.hidden)
    check_used(of.config, prices.policy, of.month, charge)
    may_be_none = charge.only_scenarios or asked.only_patterns
    subject = read_subject(of, quote, now=datetime.now(UTC), may_be_none=may_be_none)
    show(context, subject, asked, charge, output)


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
