"""Quotes as prices in force, and a catalog at the prices a ledger keeps."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from planner.catalog.offer import Catalog, Offer, Role, Trailing
from planner.catalog.read import FxRate, interruptions_per_hour
from planner.catalog.sources.quote import Quote
from planner.exchange.quotes import at_prices, changes, differing, newest_rate, priced
from planner.ledger import InterruptionClass, SpotFacts, SpotMean
from planner.optimize.prepare import interruption_usd_hour
from planner.profile.model import Model
from policies.billing import Billing
from policies.planning import PlanningPolicy

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
FX = FxRate(usd_per_eur=Decimal("1.2"), date=date(2026, 11, 25), source="test")


def an_offer(**changed) -> Offer:
    known = {
        "id": "ovh/b3-8",
        "provider": "ovh",
        "product": "b3-8",
        "role": Role.BURST,
        "region": "GRA",
        "billing": Billing.STARTED_HOUR,
        "price_usd_hour": Decimal("0.05"),
        "price_date": date(2025, 10, 1),
        "source": "shipped",
    }
    return Offer(**{**known, **changed})


DEDICATED = an_offer(
    id="hetzner/ax102",
    provider="hetzner",
    product="ax102",
    role=Role.BASE,
    billing=Billing.MONTH_PRORATED,
    price_usd_hour=None,
    fee_usd_month=Decimal(120),
    setup_fee_usd=Decimal(300),
    currency="EUR",
)
CATALOG = Catalog(offers=(an_offer(), DEDICATED), usd_per_eur=Decimal("1.2"), usd_per_eur_date=FX.date)


def a_quote(**changed) -> Quote:
    known = {"offer": "ovh/b3-8", "currency": "USD", "price_hour": Decimal("0.06"), "as_of": NOON, "source": "list"}
    return Quote(**{**known, **changed})


def test_a_quote_in_dollars_is_the_price_from_its_day_on():
    (found,) = priced([a_quote()], CATALOG, None).prices
    assert (found.offer, found.tariff.price_usd_hour, found.effective_from) == (
        "ovh/b3-8",
        Decimal("0.06"),
        date(2026, 11, 26),
    )
    assert (found.invoice_currency, found.usd_per_unit, found.rate_date) == ("USD", Decimal(1), None)


def test_a_quote_in_euros_keeps_its_rate_and_the_rates_day():
    (found,) = priced([a_quote(currency="EUR", price_hour=Decimal("0.1"))], CATALOG, FX).prices
    assert found.tariff.price_usd_hour == Decimal("0.12")
    assert (found.invoice_currency, found.usd_per_unit, found.rate_date) == ("EUR", Decimal("1.2"), FX.date)


def test_a_currency_without_a_rate_is_said_and_not_taken():
    for currency, fx in (("EUR", None), ("PLN", FX)):
        found = priced([a_quote(currency=currency)], CATALOG, fx)
        assert found.prices == ()
        assert found.remarks == (f"ovh/b3-8: is quoted in {currency}, and no rate to USD is known; not taken",)


def test_a_dedicated_server_with_an_hourly_price_is_charged_by_the_hour_up_to_its_fee():
    quote = a_quote(
        offer="hetzner/ax102",
        currency="EUR",
        price_hour=Decimal("0.2"),
        fee_month=Decimal(125),
        setup_fee=Decimal(100),
    )
    (found,) = priced([quote], CATALOG, FX).prices
    assert found.tariff.billing is Billing.STARTED_HOUR_CAPPED
    assert (found.tariff.price_usd_hour, found.tariff.fee_usd_month) == (Decimal("0.24"), Decimal(150))
    assert found.setup_fee_usd == 120


def test_what_a_quote_does_not_say_stays_as_it_was():
    (found,) = priced([a_quote(offer="hetzner/ax102", price_hour=None, fee_month=Decimal(99))], CATALOG, FX).prices
    assert (found.tariff.billing, found.tariff.price_usd_hour) == (Billing.MONTH_PRORATED, None)
    assert (found.tariff.fee_usd_month, found.setup_fee_usd) == (Decimal(99), Decimal(300))


def test_a_catalog_is_at_the_newest_price_of_the_day_or_before_it():
    first, second = (
        priced([a_quote(price_hour=Decimal(price), as_of=NOON.replace(day=day))], CATALOG, None).prices[0]
        for price, day in (("0.06", 1), ("0.07", 20))
    )
    dearer = {
        day: at_prices(CATALOG, (second, first), on=None if day is None else date(2026, 11, day))["ovh/b3-8"]
        for day in (None, 20, 19)
    }
    assert [one.price_usd_hour for one in dearer.values()] == [Decimal("0.07"), Decimal("0.07"), Decimal("0.06")]
    assert [one.price_date for one in dearer.values()] == [date(2026, 11, day) for day in (20, 20, 1)]
    assert at_prices(CATALOG, (first,), on=date(2026, 10, 31))["ovh/b3-8"] == CATALOG["ovh/b3-8"]


SPOT = an_offer(
    id="aws/r7a.4xlarge/spot",
    provider="aws",
    product="r7a.4xlarge",
    billing=Billing.SECOND,
    is_spot=True,
    interruptions_per_hour=interruptions_per_hour("<5%"),
)


def of_classes(*said: InterruptionClass) -> SpotFacts:
    return SpotFacts(interruptions=said)


def a_class(name: str, day: int, offer: str = SPOT.id) -> InterruptionClass:
    return InterruptionClass(offer=offer, interruption_range=name, said_on=date(2026, 11, day), source="advisor")


def test_a_spot_offer_is_taken_back_as_often_as_was_said_on_the_day_or_before_it():
    catalog = Catalog(offers=(SPOT, an_offer()))
    said = (a_class(">20%", 20), a_class("5-10%", 1), a_class(">20%", 20, "ovh/b3-8"))
    shares = {
        day: (
            at_prices(catalog, (), of_classes(*said), on=None if day is None else date(2026, 11, day))[
                SPOT.id
            ].interruptions_per_hour
            or 0
        )
        * 730
        for day in (None, 20, 19)
    }
    assert shares == {None: pytest.approx(0.25), 20: pytest.approx(0.25), 19: pytest.approx(0.075)}
    assert at_prices(catalog, (), of_classes(*said), on=date(2026, 10, 31)) == catalog
    assert at_prices(catalog, (), of_classes(*said))["ovh/b3-8"] == an_offer()  # nobody takes it back


def a_mean(usd: str, day: int) -> SpotMean:
    return SpotMean(
        offer=SPOT.id,
        zone="us-east-1a",
        said_on=date(2026, 11, day),
        days=30.0,
        mean_usd_hour=Decimal(usd),
        least_usd_hour=Decimal("0.01"),
        most_usd_hour=Decimal("0.09"),
        source="EC2",
    )


def test_a_spot_offer_costs_the_mean_of_the_days_before_unless_a_newer_price_is_known():
    catalog = Catalog(offers=(SPOT,))
    quote = a_quote(offer=SPOT.id, price_hour=Decimal("0.08"), as_of=NOON.replace(day=20))
    (price,) = priced([quote], catalog, None).prices
    spot = SpotFacts(means=(a_mean("0.04", 20), a_mean("0.03", 1)))
    found = at_prices(catalog, [price], spot)[SPOT.id]
    assert (found.price_usd_hour, found.price_date) == (Decimal("0.04"), date(2026, 11, 20))
    assert found.trailing == Trailing(days=30.0, least_usd_hour=Decimal("0.01"), most_usd_hour=Decimal("0.09"))
    assert at_prices(catalog, [price], spot, on=date(2026, 11, 19))[SPOT.id].price_usd_hour == Decimal("0.03")
    newer = replace(price, effective_from=date(2026, 11, 21))
    contract = at_prices(at_prices(catalog, [price], spot), [newer])[SPOT.id]
    assert (contract.price_usd_hour, contract.trailing) == (Decimal("0.08"), None)


@pytest.mark.parametrize(("usd", "is_other"), [("0.04001", False), ("0.04002", True)], ids=["0.025 %", "0.05 %"])
def test_a_mean_that_only_stirs_is_the_same_and_a_price_that_does_is_not(usd: str, is_other: bool):
    catalog = Catalog(offers=(SPOT,))
    before, after = (at_prices(catalog, [], SpotFacts(means=(a_mean(one, 20),))) for one in ("0.04", usd))
    (found,) = changes(before, after, {SPOT.id: None})
    assert found.has_other_price == is_other
    first, second = (
        at_prices(catalog, priced([a_quote(offer=SPOT.id, price_hour=Decimal(one))], catalog, None).prices)
        for one in ("0.04", usd)
    )
    assert changes(first, second, {SPOT.id: None})[0].has_other_price


def test_ten_times_the_interruptions_cost_ten_times_as_much_in_a_plan():
    catalog = Catalog(offers=(replace(SPOT, lead_time_s=60.0),))
    after = at_prices(catalog, (), of_classes(a_class(">20%", 20)))
    model = Model(name="m", profile="p", load_time_s=240)
    before_usd, after_usd = (
        interruption_usd_hour(one[SPOT.id], [model], PlanningPolicy(lost_work_s=0)) for one in (catalog, after)
    )
    # 25 of 100 a month of 730 h, each 300 s of USD 0.05 an hour
    assert float(after_usd) == pytest.approx(0.25 / 730 * 300 / 3600 * 0.05)
    assert float(after_usd / before_usd) == pytest.approx(10)


def test_a_change_of_interruptions_alone_is_a_change():
    catalog = Catalog(offers=(SPOT,))
    (same,) = changes(catalog, at_prices(catalog, (), of_classes(a_class("<5%", 20))), {SPOT.id: None})
    (other,) = changes(catalog, at_prices(catalog, (), of_classes(a_class("5-10%", 20))), {SPOT.id: None})
    assert differing([same, other]) == (other,)
    assert not other.has_other_price


def test_of_two_prices_of_one_day_the_later_batch_holds():
    (first,), (second,) = (
        priced([a_quote(price_hour=Decimal(price))], CATALOG, None).prices for price in ("0.06", "0.07")
    )
    assert at_prices(CATALOG, (first, second))["ovh/b3-8"].price_usd_hour == Decimal("0.07")


def test_a_price_without_a_day_is_what_somebody_pays_and_no_list():
    (found,) = priced([a_quote()], CATALOG, None).prices
    assert at_prices(CATALOG, [replace(found, effective_from=None)]) == CATALOG


def test_euros_are_converted_at_the_catalogs_rate_whatever_they_were_recorded_at():
    (found,) = priced([a_quote(currency="EUR", price_hour=Decimal("0.1"))], CATALOG, FX).prices
    later = replace(CATALOG, usd_per_eur=Decimal("1.5"))
    assert at_prices(later, [found])["ovh/b3-8"].price_usd_hour == Decimal("0.15")


def test_the_newest_rate_is_that_of_the_newest_price_in_euros():
    old, new = (
        priced([a_quote(currency="EUR")], CATALOG, replace(FX, usd_per_eur=Decimal(rate), date=day)).prices[0]
        for rate, day in (("1.1", date(2026, 11, 1)), ("1.3", date(2026, 11, 20)))
    )
    found = newest_rate([new, old])
    assert found is not None
    assert (found.usd_per_eur, found.date) == (Decimal("1.3"), date(2026, 11, 20))
    assert newest_rate(priced([a_quote()], CATALOG, None).prices) is None


def test_changes_are_the_greatest_first_and_what_stayed_is_no_difference():
    quotes = [a_quote(), a_quote(offer="hetzner/ax102", price_hour=None, fee_month=Decimal(180))]
    after = at_prices(CATALOG, priced(quotes, CATALOG, FX).prices)
    found = changes(CATALOG, after, {"ovh/b3-8": True, "hetzner/ax102": None})
    assert [(one.offer, one.ratio) for one in found] == [
        ("hetzner/ax102", Decimal("1.5")),
        ("ovh/b3-8", Decimal("1.2")),
    ]
    assert differing(changes(CATALOG, CATALOG, {"ovh/b3-8": True})) == ()


def test_a_setup_fee_alone_is_a_difference():
    quote = a_quote(offer="hetzner/ax102", price_hour=None, fee_month=Decimal(120), setup_fee=Decimal(310))
    after = at_prices(CATALOG, priced([quote], CATALOG, FX).prices)
    (found,) = differing(changes(CATALOG, after, {"hetzner/ax102": None}))
    assert (found.ratio, found.setup_change_usd) == (Decimal(1), Decimal(10))


def test_how_often_a_spot_offer_is_taken_back_is_noted_once_and_as_the_newest_says():
    spot = SpotFacts(means=(a_mean("0.04", 20),), interruptions=(a_class(">20%", 20),))
    once = at_prices(Catalog(offers=(SPOT,)), (), spot)
    assert once[SPOT.id].note == "mean of 30 days in us-east-1a; interrupted >20% a month, advisor of 2026-11-20"
    assert at_prices(once, (), SpotFacts(interruptions=spot.interruptions)) == once
    newer = at_prices(once, (), of_classes(a_class("<5%", 21)))
    assert newer[SPOT.id].note == "mean of 30 days in us-east-1a; interrupted <5% a month, advisor of 2026-11-21"
