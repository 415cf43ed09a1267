"""Listings of offers and profiles: what a person and a program read."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from planner.catalog.listing import listing_rows, quoted_usd_hour, usd_mtok
from planner.catalog.offer import Catalog, LeftOut, Offer, Role
from planner.profile.curve import Curve, Machine, PlainRates, Point, Profile, by_key
from planner.profile.listing import machine_rows, offer_row, profile_rows
from planner.profile.model import Memory, Model, Slo, Unfit
from planner.profile.rate import rates_for
from planner.report.listing_schemas import (
    catalog_schema,
    catalog_schema_text,
    profile_schema,
    profile_schema_text,
)
from planner.report.listings import CatalogListing, catalog_document, mix_words, render_catalog, taken_back
from planner.report.narrow import by_reason, fitted, wrapped
from planner.report.numbers import Currency
from planner.report.profiles import (
    ProfileListing,
    RatedOffer,
    profile_document,
    render_machines,
    render_offer,
    render_offers,
)
from planner.report.screen import Cell, Column, Screen, words
from policies.billing import Billing

PUBLISHED = Path(__file__).parents[3] / "docs" / "schemas"
EURO = Currency(code="EUR", usd_per_unit=Decimal("1.25"), rate_date=date(2026, 9, 25))


def offer(name: str, **changes: Any) -> Offer:
    provider, _, product = name.partition("/")
    values: dict[str, Any] = {
        "id": name,
        "provider": provider,
        "product": product.removesuffix("/spot"),
        "role": Role.BURST,
        "region": "EU",
        "vcpu": 8,
        "memory_gib": 32.0,
        "billing": Billing.SECOND,
        "price_usd_hour": Decimal("0.36"),
        "price_date": date(2026, 1, 2),
        "source": "a list",
    }
    return Offer(**values | changes)


BASE = offer("alpha/box", role=Role.BASE, billing=Billing.MONTH, price_usd_hour=None, fee_usd_month=Decimal(72))
BURST = offer("beta/node")
SPOT = offer("beta/node/spot", is_spot=True, price_usd_hour=Decimal("0.09"))
SLOW = offer("gamma/slow")
BARE = offer("gamma/bare", gpu="L4", gpu_count=2)
CATALOG = Catalog(
    offers=(BASE, BURST, SPOT, SLOW, BARE), left_out=(LeftOut(id="gamma/dear", reason="no price in the list"),)
)


def steps(scale: float, first_ms: float) -> tuple[Curve, ...]:
    """One workload of 100 tokens in and out at 1, 2 and 4 requests in flight; the first token waits in proportion."""
    return (
        Curve(
            workload="chat",
            prompt_tokens=100,
            output_tokens=100,
            points=tuple(
                Point(
                    concurrency=n,
                    input_tok_s=10 * n * scale,
                    output_tok_s=10 * n * scale,
                    ttft_p95_ms=first_ms * n,
                    tpot_ms=50.0,
                )
                for n in (1.0, 2.0, 4.0)
            ),
        ),
    )


PROFILE = Profile(
    name="tiny",
    title="A tiny model",
    machines=by_key(
        (
            Machine(provider="alpha", server="box", curves=steps(1, 500), source="our bench", source_date="2026-02-03"),
            Machine(provider="beta", server="node", curves=steps(2, 500), source="our bench", source_date="2026-02-03"),
            Machine(
                provider="gamma", server="slow", curves=steps(1, 5000), source="our bench", source_date="2026-02-03"
            ),
        )
    ),
    source="our bench",
    source_date="2026-02-03",
)
PROFILES = {"tiny": PROFILE}
MODEL = Model(name="talk", profile="tiny", slo=Slo(ttft_ms=1000, tpot_ms=100))


def catalog_listing(catalog: Catalog = CATALOG, *, mix: float = 1.0, left_out: bool = False) -> CatalogListing:
    found = {one.id: rates_for(MODEL, one, PROFILES, measured_only=False) for one in catalog}
    rates = {key: one for key, one in found.items() if not isinstance(one, Unfit)}
    return CatalogListing(
        rows=listing_rows(catalog, rates=rates, input_per_output=mix),
        model=MODEL,
        mix=mix,
        unrated={key: one.reason for key, one in found.items() if isinstance(one, Unfit)},
        left_out=catalog.left_out if left_out else (),
    )


def profile_listing(*offers: Offer, profiles: dict[str, Profile] = PROFILES, machines: bool = False) -> ProfileListing:
    rated = []
    for one in offers or tuple(CATALOG):
        row = offer_row(MODEL, one, profiles)
        cost = None if row.rates is None else usd_mtok(quoted_usd_hour(one), row.rates, 1.0)
        rated.append(RatedOffer(offer=one, row=row, usd_mtok=cost))
    return ProfileListing(
        model=MODEL,
        mix=1.0,
        profile=profile_rows(profiles)[0],
        others=sorted(profiles),
        offers=rated,
        machines=machine_rows(profiles["tiny"]) if machines else None,
    )


def lines_of(text: str, start: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(start)]


def errors(schema: dict[str, Any], document: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    return [error.message for error in validator.iter_errors(json.loads(json.dumps(document)))]


# The catalog


def test_offers_go_from_cheap_to_dear_and_those_without_a_rate_come_last() -> None:
    ids = [row.id for row in catalog_listing().rows]
    text = render_catalog(catalog_listing())
    shown = [line.split()[0] for line in text.splitlines() if line.split() and line.split()[0] in ids]
    assert shown == ["beta/node/spot", "alpha/box", "beta/node", "gamma/bare", "gamma/slow"]


def test_a_row_says_price_fee_cost_basis_and_date() -> None:
    (row,) = lines_of(render_catalog(catalog_listing()), "alpha/box")
    # 72 / 720 h; rated at 2 in flight: 20 tok/s of input and of output, so 40 tokens a second for USD 0.10 an hour
    assert row.split() == [
        "alpha/box", "base", "EU", "8", "32", "0.1000", "72.00", "0", "0.694", "measured", "2026-01-02",
    ]  # fmt: skip


def test_a_fee_that_does_not_apply_is_blank_and_a_cost_not_known_is_a_dash() -> None:
    (row,) = lines_of(render_catalog(catalog_listing()), "gamma/bare")
    assert row.split() == ["gamma/bare", "on-demand", "EU", "8", "32", "2×L4", "0.3600", "0", "–", "–", "2026-01-02"]


def test_euros_are_dollars_divided_by_the_rate_which_is_named() -> None:
    text = render_catalog(catalog_listing(), currency=EURO)
    (row,) = lines_of(text, "alpha/box")
    assert row.split()[5:7] == ["0.0800", "57.60"]
    assert "Amounts in EUR at 1.25 USD/EUR of 2026-09-25." in text
    assert "EUR/Mtok" in text
    assert "USD/Mtok" not in text


@pytest.mark.parametrize(
    ("share_a_month", "text"), [(0.025, "<5%"), (0.075, "5-10%"), (0.25, ">20%"), (0.032, "3.2%"), (None, None)]
)
def test_how_often_an_offer_is_taken_back_is_a_class_or_a_figure_of_ones_own(
    share_a_month: float | None, text: str | None
) -> None:
    assert taken_back(None if share_a_month is None else share_a_month / 730) == text


def test_the_heading_states_model_mix_and_slo() -> None:
    heading = render_catalog(catalog_listing(mix=4)).splitlines()[0]
    assert "USD per million tokens of talk at 4 input tokens per output token" in heading
    assert "on a node busy all the time (SLO first token within 1,000 ms (p95), 100 ms per output token)" in heading


def test_reasons_are_shown_when_asked_for_and_announced_otherwise() -> None:
    short, long = render_catalog(catalog_listing()), render_catalog(catalog_listing(), reasons=True)
    assert "2 of 5 offers have no rate for talk (–); -v says why." in short
    assert "too slow" not in short
    assert "  gamma/slow  first token after 5000 ms, asked 1000" not in short
    assert "too slow for the SLO with one user (100 tokens in, 100 out): first token after 5000 ms, asked 1000" in long


def test_left_out_products_are_listed_with_their_reason() -> None:
    assert "gamma/dear" not in render_catalog(catalog_listing())
    text = render_catalog(catalog_listing(left_out=True))
    assert "Known but not offered:\nno price in the list (1 offer):\n  gamma/dear\n" in text


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_no_line_is_wider_than_the_terminal_and_no_id_is_cut(width: int) -> None:
    text = render_catalog(catalog_listing(left_out=True), screen=Screen(width=width), reasons=True)
    assert max(len(line) for line in text.splitlines()) <= width
    assert [row.id for row in catalog_listing().rows if not lines_of(text, row.id)] == []


def test_a_narrow_terminal_is_told_which_columns_it_does_not_see() -> None:
    assert "Not shown at this width: region, market" in render_catalog(catalog_listing(), screen=Screen(width=90))
    assert "Not shown" not in render_catalog(catalog_listing())


def test_the_catalog_document_has_all_of_a_row_with_money_as_decimal_strings() -> None:
    document: Any = catalog_document(catalog_listing(left_out=True))
    assert errors(catalog_schema(), document) == []
    base = next(one for one in document["offers"] if one["id"] == "alpha/box")
    assert base["fee_usd_month"] == "72"
    assert base["quoted_usd_hour"] == "0.1"
    assert base["price_usd_hour"] is None
    assert Decimal(base["usd_mtok"]).quantize(Decimal("0.001")) == Decimal("0.694")
    assert (base["billing"], base["basis"], base["source"], base["price_date"]) == (
        "month", "measured", "a list", "2026-01-02",
    )  # fmt: skip
    bare = next(one for one in document["offers"] if one["id"] == "gamma/bare")
    assert (bare["usd_mtok"], bare["basis"]) == (None, None)
    assert bare["no_rate_reason"] == "no measured rate of tiny on bare, and no rule to estimate one"
    assert document["left_out"] == [{"id": "gamma/dear", "reason": "no price in the list"}]


def test_a_very_small_cost_has_no_exponent() -> None:
    cheap = Catalog(offers=(offer("beta/node", price_usd_hour=Decimal("0.0000001")),))
    document: Any = catalog_document(catalog_listing(cheap))
    assert "E" not in document["offers"][0]["usd_mtok"].upper()
    assert errors(catalog_schema(), document) == []


# Profiles


def test_each_offer_shows_its_rated_point() -> None:
    (row,) = lines_of(render_offers(profile_listing()), "alpha/box")
    # 1000 ms to the first token are reached at 2 in flight; there 20 tok/s of input and 20 of output, 50 ms a token.
    # One workload: P and G stand in the ratio of their bounds, 100 tokens / 0.5 s : 2 / 0.05 s = 200 : 40 = 5.
    # 20 / (5 G) + 20 / G = 1, so G = 24 and P = 120
    assert row.split() == ["alpha/box", "2.0", "120", "24", "1,000", "50", "0.694", "measured", "2026-02-03"]


def test_offers_without_a_rate_are_grouped_by_reason() -> None:
    text = render_offers(profile_listing())
    assert "no measured rate of tiny, and no rule to estimate one (1 offer):\n  gamma/bare\n" in text
    assert "asked 1000 (1 offer):\n  gamma/slow\n" in text


def test_one_offer_shows_every_point_and_marks_the_rated_one() -> None:
    text = render_offer(profile_listing(BURST))
    marked = [line.split() for line in text.splitlines() if "rated point" in line]
    assert marked == [["2.0", "40.0", "40.0", "1,000", "50.0", "←", "rated", "point"]]
    assert [line.split()[0] for line in text.splitlines() if line.strip().startswith(("1.0 ", "2.0 ", "4.0 "))] == [
        "1.0", "2.0", "4.0",
    ]  # fmt: skip
    assert "one workload (chat)" in text
    assert "Source: our bench" in text


def test_one_offer_without_a_rate_says_why() -> None:
    text = render_offer(profile_listing(SLOW))
    assert "Not rated: too slow for the SLO with one user" in text
    assert "rated point" not in text


def test_an_offer_rated_by_another_machine_says_whose_the_curve_is() -> None:
    card = Machine(
        provider="delta",
        server="gpu",
        gpu="L4",
        gpu_count=1,
        curves=steps(1, 500),
        source="x",
        source_date="2026-02-03",
    )
    profiles = {"tiny": Profile(name="tiny", title="t", machines=by_key((card,)), source="x", source_date="2026-02-03")}
    text = render_offer(profile_listing(BARE, profiles=profiles))
    assert "Not measured itself; the curve is of delta/gpu." in text
    assert "2 replicas" in text
    assert "delta/gpu" in lines_of(render_offers(profile_listing(BARE, profiles=profiles)), "gamma/bare")[0]


# The figures of Qwen3-8B: 15.26 GiB of weights, 147,456 B of cache and 90,112 B of activations a token.
QWEN3_8B = Memory(
    weights_gib=8_190_735_360 * 2 / 1024**3,
    layers=36,
    kv_heads=8,
    head_dim=128,
    native_context_tokens=32_768,
    extended_context_tokens=131_072,
    hidden_size=4096,
    intermediate_size=12_288,
)
A10G = offer("aws/g5.4xlarge", gpu="A10G", gpu_count=1, gpu_memory_gib=24.0)
FOUR = offer("aws/g5.12xlarge", gpu="A10G", gpu_count=4, gpu_memory_gib=24.0)
LARGE, SMALL = offer("beta/node", memory_gib=32.0), offer("gamma/small", memory_gib=16.0)


def with_memory() -> dict[str, Profile]:
    """The tiny profile with the memory of Qwen3-8B, measured on one A10G too."""
    card = Machine(provider="aws", server="g5.4xlarge", gpu="A10G", gpu_count=1, curves=steps(1, 500), source="x")
    machines = by_key((*PROFILE.machines.values(), card))
    return {"tiny": replace(PROFILE, machines=machines, memory=QWEN3_8B)}


@pytest.mark.parametrize(
    ("one", "longest"),
    [
        # (0.9 x 22.06 - 15.26) GiB / 237,568 B, the 20K of the chargeback guide: tests/planner/profile/test_memory.py
        pytest.param(A10G, 20_779, id="one card"),
        pytest.param(FOUR, 20_779, id="four replicas: each has a card to itself"),
        # (0.9 x 32 - 15.26) GiB / 237,568 B
        pytest.param(LARGE, 61_213, id="a CPU node of 32 GiB"),
        # 0.9 x 16 = 14.4 GiB are less than the weights
        pytest.param(SMALL, 0, id="not even the weights"),
    ],
)
def test_each_offer_says_how_long_a_context_fits(one: Offer, longest: int) -> None:
    listing = profile_listing(one, profiles=with_memory())
    document: Any = profile_document(listing)
    shown = (document["offers"] + document["unfit"])[0]
    assert (shown["offer"], shown["max_model_len"]) == (one.id, longest)
    assert errors(profile_schema(), document) == []
    (line,) = lines_of(render_offer(listing), "Context that fits (max_model_len): ")
    assert (f": {longest:,} tokens" if longest else ": none") in line


def test_the_memory_of_the_model_goes_before_that_of_its_profile() -> None:
    own = replace(MODEL, memory=replace(QWEN3_8B, extended_context_tokens=None, native_context_tokens=4096))
    assert offer_row(own, A10G, with_memory()).max_model_len == 4096


def test_without_memory_figures_the_context_is_not_known() -> None:
    document: Any = profile_document(profile_listing())
    assert {one["max_model_len"] for one in [*document["offers"], *document["unfit"]]} == {None}
    assert "max_model_len" not in render_offer(profile_listing(BURST))
    unknown = replace(A10G, gpu_memory_gib=None)  # the model's figures are known, the card's are not
    assert offer_row(MODEL, unknown, with_memory()).max_model_len is None


def test_machines_are_listed_with_what_was_measured() -> None:
    plain = Machine(
        provider="own", server="x", plain=PlainRates(prefill_tok_s=9, decode_tok_s=9, is_blended=True), source="me"
    )
    machines = by_key((*PROFILE.machines.values(), plain))
    profiles = {"tiny": Profile(name="tiny", title="t", machines=machines, source="s", source_date="2026-02-03")}
    text = render_machines(profile_listing(BURST, profiles=profiles, machines=True))
    assert lines_of(text, "beta/node")[0].split() == ["beta/node", "curve", "100+100", "4.0", "measured", "2026-02-03"]
    assert lines_of(text, "own/x")[0].split()[:3] == ["own/x", "blended", "rate"]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_profiles_keep_to_the_terminal(width: int) -> None:
    screen = Screen(width=width)
    for text in (
        render_offers(profile_listing(), screen=screen, details=True),
        render_offer(profile_listing(BURST), screen=screen),
        render_machines(profile_listing(machines=True), screen=screen),
    ):
        assert max(len(line) for line in text.splitlines()) <= width


def test_the_profile_document_follows_its_schema_with_and_without_points_and_machines() -> None:
    whole: Any = profile_document(profile_listing(machines=True))
    one: Any = profile_document(profile_listing(BURST), points=True)
    assert errors(profile_schema(), whole) == []
    assert errors(profile_schema(), one) == []
    assert "points" not in whole["offers"][0]
    assert [point["is_rated"] for point in one["offers"][0]["points"]] == [False, True, False]
    assert {row["offer"] for row in whole["unfit"]} == {"gamma/bare", "gamma/slow"}
    assert [row["offer"] for row in whole["offers"]] == ["beta/node/spot", "alpha/box", "beta/node"]
    assert isinstance(whole["offers"][0]["usd_mtok"], str)


def test_the_published_schemas_are_current_and_are_schemas() -> None:
    for name, text in (("catalog", catalog_schema_text()), ("profile", profile_schema_text())):
        jsonschema.Draft202012Validator.check_schema(json.loads(text))
        assert (PUBLISHED / f"{name}.schema.json").read_text("utf-8") == text, f"write {name}_schema_text() there"


# Narrow


def test_columns_go_in_the_order_given_until_the_rest_fits() -> None:
    columns = [words("one"), Column(title="two"), Column(title="three")]
    rows: list[list[Cell]] = [["abcdef", 1, 2]]  # widths 6, 3, 5 and gaps of 2: 18
    assert fitted(columns, rows, Screen(width=18), ["three", "two"])[2] == []
    assert fitted(columns, rows, Screen(width=17), ["three", "two"])[2] == ["three"]
    kept, cells, gone = fitted(columns, rows, Screen(width=6), ["three", "two"])
    assert ([column.title for column in kept], cells, gone) == (["one"], [["abcdef"]], ["three", "two"])


def test_a_column_nobody_has_a_value_for_goes_without_a_word() -> None:
    columns = [words("one"), Column(title="two")]
    kept, _, gone = fitted(columns, [["a", None], ["b", ""]], Screen(), ["two"])
    assert ([column.title for column in kept], gone) == (["one"], [])


def test_lines_wrap_at_a_terminal_and_stay_whole_in_a_pipe() -> None:
    line = "alpha beta gamma"
    assert wrapped(line, Screen()) == [line]
    assert wrapped(line, Screen(width=11)) == ["alpha beta", "  gamma"]


def test_reasons_are_grouped_without_the_product_and_the_figures() -> None:
    groups = by_reason(
        [
            ("a/x", "no rate on x, none"),
            ("a/y/spot", "no rate on y, none"),
            ("a/v", "too slow: 3 s"),
            ("a/w", "too slow: 4 s"),
            ("a/u", "too long: 128 of 16"),
        ]
    )
    assert groups == [
        ("no rate, none", [("a/x", ""), ("a/y/spot", "")]),
        ("too slow", [("a/v", "3 s"), ("a/w", "4 s")]),
        ("too long: 128 of 16", [("a/u", "")]),
    ]


@pytest.mark.parametrize(
    ("mix", "text"), [(1.0, "1 input token per"), (0.5, "0.5 input tokens per"), (91.3, "91.3 input")]
)
def test_the_mix_in_words(mix: float, text: str) -> None:
    assert mix_words(mix).startswith(text)
