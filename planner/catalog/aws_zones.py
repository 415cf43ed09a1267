"""Zones of AWS by their names: `us-east-1a` is one of its region, `us-east-1-bos-1a` a local one beside it. Pure.

A node starts in a local zone only where somebody names it (a subnet, an offer's zone), and pays that zone's own price.
"""

import re

_LETTER = re.compile("[a-z]")


def is_zone_of(region: str, zone: str) -> bool:
    """Whether nodes of the region may start in the zone without its being named."""
    return zone.startswith(region) and _LETTER.fullmatch(zone.removeprefix(region)) is not None


def is_local_zone_of(region: str, zone: str) -> bool:
    """Whether the zone is a local or Wavelength one that is reached through the region."""
    return zone.startswith(f"{region}-")
