"""The document as one HTML file: style and pictures inside it, no script, nothing fetched from anywhere."""

import re

from jinja2 import BaseLoader, Environment, StrictUndefined

from planner.files import packaged_text
from planner.report.month.document import Document
from planner.report.month.palette import DARK, LIGHT, classes, variables

FOLDER = "report/month"
UNITS = re.compile(r"(?<=\d) (?=%)|(?<=\b(?:USD|EUR)) (?=\d)")


def html(document: Document) -> str:
    """The page. Every text is escaped; only our own drawings and our style go in as they are."""
    environment = Environment(loader=BaseLoader(), autoescape=True, undefined=StrictUndefined)
    environment.filters["unbroken"] = _unbroken
    template = environment.from_string(packaged_text(f"{FOLDER}/page.html.j2"))
    sections = [
        {
            "id": section.id,
            "title": section.title,
            "blocks": [(type(block).__name__, block) for block in section.blocks],
        }
        for section in document.sections
    ]
    return template.render(document=document, sections=sections, style=style()) + "\n"


def _unbroken(text: str) -> str:
    """No line ends between a number and its percent sign, or between a currency and its amount."""
    return UNITS.sub("\N{NO-BREAK SPACE}", text)


def style() -> str:
    """The style sheet: colours of both schemes, then the layout."""
    light = f":root{{color-scheme:light;{variables(LIGHT)}}}"
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{color-scheme:dark;{variables(DARK)}}}}}"
    return f"{light}\n{dark}\n{classes()}\n{packaged_text(f'{FOLDER}/page.css')}"
