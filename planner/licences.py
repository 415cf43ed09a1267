"""Licences of what is installed for Baseload: the distributions it needs, directly or not, as their metadata say.

Reads installed metadata only; what an extra names and nobody installed is not there, and is not listed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CLASSIFIER = "License :: "
LONGEST = 80
"""A longer licence field is a whole text; its first line names it at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """One distribution and its terms."""

    package: str
    version: str
    licence: str | None
    """An SPDX expression where the package gives one, else its own words; None: it does not say."""
    needed_by: tuple[str, ...]
    """Packages that name it; sorted."""


def licences(root: str = "baseload", *, find: Callable[[str], Distribution] = distribution) -> tuple[Licence, ...]:
    """Every installed distribution that `root` needs, extras included, by name; the root itself is not among them."""
    found: dict[str, Distribution] = {}
    needed_by: dict[str, set[str]] = {}
    waiting = [(canonicalize_name(root), find(root), tuple(find(root).metadata.get_all("Provides-Extra") or ()))]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    while waiting:
        name, holder, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for needed in _needed(holder.requires or (), extras):
            child = canonicalize_name(needed.name)
            try:
                found[child] = found.get(child) or find(child)
            except PackageNotFoundError:
                continue  # of an extra that is not installed
            needed_by.setdefault(child, set()).add(name)
            waiting.append((child, found[child], tuple(sorted(needed.extras))))
    found.pop(canonicalize_name(root), None)
    return tuple(
        Licence(package=name, version=one.version, licence=_licence(one), needed_by=tuple(sorted(needed_by[name])))
        for name, one in sorted(found.items())
    )


def _needed(requires: Iterable[str], extras: tuple[str, ...]) -> list[Requirement]:
    """The requirements that hold here, with one of the extras or without."""
    environments = [{"extra": extra} for extra in ("", *extras)]
    parsed = [Requirement(text) for text in requires]
    return [one for one in parsed if one.marker is None or any(map(one.marker.evaluate, environments))]


def _licence(found: Distribution) -> str | None:
    expressions = found.metadata.get_all("License-Expression")
    if expressions:
        return str(expressions[0])
    classified = [
        one.rpartition(" :: ")[2]
        for one in found.metadata.get_all("Classifier") or ()
        if one.startswith(CLASSIFIER) and one != "License :: OSI Approved"
    ]
    if classified:
        return ", ".join(classified)
    lines = "".join(found.metadata.get_all("License") or ()).strip().splitlines()
    return lines[0].strip() if lines and len(lines[0]) <= LONGEST else None
