"""The nearest right word, for errors that say what was probably meant. Pure; standard library only."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, words: Iterable[str], *, count: int = 1) -> list[str]:
    """The words most like `word`, nearest first; none if nothing is near."""
    return get_close_matches(word, list(words), n=count, cutoff=0.5)
