"""The outline: sections in order, each state of a month said, amounts that sum, the reader's currency and zone."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from planner.economics.charges import Chargeback
from planner.errors import InputError
from planner.month.report import month_report
from planner.month.value import Assumption, Floats, MonthReport
from planner.plan import OfferTerms, OwnedChanges
from planner.report.month.document import Document, Figure, Paragraph, Section, Table
from planner.report.month.outline import outline
from planner.report.month.reading import Reading, month_name, tokens, zone_of
from planner.report.numbers import Currency
from tests.planner.month.months import report_with_gaps, report_without_plan, small_facts, small_report
from tests.planner.report.month.rich import rich_report

EURO = Reading(currency=Currency(code="EUR", usd_per_unit=Decimal("1.25"), rate_date=date(2026, 10, 30)))


def section(document: Document, id_: str) -> Section:
    return next(section for section in document.sections if section.id == id_)


def tables(document: Document) -> dict[str, Table]:
    return {block.id: block for section in document.sections for block in section.blocks if isinstance(block, Table)}


def words_of(document: Document, id_: str) -> str:
    return " ".join(block.text for block in section(document, id_).blocks if isinstance(block, Paragraph))


def column(table: Table, title: str) -> list[str]:
    index = [column.title for column in table.columns].index(title)
    return [row[index].text for row in table.rows]


def as_number(text: str) -> Decimal:
    return Decimal(text.replace(",", "").replace("−", "-").replace("+", "").replace("±", ""))


def test_break_even_says_from_where_on_a_price_is_a_loss_again_and_whose_price_it_is() -> None:
    plain = tables(outline(small_report()))["break-even-table"]
    assert "A loss again beyond" not in [column.title for column in plain.columns]
    (first, *_), (price, *_) = small_report().break_even, small_report().prices
    lost = replace(first, price_usd_mtok=price.price_usd_mtok, until_tokens_month=Decimal(5_000_000_000))
    dear = replace(price, tier="business", price_usd_mtok=Decimal(2), model="n")
    made = replace(
        small_report(),
        break_even=(lost, replace(first, price_usd_mtok=Decimal(2))),
        prices=(replace(price, model="m"), dear),
    )
    document = outline(made)
    table = tables(document)["break-even-table"]
    assert column(table, "A loss again beyond") == ["5,000.0", ""]
    assert column(table, "Tier") == ["developer, m", "business, n"]
    assert "asked here of all tokens of the fleet" in words_of(document, "prices")


def test_an_offer_that_two_models_use_has_a_bar_named_for_each() -> None:
    first, *rest = small_report().bill
    twice = replace(small_report(), bill=(replace(first, model="m"), replace(first, model="n"), *rest))
    (picture, *_) = [block for block in section(outline(twice), "bill").blocks if isinstance(block, Figure)]
    plain = first.what.removeprefix(f"{first.provider}/")
    assert f"{plain}, m<" in picture.wide
    assert f"{plain}, n<" in picture.wide


def test_sections_stand_in_their_order() -> None:
    assert [section.id for section in outline(small_report()).sections] == [
        "plan",
        "forecast",
        "bill",
        "utilization",
        "burst",
        "unserved",
        "unit",
        "regret",
        "next",
        "prices",
        "risks",
        "appendix",
    ]


def test_the_variance_names_its_order_and_sums_to_the_difference() -> None:
    document = outline(small_report())
    table = tables(document)["variance-table"]
    amounts = [as_number(text) for text in column(table, "Amount")]
    assert [row[0].text for row in table.rows] == ["Planned bill", "Volume", "Price", "Utilization", "Other costs"]
    assert sum(amounts) == as_number(table.total[1].text) == Decimal("100.00")
    assert "Order of substitution: first volume" in words_of(document, "plan")


@pytest.mark.parametrize("make", [small_report, rich_report])
def test_the_bills_lines_sum_to_the_bill(make) -> None:
    document = outline(make())
    for name in ("bill-offers", "bill-providers"):
        table = tables(document)[name]
        assert sum(map(as_number, column(table, "Amount"))) == as_number(table.total[1].text), name


def test_charges_sum_to_the_bill() -> None:
    table = tables(outline(rich_report()))["charges-table"]
    assert len(table.rows) == 20
    assert sum(map(as_number, column(table, "Charged"))) == as_number(table.total[1].text) == Decimal("9166.87")
    assert column(table, "Team")[-1] == "untagged"


def test_amounts_are_also_given_as_invoiced_with_the_dated_rate() -> None:
    table = tables(outline(small_report()))["bill-providers"]
    assert [cell.text for cell in table.rows[0]] == ["hetzner", "72.00", "EUR", "57.60", "1.25", "2026-10-30"]


def test_another_currency_is_said_and_converts_every_amount() -> None:
    document = outline(small_report(), EURO)
    assert tables(document)["bill-offers"].total[1].text == "80.00"
    assert document.cards[0].unit == "EUR"
    assert "shown in EUR at 1.25 USD/EUR of 2026-10-30" in document.colophon
    units = {column.unit for table in tables(document).values() for column in table.columns}
    assert not {unit for unit in units if unit.startswith("USD") and unit != "USD per unit"}


def test_without_a_plan_the_report_says_so() -> None:
    document = outline(report_without_plan())
    assert "No plan is recorded" in words_of(document, "plan")
    assert document.notices == ("No plan is recorded for 2026-11: no variance.",)
    assert "variance-table" not in tables(document)


def test_gaps_are_counted_as_unknown() -> None:
    assert "24 of 720 hours were not measured" in words_of(outline(report_with_gaps()), "utilization")


def test_unserved_that_was_not_recorded_is_unknown() -> None:
    assert "it is not counted as zero" in words_of(outline(small_report()), "unserved")


def test_a_month_of_nothing_has_every_section() -> None:
    report = small_report()
    unknown = np.full(720, np.nan)
    empty = replace(
        report,
        models=(),
        bill_usd=Decimal(0),
        bill=(),
        charges=Chargeback(by="team", bill_usd=Decimal(0), charges=(), idle_usd={}, shared_usd=Decimal(0)),
        model_months=(),
        hourly=replace(
            report.hourly,
            input_tok_s=unknown,
            output_tok_s=unknown,
            utilization=unknown,
            base_nodes=np.zeros(720),
            burst_nodes={},
            cost_usd=np.zeros(720),
        ),
        utilization=None,
        plan=None,
        variance=None,
        forecast_error=None,
        regret=None,
        next_month=None,
        trend=(),
        break_even=(),
        prices=(),
        risks=(),
        assumptions=(),
    )
    document = outline(empty)
    assert len(document.sections) == 12
    for one in ("bill", "utilization", "burst", "unit", "regret", "next", "prices", "risks"):
        assert words_of(document, one), one


def test_pictures_are_told_in_words() -> None:
    for one in outline(rich_report()).sections:
        for block in one.blocks:
            if isinstance(block, Figure):
                assert len(block.alt) > 30, block.id
                assert block.alt.endswith("."), block.id


def test_the_busiest_hour_is_by_the_readers_clock() -> None:
    berlin = outline(rich_report(), Reading(zone=zone_of("Europe/Berlin"), zone_name="Europe/Berlin"))
    utc = outline(rich_report())
    assert "Thursday 29 October at 16:00" in words_of(berlin, "utilization")
    assert "Thursday 29 October at 15:00" in words_of(utc, "utilization")
    assert berlin.cards == utc.cards


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin?"),
        ("berlin", "did you mean Europe/Berlin?"),
        ("../etc/passwd", "expected a name such as Europe/Berlin"),
        ("", "expected a name such as Europe/Berlin"),
    ],
)
def test_an_unknown_zone_is_refused_by_name(name: str, hint: str) -> None:
    with pytest.raises(InputError, match="no such time zone") as refused:
        zone_of(name)
    assert str(refused.value) == f"--tz {name}: no such time zone; {hint}"


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0"), (999_999, "999,999"), (1e6, "1.0 million"), (43.2e9, "43.2 billion"), (2.5e12, "2.5 trillion")],
)
def test_tokens_in_words(count: float, said: str) -> None:
    assert tokens(count) == said


def test_months_have_names() -> None:
    assert month_name("2026-02") == "February 2026"


def test_a_report_of_one_team_and_many_offers_keeps_ids_unique() -> None:
    report: MonthReport = rich_report()
    ids = [table.id for one in outline(report).sections for table in one.blocks if isinstance(table, Table | Figure)]
    assert len(ids) == len(set(ids))


def test_owned_servers_and_new_ones_of_an_offer_are_one_row() -> None:
    report = small_report()
    assert report.next_month is not None
    changes = OwnedChanges(keep={"a#owned": 3, "a#owned-2": 1}, buy={"a": 6}, cancel={"b#owned": 2})
    document = outline(replace(report, next_month=replace(report.next_month, changes=changes)))
    table = tables(document)["base-table"]
    assert [[cell.text for cell in row[:6]] for row in table.rows] == [
        ["a", "4", "4", "6", "0", "10"],
        ["b", "2", "0", "0", "2", "0"],
    ]
    assert "to keep 4 a, to buy 6 a and to cancel 2 b" in document.summary[4]


def test_owned_servers_at_their_own_fee_have_a_row_that_says_it() -> None:
    report = small_report()
    assert report.next_month is not None
    (terms,) = [one for one in report.next_month.plan.offers.values() if one.role == "base"]

    def at(usd: str) -> OfferTerms:
        return replace(terms, offer_id="a", fee_usd_horizon=Decimal(usd))

    offers = {"a": at("90"), "a#owned": at("70"), "a#owned-2": at("90.00")}
    changes = OwnedChanges(keep={"a#owned": 3, "a#owned-2": 1}, buy={"a": 6}, cancel={"a#owned": 2})
    coming = replace(report.next_month, changes=changes, plan=replace(report.next_month.plan, offers=offers))
    document = outline(replace(report, next_month=coming))
    assert [[cell.text for cell in row] for row in tables(document)["base-table"].rows] == [
        ["a, owned at 70.00 USD/month", "5", "3", "0", "2", "3", "70.00"],
        ["a", "1", "1", "6", "0", "7", "90.00"],
    ]


def test_tokens_that_were_not_measured_are_a_dash_not_nothing() -> None:
    report = month_report(replace(small_facts(), served=None))
    (row,) = tables(outline(report))["bill-models"].rows
    assert [cell.text for cell in row[2:]] == ["–", "–", "–", "–"]


def test_bills_of_earlier_months_are_shown_where_no_unit_cost_is_known() -> None:
    report = small_report()
    trend = tuple(replace(point, cost_usd_mtok=None) for point in report.trend)
    document = outline(replace(report, trend=trend))
    assert len(trend) > 1
    assert len(tables(document)["trend-table"].rows) == len(trend)
    assert "trend" not in figures(document)


def test_assumptions_stand_by_kind_and_none_is_lost() -> None:
    report = small_report()
    extra = (
        Assumption(what="policy tenure_months", value="12", dated=None, source="fleet.toml"),
        Assumption(what="catalog price of a", value="1.00", dated=date(2026, 10, 1), source="list"),
    )
    document = outline(replace(report, assumptions=(*report.assumptions, *extra)))
    found = {name: len(table.rows) for name, table in tables(document).items() if name.startswith("assumed-")}
    assert found == {
        "assumed-general-table": 1,
        "assumed-rates-table": 1,
        "assumed-prices-table": 1,
        "assumed-policy-table": 1,
    }


def figures(document: Document) -> dict[str, Figure]:
    return {block.id: block for section in document.sections for block in section.blocks if isinstance(block, Figure)}


def test_a_bill_of_many_lines_is_drawn_in_its_largest() -> None:
    report = small_report()
    lines = tuple(
        replace(report.bill[0], what=f"p/{index}", provider="p", amount_usd=Decimal(index + 1)) for index in range(50)
    )
    document = outline(replace(report, bill=lines, bill_usd=Decimal(1275)))
    picture = figures(document)["bill-figure"]
    assert picture.caption == "The bill by provider and offer, USD, the 24 largest of 50 lines"
    assert ">49<" in picture.wide
    assert ">25<" not in picture.wide
    assert len(tables(document)["bill-offers"].rows) == 50


def test_more_servers_than_can_be_told_apart_are_one_bar_each_way() -> None:
    report = small_report()
    assert report.next_month is not None
    for keep, caption, blocks in (
        (12, "Base servers now → next month, one block each", 13),
        (200, "Base servers now → next month", 2),
    ):
        changes = OwnedChanges(keep={"a#owned": keep}, buy={"a": 1}, cancel={})
        picture = figures(outline(replace(report, next_month=replace(report.next_month, changes=changes))))["base"]
        assert picture.caption == caption
        assert picture.wide.count('height="16"') == blocks


def test_a_credit_is_written_and_not_drawn() -> None:
    report = small_report()
    credit = replace(report.bill[2], what="credit", amount_usd=Decimal(-5), amount_invoice=Decimal(-5))
    picture = figures(outline(replace(report, bill=(*report.bill, credit), bill_usd=Decimal(95))))["bill-figure"]
    assert "−5.00" in picture.wide


def test_of_a_month_that_is_not_over_the_hours_past_are_counted() -> None:
    report = small_report()
    past = np.arange(720) < 360

    def known(values: Floats) -> Floats:
        return np.where(past, values, np.nan)

    hourly = replace(
        report.hourly,
        cost_usd=known(report.hourly.cost_usd),
        burst_nodes={offer: known(nodes) for offer, nodes in report.hourly.burst_nodes.items()},
        unserved_tok_s=known(np.ones(720)),
    )
    document = outline(replace(report, hourly=hourly, unserved_ratio=0.01))
    assert "they were on in 60 of 360 hours" in words_of(document, "burst")
    assert "It fell into 360 of 360 hours." in words_of(document, "unserved")
