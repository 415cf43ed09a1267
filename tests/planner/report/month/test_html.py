"""The page: well formed, escaped, nothing fetched, tables that a screen reader can read, colours one can read."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from planner.report.month.html import html, style
from planner.report.month.outline import outline
from planner.report.month.palette import DARK, HEAT, LIGHT
from tests.planner.month.months import report_with_gaps, report_without_plan, small_report
from tests.planner.report.month.rich import rich_report

VOID = {"meta", "link", "br", "hr", "img", "input", "wbr"}
REPORTS = {
    "small": small_report,
    "without plan": report_without_plan,
    "with gaps": report_with_gaps,
    "rich": rich_report,
}


class Page(HTMLParser):
    """Tags as they nest; what does not close where it opened is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.paths: list[tuple[str, ...]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        self.paths.append((*self.open, tag))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        self.paths.append((*self.open, tag))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]


@pytest.fixture(params=REPORTS, scope="module")
def text(request) -> str:
    return html(outline(REPORTS[request.param]()))


def test_every_tag_closes_where_it_opened(text: str) -> None:
    assert Page(text).all("html") == [{"lang": "en"}]


def test_nothing_is_fetched_and_nothing_runs(text: str) -> None:
    page = Page(text)
    assert not {tag for tag, _ in page.seen} & {"script", "img", "iframe", "object", "embed", "use", "image"}
    for tag, attributes in page.seen:
        for name, value in attributes.items():
            assert name not in {"src", "srcset", "xlink:href", "style"}, tag
            assert not name.startswith("on"), tag
            if name == "href":
                assert value is not None
                assert value.startswith(("#", "data:")), value
    assert "url(" not in text
    assert "@import" not in text
    assert "http:" not in text
    assert "https:" not in text


def test_ids_are_unique_and_references_lead_somewhere(text: str) -> None:
    page = Page(text)
    ids = [attributes["id"] for _, attributes in page.seen if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [value for _, attributes in page.seen if (value := attributes.get("aria-labelledby"))]
    assert {name for names in named for name in names.split()} <= set(ids)
    links = {str(attributes["href"]).removeprefix("#") for attributes in page.all("a")}
    assert links <= set(ids)


def test_every_table_has_a_caption_and_scoped_headers(text: str) -> None:
    page = Page(text)
    tables = page.all("table")
    assert tables
    assert len(page.all("caption")) == len(tables)
    scopes = {attributes.get("scope") for attributes in page.all("th")}
    assert scopes == {"col", "row"}


def test_headings_go_down_one_step_at_a_time(text: str) -> None:
    levels = [int(tag[1]) for tag, _ in Page(text).seen if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_picture_says_what_it_shows(text: str) -> None:
    page = Page(text)
    pictures = page.all("svg")
    assert pictures
    assert all(picture["role"] == "img" and picture["aria-labelledby"] for picture in pictures)
    assert len([path for path in page.paths if path[-2:] == ("svg", "desc")]) == len(pictures)


def test_landmarks_and_a_way_past_them(text: str) -> None:
    page = Page(text)
    assert [len(page.all(tag)) for tag in ("header", "nav", "main", "footer")] == [1, 1, 1, 1]
    assert page.all("a")[0]["class"] == "skip"


def test_words_from_outside_are_escaped() -> None:
    evil = "<script>alert(1)</script>&\"'"
    report = small_report()
    bill = (replace(report.bill[0], what=evil, provider=evil), *report.bill[1:])
    charges = replace(
        report.charges, charges=tuple(replace(charge, tag=evil + charge.tag) for charge in report.charges.charges)
    )
    text = html(outline(replace(report, bill=bill, charges=charges, remarks=(evil,), title=evil)))
    assert "<script" not in text
    assert "alert(1)" in text
    Page(text)


def test_the_same_report_makes_the_same_page() -> None:
    assert html(outline(rich_report())) == html(outline(rich_report()))


def test_pictures_are_small() -> None:
    for section in outline(rich_report()).sections:
        for block in section.blocks:
            for picture in (getattr(block, "wide", ""), getattr(block, "narrow", "")):
                assert len(picture) < 150_000


# Colours


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_on_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_every_ground(colours: dict[str, str]) -> None:
    for ink in ("ink", "soft", "accent", "good", "bad"):
        for ground in ("ground", "card"):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    assert contrast(colours["warn-ink"], colours["warn-ground"]) >= 4.5


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_the_steps_of_the_heat_map_go_one_way(colours: dict[str, str]) -> None:
    steps = [luminance(colours[name]) for name in HEAT]
    assert steps == sorted(steps) or steps == sorted(steps, reverse=True)
    assert contrast(colours[HEAT[0]], colours[HEAT[-1]]) > 7


def test_both_schemes_have_the_same_colours() -> None:
    assert set(LIGHT) == set(DARK)
    assert set(re.findall(r"var\(--([a-z0-9-]+)\)", style())) <= set(LIGHT)


def test_a_figure_is_not_torn_from_its_unit() -> None:
    page = html(outline(small_report()))
    assert "USD\N{NO-BREAK SPACE}20.00 (25.0\N{NO-BREAK SPACE}%) more" in page
    assert not re.search(r"<(p|li)[^>]*>[^<]*(\d %|USD \d)", page)
