"""What `baseload price` is asked about: a quick quote, a price sheet, a plan, a month. Reads it and says what it is."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np

from planner import files
from planner.catalog.stale import stale_remarks
from planner.cli.price.options import QuoteGiven, SubjectGiven
from planner.economics.breakeven import TrafficCost
from planner.economics.claims import Claim
from planner.economics.pattern import Floats, levels_of_plan
from planner.economics.plan_spend import spend_of_plan
from planner.economics.quote import Machine, needed_utilization, price_of_month, quote_spend, traffic_spend
from planner.economics.spend import Spend
from planner.errors import InputError
from planner.exchange.plan_file import read_plan
from planner.exchange.price_sheet import PriceSheet, read_price_sheet
from planner.exchange.sizes import EXPECTED, is_reasonable
from planner.plan import Plan
from policies.units import HOURS_PER_MONTH

DEFAULT_UTILIZATIONS = (Decimal(1), Decimal("0.7"), Decimal("0.5"))
"""Of a quote that names none: the columns of the pricing guide's cost tables."""
DEFAULT_UTILIZATION = Decimal("0.7")
DEFAULT_MIX = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is priced: one spend, and where it comes from; or several machines of a sheet, which are only quoted."""

    spend: Spend | None
    """None: several machines, and none of them chosen."""
    basis: str
    source: str
    price_basis: str
    machines: tuple[Machine, ...] = ()
    utilizations: tuple[Decimal, ...] = ()
    throughout: Decimal | None = None
    """Of quotes: the utilization prices are made at; None: there is no rate to be utilized."""
    input_per_output: Decimal = DEFAULT_MIX
    """Mix of what is quoted; a plan's spend knows its own."""
    plan: Plan | None = None
    growing: TrafficCost | None = None
    """Of a month that is over: its cost by traffic, hour by hour; None: by its lines alone."""
    levels: Floats | None = None
    """Tokens per second of each hour of its own traffic; None: not known."""
    claims: tuple[Claim, ...] = ()
    """Of the price sheet."""
    remarks: tuple[str, ...] = ()


def read_subject(of: SubjectGiven, quote: QuoteGiven, *, now: datetime, may_be_none: bool = False) -> Subject:
    """The subject of the command; exactly one of quote, sheet, plan and month must be given.

    `may_be_none`: none of them is fine too, where all that is asked for needs no prices.
    """
    costs, machine, plan, month = of.costs, of.machine, of.plan, of.month
    ways = [name for name, given in (("--costs", costs), ("--plan", plan), ("--month", month)) if given is not None]
    quoted = quote.usd_hour is not None or quote.usd_month is not None
    if may_be_none and not ways and not quote.given and machine is None:
        return Subject(spend=None, basis="none", source="traffic patterns", price_basis="ratios alone, no prices")
    if len(ways) + quoted != 1:
        got = ", ".join([*ways, *(["--usd-hour or --usd-month"] if quoted else [])]) or "none"
        raise InputError(
            "price: expected exactly one of --usd-hour (or --usd-month), --costs FILE, --plan FILE and --month MONTH, "
            f"got {got}"
        )
    if machine is not None and costs is None:
        raise InputError("--machine: needs --costs; expected both")
    if quote.given and not (quoted or costs):
        way = ways[0]
        raise InputError(f"{quote.given[0]}: not used with {way}, where traffic and rates are the {way[2:]}'s own")
    if plan is not None:
        return _of_plan(plan)
    if month is not None:
        return _of_month(month, of.config, now)
    if costs is not None:
        unused = [name for name in quote.given if name not in ("--utilization", "--mix")]
        if unused:
            raise InputError(f"{unused[0]}: not used with --costs; expected it in the file")
        return _of_sheet(read_price_sheet(files.read_text(costs), source=str(costs)), quote, costs, machine, now.date())
    return _of_quote(quote, now.date())


def of_scenarios(subject: Subject, path: Path) -> Subject:
    """Profit scenarios alone: their file says what everything costs."""
    basis = f"USD net of VAT, as given in the file, a month of {HOURS_PER_MONTH} h"
    return replace(subject, basis="quote", source=str(path), price_basis=basis)


def _of_plan(path: Path) -> Subject:
    plan = read_plan(files.read_text(path), source=str(path))
    try:
        spend = spend_of_plan(plan, source=str(path))
    except (KeyError, ArithmeticError) as error:  # a file changed by hand: an offer or model that is not in its tables
        raise InputError(
            f"{path}: the plan contradicts itself at {error}; expected one as `plan -o` writes it"
        ) from None
    return Subject(
        spend=spend,
        basis=spend.basis.value,
        source=spend.source,
        price_basis=spend.price_basis,
        plan=plan,
        levels=levels_of_plan(plan),
        remarks=(*spend.remarks, *stale_remarks(plan.rented.items())),
    )


def _of_month(month: str, config: Path | None, now: datetime) -> Subject:
    """The month as the ledger has it, at the rates of the fleet of `config`."""
    from planner.cli.month_facts import month_facts
    from planner.month.facts import reckon
    from planner.month.prices import traffic_cost
    from planner.month.spend import spend_of_month

    found = reckon(month_facts(month, config, as_of=now))
    if not found.bill.leases:
        raise InputError(
            f"month {month}: no lease of it is recorded, so what a token costs is unknown, not 0; "
            "expected leases (`baseload ledger import`)"
        )
    spend = spend_of_month(found)
    tok_s = np.nansum(found.hours.input_tok_s, axis=0) + np.nansum(found.hours.output_tok_s, axis=0)
    measured = tok_s[found.hours.is_measured]
    return Subject(
        spend=spend,
        basis=spend.basis.value,
        source=spend.source,
        price_basis=spend.price_basis,
        growing=traffic_cost(found, spend) if found.facts.known_until >= found.facts.end else None,
        levels=measured if measured.size and measured.max() > 0 else None,
        remarks=(*found.facts.remarks, *spend.remarks),
    )


def _of_sheet(sheet: PriceSheet, quote: QuoteGiven, path: Path, machine: str | None, today: date) -> Subject:
    dated = today if sheet.price_date is None else sheet.price_date
    basis = _price_basis(dated, f" ({sheet.source})" if sheet.source else "")
    given = _utilizations(quote.utilization)
    uses = given or sheet.utilizations or DEFAULT_UTILIZATIONS
    mix, remarks = _mix(quote.mix, sheet.input_per_output)
    chosen = sheet.machines
    if machine is not None:
        chosen = tuple(one for one in sheet.machines if one.name == machine)
        if not chosen:
            names = ", ".join(one.name for one in sheet.machines)
            raise InputError(f"--machine {machine}: not in {path}; expected one of {names}")
    spend = None
    if len(chosen) == 1:
        use, assumed = _throughout(given)
        spend = quote_spend(chosen[0], use, input_per_output=mix, price_basis=basis)
        remarks = (*assumed, *remarks)
    return Subject(
        spend=spend,
        basis="quote",
        source=str(path) if spend is None else spend.source,
        price_basis=basis,
        machines=chosen,
        utilizations=uses,
        throughout=_throughout(given)[0],
        input_per_output=mix,
        claims=sheet.claims,
        remarks=remarks if spend is not None else (),
    )


def _of_quote(quote: QuoteGiven, today: date) -> Subject:
    basis = _price_basis(today, " (as given)")
    mix, remarks = _mix(quote.mix, None)
    if quote.usd_hour is not None and quote.usd_month is not None:
        raise InputError("price: expected one of --usd-hour and --usd-month, got both")
    if quote.usd_hour is not None:
        hourly, name = above_0("--usd-hour", quote.usd_hour), f"USD {quote.usd_hour.strip()}/h"
    else:
        assert quote.usd_month is not None  # read_subject asks for one of them
        monthly = above_0("--usd-month", quote.usd_month)
        hourly, name = price_of_month(monthly), f"USD {quote.usd_month.strip()}/month"
    traffic = None if quote.mtok_month is None else above_0("--mtok-month", quote.mtok_month)
    if traffic is not None and quote.utilization is not None:
        raise InputError("price: expected one of --utilization and --mtok-month, got both")
    if quote.tok_s is None:
        return _of_traffic(quote, name, hourly, traffic, mix, basis, remarks)
    rate = above_0("--tok-s", quote.tok_s)
    machine = Machine(name=name, price_usd_hour=hourly, tok_s=rate, is_decode_only=quote.decode_only)
    given = _utilizations(quote.utilization)
    uses = given or DEFAULT_UTILIZATIONS
    if traffic is not None:
        counted = traffic / (1 + mix) if quote.decode_only else traffic
        use = needed_utilization(machine, counted)
        if use > 1:
            raise InputError(
                f"--mtok-month {quote.mtok_month}: the machine serves {1 / use:.1%} of it at full load; "
                "expected less traffic or a higher --tok-s"
            )
        given = uses = (use,)
    use, assumed = _throughout(given)
    spend = quote_spend(machine, use, input_per_output=mix, price_basis=basis)
    return Subject(
        spend=spend,
        basis="quote",
        source=f"{name} at {rate:f} tok/s",
        price_basis=basis,
        machines=(machine,),
        utilizations=uses,
        throughout=use,
        input_per_output=mix,
        remarks=(*assumed, *remarks),
    )


def _of_traffic(
    quote: QuoteGiven,
    name: str,
    hourly: Decimal,
    traffic: Decimal | None,
    mix: Decimal,
    basis: str,
    remarks: tuple[str, ...],
) -> Subject:
    """A cost and the tokens it serves, without a rate: what one such month costs per million tokens."""
    if traffic is None or quote.decode_only:
        raise InputError("price: --tok-s is missing; expected the machine's rate at full load (or --mtok-month)")
    spend = traffic_spend(
        name=name, cost_usd_month=hourly * HOURS_PER_MONTH, mtok_month=traffic, mix=mix, price_basis=basis
    )
    return Subject(spend=spend, basis="quote", source=spend.source, price_basis=basis, remarks=remarks)


def _price_basis(dated: date, source: str) -> str:
    return f"USD net of VAT, prices of {dated.isoformat()}{source}, a month quoted as {HOURS_PER_MONTH} h"


def _mix(written: str | None, of_sheet: Decimal | None) -> tuple[Decimal, tuple[str, ...]]:
    """Input tokens per output token, and a remark where it is assumed."""
    if written is not None:
        mix = decimal_of("--mix", written)
        if mix < 0:
            raise InputError(f"--mix {written}: expected input tokens per output token, 0 or more")
        return mix, ()
    if of_sheet is not None:
        return of_sheet, ()
    return DEFAULT_MIX, (
        "one input token per output token is assumed, as the pricing guide does; --mix says otherwise",
    )


def _utilizations(written: str | None) -> tuple[Decimal, ...]:
    if written is None:
        return ()
    uses = tuple(decimal_of("--utilization", part) for part in written.split(","))
    for use in uses:
        if not 0 < use <= 1:
            raise InputError(f"--utilization {use}: expected ratios in (0, 1], such as 0.7 or 0.7,0.5")
    return uses


def _throughout(given: tuple[Decimal, ...]) -> tuple[Decimal, tuple[str, ...]]:
    """The utilization that everything but the table of quotes is at, and a remark where it is assumed."""
    if given:
        return given[0], ()
    return DEFAULT_UTILIZATION, (
        f"{DEFAULT_UTILIZATION * 100:.0f} % utilization is assumed beyond the quotes; --utilization says otherwise",
    )


def above_0(option: str, written: str) -> Decimal:
    """The number an option was given as, which must be above 0."""
    value = decimal_of(option, written)
    if value <= 0:
        raise InputError(f"{option} {written}: expected a number above 0")
    return value


def decimal_of(option: str, written: str) -> Decimal:
    """The number an option was given as."""
    try:
        value = Decimal(written.strip())
    except InvalidOperation:
        raise InputError(f"{option} {written}: expected a number") from None
    if not is_reasonable(value):
        raise InputError(f"{option} {written}: expected {EXPECTED}")
    return value
