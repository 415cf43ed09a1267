"""The PDF: all the page's words on A4 pages, titled and tagged; what is missing on the machine is one line."""

import builtins
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from planner.errors import InputError
from planner.report.month.html import html
from planner.report.month.outline import outline
from planner.report.month.pdf import check_pdf, pdf
from tests.planner.report.month.rich import rich_report


@pytest.fixture(scope="module")
def reader() -> PdfReader:
    return PdfReader(BytesIO(pdf(html(outline(rich_report())))))


@pytest.fixture(scope="module")
def texts(reader: PdfReader) -> list[str]:
    """The words of each page."""
    return [page.extract_text() for page in reader.pages]


def test_the_headline_figures_are_on_the_first_page(texts: list[str]) -> None:
    for figure in ("Capacity report, October 2026", "9,167", "0.212", "+5.2", "0.07", "580.88"):
        assert figure in texts[0]


def test_every_section_is_in_it(texts: list[str]) -> None:
    text = "\n".join(texts)
    for section in outline(rich_report()).sections:
        assert section.title in text


def test_pages_are_a4_and_numbered(reader: PdfReader, texts: list[str]) -> None:
    assert 5 <= len(texts) <= 15
    for index, page in enumerate(reader.pages):
        assert [round(float(side)) for side in page.mediabox[2:]] == [595, 842]
        assert f"{index + 1} / {len(texts)}" in texts[index]


def test_a_table_that_goes_on_repeats_its_header(texts: list[str]) -> None:
    headed = [index for index, text in enumerate(texts) if "Charged" in text and "Idle" in text]
    assert len(headed) == 2  # twenty teams begin on one page and end on the next
    assert "search" in texts[headed[0]]
    assert "untagged" in texts[headed[1]]


def test_it_has_a_title_a_language_and_tags(reader: PdfReader) -> None:
    root: Any = reader.root_object
    metadata: Any = reader.metadata
    assert metadata.title == "Capacity report, October 2026"
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root


def test_pictures_are_drawn_not_photographed(reader: PdfReader) -> None:
    assert all(not page.images for page in reader.pages)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ModuleNotFoundError("No module named 'weasyprint'", name="weasyprint"),
            "PDF needs WeasyPrint, which is not installed; install baseload[pdf]",
        ),
        (
            OSError("cannot load library 'libpango-1.0-0'"),
            "PDF needs the Pango library, which is not installed; on Debian: apt-get install libpango-1.0-0 "
            "libpangoft2-1.0-0 libharfbuzz-subset0",
        ),
    ],
    ids=["the package", "the library"],
)
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, error: Exception, said: str) -> None:
    real = builtins.__import__

    def missing(name: str, *rest, **more):
        if name == "weasyprint":
            raise error
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InputError) as refused:
        check_pdf()
    assert str(refused.value) == said


def test_a_page_that_refers_elsewhere_gets_nothing() -> None:
    made = pdf('<html lang="en"><title>t</title><img src="file:///etc/hostname" alt="x"><p>a</p></html>')
    assert all(not page.images for page in PdfReader(BytesIO(made)).pages)
