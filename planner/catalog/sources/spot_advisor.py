"""The AWS Spot Instance Advisor: how often spot instances of a type were taken back, and what they saved, last month.

A public file without credentials; AWS rewrites it a few times a day. The classes are those of `interruption_range` in
the catalog: <5%, 5-10%, 10-15%, 15-20%, >20% of instances a month. `catalog refresh` records them. The daemon does not
ask: what an interruption costs is in the plan in USD an hour, made of the class the plan was made with.
"""

import json
from dataclasses import dataclass
from decimal import Decimal

from planner.catalog.read import INTERRUPTION_RANGES
from planner.catalog.sources.source import SourceError
from planner.catalog.sources.tls import certificates

SOURCE = "EC2 Spot Instance Advisor"
URL = "https://spot-bid-advisor.s3.amazonaws.com/spot-advisor-data.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One type in one region, Linux."""

    product: str
    interruption_range: str
    savings_ratio: Decimal
    """Of the on-demand price."""


def read_advice(text: str, region: str) -> dict[str, Advice]:
    """The advice by type, from the file's text. Raises SourceError, also where it says nothing of the region."""
    try:
        document = json.loads(text)
        labels = {int(one["index"]): str(one["label"]) for one in document["ranges"]}
        types = document["spot_advisor"][region]["Linux"]
        return {
            str(product): Advice(
                product=str(product),
                interruption_range=_known(labels[int(row["r"])]),
                savings_ratio=Decimal(int(row["s"])) / 100,
            )
            for product, row in types.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f"aws: spot advisor: cannot be read for {region} ({type(error).__name__}: {error})"
        ) from error


def _known(label: str) -> str:
    """The label, if it is a class that has a rate; raises ValueError."""
    if label not in INTERRUPTION_RANGES:
        raise ValueError(f"class {label!r}; expected one of {', '.join(INTERRUPTION_RANGES)}")
    return label


def fetch(url: str = URL, *, timeout_s: float = 25.0) -> str:
    """The file's text. Raises SourceError."""
    import httpx

    try:
        response = httpx.get(url, timeout=timeout_s, verify=certificates())
        response.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceError(f"aws: GET {url}: {type(error).__name__}, no answer") from error
    return response.text
