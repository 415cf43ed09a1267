"""What a provider asks today for a product, in its own currency: the rows of a price list. Pure: values.

A quote is of an offer of the catalog, by its id; what a list does not say is None. PoolNow (source.py) is what a daemon
needs of a pool right now; a quote is what a catalog is brought up to date with.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Today's prices of one offer, net of VAT, in `currency`."""

    offer: str
    """Id of the offer, such as hetzner-cloud/ccx43 or aws/r7a.4xlarge/spot."""
    currency: str
    price_hour: Decimal | None = None
    fee_month: Decimal | None = None
    """Monthly fee, or the monthly cap of an hourly price."""
    setup_fee: Decimal | None = None
    is_available: bool | None = None
    """Whether it can be had now; None: the source does not say."""
    as_of: datetime
    """When the source said so, aware UTC."""
    source: str

    def __post_init__(self) -> None:
        if self.as_of.tzinfo is None:
            raise ValueError(f"as_of must be aware UTC, got {self.as_of}")
        for name in ("price_hour", "fee_month"):
            amount = getattr(self, name)
            if amount is not None and amount <= 0:
                raise ValueError(f"{name} of {self.offer} must be above 0, got {amount}")
        if self.setup_fee is not None and self.setup_fee < 0:
            raise ValueError(f"setup_fee of {self.offer} must be 0 or more, got {self.setup_fee}")
