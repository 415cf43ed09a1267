"""Offers that share a reason, as one entry: the reason once, with the range of its numbers, and the offers by family.

Works on the words of a reason alone: the offer's own name becomes "it", numbers that differ become a range.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from planner.catalog.offer_id import OfferId
from planner.plan import Rejected

NUMBER = re.compile(r"(?<![\w./@-])\d+(?:\.\d+)?(?![\w/@-]|\.\d)")
SEVERAL_OF = re.compile(r"(?<=dominated by )\d+ x ")
FAMILY = re.compile(r"^(?P<family>[^/]*/(?:[^.]+(?=\.)|.+(?=-\d)|[a-z]+)[.-]?)")
LISTED = 2
"""Offers of one family that are listed by name; more become the family and their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A reason and the offers it holds for."""

    reason: str
    offers: tuple[str, ...]

    @property
    def families(self) -> str:
        """The offers in words: "aws/g5.* (16), aws/c8g.xlarge"."""
        members: dict[str, list[str]] = {}
        for offer in self.offers:
            members.setdefault(family_of(offer), []).append(offer)
        parts: list[str] = []
        for family, offers in members.items():
            parts.extend(offers if len(offers) <= LISTED else [f"{family}* ({len(offers)})"])
        return ", ".join(parts)


def family_of(offer: str) -> str:
    """The part of an id that offers of one line share: "aws/g5." of "aws/g5.xlarge/spot", "ovh/b3-" of "ovh/b3-64"."""
    found = FAMILY.match(offer)
    return offer if found is None else found["family"]


def group_reasons(rejected: Iterable[Rejected]) -> tuple[Group, ...]:
    """Groups of offers with the same reason but for their own name and numbers, the largest first."""
    groups: dict[str, tuple[list[str], list[list[str]]]] = {}
    for one in rejected:
        reason = _without_name(one)
        template = NUMBER.sub("\0", reason)
        offers, numbers = groups.setdefault(template, ([], []))
        offers.append(one.offer)
        numbers.append(NUMBER.findall(reason))
    made = [
        Group(reason=_filled(template, numbers), offers=tuple(offers)) for template, (offers, numbers) in groups.items()
    ]
    return tuple(sorted(made, key=lambda group: -len(group.offers)))


def _without_name(one: Rejected) -> str:
    product = OfferId.of(one.offer).product or one.offer
    reason = re.sub(rf"(?<![\w./-]){re.escape(product)}(?![\w/-]|\.\w)", "it", one.reason)
    return (
        SEVERAL_OF.sub("one or more ", reason)
        if SEVERAL_OF.search(reason)
        else reason.replace("dominated by ", "dominated by one or more ")
    )


def _filled(template: str, numbers: list[list[str]]) -> str:
    """The template with each number, or the range of those that differ."""
    reason = template
    for column in zip(*numbers, strict=True):
        least, most = min(column, key=float), max(column, key=float)
        reason = reason.replace("\0", least if float(least) == float(most) else f"{least}–{most}", 1)
    return reason
