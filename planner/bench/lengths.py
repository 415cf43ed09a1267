"""How long prompts and answers are: fixed, by a histogram of tokens, or drawn from the requests of a trace. Pure.

A workload is written `IN:OUT`, such as 256:128, or as the name of a CSV:

    field,tokens_from,tokens_to,fraction_of_requests      a histogram each for `input` and `output`
    input_tokens,output_tokens                            a request per row, drawn in pairs (other columns are ignored)

A histogram says nothing of which prompts get which answers: the two are drawn apart, and within a bin evenly.
"""

import csv
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

from planner.errors import InputError

if TYPE_CHECKING:
    from random import Random

MOST_TOKENS = 1_000_000
"""Of a prompt or an answer; longer ones are a mistake of the file."""


class Lengths(Protocol):
    """Where the lengths of requests come from."""

    @property
    def name(self) -> str:
        """Of the workload."""

    def draw(self, chance: "Random") -> tuple[int, int]:
        """Tokens of the next prompt and of its answer, each 1 or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedLengths:
    """Every request alike."""

    input_tokens: int
    output_tokens: int

    @property
    def name(self) -> str:
        """As it is written."""
        return f"{self.input_tokens}:{self.output_tokens}"

    def draw(self, chance: "Random") -> tuple[int, int]:
        """The same each time."""
        del chance
        return self.input_tokens, self.output_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Tokens by bin: (low, high, weight)."""

    bins: tuple[tuple[float, float, float], ...]
    reach: tuple[float, ...]
    """Sum of the weights up to and with each bin."""

    def draw(self, chance: "Random") -> int:
        """A length, 1 or more."""
        index = bisect_left(self.reach, chance.random() * self.reach[-1])
        low, high, _ = self.bins[min(index, len(self.bins) - 1)]
        return max(1, round(low + (high - low) * chance.random()))


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramLengths:
    """Prompts and answers drawn apart, each by its histogram, cut at what the server takes."""

    name: str
    inputs: Histogram
    outputs: Histogram
    most_input_tokens: int | None = None
    most_output_tokens: int | None = None

    def draw(self, chance: "Random") -> tuple[int, int]:
        """A prompt and an answer."""
        return (
            _cut(self.inputs.draw(chance), self.most_input_tokens),
            _cut(self.outputs.draw(chance), self.most_output_tokens),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceLengths:
    """A request of a trace, prompt and answer together, cut at what the server takes."""

    name: str
    pairs: tuple[tuple[int, int], ...]
    most_input_tokens: int | None = None
    most_output_tokens: int | None = None

    def draw(self, chance: "Random") -> tuple[int, int]:
        """One of the requests, each as likely."""
        prompt, output = chance.choice(self.pairs)
        return _cut(prompt, self.most_input_tokens), _cut(output, self.most_output_tokens)


def fixed_lengths(text: str) -> FixedLengths | None:
    """The lengths written as IN:OUT; None where the text is none of that form. Raises InputError."""
    prompt, colon, output = text.partition(":")
    if not colon or not prompt.strip().isdigit() or not output.strip().isdigit():
        return None
    tokens = int(prompt), int(output)
    if not all(1 <= one <= MOST_TOKENS for one in tokens):
        raise InputError(f"--lengths {text}: expected 1 to {MOST_TOKENS:,} tokens in and out, such as 256:128")
    return FixedLengths(input_tokens=tokens[0], output_tokens=tokens[1])


def read_lengths(
    text: str, *, source: str, name: str, most_input_tokens: int | None = None, most_output_tokens: int | None = None
) -> Lengths:
    """The lengths of a CSV, a histogram or a trace told by its header. Raises InputError with file and row."""
    rows = list(csv.reader(text.splitlines()))
    header = [cell.strip() for cell in rows[0]] if rows else []
    if {"field", "tokens_from", "tokens_to", "fraction_of_requests"} <= set(header):
        found = _histograms(rows[1:], header, source)
        return HistogramLengths(
            name=name,
            inputs=found["input"],
            outputs=found["output"],
            most_input_tokens=most_input_tokens,
            most_output_tokens=most_output_tokens,
        )
    if {"input_tokens", "output_tokens"} <= set(header):
        return TraceLengths(
            name=name,
            pairs=_pairs(rows[1:], header, source),
            most_input_tokens=most_input_tokens,
            most_output_tokens=most_output_tokens,
        )
    raise InputError(
        f"{source}, row 1: expected the columns field, tokens_from, tokens_to, fraction_of_requests of a histogram, "
        f"or input_tokens, output_tokens of requests; got {', '.join(header) or 'nothing'}"
    )


def _histograms(rows: Sequence[Sequence[str]], header: Sequence[str], source: str) -> dict[str, Histogram]:
    bins: dict[str, list[tuple[float, float, float]]] = {"input": [], "output": []}
    for number, row in enumerate(rows, start=2):
        if not row:
            continue
        cells = dict(zip(header, row, strict=False))
        field = cells.get("field", "").strip()
        if field not in bins:
            raise InputError(f"{source}, row {number}: field: expected input or output, got {field!r}")
        low, high, weight = (
            _number(cells, key, source, number) for key in ("tokens_from", "tokens_to", "fraction_of_requests")
        )
        if not 0 <= low <= high <= MOST_TOKENS or weight < 0:
            raise InputError(
                f"{source}, row {number}: expected 0 ≤ tokens_from ≤ tokens_to ≤ {MOST_TOKENS:,} and a fraction "
                f"of 0 or more, got {low:g}, {high:g}, {weight:g}"
            )
        bins[field].append((low, high, weight))
    for field, found in bins.items():
        if sum(weight for _, _, weight in found) <= 0:
            raise InputError(f"{source}: no requests with field {field}; expected rows with a fraction above 0")
    return {
        field: Histogram(bins=tuple(found), reach=tuple(accumulate(weight for _, _, weight in found)))
        for field, found in bins.items()
    }


def _pairs(rows: Sequence[Sequence[str]], header: Sequence[str], source: str) -> tuple[tuple[int, int], ...]:
    pairs = []
    for number, row in enumerate(rows, start=2):
        if not row:
            continue
        cells = dict(zip(header, row, strict=False))
        prompt, output = (_number(cells, key, source, number) for key in ("input_tokens", "output_tokens"))
        if not 0 <= prompt <= MOST_TOKENS or not 0 <= output <= MOST_TOKENS:
            raise InputError(
                f"{source}, row {number}: expected 0 to {MOST_TOKENS:,} tokens, got {prompt:g}, {output:g}"
            )
        if prompt >= 1 and output >= 1:  # a request that was refused or gave nothing is no work to repeat
            pairs.append((round(prompt), round(output)))
    if not pairs:
        raise InputError(f"{source}: no request with tokens in and out; expected a row each")
    return tuple(pairs)


def _number(cells: dict[str, str], key: str, source: str, number: int) -> float:
    try:
        value = float(cells.get(key, ""))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{source}, row {number}: {key}: expected a number, got {cells.get(key, '')!r}")
    return value


def _cut(tokens: int, most: int | None) -> int:
    return tokens if most is None else min(tokens, most)
