"""Sections about cost: quotes, unit cost, splits."""

from planner.cli.price.subject import Subject
from planner.report.price.quotes import quotes_section
from planner.report.price.section import Section
from planner.report.price.splits import splits_section
from planner.report.price.unit import unit_section


def cost_sections(subject: Subject) -> list[Section]:
    """What is shown without being asked for: the quotes of machines; unit cost and splits of one spend."""
    sections = []
    if subject.machines:
        sections.append(quotes_section(subject.machines, subject.utilizations))
    if subject.spend is not None:
        sections += [unit_section(subject.spend), splits_section(subject.spend)]
    return sections
