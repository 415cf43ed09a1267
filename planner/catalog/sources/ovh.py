"""OVHcloud: stock and quota from the project's flavors, prices from the public catalogue. Reads only.

Prices are integers in 1e-8 of the subsidiary's currency, net of VAT. A region may have plan codes of its own
(b3-64.consumption.3AZ): the flavor says which, and only that very code counts. The catalogue is some 8 MB, asks for no
credentials, and changes a few times a year, so it is read once a day.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

from planner.catalog.sources.currency import in_usd
from planner.catalog.sources.quote import Quote
from planner.catalog.sources.source import PoolAsked, PoolNow, SourceError
from planner.catalog.sources.tls import certificates
from planner.errors import PlannerError

ENDPOINTS = {
    "ovh-eu": "https://eu.api.ovh.com/1.0",
    "ovh-ca": "https://ca.api.ovh.com/1.0",
    "ovh-us": "https://api.us.ovhcloud.com/1.0",
}
CATALOG = "/order/catalog/public/cloud"
PRICES_KEPT_FOR = timedelta(hours=24)

Json = dict[str, Any]


class OvhPrices:
    """What one project sees."""

    def __init__(
        self,
        *,
        read: Callable[[str], Any] | None,
        project: str,
        region: str,
        subsidiary: str,
        usd_per_eur: Decimal | None,
        clock: Callable[[], datetime],
        endpoint: str = "ovh-eu",
        timeout_s: float = 25.0,
    ) -> None:
        """`read`: what a path of the API is answered to the project's keys; None: no keys, and stock is unknown."""
        self._read = read
        self._project = project
        self._region = region
        self._subsidiary = subsidiary
        self._usd_per_eur = usd_per_eur
        self._clock = clock
        self._endpoint = ENDPOINTS.get(endpoint, endpoint).rstrip("/")
        self._timeout_s = timeout_s
        self._prices: dict[str, Decimal] = {}
        self._prices_at: datetime | None = None

    def now(self, pools: Sequence[PoolAsked]) -> tuple[PoolNow, ...]:
        """Price, stock and quota of every pool; of a flavor that its region does not have, that there is none."""
        as_of = self._clock()
        prices = self._usd_by_plan(as_of)
        flavors = {region: self._flavors(region) for region in sorted({pool.zone or self._region for pool in pools})}
        return tuple(self._now(pool, prices, flavors[pool.zone or self._region], as_of) for pool in pools)

    def _now(self, pool: PoolAsked, prices: dict[str, Decimal], flavors: Json | None, as_of: datetime) -> PoolNow:
        source = f"OVHcloud /flavor, price list read {self._prices_at:%Y-%m-%d}"
        if flavors is None:
            source = f"OVHcloud price list read {self._prices_at:%Y-%m-%d}"
            price = prices.get(f"{pool.product}.consumption")
            return PoolNow(pool=pool.pool, price_usd_hour=price, as_of=as_of, source=source)
        flavor = flavors.get(pool.product)
        if flavor is None:
            return PoolNow(pool=pool.pool, is_available=False, as_of=as_of, source=source)
        try:
            plan = flavor["planCodes"]["hourly"]
            return PoolNow(
                pool=pool.pool,
                price_usd_hour=None if plan is None else prices.get(plan),
                is_available=flavor["available"] is True,
                quota_left=max(0, int(flavor["quota"])),
                as_of=as_of,
                source=source,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _unreadable("/flavor") from error

    def _flavors(self, region: str) -> Json | None:
        """The region's flavors for Linux by name; None: there are no keys to ask with."""
        if self._read is None:
            return None
        path = f"/cloud/project/{quote(self._project, safe='')}/flavor?{urlencode({'region': region})}"
        try:
            rows = self._read(path)
        except SourceError:
            raise
        except PlannerError as error:
            raise SourceError(f"{error}") from error
        try:
            return {str(row["name"]): row for row in rows if row["osType"] == "linux"}
        except (KeyError, TypeError) as error:
            raise _unreadable("/flavor") from error

    def quotes(self, products: Mapping[str, str]) -> tuple[Quote, ...]:
        """A quote of each offer whose flavor has a price by the hour; `products`: flavor by offer. Raises SourceError.

        With keys the flavor says which plan is its region's, and whether one can be had; without it is `.consumption`.
        """
        as_of = self._clock()
        prices, flavors = price_list(self._catalog()), self._flavors(self._region)
        found = []
        for offer, product in products.items():
            plan: str | None = f"{product}.consumption"
            is_available = None
            if flavors is not None:
                flavor = flavors.get(product, {})
                plan, is_available = (flavor.get("planCodes") or {}).get("hourly"), flavor.get("available") is True
            price = None if plan is None else prices.price_hour.get(plan)
            if price:
                found.append(
                    Quote(
                        offer=offer,
                        currency=prices.currency,
                        price_hour=price,
                        is_available=is_available,
                        as_of=as_of,
                        source=f"OVHcloud public price list, subsidiary {self._subsidiary}",
                    )
                )
        return tuple(found)

    def _usd_by_plan(self, now: datetime) -> dict[str, Decimal]:
        if self._prices_at is None or now - self._prices_at >= PRICES_KEPT_FOR:
            self._prices = price_list(self._catalog()).usd(self._usd_per_eur)
            self._prices_at = now
        return self._prices

    def _catalog(self) -> Any:
        import httpx

        try:
            response = httpx.get(
                self._endpoint + CATALOG,
                params={"ovhSubsidiary": self._subsidiary},
                timeout=self._timeout_s,
                verify=certificates(),
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceError(f"ovh: GET {CATALOG}: {type(error).__name__}, no answer") from error
        if not response.is_success:
            raise SourceError(f"ovh: GET {CATALOG}?ovhSubsidiary={self._subsidiary}: refused ({response.status_code})")
        try:
            return response.json()
        except ValueError:
            raise _unreadable(CATALOG) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """OVH's public price list, as far as it is of hours."""

    currency: str
    price_hour: Mapping[str, Decimal]
    """By plan code, in `currency`, net of VAT; plans with one price per hour of use."""

    def usd(self, usd_per_eur: Decimal | None) -> dict[str, Decimal]:
        """USD per hour by plan code; what has no known rate to USD, or costs nothing, is left out."""
        found = {plan: in_usd(price, self.currency, usd_per_eur=usd_per_eur) for plan, price in self.price_hour.items()}
        return {plan: usd for plan, usd in found.items() if usd}


def price_list(catalog: Any) -> PriceList:
    """The price list of a public catalogue. Raises SourceError for a document that is none of OVH's."""
    found: dict[str, Decimal] = {}
    try:
        currency = str(catalog["locale"]["currencyCode"])
        for addon in catalog["addons"]:
            price = _hourly(addon["pricings"])
            if price is not None:
                found[str(addon["planCode"])] = price
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable(CATALOG) from error
    return PriceList(currency=currency, price_hour=found)


def _hourly(pricings: Sequence[Json]) -> Decimal | None:
    """The price of an hour; None: there is none, or several, and it is not said here which holds."""
    prices = {
        pricing["price"]
        for pricing in pricings
        if pricing["intervalUnit"] == "hour" and pricing["interval"] == 1 and "consumption" in pricing["capacities"]
    }
    if len(prices) != 1:
        return None
    price = prices.pop()
    if isinstance(price, bool) or not isinstance(price, int) or price < 0:
        raise ValueError(f"{price!r} is no price in 1e-8")
    return Decimal(price).scaleb(-8)


def _unreadable(path: str) -> SourceError:
    return SourceError(f"ovh: GET {path}: an answer that cannot be read")
