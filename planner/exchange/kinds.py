"""What kind of facts a file holds, told by its first line. Pure."""

import csv
import re
from enum import StrEnum

from planner.errors import InputError
from planner.exchange.plan_file import SCHEMA
from planner.exchange.table import refuse_wrong_delimiter


class FileKind(StrEnum):
    """A format `baseload ledger import` reads."""

    LEASES = "leases"
    USAGE = "usage"
    COSTS = "costs"
    PRICES = "prices"
    PLAN = "plan"
    LITELLM = "litellm"
    OPENCOST = "opencost"


_MARKS = {
    FileKind.LITELLM: {"request_id", "startTime", "prompt_tokens", "completion_tokens"},
    FileKind.OPENCOST: {"Date", "TotalCost"},
    FileKind.LEASES: {"id", "offer", "start"},
    FileKind.COSTS: {"id", "what", "start", "end"},
    FileKind.USAGE: {"input_tokens", "output_tokens"},
    FileKind.PRICES: {"offer", "billing"},
}
"""Columns that tell a kind; the first whose columns are all there."""
_RATES = {"input_tokens_per_s", "output_tokens_per_s"}
_HEAD = 20_000
"""Characters looked at."""


def kind_of(text: str, *, source: str) -> FileKind:
    """The kind of a file; an InputError names the option to say it where the first line does not tell."""
    head = text.removeprefix("\ufeff").lstrip()[:_HEAD]
    if not head:
        raise InputError(f"{source}: is empty; expected a header and rows")
    if head.startswith(("{", "[")):
        if SCHEMA in head:
            return FileKind.PLAN
        if "startTime" in head and "request_id" in head:
            return FileKind.LITELLM
        raise InputError(
            f"{source}: its JSON is neither a plan nor LiteLLM's spend logs (request_id, startTime, ...); expected "
            "one of them, or --kind plan or litellm"
        )
    names = header_names(text)
    for kind, marks in _MARKS.items():
        if marks <= names:
            return kind
    if names >= _RATES and not names & {"scenario", "quantile"}:
        return FileKind.USAGE
    refuse_wrong_delimiter(head.partition("\n")[0], {name for marks in _MARKS.values() for name in marks}, source)
    raise InputError(f"{source}: its columns do not tell what it holds; expected --kind, one of {', '.join(FileKind)}")


def header_names(text: str) -> set[str]:
    """Names in the first line of a CSV text, or of the first object of a JSON text."""
    head = text.removeprefix("\ufeff").lstrip()[:_HEAD]
    if head.startswith(("{", "[")):
        return set(re.findall(r'"(\w+)"\s*:', head))
    return {name.strip() for name in next(csv.reader(head.splitlines()[:1]), [])}
