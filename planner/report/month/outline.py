"""A month's report as a document: all sections in their order. HTML, PDF and Markdown render what this returns."""

from planner.month.value import MonthReport
from planner.report.month.appendix import appendix
from planner.report.month.bill import bill_section
from planner.report.month.cells import sentence
from planner.report.month.comparisons import plan_section, regret_section, unit_section
from planner.report.month.document import Document
from planner.report.month.forecast_section import forecast_section
from planner.report.month.operations import burst_section, unserved_section, utilization_section
from planner.report.month.outlook import next_section, price_section, risk_section
from planner.report.month.reading import Reading, month_name
from planner.report.month.summary import cards, summary
from planner.report.numbers import span


def outline(report: MonthReport, reading: Reading | None = None) -> Document:
    """The report as its reader sees it."""
    reading = reading or Reading()
    models = ", ".join(report.models) or "no model"
    return Document(
        title=f"{report.title}, {month_name(report.month)}",
        subtitle=f"{models}; {span(report.start, report.end)}",
        language="en",
        notices=tuple(sentence(remark) for remark in report.remarks),
        cards=cards(report, reading),
        summary=summary(report, reading),
        sections=(
            plan_section(report, reading),
            forecast_section(report),
            bill_section(report, reading),
            utilization_section(report, reading),
            burst_section(report, reading),
            unserved_section(report),
            unit_section(report, reading),
            regret_section(report, reading),
            next_section(report, reading),
            price_section(report, reading),
            risk_section(report),
            appendix(report, reading),
        ),
        colophon=_colophon(report, reading),
    )


def _colophon(report: MonthReport, reading: Reading) -> str:
    read = reading.local(report.as_of)
    parts = [
        f"Facts as of {read:%Y-%m-%d %H:%M} {reading.zone_name}",
        "amounts net of VAT",
        reading.currency.note or f"in {reading.code}",
        "made by baseload",
    ]
    return "; ".join(parts) + "."
