"""Margin: how much more than what is expected is worth having, by how nodes are billed. Pure: numbers.

Found on two-week LLM traces, the same for all of them; `Budget` corrects them for each service.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """Numbers of one way of billing."""

    exceeded_per_unserved: float
    """Chance that demand exceeds the capacity wanted at an instant, per share of work that may go unserved.

    More than 1, since nodes wanted a while ago are still there.
    """
    chance_per_rise: float = 0.0
    """That chance times e^(this x rise) is what launches aim at, the rise expected in standard deviations.

    By started hours, what is bought at the end of a rise is paid for an hour and used for minutes, while in a fall the
    nodes that cover a turn are paid for already.
    """
    release_margin_work: float = 0.8
    """Reference nodes beyond what was wanted within the hold; a node by the hour goes once an hour or not at all."""
    regains_start: bool = False
    """Whether what nobody could have served at the start is made up for by wider margins in the two weeks after it."""


BY_SECOND = Margin(exceeded_per_unserved=38.5)
BY_STARTED_HOUR = Margin(exceeded_per_unserved=40.5, chance_per_rise=0.9, release_margin_work=1.3, regains_start=True)
