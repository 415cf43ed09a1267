"""Builders of facts with sane defaults, so that a test states only what matters to it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import numpy as np

from planner.ledger import (
    InterruptionClass,
    Lease,
    Origin,
    OtherCost,
    PriceInForce,
    PublishedPrice,
    ServedHours,
    SpotFacts,
    SpotMean,
    SpotPrice,
    Tags,
)
from policies.billing import Billing, Tariff

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


def an_origin(name: str = "facts.csv", **changes: Any) -> Origin:
    """An origin whose text differs with its name."""
    given: dict[str, Any] = {
        "source": name,
        "sha256": sha256(name.encode()).hexdigest(),
        "added_at": DECEMBER,
        "tags": (),
    }
    return Origin(**(given | changes))


def a_price(offer: str = "hetzner/ax102", fee: str = "104.00", **changes: Any) -> PriceInForce:
    """A monthly fee."""
    tariff = Tariff(billing=Billing.MONTH_PRORATED, fee_usd_month=Decimal(fee))
    given: dict[str, Any] = {"offer": offer, "provider": offer.partition("/")[0], "tariff": tariff, "source": "invoice"}
    return PriceInForce(**(given | changes))


def a_class(offer: str = "aws/r7a.4xlarge/spot", **changes: Any) -> InterruptionClass:
    """A spot offer of which 5 to 10 % are taken back a month."""
    given: dict[str, Any] = {"offer": offer, "interruption_range": "5-10%", "said_on": date(2026, 11, 20)}
    return InterruptionClass(**(given | {"source": "advisor"} | changes))


def a_spot_price(**changes: Any) -> SpotPrice:
    """Thirty cents from 1 November on."""
    given: dict[str, Any] = {"provider": "aws", "product": "r7a.4xlarge", "zone": "us-east-1a", "since": NOVEMBER}
    return SpotPrice(**(given | {"usd_hour": Decimal("0.3")} | changes))


def spot_facts() -> SpotFacts:
    """One of each."""
    mean = SpotMean(
        offer="aws/r7a.4xlarge/spot",
        zone="us-east-1a",
        said_on=date(2026, 11, 20),
        days=30.0,
        mean_usd_hour=Decimal("0.35"),
        least_usd_hour=Decimal("0.3"),
        most_usd_hour=Decimal("0.4"),
        source="test",
    )
    return SpotFacts(interruptions=(a_class(),), prices=(a_spot_price(),), means=(mean,))


def a_published_price(name: str = "chat", **changes: Any) -> PublishedPrice:
    """Three dollars in and nine out per million tokens, from 1 November on."""
    given: dict[str, Any] = {"gateway": "litellm.yaml", "name": name, "model": "m", "policy": "cost"}
    given |= {"input_usd_token": Decimal("0.000003"), "output_usd_token": Decimal("0.000009")}
    return PublishedPrice(**(given | {"effective_at": NOVEMBER, "description": "on ax102"} | changes))


def a_lease(name: str = "a", **changes: Any) -> Lease:
    """A base server, running since 1 November."""
    given: dict[str, Any] = {"id": name, "offer": "hetzner/ax102", "provider": "hetzner", "start": NOVEMBER}
    given |= {"is_base": True, "price": a_price(), **changes}
    return Lease(**given)


def a_cost(name: str = "traffic", **changes: Any) -> OtherCost:
    """Egress of November."""
    given: dict[str, Any] = {"id": name, "provider": "aws", "what": "egress", "start": NOVEMBER, "end": DECEMBER}
    given |= {"amount_usd": Decimal("9.12"), "rate_date": None, **changes}
    return OtherCost(**given)


def an_euro_cost(name: str = "addresses") -> OtherCost:
    """A cost invoiced in EUR."""
    return a_cost(name, invoice_currency="EUR", usd_per_unit=Decimal("1.1586"), rate_date=date(2026, 11, 20))


def usage(
    *rows: tuple[int, str, str, int, int], hours: int = 24, start: datetime = NOVEMBER, **more: Any
) -> ServedHours:
    """Rows of (hour, model, team, tokens in, tokens out); an empty team is no tag."""
    models = tuple(dict.fromkeys(row[1] for row in rows)) or ("m",)
    tags: tuple[Tags, ...] = tuple(dict.fromkeys(((("team", row[2]),) if row[2] else ()) for row in rows)) or ((),)
    return ServedHours(
        start=start,
        hours=hours,
        models=models,
        tags=tags,
        hour=np.array([row[0] for row in rows], dtype=np.int32),
        model=np.array([models.index(row[1]) for row in rows], dtype=np.int32),
        tag=np.array([tags.index((("team", row[2]),) if row[2] else ()) for row in rows], dtype=np.int32),
        input_tokens=np.array([row[3] for row in rows], dtype=np.int64),
        output_tokens=np.array([row[4] for row in rows], dtype=np.int64),
        **more,
    )


def rows_of(served: ServedHours) -> list[tuple[int, str, Tags, int, int]]:
    """Usage as rows one can compare: hour, model, tags, tokens in, tokens out."""
    columns = zip(
        *(
            column.tolist()
            for column in (served.hour, served.model, served.tag, served.input_tokens, served.output_tokens)
        ),
        strict=True,
    )
    return sorted((hour, served.models[model], served.tags[tag], i, o) for hour, model, tag, i, o in columns)


def day(number: int) -> datetime:
    """A day of November."""
    return NOVEMBER + timedelta(days=number - 1)
