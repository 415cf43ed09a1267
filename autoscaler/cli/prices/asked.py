"""What a source of prices said, whichever it is: the providers' own lists, or a database that has them all."""

from dataclasses import dataclass

from planner.catalog.sources.quote import Quote
from planner.catalog.sources.source import SourceError
from planner.ledger import InterruptionClass, SpotPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Quotes, and what else is to be said."""

    quotes: tuple[Quote, ...]
    offers: int
    """How many offers were asked for."""
    remarks: tuple[str, ...] = ()
    failures: tuple[SourceError, ...] = ()
    """Lists that could not be read."""
    interruptions: tuple[InterruptionClass, ...] = ()
    """How often spot offers are taken back, where somebody says so."""
    spot_prices: tuple[SpotPrice, ...] = ()
    """How spot prices changed before now."""
