"""Builders of leases and served hours, with defaults that are easy to reckon with: November 2026, 720 h."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from planner.ledger import Lease, OtherCost, PriceInForce, ServedHours, tags_of
from planner.profile.model import Basis, Rates
from policies.billing import Billing, Tariff

NOVEMBER, DECEMBER = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
LATER = datetime(2027, 2, 1, tzinfo=UTC)
HOURLY = Tariff(billing=Billing.STARTED_HOUR, price_usd_hour=Decimal("0.40"))
MONTHLY = Tariff(billing=Billing.MONTH_PRORATED, fee_usd_month=Decimal(72))
"""0.10 an hour in November."""


def after(hours: float) -> datetime:
    return NOVEMBER + timedelta(hours=hours)


def price(offer: str = "ovh/b3-64", tariff: Tariff = HOURLY, **rest) -> PriceInForce:
    return PriceInForce(**{"offer": offer, "provider": offer.partition("/")[0], "tariff": tariff, **rest})


def lease(start: float = 0, end: float | None = 10, *, offer: str = "ovh/b3-64", tariff: Tariff = HOURLY, **rest):
    """A lease from and to hours of November; `end` None: still running."""
    setup = rest.pop("setup_fee_usd", Decimal(0))
    of = rest.pop("price", price(offer, tariff, setup_fee_usd=setup))
    given = {
        "id": f"{offer}-{start}",
        "offer": offer,
        "provider": of.provider,
        "start": after(start),
        "end": None if end is None else after(end),
        "model": "small",
        "price": of,
        **rest,
    }
    return Lease(**given)


def other(amount_usd: str = "7.00", start: float = 0, end: float = 720, **rest) -> OtherCost:
    given = {
        "id": f"other-{amount_usd}-{start}",
        "provider": "ovh",
        "what": "egress",
        "start": after(start),
        "end": after(end),
        "amount_usd": Decimal(amount_usd),
        **rest,
    }
    return OtherCost(**given)


Row = tuple[int, str, str, int, int]
"""Hour of November, model, team ("" for none), input tokens, output tokens."""


def served(rows: Sequence[Row], *, hours: int = 720, cached: Sequence[int] | None = None, gaps=(), start=NOVEMBER):
    models = tuple(dict.fromkeys(row[1] for row in rows))
    tags = tuple(dict.fromkeys(tags_of({"team": row[2]}) for row in rows))
    return ServedHours(
        start=start,
        hours=hours,
        models=models,
        tags=tags,
        hour=np.array([row[0] for row in rows], dtype=np.int32),
        model=np.array([models.index(row[1]) for row in rows], dtype=np.int32),
        tag=np.array([tags.index(tags_of({"team": row[2]})) for row in rows], dtype=np.int32),
        input_tokens=np.array([row[3] for row in rows], dtype=np.int64),
        output_tokens=np.array([row[4] for row in rows], dtype=np.int64),
        cached_input_tokens=None if cached is None else np.array(cached, dtype=np.int64),
        gaps=frozenset(gaps),
    )


def rates(prefill_tok_s: float = 1000, decode_tok_s: float = 100) -> Rates:
    """3.6 Mtok of input an hour, or 0.36 Mtok of output."""
    return Rates(prefill_tok_s=prefill_tok_s, decode_tok_s=decode_tok_s, basis=Basis.MEASURED)


RATES = {("small", "ovh/b3-64"): rates(), ("small", "hetzner/ax102"): rates(), ("large", "ovh/b3-64"): rates()}
