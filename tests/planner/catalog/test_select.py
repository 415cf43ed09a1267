from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.catalog.offer import Catalog, LeftOut, Offer, Role
from planner.catalog.select import matches, only, reprice, without
from planner.errors import InputError
from policies.billing import Billing


def by_the_hour(offer_id: str, price: str, *, is_spot: bool = False) -> Offer:
    provider, product = offer_id.split("/")[:2]
    return Offer(
        id=offer_id,
        provider=provider,
        product=product,
        role=Role.BURST,
        region="r",
        is_spot=is_spot,
        billing=Billing.SECOND,
        price_usd_hour=Decimal(price),
        price_date=date(2026, 1, 1),
        source="a list",
    )


def by_the_month(offer_id: str, fee: str) -> Offer:
    provider, product = offer_id.split("/")[:2]
    return Offer(
        id=offer_id,
        provider=provider,
        product=product,
        role=Role.BASE,
        region="r",
        billing=Billing.MONTH,
        fee_usd_month=Decimal(fee),
        setup_fee_usd=Decimal(300),
        price_date=date(2026, 1, 1),
        source="a list",
    )


CATALOG = Catalog(
    offers=(
        by_the_month("hetzner/ax102", "140"),
        by_the_month("hetzner-cloud/ccx43/month", "107"),
        by_the_hour("hetzner-cloud/ccx43", "0.17"),
        by_the_hour("ovh/b3-32", "0.20"),
        by_the_hour("ovh/b3-64", "0.40"),
        by_the_hour("ovh/r3-64", "0.26"),
        by_the_hour("aws/r7a.4xlarge", "1.20"),
        by_the_hour("aws/r7a.4xlarge/spot", "0.50", is_spot=True),
        by_the_hour("aws/g5.xlarge", "1.00"),
        by_the_hour("aws/g5.xlarge/spot", "0.40", is_spot=True),
    ),
    group_max={"hetzner-cloud": 10},
    left_out=(LeftOut(id="hetzner/ax42", reason="no price"), LeftOut(id="aws/c8i.large/spot", reason="no savings")),
)


def ids(catalog: Catalog) -> list[str]:
    return [offer.id for offer in catalog]


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        pytest.param(
            "hetzner",
            ["hetzner/ax102", "hetzner-cloud/ccx43/month", "hetzner-cloud/ccx43"],
            id="a line of providers is all of it",
        ),
        pytest.param(
            "hetzner-cloud", ["hetzner-cloud/ccx43/month", "hetzner-cloud/ccx43"], id="a provider is only itself"
        ),
        pytest.param("hetzner/*", ["hetzner/ax102"], id="a glob stops at its slash"),
        pytest.param("aws.spot", ["aws/r7a.4xlarge/spot", "aws/g5.xlarge/spot"], id="one market of a provider"),
        pytest.param("aws.on-demand", ["aws/r7a.4xlarge", "aws/g5.xlarge"], id="the other market"),
        pytest.param("hetzner.base", ["hetzner/ax102", "hetzner-cloud/ccx43/month"], id="base of a line"),
        pytest.param("hetzner.on-demand", ["hetzner-cloud/ccx43"], id="base is not on-demand"),
        pytest.param("aws/r7a.4xlarge/spot", ["aws/r7a.4xlarge/spot"], id="an id"),
        pytest.param("aws/r7a.4xlarge", ["aws/r7a.4xlarge"], id="an id is not the beginning of another"),
        pytest.param("ovh/b3-*", ["ovh/b3-32", "ovh/b3-64"], id="a glob"),
        pytest.param("*/spot", ["aws/r7a.4xlarge/spot", "aws/g5.xlarge/spot"], id="a glob crosses slashes"),
        pytest.param("ovh/?3-64", ["ovh/b3-64", "ovh/r3-64"], id="one character"),
    ],
)
def test_what_a_selector_means(selector: str, chosen: list[str]) -> None:
    assert [offer.id for offer in CATALOG if matches(offer, selector)] == chosen
    assert ids(only(CATALOG, [selector])) == chosen
    assert ids(without(CATALOG, [selector])) == [i for i in ids(CATALOG) if i not in chosen]


def test_several_selectors_add_up() -> None:
    assert ids(only(CATALOG, ["ovh", "hetzner/ax102"])) == ["hetzner/ax102", "ovh/b3-32", "ovh/b3-64", "ovh/r3-64"]
    assert ids(without(CATALOG, ["ovh", "hetzner", "aws.spot"])) == ["aws/r7a.4xlarge", "aws/g5.xlarge"]


def test_no_selector_changes_nothing() -> None:
    assert without(CATALOG, []) == CATALOG


def test_what_is_left_out_goes_with_its_provider() -> None:
    assert [item.id for item in only(CATALOG, ["hetzner"]).left_out] == ["hetzner/ax42"]
    assert [item.id for item in without(CATALOG, ["hetzner"]).left_out] == ["aws/c8i.large/spot"]
    assert [item.id for item in without(CATALOG, ["aws.spot"]).left_out] == ["hetzner/ax42"]
    assert len(without(CATALOG, ["aws.on-demand"]).left_out) == 2


@pytest.mark.parametrize(
    ("selector", "hint"),
    [
        pytest.param("ovhh", "nearest: ovh", id="a misspelt provider"),
        pytest.param("ovh/b3-63", "nearest: ovh/b3-64", id="a misspelt id"),
        pytest.param("awss.spot", "nearest: aws.spot", id="a misspelt provider with market"),
        pytest.param("ovh.spot", "nearest: aws.spot", id="a market the provider does not have"),
        pytest.param("ovh/z9-*", "matches no offer", id="a glob without a match"),
        pytest.param("gcp", "expected an offer id or one of aws, aws.on-demand", id="nothing near"),
        pytest.param("hetzner/ax42", "hetzner/ax42 is left out of the catalog: no price", id="left out for a reason"),
        pytest.param("", "matches no offer", id="empty"),
    ],
)
def test_a_selector_that_means_nothing_is_an_error_with_the_nearest_ids(selector: str, hint: str) -> None:
    for cut in (only, without):
        with pytest.raises(InputError) as error:
            cut(CATALOG, ["ovh", selector])
        assert hint in str(error.value)
    with pytest.raises(InputError, match="matches no offer"):
        reprice(CATALOG, selector, "*2")


def test_taking_everything_away_is_an_error() -> None:
    with pytest.raises(InputError, match="without hetzner, ovh, aws no offer is left"):
        without(CATALOG, ["hetzner", "ovh", "aws"])


def test_a_factor_multiplies_prices_and_fees_and_leaves_the_rest() -> None:
    changed = reprice(CATALOG, "hetzner", "*1.2")
    assert changed["hetzner/ax102"].fee_usd_month == Decimal("168.0")
    assert changed["hetzner-cloud/ccx43"].price_usd_hour == Decimal("0.204")
    assert changed["hetzner/ax102"].setup_fee_usd == 300
    assert changed["ovh/b3-64"] == CATALOG["ovh/b3-64"]
    assert ids(changed) == ids(CATALOG)
    assert changed.group_max == CATALOG.group_max


@pytest.mark.parametrize("change", ["0.35", Decimal("0.35")])
def test_a_number_on_a_spot_selector_is_a_share_of_on_demand(change: str | Decimal) -> None:
    changed = reprice(CATALOG, "aws.spot", change)
    assert changed["aws/r7a.4xlarge/spot"].price_usd_hour == Decimal("0.42")
    assert changed["aws/g5.xlarge/spot"].price_usd_hour == Decimal("0.35")
    assert changed["aws/g5.xlarge"].price_usd_hour == Decimal("1.00")


def test_a_number_on_an_id_is_usd_per_hour_or_per_month_for_base() -> None:
    assert reprice(CATALOG, "aws/g5.xlarge/spot", "0.30")["aws/g5.xlarge/spot"].price_usd_hour == Decimal("0.30")
    assert reprice(CATALOG, "ovh/b3-64", 1)["ovh/b3-64"].price_usd_hour == 1
    assert reprice(CATALOG, "hetzner/ax102", "200")["hetzner/ax102"].fee_usd_month == 200


@pytest.mark.parametrize(
    ("selector", "change", "complaint"),
    [
        pytest.param("ovh", "0.3", "a bare number needs an offer id", id="a number for many offers"),
        pytest.param("ovh/b3-*", "0.3", "a bare number needs an offer id", id="a number for a glob"),
        pytest.param("aws.spot", "35", "expected a share of the on-demand price such as 0.35, got 35", id="percent"),
        pytest.param("ovh", "*0", "must be above 0", id="free"),
        pytest.param("ovh/b3-64", "0", "must be above 0, got 0", id="a price of 0"),
        pytest.param("ovh", "*-1", "must be above 0", id="negative"),
        pytest.param("ovh", "*nan", "must be above 0", id="NaN"),
        pytest.param("ovh", "*cheap", "expected a factor such as", id="a word"),
        pytest.param("ovh", "", "expected a factor such as", id="nothing"),
    ],
)
def test_a_change_that_means_nothing_is_refused(selector: str, change: str, complaint: str) -> None:
    with pytest.raises(InputError) as error:
        reprice(CATALOG, selector, change)
    assert complaint in str(error.value)
    assert selector in str(error.value)


def test_a_share_needs_the_on_demand_offer() -> None:
    with pytest.raises(InputError, match="its on-demand offer is not in the catalog"):
        reprice(only(CATALOG, ["aws.spot"]), "aws.spot", "0.35")


@given(
    one=st.decimals("0.01", "100", places=2),
    other=st.decimals("0.01", "100", places=2),
    selector=st.sampled_from(["aws", "hetzner", "ovh/b3-*", "aws.spot"]),
)
def test_two_factors_are_their_product(one: Decimal, other: Decimal, selector: str) -> None:
    twice = reprice(reprice(CATALOG, selector, f"*{one}"), selector, f"*{other}")
    assert twice == reprice(CATALOG, selector, f"*{one * other}")
