"""The report as Markdown: the golden page, and what Markdown would misread."""

from dataclasses import replace
from pathlib import Path

from planner.report.month.document import Cell, Column, Document, Paragraph, Section, Table
from planner.report.month.markdown import markdown
from planner.report.month.outline import outline
from tests.planner.month.months import small_report

GOLDEN = Path(__file__).parents[3] / "golden" / "report_small.md"


def test_the_small_month_reads_as_before() -> None:
    assert markdown(outline(small_report())) == GOLDEN.read_text(encoding="utf-8")


def a_document(*blocks: Paragraph | Table) -> Document:
    return Document(
        title="T",
        subtitle="s",
        language="en",
        notices=(),
        cards=(),
        summary=(),
        sections=(Section(id="a", title="A", blocks=blocks),),
        colophon="c",
    )


def test_marks_are_taken_literally() -> None:
    table = Table(
        id="t",
        caption="c",
        columns=(Column(title="what", is_number=False),),
        rows=((Cell(text="a|b\n<b>*x*</b> `y`"),),),
    )
    text = markdown(a_document(table))
    assert "| a\\|b \\<b\\>\\*x\\*\\</b\\> \\`y\\` |" in text


def test_numbers_stand_right_and_units_with_the_title() -> None:
    columns = (Column(title="what", is_number=False), Column(title="amount", unit="USD"))
    rows = ((Cell(text="a"), Cell(text="1.00")),)
    table = Table(id="t", caption="c", columns=columns, rows=rows, total=(Cell(text="all"), Cell(text="1.00")))
    lines = markdown(a_document(table)).splitlines()
    at = lines.index("| what | amount (USD) |")
    assert lines[at + 1 : at + 4] == ["|---|---:|", "| a | 1.00 |", "| **all** | **1.00** |"]


def test_every_section_of_the_page_is_in_it() -> None:
    document = outline(small_report())
    text = markdown(document)
    assert [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")] == [
        "Summary",
        *(section.title for section in document.sections),
    ]


def test_remarks_stand_first() -> None:
    text = markdown(outline(replace(small_report(), remarks=("no plan is recorded",))))
    assert text.index("> No plan is recorded.") < text.index("## Summary")
