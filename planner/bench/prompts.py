"""Prompts of a wanted number of tokens, each unlike every other from its first word. Pure.

How a server counts tokens is learnt from it: two prompts of known words say how many tokens a word and the frame
around it (template, start token) take. Words are common ones, so a tokenizer takes them alike on average; the true
count of each request comes from the server's answer.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

WORDS = tuple(
    """
    time year people way day man thing woman life child world school state family student group country
    problem hand part place case week company system program question work number night point home water room
    mother area money story fact month lot right study book eye job word business issue side kind head house
    service friend father power hour game line end member law car city name team minute idea body back parent
    face other level office door health person art war history party result change morning reason research
    girl guy moment air teacher force table river stone light cloud garden window letter paper bridge road
    field forest market
    """.split()  # noqa: SIM905 - a hundred quoted words are not more readable
)

"""Nouns of everyday English."""
PROBE_WORDS = (20, 120)
"""Words of the two prompts by which tokens a word are learnt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """How a server counts: tokens of a prompt = frame + words × tokens a word."""

    tokens_per_word: float
    frame_tokens: float

    def words_for(self, tokens: int) -> int:
        """Words of a prompt of that many tokens, 1 or more."""
        return max(1, round((tokens - self.frame_tokens) / self.tokens_per_word))


def counting_of(seen: tuple[tuple[int, int], tuple[int, int]]) -> Counting | None:
    """From two prompts (words, tokens counted); None where more words did not count as more tokens."""
    (few, less), (many, more) = sorted(seen)
    if many <= few or more <= less:
        return None
    per_word = (more - less) / (many - few)
    return Counting(tokens_per_word=per_word, frame_tokens=max(0.0, less - few * per_word))


class PromptMaker:
    """Makes prompts. With `shared_tokens`, all begin with the same words, as a system prompt would."""

    def __init__(self, counting: Counting, *, chance: "Random", shared_tokens: int = 0) -> None:
        self._counting, self._chance = counting, chance
        words = round(shared_tokens / counting.tokens_per_word) if shared_tokens > 0 else 0
        self._shared = words_of(words, chance)

    def make(self, tokens: int) -> str:
        """A prompt of about that many tokens."""
        words = self._counting.words_for(tokens)
        own = max(1, words - len(self._shared))
        return " ".join([*self._shared[: words - own], *words_of(own, self._chance)])


def words_of(number: int, chance: "Random") -> list[str]:
    """That many words, drawn each by itself: two prompts agree in their first word once in a hundred or so."""
    return chance.choices(WORDS, k=number)
