"""Which offers a selector means; catalogs cut down or repriced by one. Pure.

A selector is one of
- a provider or a line of providers: `aws`; `hetzner` means hetzner and hetzner-cloud, `hetzner-cloud` only itself;
- that with a market: `aws.spot`, `ovh.on-demand`, `hetzner.base`;
- an offer's id: `aws/r7a.4xlarge/spot`;
- a glob over ids, `*` matching any text: `ovh/b3-*`, `aws/g5.*`, `hetzner/*` (the dedicated servers alone).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase

from planner.catalog.nearest import nearest
from planner.catalog.offer import Catalog, Offer, Role
from planner.catalog.offer_id import OfferId
from planner.errors import InputError

MARKETS = ("spot", "on-demand", "base")
MAX_SPOT_SHARE_OF_PRICE = 1
"""A bare number on a spot selector is a share of the on-demand price; 35 for 35 % is a slip of the pen."""


def matches(offer: Offer, selector: str) -> bool:
    """Whether the selector means this offer."""
    if _is_glob(selector):
        return fnmatchcase(offer.id, selector)
    if "/" in selector:
        return offer.id == selector
    line, market = _line_and_market(selector)
    if market is not None and offer.market != market:
        return False
    return _in_line(offer.provider, line)


def chosen(catalog: Catalog, selector: str) -> tuple[Offer, ...]:
    """The offers a selector means; one that means none is an InputError that names the nearest ids."""
    offers = tuple(offer for offer in catalog if matches(offer, selector))
    if offers:
        return offers
    raise InputError(f"selector {selector!r} matches no offer; {_hint(catalog, selector)}")


def only(catalog: Catalog, selectors: Iterable[str]) -> Catalog:
    """The catalog with the offers that at least one of the selectors means."""
    selectors = tuple(selectors)
    kept = {offer.id for selector in selectors for offer in chosen(catalog, selector)}
    return _cut(catalog, lambda offer: offer.id in kept, lambda item: any(_names(s, item) for s in selectors))


def without(catalog: Catalog, selectors: Iterable[str]) -> Catalog:
    """The catalog without the offers that any of the selectors means; taking all away is an InputError."""
    selectors = tuple(selectors)
    gone = {offer.id for selector in selectors for offer in chosen(catalog, selector)}
    if len(gone) == len(catalog):
        raise InputError(f"without {', '.join(selectors)} no offer is left; expected at least one")
    return _cut(catalog, lambda offer: offer.id not in gone, lambda item: not any(_names(s, item) for s in selectors))


def reprice(catalog: Catalog, selector: str, change: str | Decimal | int) -> Catalog:
    """The catalog with the price of the chosen offers changed; setup fees and egress stay.

    `*1.2` multiplies hourly prices and monthly fees (caps included). A number on an exact id is USD per hour, or USD
    per month for a base offer. A number on a spot selector such as `aws.spot` is the share of the on-demand price of
    the same product: 0.35.
    """
    offers = chosen(catalog, selector)
    text = str(change).strip()
    amount = _amount(selector, text)
    if text.startswith("*"):
        changed = {offer.id: _scaled(offer, amount) for offer in offers}
    elif _is_exact(selector):
        changed = {offer.id: _priced(offer, amount) for offer in offers}
    elif _line_and_market(selector)[1] == "spot" and not _is_glob(selector):
        if amount > MAX_SPOT_SHARE_OF_PRICE:
            raise InputError(f"price {selector}: expected a share of the on-demand price such as 0.35, got {text}")
        changed = {offer.id: _priced(offer, _on_demand_price(catalog, offer) * amount) for offer in offers}
    else:
        raise InputError(
            f"price {selector}: a bare number needs an offer id (USD per hour, base: per month) or a .spot selector "
            f"(share of on-demand); expected a factor such as *{text}"
        )
    return replace(catalog, offers=tuple(changed.get(offer.id, offer) for offer in catalog))


def _scaled(offer: Offer, factor: Decimal) -> Offer:
    return replace(
        offer,
        price_usd_hour=None if offer.price_usd_hour is None else offer.price_usd_hour * factor,
        fee_usd_month=None if offer.fee_usd_month is None else offer.fee_usd_month * factor,
    )


def _priced(offer: Offer, usd: Decimal) -> Offer:
    """The offer at `usd` a month if it is base and has a fee, else an hour."""
    if offer.role is Role.BASE and offer.fee_usd_month is not None:
        return replace(offer, fee_usd_month=usd)
    return replace(offer, price_usd_hour=usd)


def _on_demand_price(catalog: Catalog, spot: Offer) -> Decimal:
    for offer in catalog:
        same = (offer.provider, offer.product, offer.region, offer.zone) == (
            spot.provider,
            spot.product,
            spot.region,
            spot.zone,
        )
        if same and offer.market == "on-demand" and offer.price_usd_hour is not None:
            return offer.price_usd_hour
    raise InputError(f"price of {spot.id}: its on-demand offer is not in the catalog; expected a price or a factor")


def _amount(selector: str, text: str) -> Decimal:
    try:
        amount = Decimal(text.removeprefix("*").strip())
    except InvalidOperation:
        raise InputError(f"price {selector}: expected a factor such as *1.2 or a number, got {text!r}") from None
    if not (amount.is_finite() and amount > 0):
        raise InputError(f"price {selector}: must be above 0, got {text}")
    return amount


def _cut(catalog: Catalog, keep: Callable[[Offer], bool], keep_left_out: Callable[[str], bool]) -> Catalog:
    return replace(
        catalog,
        offers=tuple(offer for offer in catalog if keep(offer)),
        left_out=tuple(item for item in catalog.left_out if keep_left_out(item.id)),
    )


def _names(selector: str, offer_id: str) -> bool:
    """Whether a selector means what is left out under this id; a market is read off the id's end."""
    if _is_glob(selector) or "/" in selector:
        return fnmatchcase(offer_id, selector)
    line, market = _line_and_market(selector)
    named = OfferId.of(offer_id)
    sold = "spot" if named.is_spot else "base" if named.is_by_month else "on-demand"
    return _in_line(named.provider, line) and market in (None, sold)


def _in_line(provider: str, line: str) -> bool:
    return provider == line or provider.startswith(f"{line}-")


def _is_glob(selector: str) -> bool:
    return any(mark in selector for mark in "*?[")


def _is_exact(selector: str) -> bool:
    return "/" in selector and not _is_glob(selector)


def _line_and_market(selector: str) -> tuple[str, str | None]:
    line, _, market = selector.rpartition(".")
    return (line, market) if market in MARKETS and line else (selector, None)


def _hint(catalog: Catalog, selector: str) -> str:
    ids = [offer.id for offer in catalog]
    markets = sorted({offer.provider for offer in catalog} | {f"{o.provider}.{o.market}" for o in catalog})
    for item in catalog.left_out:
        if item.id == selector:
            return f"{item.id} is left out of the catalog: {item.reason}"
    near = nearest(selector, ids if "/" in selector else [*markets, *ids], count=3)
    return f"nearest: {', '.join(near)}" if near else f"expected an offer id or one of {', '.join(markets)}"
