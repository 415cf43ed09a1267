"""Reads leases.csv and prices.csv: what was rented, and at which price. Text in, Lease and PriceInForce out. Pure.

leases.csv: `id,offer,start`, then `end` (empty: still running), `provider` (else the offer's), `role` (base or burst),
`model`, `region`, `interrupted`, the columns named as tags, and the price columns. prices.csv: `offer` and the price
columns. Price columns: `billing` (a rule of policies/billing.py) with `price_usd_hour`, `fee_usd_month`,
`setup_fee_usd`; or `price_hour`, `fee_month`, `setup_fee` in the `currency` of the invoice at `usd_per_unit` USD
(`rate_date`); `is_spot`, `effective_from`, `price_source`. A lease without price columns gets the price in force.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from planner.catalog.offer_id import OfferId
from planner.demand.header import shown
from planner.errors import InputError
from planner.exchange.table import Columns, Row, read_day, read_mark, read_money, read_name, read_table, read_time
from planner.ledger import Lease, PriceInForce
from policies.billing import Billing, Tariff

USD_COLUMNS = {"price_usd_hour": "price_hour", "fee_usd_month": "fee_month", "setup_fee_usd": "setup_fee"}
"""An amount in USD, and the same in the invoice's currency."""
PRICE_COLUMNS = (
    *("billing", *USD_COLUMNS, *USD_COLUMNS.values(), "currency", "usd_per_unit", "rate_date"),
    *("is_spot", "effective_from", "price_source"),
)
LEASE_COLUMNS = ("end", "provider", "role", "model", "region", "interrupted")
ROLES = ("base", "burst")

PriceLookup = Callable[[str, date], PriceInForce | None]
"""The price in force of an offer for who orders it on a date; None: no price is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasesRead:
    """Leases as read, and what their reader should know."""

    leases: tuple[Lease, ...]
    remarks: tuple[str, ...] = ()


def read_leases(text: str, *, source: str, price_of: PriceLookup, tags: Mapping[str, str] | None = None) -> LeasesRead:
    """The leases a CSV text holds; `price_of` prices those whose row has no price. `tags`: tag -> column."""
    columns, chunks = read_table(
        text, source=source, required=("id", "offer", "start"), optional=(*LEASE_COLUMNS, *PRICE_COLUMNS), tags=tags
    )
    leases: dict[str, Lease] = {}
    for rows, lines in chunks:
        for row, line in zip(rows, lines, strict=True):
            try:
                lease = _lease(columns, row, price_of)
            except ValueError as error:
                raise InputError(f"{source}, row {line}: {error}") from None
            if lease.id in leases:
                raise InputError(f"{source}, row {line}: id {shown(lease.id)} appears twice; expected each lease once")
            leases[lease.id] = lease
    if not leases:
        raise InputError(f"{source}: there is a header and no row; expected one row per lease")
    return LeasesRead(leases=tuple(leases.values()), remarks=columns.remarks)


def read_prices(text: str, *, source: str) -> tuple[PriceInForce, ...]:
    """The prices a CSV text holds: what each offer costs who orders it from `effective_from` on."""
    columns, chunks = read_table(text, source=source, required=("offer",), optional=("provider", *PRICE_COLUMNS))
    prices: dict[tuple[str, date | None], PriceInForce] = {}
    for rows, lines in chunks:
        for row, line in zip(rows, lines, strict=True):
            try:
                offer = read_name(columns.cell(row, "offer"), "offer")
                price = read_price(columns, row, offer=offer, provider=provider_of(columns, row, offer), source=source)
                if price is None:
                    raise ValueError("no price; expected billing with its prices")
            except ValueError as error:
                raise InputError(f"{source}, row {line}: {error}") from None
            key = (price.offer, price.effective_from)
            if key in prices:
                raise InputError(f"{source}, row {line}: {offer} has two prices from one date; expected one")
            prices[key] = price
    if not prices:
        raise InputError(f"{source}: there is a header and no row; expected one row per price")
    return tuple(prices.values())


def provider_of(columns: Columns, row: Row, offer: str) -> str:
    """The provider named in the row, else the part of the offer's id before the slash."""
    written = columns.cell(row, "provider")
    if written:
        return read_name(written, "provider")
    named = OfferId.of(offer)
    if not named.product:
        raise ValueError(f"no provider, and offer {shown(offer)} names none; expected an id such as hetzner/ax102")
    return named.provider


def read_price(columns: Columns, row: Row, *, offer: str, provider: str, source: str) -> PriceInForce | None:
    """The price in a row; None where every price column of it is empty."""
    amounts = {name: columns.cell(row, name) for pair in USD_COLUMNS.items() for name in pair}
    billing = columns.cell(row, "billing")
    if not billing and not any(amounts.values()):
        return None
    if not billing:
        raise ValueError(f"no billing beside a price; expected one of {', '.join(Billing)}")
    if billing not in tuple(Billing):
        raise ValueError(f"billing is {shown(billing)}; expected one of {', '.join(Billing)}")
    currency = columns.cell(row, "currency") or "USD"
    usd_per_unit, rate_date = read_rate(columns, row, currency)
    usd: dict[str, Decimal | None] = {}
    for in_usd, in_unit in USD_COLUMNS.items():
        if amounts[in_usd] and amounts[in_unit]:
            raise ValueError(f"{in_usd} and {in_unit} are both given; expected one")
        if amounts[in_usd]:
            usd[in_usd] = read_money(amounts[in_usd], in_usd)
        else:
            usd[in_usd] = read_money(amounts[in_unit], in_unit) * usd_per_unit if amounts[in_unit] else None
    effective = columns.cell(row, "effective_from")
    return PriceInForce(
        offer=offer,
        provider=provider,
        tariff=Tariff(
            billing=Billing(billing),
            price_usd_hour=usd["price_usd_hour"],
            fee_usd_month=usd["fee_usd_month"],
            is_spot=read_mark(columns.cell(row, "is_spot"), "is_spot"),
        ),
        setup_fee_usd=usd["setup_fee_usd"] or Decimal(0),
        invoice_currency=currency,
        usd_per_unit=usd_per_unit,
        rate_date=rate_date,
        effective_from=read_day(effective, "effective_from") if effective else None,
        source=columns.cell(row, "price_source") or source,
    )


def read_rate(columns: Columns, row: Row, currency: str) -> tuple[Decimal, date | None]:
    """USD for one unit of a row's currency, and the date of that rate."""
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha() and currency.isupper()):
        raise ValueError(f"currency is {shown(currency)}; expected three capital letters such as EUR")
    rate, dated = columns.cell(row, "usd_per_unit"), columns.cell(row, "rate_date")
    if currency == "USD":
        if rate and read_money(rate, "usd_per_unit") != 1:
            raise ValueError(f"usd_per_unit is {shown(rate)} for USD; expected 1 or nothing")
        return Decimal(1), None
    if not rate:
        raise ValueError(f"no usd_per_unit for {currency}; expected USD for one {currency}")
    usd_per_unit = read_money(rate, "usd_per_unit")
    if not usd_per_unit:
        raise ValueError("usd_per_unit is 0; expected more")
    return usd_per_unit, read_day(dated, "rate_date") if dated else None


def _lease(columns: Columns, row: Row, price_of: PriceLookup) -> Lease:
    offer = read_name(columns.cell(row, "offer"), "offer")
    provider = provider_of(columns, row, offer)
    start = read_time(columns.cell(row, "start"), "start")
    end = columns.cell(row, "end")
    price = read_price(columns, row, offer=offer, provider=provider, source=columns.source)
    if price is None:
        price = price_of(offer, start.date())
    if price is None:
        raise ValueError(
            f"no price for {offer}, in the row, the ledger, the fleet or the catalog; expected the columns billing and"
            " price_usd_hour or fee_usd_month, or `baseload ledger import --kind prices` first: a lease without a"
            " price would be free"
        )
    role = columns.cell(row, "role") or _role(price)
    if role not in ROLES:
        raise ValueError(f"role is {shown(role)}; expected base or burst")
    model, region = columns.cell(row, "model"), columns.cell(row, "region")
    return Lease(
        id=read_name(columns.cell(row, "id"), "id"),
        offer=offer,
        provider=provider,
        start=start,
        end=read_time(end, "end") if end else None,
        is_base=role == "base",
        model=read_name(model, "model") if model else None,
        region=read_name(region, "region") if region else None,
        tags=columns.tags_of(row),
        interrupted=read_mark(columns.cell(row, "interrupted"), "interrupted"),
        price=price,
    )


def _role(price: PriceInForce) -> str:
    """The role of a lease that names none: what is billed by the month is base."""
    return "base" if price.tariff.billing in (Billing.MONTH, Billing.MONTH_PRORATED) else "burst"
