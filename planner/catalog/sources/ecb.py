"""USD for one euro: the reference rate the European Central Bank publishes each working day, about 16:00 CET.

A public file without credentials: https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates
"""

from datetime import date
from decimal import Decimal
from xml.etree import ElementTree

from planner.catalog.read import FxRate
from planner.catalog.sources.currency import amount
from planner.catalog.sources.source import SourceError
from planner.catalog.sources.tls import certificates

URL = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml"
SOURCE = "European Central Bank, euro foreign exchange reference rates"
LONGEST = 100_000
"""Characters; the file has some 1,600."""


def read_rate(text: str) -> FxRate:
    """The rate in the file's text. Raises SourceError for a text that is none of the bank's."""
    if len(text) > LONGEST or "<!" in text:  # no entities: the file has none, and they could make it endless
        raise SourceError(f"ecb: {URL}: an answer that cannot be read")
    try:
        days = [cube for cube in ElementTree.fromstring(text).iter() if "time" in cube.attrib]  # noqa: S314 - no entities
        (day,) = days
        (rate,) = [cube.attrib["rate"] for cube in day if cube.attrib.get("currency") == "USD"]
        found = FxRate(usd_per_eur=amount(rate), date=date.fromisoformat(day.attrib["time"]), source=SOURCE)
    except (ElementTree.ParseError, ValueError, KeyError) as error:
        raise SourceError(f"ecb: {URL}: an answer that cannot be read") from error
    if found.usd_per_eur <= Decimal(0):
        raise SourceError(f"ecb: {URL}: {found.usd_per_eur} is no rate")
    return found


def fetch_rate(url: str = URL, *, timeout_s: float = 25.0) -> FxRate:
    """Today's rate, or that of the last working day. Raises SourceError."""
    certified = certificates()
    import httpx

    try:
        response = httpx.get(url, timeout=timeout_s, verify=certified, follow_redirects=True)
        response.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceError(f"ecb: GET {url}: {type(error).__name__}, no answer") from error
    return read_rate(response.text)
