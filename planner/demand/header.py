"""The header of a demand series: which column is which, and what a misspelt name was meant to be. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from planner.errors import InputError

REQUIRED = ("timestamp", "input_tokens_per_s", "output_tokens_per_s")
OPTIONAL = ("model", "scenario", "probability", "quantile", "gap")
KNOWN = REQUIRED + OPTIONAL

_MEANT = {
    "timestamp": ("time", "datetime", "date", "ts", "hour", "start"),
    "input_tokens_per_s": ("input", "inputtoks", "inputtps", "inputtokens", "prompttokenspers", "inputtokenspersecond"),
    "output_tokens_per_s": (
        *("output", "outputtoks", "outputtps", "outputtokens"),
        *("completiontokenspers", "generatedtokenspers", "outputtokenspersecond"),
    ),
}
"""Other people's names of the required columns, letters and digits only; looked at only where the column is missing."""

_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Where each known column stands."""

    position: dict[str, int]
    width: int
    ignored: tuple[str, ...] = ()
    """Names of the columns that are not read."""


def read_header(fields: Sequence[str], *, source: str, row: int, clock: str = "timestamp") -> Header:
    """The columns of a header line, or an InputError naming the column that is wrong.

    `clock`: the column that tells the time; it is kept as `timestamp`, by whatever name.
    """
    names = ["timestamp" if name.strip() == clock else name.strip() for name in fields]
    where = f"{source}, row {row}"
    if not set(names) & set(KNOWN):
        _refuse_wrong_delimiter(fields, where)
    position: dict[str, int] = {}
    ignored: list[str] = []
    for index, name in enumerate(names):
        if name in position:
            raise InputError(f"{where}: column {name!r} appears twice; expected it once")
        if name in KNOWN:
            position[name] = index
            continue
        meant = near(name, KNOWN)
        if meant is not None:
            raise InputError(f"{where}: unknown column {shown(name)}; did you mean {meant!r}?")
        ignored.append(name)
    for name in REQUIRED:
        if name not in position:
            raise InputError(f"{where}: {_missing(name, ignored)}")
    for name, other in (("scenario", "probability"), ("probability", "scenario")):
        if name in position and other not in position:
            raise InputError(f"{where}: column {other!r} is missing; a file with {name!r} needs it")
    return Header(position=position, width=len(names), ignored=tuple(name for name in ignored if name))


def near(name: str, known: Sequence[str]) -> str | None:
    """The known name that `name` is a misspelling of: equal but for case and punctuation, or one or two letters off."""
    plain = _plain(name)
    best: tuple[int, str] | None = None
    for candidate in known:
        target = _plain(candidate)
        allowed = 1 if len(target) <= 6 else 2
        if abs(len(plain) - len(target)) > allowed or len(plain) < 3:
            continue
        off = _edits(plain, target)
        if off <= allowed and (best is None or off < best[0]):
            best = (off, candidate)
    return None if best is None else best[1]


def shown(text: str) -> str:
    """`text` quoted for a message, on one line and cut to a readable length."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _missing(name: str, ignored: Sequence[str]) -> str:
    meant = [other for other in ignored if _plain(other) in _MEANT[name]]
    if meant:
        return f"column {name!r} is missing; rename {shown(meant[0])} to {name!r} if that is what it holds"
    return f"column {name!r} is missing; expected {','.join(REQUIRED)}"


def _refuse_wrong_delimiter(fields: Sequence[str], where: str) -> None:
    text = ",".join(fields)
    for delimiter, word in _DELIMITERS.items():
        if any(near(part.strip(), KNOWN) for part in text.split(delimiter)) and delimiter in text:
            raise InputError(f"{where}: the columns look separated by {word}; expected commas")


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _edits(one: str, two: str) -> int:
    """Least insertions, deletions, substitutions and swaps of neighbours between two words."""
    before: list[int] = []
    last = list(range(len(two) + 1))
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(two, start=1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == two[j - 2] and one[i - 2] == b:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, last = last, row
    return last[-1]
