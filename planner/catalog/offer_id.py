"""Offer ids, which are the keys of pools too: what `provider/product[@zone][/spot|/month]` says. Pure.

The one place that takes an id apart: `aws/r7a.4xlarge@us-east-1a/spot` is a spot pool of r7a.4xlarge in us-east-1a.
"""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferId:
    """The parts of an offer's id."""

    provider: str
    product: str
    """In the provider's words; "": the id names none."""
    zone: str | None = None
    is_spot: bool = False
    is_by_month: bool = False
    """The base offer of a machine that is sold by the hour too."""

    @classmethod
    def of(cls, text: str) -> Self:
        """The parts of `text`; what is no id of ours is all provider."""
        provider, _, rest = text.partition("/")
        sold, _, terms = rest.partition("/")
        product, _, zone = sold.partition("@")
        return cls(
            provider=provider, product=product, zone=zone or None, is_spot=terms == "spot", is_by_month=terms == "month"
        )
