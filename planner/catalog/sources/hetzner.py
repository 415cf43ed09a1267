"""Hetzner dedicated: what Robot sells today, at the account's prices. Reads only.

Robot states prices as decimal strings in the account's currency, net of VAT beside gross, by location; an auction
server has one flat price that falls with time, so it is asked for again right before it is ordered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from planner.catalog.sources.currency import amount
from planner.catalog.sources.quote import Quote
from planner.catalog.sources.robot import Robot
from planner.catalog.sources.source import SourceError

PRODUCTS = "/order/server/product"
MARKET = "/order/server_market/product"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductPrice:
    """A dedicated server as Robot sells it in one location, net of VAT, in the account's currency."""

    product: str
    """Robot's id, such as AX102."""
    location: str
    currency: str
    fee_month: Decimal
    setup_fee: Decimal
    price_hour: Decimal | None = None
    """None: Robot states none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketServer:
    """A server of the auction."""

    id: int
    name: str
    cpu: str
    memory_gib: float | None
    currency: str
    fee_month: Decimal
    setup_fee: Decimal
    price_hour: Decimal | None
    is_price_fixed: bool
    """Else it falls until somebody takes it."""


def product_key(name: str) -> str:
    """A product's name as offers spell it: AX102 -> ax102, AX162 R -> ax162-r."""
    return "-".join(name.strip().lower().replace("_", " ").split())


def product_prices(robot: Robot) -> tuple[ProductPrice, ...]:
    """Every product in every location it is sold in. Raises SourceError."""
    rows = robot.items(PRODUCTS, "product")
    currency = robot.currency() if rows else ""
    found = []
    for row in rows:
        try:
            found += [_product_price(row, price, currency) for price in row["prices"]]
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(f"hetzner: product {row.get('id')}: its price cannot be read") from error
    return tuple(found)


def quotes(robot: Robot, products: Mapping[str, str], *, location: str | None, as_of: datetime) -> tuple[Quote, ...]:
    """A quote of each offer that Robot sells; `products`: product by offer, as offers spell it. Raises SourceError.

    `location`: such as FSN1; None: the cheapest month of any location, then the lowest setup fee.
    """
    found = []
    sold = [one for one in product_prices(robot) if location is None or one.location.lower() == location.lower()]
    for offer, product in products.items():
        rows = [one for one in sold if product_key(one.product) == product and one.fee_month > 0]
        if not rows:
            continue
        best = min(rows, key=lambda one: (one.fee_month, one.setup_fee, one.location))
        found.append(
            Quote(
                offer=offer,
                currency=best.currency,
                price_hour=best.price_hour or None,
                fee_month=best.fee_month,
                setup_fee=best.setup_fee,
                as_of=as_of,
                source=f"Hetzner Robot {PRODUCTS}, {best.location}",
            )
        )
    return tuple(found)


def market(robot: Robot) -> tuple[MarketServer, ...]:
    """Every server of the auction. Raises SourceError."""
    rows = robot.items(MARKET, "product")
    currency = robot.currency() if rows else ""
    found = []
    for row in rows:
        try:
            found.append(_market_server(row, currency))
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(f"hetzner: auction server {row.get('id')}: it cannot be read") from error
    return tuple(found)


def _product_price(row: dict[str, Any], price: dict[str, Any], currency: str) -> ProductPrice:
    return ProductPrice(
        product=str(row["id"]),
        location=str(price["location"]),
        currency=currency,
        fee_month=amount(price["price"]["net"]),
        setup_fee=amount(price["price_setup"]["net"]),
        price_hour=_unless_none(price["price"].get("hourly_net")),
    )


def _market_server(row: dict[str, Any], currency: str) -> MarketServer:
    memory = row.get("memory_size")
    return MarketServer(
        id=int(row["id"]),
        name=str(row["name"]),
        cpu=str(row.get("cpu", "")),
        memory_gib=None if memory is None else float(memory),
        currency=currency,
        fee_month=amount(row["price"]),
        setup_fee=amount(row["price_setup"]),
        price_hour=_unless_none(row.get("price_hourly")),
        is_price_fixed=bool(row.get("fixed_price", False)),
    )


def _unless_none(text: Any) -> Decimal | None:
    return None if text is None else amount(text)
