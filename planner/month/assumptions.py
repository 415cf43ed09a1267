"""Everything a report rests on: rates, prices, exchange rates, the policy's numbers, and its own rules. Pure."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import date
from decimal import Decimal
from enum import Enum

from planner.economics.market import Market
from planner.month.facts import Reckoning
from planner.month.value import Assumption
from planner.plan import Plan
from planner.profile.model import Rates
from policies.billing import Tariff
from policies.planning import PlanningPolicy
from policies.units import TOKENS_PER_MTOK


def assumptions(month: Reckoning, plans: tuple[Plan, ...] = (), market: Market | None = None) -> tuple[Assumption, ...]:
    """What the report rests on; `plans` are those made for it, whose rates and prices it uses too.

    `market`: what tiers are shares of.
    """
    return tuple(
        dict.fromkeys(
            (
                *_rules(month),
                *_rates(month, plans),
                *_prices(month, plans),
                *_published(month),
                *_exchange(month),
                *_market(market),
                *_policy(month.facts.fleet.policy, month.facts.fleet.policy_source),
            )
        )
    )


def _rules(month: Reckoning) -> Iterator[Assumption]:
    """How this report counts."""
    facts = month.facts
    rules = [
        ("amounts", "net of VAT; USD inside, each invoice's own currency at its dated rate", "planner"),
        ("time", f"calendar month in UTC, {facts.hours} hours; facts as of {facts.as_of:%Y-%m-%d %H:%M} UTC", "ledger"),
        ("utilization", "nodes of a model are equally busy: input / P + output / G over the nodes on", "profiles"),
        ("charges", f"by the tag {month.charges.by}: use by measured work, idle and shared by use", "docs/month.md"),
        ("variance", "volume, then price, then utilization; setup, egress and other costs apart", "docs/month.md"),
        (
            "hours without measurement",
            "for plans, the same hour of the nearest weeks; their cost stands as idle",
            "docs/month.md",
        ),
    ]
    for what, value, source in rules:
        yield Assumption(what=what, value=value, dated=None, source=source)
    if facts.planned is not None:
        saved = facts.planned.saved_at
        yield Assumption(
            what="plan of the month",
            value=facts.planned.source,
            dated=None if saved is None else saved.date(),
            source=facts.planned.forecast_source or facts.planned.plan.provenance.forecast,
        )
    for model in facts.fleet.models:
        yield Assumption(
            what=f"cache hits of {model.name}",
            value=f"{model.cache_hit_ratio:.0%} of input tokens, where usage does not record them",
            dated=None,
            source=facts.fleet.source,
        )


def _rates(month: Reckoning, plans: tuple[Plan, ...]) -> Iterator[Assumption]:
    """Throughput of what was rented, and of what the plans would rent."""
    rates = dict(month.rates)
    for plan in plans:
        used = {*plan.base, *(lease.offer for lease in plan.leases)}
        for name, terms in plan.models.items():
            for key in sorted(used & set(terms.rates)):
                rates.setdefault((name, plan.offers[key].offer_id), terms.rates[key])
    for (model, offer), found in sorted(rates.items()):
        yield Assumption(
            what=f"rates of {model} on {offer}",
            value=f"{found.prefill_tok_s:,.1f} input tok/s, {found.decode_tok_s:,.1f} output tok/s, {found.basis}"
            + (f"; {found.rule}" if found.rule else ""),
            dated=_dated(found),
            source=found.source or "profile",
        )


def _published(month: Reckoning) -> Iterator[Assumption]:
    """What gateways charged, each from its day on; then what was announced."""
    for price in (*month.facts.published, *month.facts.announced):
        low, high = (usd * TOKENS_PER_MTOK for usd in (price.input_usd_token, price.output_usd_token))
        yield Assumption(
            what=f"{'published' if price.announced_at is None else 'announced'} price of {price.name}",
            value=f"USD {low:.4f} input, {high:.4f} output per million tokens, policy {price.policy}, "
            f"from {price.effective_at:%Y-%m-%d %H:%M} UTC",
            dated=price.effective_at.date(),
            source=price.gateway,
        )


def _prices(month: Reckoning, plans: tuple[Plan, ...]) -> Iterator[Assumption]:
    """Prices in force of what was rented, and the catalog's of what the plans would rent."""
    for lease in sorted(month.facts.leases, key=lambda one: (one.offer, one.start, one.id)):
        price = lease.price
        yield Assumption(
            what=f"price in force of {lease.offer}",
            value=_tariff(price.tariff),
            dated=price.effective_from,
            source=price.source or "ledger",
        )
    for plan in plans:
        for key in sorted({*plan.base, *(lease.offer for lease in plan.leases)}):
            offer_id = plan.offers[key].offer_id
            if offer_id in month.facts.catalog:
                offer = month.facts.catalog[offer_id]
                yield Assumption(
                    what=f"catalog price of {offer_id}",
                    value=_tariff(offer.tariff),
                    dated=offer.price_date,
                    source=offer.source,
                )


def _exchange(month: Reckoning) -> Iterator[Assumption]:
    """Every rate an amount was converted at."""
    dated: dict[tuple[str, Decimal, date | None], str] = {}
    for one in month.bill.leases:
        price = one.lease.price
        dated.setdefault((price.invoice_currency, price.usd_per_unit, price.rate_date), f"lease {one.lease.id}")
    for other in month.bill.others:
        cost = other.cost
        dated.setdefault((cost.invoice_currency, cost.usd_per_unit, cost.rate_date), f"cost {cost.id}")
    for (code, rate, day), source in sorted(dated.items(), key=lambda item: (item[0][0], item[0][2] or date.min)):
        if code != "USD":
            yield Assumption(what=f"USD per {code}", value=f"{rate}", dated=day, source=f"ledger, {source}")
    catalog = month.facts.catalog
    if catalog.usd_per_eur is not None:
        yield Assumption(
            what="USD per EUR of the catalog",
            value=f"{catalog.usd_per_eur}",
            dated=catalog.usd_per_eur_date,
            source=catalog.usd_per_eur_source or "catalog",
        )


def _market(market: Market | None) -> Iterator[Assumption]:
    """The reference of tiers that are shares of the market."""
    if market is None:
        return
    at = "the policy's own" if market.is_own_reference else f"quantile {market.quantile} of {len(market.rows)} prices"
    yield Assumption(
        what=f"market reference of {market.model_class}",
        value=f"{market.reference_usd_mtok:.4f} USD/Mtok at the month's mix, {at}",
        dated=market.price_date,
        source=market.source,
    )


def _policy(policy: PlanningPolicy, source: str) -> Iterator[Assumption]:
    """Every number of the planning policy."""
    for one in fields(policy):
        value = getattr(policy, one.name)
        shown = "none" if value is None else str(value.value if isinstance(value, Enum) else value)
        yield Assumption(what=f"policy {one.name}", value=shown, dated=None, source=source)


def _tariff(tariff: Tariff) -> str:
    parts = []
    if tariff.price_usd_hour is not None:
        parts.append(f"{_plain(tariff.price_usd_hour)} USD an hour")
    if tariff.fee_usd_month is not None:
        parts.append(f"{_plain(tariff.fee_usd_month)} USD a month")
    return f"{' up to '.join(parts)}, by {tariff.billing.value.replace('_', ' ')}{', spot' if tariff.is_spot else ''}"


def _plain(usd: Decimal) -> str:
    """The price to a millionth of a dollar, without trailing zeros beyond cents."""
    text = f"{usd.quantize(Decimal('0.000001'))}".rstrip("0")
    whole, _, cents = text.partition(".")
    return f"{whole}.{cents:0<2}"


def _dated(rates: Rates) -> date | None:
    try:
        return date.fromisoformat(rates.source_date[:10])
    except ValueError:
        return None
