"""BaseOrders: what people should buy and cancel so that base capacity becomes the plan's. Nothing here buys or cancels.

A plan counts nodes; this names what the counts mean: for a purchase, the offer, what falls due and by when; for a
cancellation, which server. Robot does not say when a server was ordered or what it costs, so that dates and fees in
force are those of the fleet's [[owned]]. Its prices are the account's, in the account's currency.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from autoscaler.providers.hetzner.inventory import RobotServer
from autoscaler.providers.hetzner.provider import offer_id
from planner.catalog.offer import Catalog
from planner.catalog.sources.currency import in_usd
from planner.catalog.sources.hetzner import ProductPrice
from planner.errors import InputError
from planner.fleet import Fleet, Owned
from planner.plan import Plan

ROBOT = "hetzner"
"""Provider whose servers and prices Robot knows."""
OWNED = "#owned"
"""What a plan adds to the key of an offer for servers that are owned; a second block of an offer is `#owned-2`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What Robot said of an order that was only tried."""

    is_accepted: bool
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Buy:
    """Nodes of one offer to order."""

    offer: str
    count: int
    setup_fee_usd: Decimal | None = None
    """Of one; None: not known."""
    fee_usd_month: Decimal | None = None
    """Of one; None: not known."""
    price_source: str = "not in the catalog"
    order_by: datetime | None = None
    """Ordered then, they are ready with the model loaded at the plan's start; None: the lead time is not known."""
    product: str | None = None
    """Robot's id of it; None: Robot was not asked, or does not sell it now."""
    location: str | None = None
    trial: Trial | None = None
    """None: it was not tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """One node to cancel."""

    offer: str
    server: RobotServer | None = None
    """None: which one is for people to say."""
    ordered_on: date | None = None
    earliest: date | None = None
    """Earliest date Robot would end it; None: Robot was not asked, or does not say."""
    ends_on: date | None = None
    """Its cancellation is booked for then."""
    saves_usd_month: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseOrders:
    """The whole list."""

    as_of: datetime
    start: datetime
    """Of the plan."""
    end: datetime
    buys: tuple[Buy, ...]
    cancels: tuple[Cancel, ...]
    keeps: Mapping[str, int]
    """By offer: owned nodes that stay."""
    remarks: tuple[str, ...] = ()

    @property
    def setup_due_usd(self) -> Decimal | None:
        """Setup fees of all purchases; None: one is not known."""
        return _sum(None if one.setup_fee_usd is None else one.setup_fee_usd * one.count for one in self.buys)

    @property
    def fees_usd_month(self) -> Decimal | None:
        """Monthly fees of all purchases; None: one is not known."""
        return _sum(None if one.fee_usd_month is None else one.fee_usd_month * one.count for one in self.buys)

    @property
    def saves_usd_month(self) -> Decimal | None:
        """Monthly fees that end with all cancellations; None: one is not known."""
        return _sum(one.saves_usd_month for one in self.cancels)


def base_orders(
    plan: Plan,
    fleet: Fleet,
    catalog: Catalog,
    *,
    usd_per_eur: Decimal | None,
    as_of: datetime,
    lead_time: timedelta | None = None,
) -> BaseOrders:
    """The plan's purchases at the catalog's prices, and its cancellations without saying which servers.

    `lead_time`: of offers whose own is not known.
    """
    changes = plan.owned_changes
    keeps: dict[str, int] = {}
    for key, count in changes.keep.items():
        keeps[offer_of(key)] = keeps.get(offer_of(key), 0) + count
    remarks: list[str] = []
    cancels = [
        one
        for key, count in changes.cancel.items()
        for one in _cancels(key, count, fleet, catalog, usd_per_eur, remarks)
    ]
    return BaseOrders(
        as_of=as_of,
        start=plan.start,
        end=plan.end,
        buys=tuple(
            _buy(key, count, plan.start, fleet, catalog, lead_time) for key, count in changes.buy.items() if count
        ),
        cancels=tuple(cancels),
        keeps=keeps,
        remarks=tuple(remarks),
    )


def offer_of(key: str) -> str:
    """The offer of a plan's key, which marks owned servers."""
    return key.partition(OWNED)[0]


def at_robots_prices(
    orders: BaseOrders, prices: Iterable[ProductPrice], *, usd_per_eur: Decimal | None, location: str | None
) -> BaseOrders:
    """The purchases of dedicated servers at the account's prices of today, in `location` or where it is cheapest.

    Raises InputError where `location` does not sell what is to be bought.
    """
    sold: dict[str, list[ProductPrice]] = {}
    for price in prices:
        sold.setdefault(offer_id(price.product), []).append(price)
    buys, remarks = [], list(orders.remarks)
    for buy in orders.buys:
        if not buy.offer.startswith(f"{ROBOT}/"):
            buys.append(buy)
            continue
        found = _chosen(buy.offer, sold.get(buy.offer, []), location)
        if found is None:
            remarks.append(f"{buy.offer}: Robot does not sell it now; its price is the catalog's")
            buys.append(buy)
            continue
        if found.currency not in ("USD", "EUR") or (found.currency == "EUR" and usd_per_eur is None):
            remarks.append(f"{buy.offer}: no rate is known for {found.currency}; its price is not shown")
        buys.append(
            replace(
                buy,
                product=found.product,
                location=found.location,
                fee_usd_month=in_usd(found.fee_month, found.currency, usd_per_eur=usd_per_eur),
                setup_fee_usd=in_usd(found.setup_fee, found.currency, usd_per_eur=usd_per_eur),
                price_source=f"Robot, {orders.as_of:%Y-%m-%d}: {found.fee_month.normalize():f} {found.currency}/month",
            )
        )
    return replace(orders, buys=tuple(buys), remarks=tuple(remarks))


def with_servers(
    orders: BaseOrders,
    servers: Iterable[RobotServer],
    *,
    base: Iterable[str],
    dates: Callable[[int], tuple[date | None, date | None]],
) -> BaseOrders:
    """The cancellations with the servers they mean: of the fleet's base, those cancelled already, then the next paid.

    `dates`: of a server number, the earliest date of a cancellation and the booked one.
    """
    ours = set(base)
    waiting: dict[str, list[RobotServer]] = {}
    for server in sorted(servers, key=lambda one: (not one.is_cancelled, one.paid_until or date.max, one.number)):
        if str(server.number) in ours:
            waiting.setdefault(offer_id(server.product), []).append(server)
    cancels, lacking = [], dict[str, int]()
    for cancel in orders.cancels:
        if not cancel.offer.startswith(f"{ROBOT}/"):
            cancels.append(cancel)
        elif candidates := waiting.get(cancel.offer):
            server = candidates.pop(0)
            earliest, ends_on = dates(server.number)
            cancels.append(replace(cancel, server=server, earliest=earliest, ends_on=ends_on))
        else:
            lacking[cancel.offer] = lacking.get(cancel.offer, 0) + 1
            cancels.append(cancel)
    remarks = tuple(
        f"{offer}: {count} more to cancel than [providers.hetzner.base] names in the account"
        for offer, count in lacking.items()
    )
    return replace(orders, cancels=tuple(cancels), remarks=(*orders.remarks, *remarks))


def tried(orders: BaseOrders, trial_of: Callable[[str, str], Trial]) -> BaseOrders:
    """The purchases with what Robot says of each; `trial_of`: of a product in a location."""
    return replace(
        orders,
        buys=tuple(
            replace(buy, trial=trial_of(buy.product, buy.location))
            if buy.product is not None and buy.location is not None
            else buy
            for buy in orders.buys
        ),
    )


def _buy(offer: str, count: int, start: datetime, fleet: Fleet, catalog: Catalog, lead_time: timedelta | None) -> Buy:
    known = next((one for one in catalog if one.id == offer), None)
    if known is not None and known.lead_time_s is not None:
        lead_time = timedelta(seconds=known.lead_time_s)
    loading = timedelta(seconds=max(model.load_time_s for model in fleet.models))
    return Buy(
        offer=offer,
        count=count,
        setup_fee_usd=None if known is None else known.setup_fee_usd,
        fee_usd_month=None if known is None else known.fee_usd_month,
        price_source="not in the catalog" if known is None else f"catalog, {known.price_date}",
        order_by=None if lead_time is None else start - lead_time - loading,
    )


def _cancels(
    key: str, count: int, fleet: Fleet, catalog: Catalog, usd_per_eur: Decimal | None, remarks: list[str]
) -> list[Cancel]:
    offer = offer_of(key)
    block = _block(key, fleet)
    if block is None:
        remarks.append(f"{key}: {fleet.source} has no such [[owned]]; was the plan made with it?")
    fee = None if block is None else block.fee_in_force_usd(usd_per_eur)
    if fee is None and offer in catalog:
        fee = catalog[offer].fee_usd_month
    ordered_on = None if block is None else block.ordered_on
    return [Cancel(offer=offer, ordered_on=ordered_on, saves_usd_month=fee) for _ in range(count)]


def _block(key: str, fleet: Fleet) -> Owned | None:
    """The [[owned]] that a plan's key means; None: the fleet has no such."""
    offer, _, number = key.partition(OWNED)
    blocks = [block for block in fleet.owned if block.offer == offer]
    at = int(number[1:]) - 1 if number[1:].isdigit() else 0
    return blocks[at] if at < len(blocks) else None


def _chosen(offer: str, sold: list[ProductPrice], location: str | None) -> ProductPrice | None:
    """The product in its location; None: Robot does not sell it."""
    if location is not None and sold:
        there = [one for one in sold if one.location.lower() == location.lower()]
        if not there:
            places = ", ".join(sorted({one.location for one in sold}))
            raise InputError(f"--location {location}: {offer} is not sold there; expected one of {places}")
        sold = there
    return min(sold, key=lambda one: (one.fee_month, one.setup_fee, one.location), default=None)


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total
