"""The month's report in a real browser: read at phone and desktop width, light and dark, and held against the JSON."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from pypdf import PdfReader

from autoscaler.cli import baseload, run
from planner.month.value import MonthReport
from planner.report.month.html import html
from planner.report.month.outline import outline
from planner.report.month.reading import Reading, zone_of
from planner.report.month_json import month_text
from planner.report.numbers import Currency
from tests.needs import program
from tests.planner.month.months import report_with_gaps, report_without_plan, small_report
from tests.planner.report.month.rich import rich_report

ROOT = Path(__file__).parents[2]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE, TABLET, DESKTOP = 360, 768, 1280
EUROS = Currency(code="EUR", usd_per_unit=Decimal("1.1624"))
MILLION = ("input_tokens", "output_tokens", "unserved_tokens", "tokens_month", "until_tokens_month")
"""Shown in millions."""
PERCENT = ("utilization", "margin_ratio", "unserved_ratio", "bias_ratio", "error_ratio", "peak_error_ratio")
"""Shown as percent."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = program("chromium", "chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield started
        started.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A page as a reader has it, and what the browser complained of."""

    page: Page
    complaints: list[str]
    fetched: list[str]


def opened(browser: Browser, path: Path, *, width: int = DESKTOP, scheme: Any = "light", script: bool = True) -> Opened:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script, offline=True
    )
    page = context.new_page()
    complaints: list[str] = []
    fetched: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(path.as_uri())
    return Opened(page=page, complaints=complaints, fetched=fetched)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a real size, as a file."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    berlin = Reading(zone=zone_of("Europe/Berlin"), zone_name="Europe/Berlin")
    path.write_text(html(outline(rich_report(), berlin)), encoding="utf-8")
    return path


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "light"), (PHONE, "dark"), (TABLET, "light"), (DESKTOP, "dark")])
def test_it_is_read_without_a_complaint(browser: Browser, written: Path, width: int, scheme: str) -> None:
    at = opened(browser, written, width=width, scheme=scheme)

    wide = at.page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]")
    cut = at.page.evaluate(
        """() => [...document.querySelectorAll('h1, h2, h3, p, li, dt, dd, figcaption, svg')]
             .filter(e => e.getBoundingClientRect().width && e.getBoundingClientRect().right > window.innerWidth + 1)
             .map(e => e.textContent.slice(0, 40))"""
    )
    found = Axe().run(at.page)

    assert max(wide) <= width
    assert cut == []
    assert [
        (one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found.response["violations"]
    ] == []
    assert at.complaints == []
    assert [url for url in at.fetched if url != written.as_uri()] == []
    at.page.context.close()


def outside_of_pictures(page: Page) -> list[str]:
    """Words of drawings that stand beyond their edge."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('svg text')].filter(t => {
             const text = t.getBoundingClientRect(), frame = t.ownerSVGElement.getBoundingClientRect();
             return frame.width && (text.right > frame.right + 1 || text.left < frame.left - 1 ||
                                    text.bottom > frame.bottom + 2 || text.top < frame.top - 2);
           }).map(t => t.textContent)"""
    )
    return found


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_words_in_pictures_stay_inside_them(browser: Browser, written: Path, width: int) -> None:
    at = opened(browser, written, width=width)
    outside = outside_of_pictures(at.page)
    assert outside == []
    at.page.context.close()


def test_long_names_stay_on_the_page(browser: Browser, tmp_path: Path) -> None:
    long = "a-team-whose-name-says-it-all" * 8
    report = small_report()
    named = replace(
        report,
        title=long,
        remarks=(long,),
        bill=tuple(replace(line, what=f"{line.provider}/{long}") for line in report.bill),
        charges=replace(
            report.charges, charges=tuple(replace(charge, tag=long + charge.tag) for charge in report.charges.charges)
        ),
        hourly=replace(report.hourly, burst_nodes={long: next(iter(report.hourly.burst_nodes.values()))}),
    )
    path = tmp_path / "long.html"
    path.write_text(html(outline(named)), encoding="utf-8")
    for width in (PHONE, DESKTOP):
        at = opened(browser, path, width=width)
        assert at.page.evaluate("document.documentElement.scrollWidth") <= width
        assert outside_of_pictures(at.page) == []
        at.page.context.close()


def test_a_phone_and_a_page_get_a_drawing_of_their_own(browser: Browser, written: Path) -> None:
    for width, shown in ((PHONE, "narrow"), (DESKTOP, "wide")):
        at = opened(browser, written, width=width)
        count = at.page.locator("figure").count()
        assert count > 5
        assert at.page.locator(f"figure .{shown} svg:visible").count() == count
        assert at.page.locator("figure svg:visible").count() == count
        at.page.context.close()


def test_light_and_dark_differ(browser: Browser, written: Path) -> None:
    colours = set()
    for scheme in ("light", "dark"):
        at = opened(browser, written, scheme=scheme)
        colours.add(
            tuple(
                at.page.evaluate(
                    """() => [getComputedStyle(document.body).backgroundColor,
                              getComputedStyle(document.querySelector('svg .f-c1')).fill]"""
                )
            )
        )
        at.page.context.close()
    assert len(colours) == 2
    assert len({colour for pair in colours for colour in pair}) == 4


def test_it_is_read_without_scripts(browser: Browser, written: Path) -> None:
    at = opened(browser, written, width=PHONE, script=False)
    text = at.page.inner_text("main")
    assert "October 2026 cost USD\N{NO-BREAK SPACE}9,166.87" in text
    assert "untagged" in text
    assert at.page.locator("figure svg:visible").count() == at.page.locator("figure").count()
    at.page.context.close()


def test_the_keyboard_reaches_the_report_and_its_tables(browser: Browser, written: Path) -> None:
    at = opened(browser, written, width=PHONE)
    at.page.keyboard.press("Tab")
    assert at.page.evaluate("document.activeElement.textContent") == "Skip to the report"
    at.page.keyboard.press("Enter")
    assert at.page.evaluate("location.hash") == "#summary"
    wide = at.page.evaluate(
        """() => [...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth)
             .map(e => [e.tabIndex, getComputedStyle(e).overflowX])"""
    )
    assert wide
    assert all(one == [0, "auto"] for one in wide)
    at.page.context.close()


def test_it_prints_on_paper_white_and_whole(browser: Browser, written: Path) -> None:
    at = opened(browser, written, scheme="dark")
    at.page.emulate_media(media="print", color_scheme="dark")
    assert at.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert at.page.evaluate("getComputedStyle(document.querySelector('thead')).display") == "table-header-group"
    assert not at.page.is_visible("nav")
    assert at.page.evaluate("getComputedStyle(document.querySelector('figure')).breakInside") == "avoid"
    at.page.context.close()


# Numbers


def value_at(document: Any, key: str) -> Decimal | None:
    """What the JSON document holds at the key; charges are summed over models."""
    steps = key.split(".")
    if steps[0] == "charges":
        tag, name = ".".join(steps[1:-1]), steps[-1]
        charges = document["charges"]["charges"]
        return sum((Decimal(str(one[name])) for one in charges if one["tag"] == tag), Decimal(0))
    found = document
    for step in steps:
        found = found[int(step) if isinstance(found, list) else step]
    return None if found is None else Decimal(str(found))


def expected(document: Any, key: str, shown: str, usd_per_unit: Decimal) -> str:
    """The document's figure at the key, rounded as it is shown."""
    value = value_at(document, key)
    if value is None:
        return "–"
    name = key.rsplit(".", 1)[-1]
    if name in MILLION:
        value /= 1_000_000
    elif name in PERCENT:
        value *= 100
    elif "usd" in name or key.startswith(("unit.", "usage_unit.")) or ".unit." in key:
        value /= usd_per_unit
    places = len(shown.partition(".")[2])
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return f"{rounded:,.{places}f}".replace("-", "−")


@pytest.mark.parametrize(
    ("report", "reading", "least"),
    [
        pytest.param(rich_report(), Reading(), 200, id="rich"),
        pytest.param(rich_report(), Reading(currency=EUROS), 200, id="rich, in euros"),
        pytest.param(small_report(), Reading(), 50, id="small"),
        pytest.param(report_without_plan(), Reading(), 40, id="without a plan"),
        pytest.param(report_with_gaps(), Reading(), 40, id="with gaps"),
    ],
)
def test_numbers_equal_the_json(
    browser: Browser, tmp_path: Path, report: MonthReport, reading: Reading, least: int
) -> None:
    path = tmp_path / "report.html"
    path.write_text(html(outline(report, reading)), encoding="utf-8")
    document = json.loads(month_text(report))
    at = opened(browser, path)

    cells = at.page.locator("[data-key]").count()
    found = differing(at.page, document, reading.currency.usd_per_unit)
    sums = differing_sums(at.page, document, reading.currency.usd_per_unit)
    at.page.context.close()

    assert cells >= least
    assert found == []
    assert sums == []


def differing(page: Page, document: Any, usd_per_unit: Decimal) -> list[tuple[str, str, str]]:
    """Key, figure on the page, and figure of the JSON, where the two differ."""
    cells = page.evaluate("() => [...document.querySelectorAll('[data-key]')].map(e => [e.dataset.key, e.textContent])")
    found = []
    for key, text in cells:
        shown = text.lstrip("+±")
        if not re.fullmatch(r"<0\.0*1", shown) and shown != (meant := expected(document, key, shown, usd_per_unit)):
            found.append((key, text, meant))
    return found


def differing_sums(page: Page, document: Any, usd_per_unit: Decimal) -> list[tuple[str, object, object]]:
    """Where figures on the page that are made of several of the JSON are not what those come to."""
    pairs = (
        ("variance", variance_shown(page), variance_meant(document)),
        ("providers", providers_shown(page), providers_meant(document, usd_per_unit)),
        ("servers", servers_shown(page), servers_meant(document)),
    )
    return [(name, shown, meant) for name, shown, meant in pairs if shown != meant]


def rows_of(page: Page, table: str) -> list[list[str]]:
    """The words of a table's rows, total apart."""
    rows = page.locator(f"#{table} tbody tr")
    return [row.locator("th, td").all_text_contents() for row in rows.all()]


def to_cents(usd: Decimal) -> str:
    return f"{usd.quantize(Decimal('0.01'), rounding=ROUND_HALF_UP):,.2f}"


def variance_shown(page: Page) -> str:
    return page.inner_text("#card-variance .figure span").replace("−", "-")


def variance_meant(document: Any) -> str:
    if document["variance"] is None:
        return "–"
    actual, planned = (Decimal(document["variance"][key]) for key in ("actual_usd", "planned_usd"))
    return f"{((actual - planned) / planned * 100).quantize(Decimal('0.1'), rounding=ROUND_HALF_UP):+}"


def providers_shown(page: Page) -> list[tuple[str, ...]]:
    """Provider, amount, currency of invoice, amount invoiced."""
    return sorted(tuple(row[:4]) for row in rows_of(page, "bill-providers"))


def providers_meant(document: Any, usd_per_unit: Decimal) -> list[tuple[str, ...]]:
    sums: dict[tuple[str, str, str, str | None], list[Decimal]] = {}
    for line in document["bill"]:
        key = (line["provider"], line["invoice_currency"], line["usd_per_unit"], line["rate_date"])
        at = sums.setdefault(key, [Decimal(0), Decimal(0)])
        at[0] += Decimal(line["amount_usd"])
        at[1] += Decimal(line["amount_invoice"])
    return sorted(
        (provider, to_cents(usd / usd_per_unit), code, to_cents(invoiced))
        for (provider, code, _, _), (usd, invoiced) in sums.items()
    )


def servers_shown(page: Page) -> dict[str, list[int]]:
    """By offer: now, kept, bought, cancelled, next; those owned at another fee have a row of their own."""
    found: dict[str, list[int]] = {}
    for row in rows_of(page, "base-table"):
        if row[0] != "none":
            counts = found.setdefault(row[0].partition(", owned")[0], [0] * 5)
            found[row[0].partition(", owned")[0]] = [a + int(b) for a, b in zip(counts, row[1:6], strict=True)]
    return found


def servers_meant(document: Any) -> dict[str, list[int]]:
    if document["next_month"] is None:
        return {}
    changes = document["next_month"]["changes"]
    offers = {key.partition("#")[0] for nodes in changes.values() for key, number in nodes.items() if number}
    found = {}
    for offer in offers:
        keep, buy, cancel = (
            sum(number for key, number in changes[kind].items() if key.partition("#")[0] == offer)
            for kind in ("keep", "buy", "cancel")
        )
        found[offer] = [keep + cancel, keep, buy, cancel, keep + buy]
    return found


def test_a_real_month_from_the_ledger_to_the_page(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BASELOAD_DATABASE_URL", f"sqlite:///{tmp_path / 'month.sqlite'}")
    facts = sorted(str(path) for path in (ROOT / "examples" / "month").glob("*.csv"))
    forecast = str(ROOT / "examples" / "forecasts" / "servegen_m_large_x0.01.csv")
    assert run(baseload(), ["ledger", "import", *facts, "--tag", "team"]) == 0
    assert run(baseload(), ["plan", "-f", forecast, "--month", "2026-10", "--fill", "weekly", "--record"]) == 0
    capsys.readouterr()

    assert run(baseload(), ["report", "--month", "2026-10", "--format", "html,json,pdf", "-o", str(tmp_path)]) == 0

    assert capsys.readouterr().out.splitlines() == quoted(ROOT / "docs" / "report.md")
    document = json.loads((tmp_path / "capacity-report-2026-10.json").read_text(encoding="utf-8"))
    at = opened(browser, tmp_path / "capacity-report-2026-10.html", width=PHONE)
    assert differing(at.page, document, Decimal(1)) == []
    assert differing_sums(at.page, document, Decimal(1)) == []
    assert at.page.evaluate("document.documentElement.scrollWidth") == PHONE
    assert at.complaints == []
    headline = at.page.inner_text("#card-bill [data-key]")
    at.page.context.close()
    assert headline in PdfReader(tmp_path / "capacity-report-2026-10.pdf").pages[0].extract_text()


def quoted(page: Path) -> list[str]:
    """The paragraphs of a page's quotation, each as one line."""
    lines = [line.removeprefix(">").strip() for line in page.read_text("utf-8").splitlines() if line.startswith(">")]
    return " ".join(line or "\n" for line in lines).replace(" \n ", "\n").split("\n")
