"""AWS: on-demand prices of Linux instances, from the Price List service. Reads only.

Its rows are JSON texts inside the answer: a product with its attributes, and terms whose price dimensions carry USD per
hour. One filter of six attributes leaves one product of a type: Linux, shared hardware, nothing preinstalled, no
capacity reservation. Where it leaves several at different prices, none is taken: which of them holds is not said.
The service has three regions whatever the region asked about (AWS Price List Query API).
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from planner.catalog.sources.aws import asked, client_config
from planner.catalog.sources.quote import Quote
from planner.catalog.sources.source import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from boto3 import Session

REGION = "us-east-1"
"""Of the service, not of the instances."""
SOURCE = "AWS Price List GetProducts"
FILTERS = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
}


class AwsOnDemandPrices:
    """On-demand prices in one region."""

    def __init__(
        self,
        *,
        region: str,
        clock: Callable[[], datetime],
        endpoint_url: str | None = None,
        timeout_s: float = 25.0,
        session: Session | None = None,
    ) -> None:
        """`region`: of the instances. Credentials are those boto3 or `session` has; pricing:GetProducts is asked."""
        self._region = region
        self._clock = clock
        self._endpoint_url = endpoint_url
        self._timeout_s = timeout_s
        self._session = session

    def quotes(self, products: Mapping[str, str]) -> tuple[Quote, ...]:
        """A quote of each offer whose type the list knows; `products`: type by offer. Raises SourceError."""
        as_of, found = self._clock(), []
        prices: dict[str, Decimal | None] = {}
        with asked("GetProducts"):
            client = self._client() if products else None
            for kind in sorted(set(products.values())):
                prices[kind] = self._usd_hour(client, kind)
        for offer, kind in products.items():
            price = prices[kind]
            if price is not None:
                found.append(Quote(offer=offer, currency="USD", price_hour=price, as_of=as_of, source=SOURCE))
        return tuple(found)

    def _usd_hour(self, client: Any, kind: str) -> Decimal | None:
        """USD per hour of a type; None: the list has none, or several that differ."""
        wanted = {"instanceType": kind, "regionCode": self._region, **FILTERS}
        filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()]
        pages = client.get_paginator("get_products").paginate(ServiceCode="AmazonEC2", Filters=filters)
        prices = {price for page in pages for row in page["PriceList"] for price in on_demand_usd(row)}
        return prices.pop() if len(prices) == 1 else None

    def _client(self) -> Any:
        import boto3

        session = self._session or boto3.Session()
        return session.client("pricing", REGION, endpoint_url=self._endpoint_url, config=client_config(self._timeout_s))


def on_demand_usd(row: str) -> Iterator[Decimal]:
    """USD per hour of each on-demand term in one row of a price list; prices of 0 are reservations and no prices.

    Raises SourceError for a text that is no such row.
    """
    try:
        for term in json.loads(row)["terms"].get("OnDemand", {}).values():
            for dimension in term["priceDimensions"].values():
                price = Decimal(dimension["pricePerUnit"]["USD"])
                if dimension["unit"] == "Hrs" and price > 0:
                    yield price.normalize()
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as error:
        raise SourceError("aws: GetProducts: a price that cannot be read") from error
