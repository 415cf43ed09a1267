"""Cleaning of past demand: what measured badly or does not hold any more, found, mended and said."""

from planner.demand.cleaning.clean import cleaned, cleaned_history
from planner.demand.cleaning.value import EVERY_KIND, Cleaned, Finding, Kind

__all__ = ["EVERY_KIND", "Cleaned", "Finding", "Kind", "cleaned", "cleaned_history"]
