"""Facts drawn by hypothesis: leases and prices of every kind a file or a database must bring back."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from planner.ledger import Lease, PriceInForce, tags_of
from policies.billing import Billing, Tariff

MONEY = st.decimals("0.000001", "99999", places=6)
NAMES = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=12)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
TAGS = st.dictionaries(st.sampled_from(("team", "product", "über")), NAMES, max_size=2).map(tags_of)


@st.composite
def some_prices(draw: st.DrawFn, offer: str = "ovh/b3-64") -> PriceInForce:
    is_euro = draw(st.booleans())
    return PriceInForce(
        offer=offer,
        provider="ovh",
        tariff=Tariff(
            billing=draw(st.sampled_from(Billing)),
            price_usd_hour=draw(MONEY),
            fee_usd_month=draw(MONEY),
            is_spot=draw(st.booleans()),
        ),
        setup_fee_usd=draw(MONEY),
        invoice_currency="EUR" if is_euro else "USD",
        usd_per_unit=draw(MONEY) if is_euro else Decimal(1),
        rate_date=draw(st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1))) if is_euro else None,
        effective_from=draw(st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1))),
        source=draw(NAMES),
    )


@st.composite
def some_leases(draw: st.DrawFn) -> Lease:
    start = draw(TIMES)
    return Lease(
        id=draw(NAMES),
        offer="ovh/b3-64",
        provider="ovh",
        start=start,
        end=draw(st.none() | st.timedeltas(timedelta(), timedelta(days=99)).map(lambda held: start + held)),
        is_base=draw(st.booleans()),
        model=draw(st.none() | NAMES),
        region=draw(st.none() | NAMES),
        tags=draw(TAGS),
        interrupted=draw(st.booleans()),
        price=draw(some_prices()),
    )
