"""Prices and throughput of Spare Cores' database, in place of the providers' own lists. No credentials are needed."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from autoscaler.cli.prices.asked import Asked
from autoscaler.cli.prices.price_lists import LOCATION
from planner.catalog.offer import Catalog, Offer
from planner.errors import InputError
from planner.fleet import Fleet

if TYPE_CHECKING:
    from planner.exchange.spare_cores.prices import Quoted
    from planner.exchange.spare_cores.throughput import Measured
    from planner.profile.curve import Profile

ATTRIBUTION = (
    "what Spare Cores (https://sparecores.com) published is under CC BY-SA 4.0: name them where you pass it on"
)
NOTICE = (
    "Adapted from the database of Spare Cores (https://sparecores.com), licensed under CC BY-SA 4.0",
    "(https://creativecommons.org/licenses/by-sa/4.0/). This file stays under that licence: whoever passes it on names",
    "Spare Cores and keeps it. Changed: one table by machine, of the servers of a catalog without cards.",
    'batching_gain = "cpu" is our assumption: Spare Cores measured one request at a time (docs/profiles.md).',
)


def asked_spare_cores(
    place: str, catalog: Catalog, fleet: Fleet, *, providers: Sequence[str], profiles_out: Path | None, now: datetime
) -> Asked:
    """The prices of the catalog's offers; the profiles are written to their folder. Raises InputError, SourceError."""
    from planner.exchange.spare_cores.fetch import shown
    from planner.exchange.spare_cores.prices import quotes_of
    from planner.exchange.spare_cores.tables import opened
    from planner.exchange.spare_cores.throughput import profiles_of
    from planner.exchange.spare_cores.unpack import database

    offers = _of(catalog, providers)
    if profiles_out is not None and not profiles_out.is_dir():
        raise InputError(f"--profiles-out {profiles_out}: is no folder; expected one that exists")
    with database(place) as path, opened(path, shown(place)) as held:
        quoted = quotes_of(held.prices(), offers, regions=_regions(fleet), now=now)
        measured = None if profiles_out is None else profiles_of(held.speeds(), offers, now=now)
    remarks = [quoted.read.sentence("server_price"), *_doubts(quoted)]
    if measured is not None and profiles_out is not None:
        remarks += [measured.read.sentence("benchmark_score of llama-bench"), *_written(measured, profiles_out)]
    return Asked(quotes=quoted.quotes, offers=len(offers), remarks=(*remarks, ATTRIBUTION))


def _of(catalog: Catalog, providers: Sequence[str]) -> tuple[Offer, ...]:
    """The catalog's offers of these providers; of all where none is named. Raises InputError."""
    known = sorted({offer.provider for offer in catalog})
    for name in providers:
        if name not in known:
            raise InputError(f"--provider {name}: the fleet's catalog has none; expected one of {', '.join(known)}")
    return tuple(offer for offer in catalog if not providers or offer.provider in providers)


def _regions(fleet: Fleet) -> dict[str, str]:
    """Where a provider's offers are, if the catalog names a place that Spare Cores do not."""
    settings = fleet.daemon.providers
    found = {"hetzner-cloud": LOCATION if settings.hetzner_cloud is None else settings.hetzner_cloud.location}
    if settings.ovh is not None:
        found["ovh"] = settings.ovh.region
    return found


def _doubts(quoted: "Quoted") -> list[str]:
    found = []
    if quoted.uncapped:
        found.append(f"the database has no monthly caps: those of {_some(quoted.uncapped)} stay as they were")
    if quoted.lettered:
        found.append(
            f"zones of AWS are taken by their letters in Spare Cores' account, which may be others in yours: "
            f"{_some(quoted.lettered)}"
        )
    return found


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _written(measured: "Measured", folder: Path) -> Iterable[str]:
    """Writes each profile into its file; says which."""
    from planner import files
    from planner.exchange.profile_file import profile_text

    if measured.half:
        yield f"{measured.half} measurements of a model on a server are of reading or generating alone: not used"
    if not measured.profiles:
        yield f"no profile written to {folder}: no server of the catalog was measured"
    for profile, path in zip(measured.profiles, _paths(measured.profiles, folder), strict=True):
        text = profile_text(profile, remarks={}, notice=NOTICE, batching_gain="cpu")
        files.write_atomic(path, text)
        count = len(profile.machines)
        yield f"wrote {path}, {count} machine{'' if count == 1 else 's'}: name it in [profiles] of the fleet file"


def _paths(profiles: "Sequence[Profile]", folder: Path) -> list[Path]:
    """A file of each profile's name, of letters, digits and `._-` alone."""
    names = [
        re.sub(r"[^A-Za-z0-9_-]", "-", profile.name[:1]) + re.sub(r"[^A-Za-z0-9._-]", "-", profile.name[1:])
        for profile in profiles
    ]
    return [
        folder / f"{name}{'' if names[:at].count(name) == 0 else f'-{at + 1}'}.toml" for at, name in enumerate(names)
    ]
