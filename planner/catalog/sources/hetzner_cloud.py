"""Hetzner Cloud: stock by location from its server types, prices from its price list. Reads only.

Stock is `server_types[].locations[].available` (what datacenters say is being removed in 2026). Prices are decimal
strings, net beside gross, by location, in the account's currency. A primary IPv4 is billed apart and not in them.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import SecretStr

from planner.catalog.sources.currency import amount, in_usd
from planner.catalog.sources.quote import Quote
from planner.catalog.sources.source import PoolAsked, PoolNow, SourceError
from planner.catalog.sources.tls import certificates

ENDPOINT = "https://api.hetzner.cloud/v1"
PAGE = 50
SOURCE = "Hetzner Cloud /server_types and /pricing"

Json = dict[str, Any]


class HetznerCloudPrices:
    """What one project sees."""

    def __init__(
        self,
        *,
        token: SecretStr,
        location: str,
        usd_per_eur: Decimal | None,
        clock: Callable[[], datetime],
        endpoint_url: str | None = None,
        timeout_s: float = 25.0,
    ) -> None:
        """`location`: of pools without a zone."""
        self._token = token
        self._location = location
        self._usd_per_eur = usd_per_eur
        self._clock = clock
        self._endpoint = (endpoint_url or ENDPOINT).rstrip("/")
        self._timeout_s = timeout_s

    def now(self, pools: Sequence[PoolAsked]) -> tuple[PoolNow, ...]:
        """Price and stock of every pool; of a type that is not offered in its location, that there is none."""
        as_of = self._clock()
        stock = self._stock()
        prices = self._prices()
        return tuple(
            PoolNow(
                pool=pool.pool,
                price_usd_hour=prices.get((pool.product, pool.zone or self._location)),
                is_available=stock.get((pool.product, pool.zone or self._location), False),
                as_of=as_of,
                source=SOURCE,
            )
            for pool in pools
        )

    def _stock(self) -> dict[tuple[str, str], bool]:
        """Whether a server of a type can be had in a location."""
        found: dict[tuple[str, str], bool] = {}
        page: int | None = 1
        while page is not None:
            answer = self._get("/server_types", {"page": page, "per_page": PAGE})
            try:
                for kind in answer["server_types"]:
                    for place in kind["locations"]:
                        found[str(kind["name"]), str(place["name"])] = bool(place["available"])
                following = answer["meta"]["pagination"]["next_page"]
            except (KeyError, TypeError) as error:
                raise _unreadable("/server_types") from error
            if following is not None and (not isinstance(following, int) or following <= page):
                raise _unreadable("/server_types")
            page = following
        return found

    def quotes(self, products: Mapping[str, str]) -> tuple[Quote, ...]:
        """A quote of each offer whose type is priced in the location: hour, monthly cap, and stock. Raises SourceError.

        `products`: type by offer.
        """
        as_of = self._clock()
        stock, (currency, prices) = self._stock(), self._price_list()
        found = []
        for offer, product in products.items():
            place = product, self._location
            if place in prices:
                hour, month = prices[place]
                found.append(
                    Quote(
                        offer=offer,
                        currency=currency,
                        price_hour=hour or None,
                        fee_month=month or None,
                        is_available=stock.get(place, False),
                        as_of=as_of,
                        source=f"{SOURCE}, {self._location}",
                    )
                )
        return tuple(found)

    def _prices(self) -> dict[tuple[str, str], Decimal]:
        """USD per hour of a type in a location, net of VAT; what has no known rate to USD is left out."""
        currency, prices = self._price_list()
        found = {place: in_usd(hour, currency, usd_per_eur=self._usd_per_eur) for place, (hour, _) in prices.items()}
        return {place: usd for place, usd in found.items() if usd}

    def _price_list(self) -> tuple[str, dict[tuple[str, str], tuple[Decimal, Decimal]]]:
        """The account's currency; price of an hour and of a month at most, net of VAT, by type and location."""
        found: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
        try:
            pricing = self._get("/pricing")["pricing"]
            for kind in pricing["server_types"]:
                for price in kind["prices"]:
                    hour, month = amount(price["price_hourly"]["net"]), amount(price["price_monthly"]["net"])
                    found[str(kind["name"]), str(price["location"])] = hour, month
            return str(pricing["currency"]), found
        except (KeyError, TypeError, ValueError) as error:
            raise _unreadable("/pricing") from error

    def _get(self, path: str, params: Json | None = None) -> Json:
        certified = certificates()
        import httpx

        try:
            response = httpx.get(
                self._endpoint + path,
                params=params,
                headers={"Authorization": f"Bearer {self._token.get_secret_value()}"},
                timeout=self._timeout_s,
                verify=certified,
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceError(f"hetzner-cloud: GET {path}: {type(error).__name__}, no answer") from error
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise _unreadable(path)
        if not response.is_success:
            refusal = answer.get("error")
            said = refusal.get("message", "no reason given") if isinstance(refusal, dict) else "no reason given"
            raise SourceError(f"hetzner-cloud: GET {path}: {said} ({response.status_code})")
        return answer


def _unreadable(path: str) -> SourceError:
    return SourceError(f"hetzner-cloud: GET {path}: an answer that cannot be read")
