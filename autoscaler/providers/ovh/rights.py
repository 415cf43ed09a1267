"""The calls a consumer key must be allowed, by backend: no more than what is called. Pure.

infra/ovh holds the same as files, in the form that OVH's page and `POST /auth/credential` take.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from planner.fleet.daemon.ovh import OvhSettings

EVERY = (
    ("GET", "/auth/currentCredential"),
    ("GET", "/cloud/project/{project}"),
    ("GET", "/cloud/project/{project}/flavor"),
    ("GET", "/cloud/project/{project}/region/{region}"),
    ("GET", "/cloud/project/{project}/region/{region}/quota"),
)
OF_BACKEND: Mapping[str, tuple[tuple[str, str], ...]] = {
    "instances": (
        *EVERY,
        ("GET", "/cloud/project/{project}/image"),
        ("GET", "/cloud/project/{project}/sshkey"),
        ("GET", "/cloud/project/{project}/instance"),
        ("POST", "/cloud/project/{project}/instance"),
        ("GET", "/cloud/project/{project}/instance/*"),
        ("DELETE", "/cloud/project/{project}/instance/*"),
    ),
    "node-pools": (
        *EVERY,
        ("GET", "/cloud/project/{project}/kube/{cluster}"),
        ("GET", "/cloud/project/{project}/kube/{cluster}/flavors"),
        ("GET", "/cloud/project/{project}/kube/{cluster}/node"),
        ("GET", "/cloud/project/{project}/kube/{cluster}/nodepool"),
        ("POST", "/cloud/project/{project}/kube/{cluster}/nodepool"),
        ("GET", "/cloud/project/{project}/kube/{cluster}/nodepool/*"),
        ("PUT", "/cloud/project/{project}/kube/{cluster}/nodepool/*"),
        ("DELETE", "/cloud/project/{project}/kube/{cluster}/nodepool/*"),
    ),
}
"""Backend -> method and path; `*` stands for anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """One rule of a credential."""

    method: str
    path: str

    def covers(self, other: "Right") -> bool:
        """Whether whoever has this right has the other one too."""
        return self.method == other.method and _fits(self.path, other.path)


def rights_of(settings: OvhSettings, regions: Iterable[str] = ()) -> tuple[Right, ...]:
    """What the daemon needs with these settings, and pools in these regions beside the settings' own."""
    rights: dict[Right, None] = {}
    for method, path in OF_BACKEND[settings.backend]:
        for region in dict.fromkeys([settings.region, *regions]):
            words = {"{project}": settings.project, "{region}": region, "{cluster}": settings.cluster or ""}
            rights[Right(method=method, path=_filled(path, words))] = None
    return tuple(rights)


def missing(needed: Iterable[Right], given: Iterable[Right]) -> tuple[Right, ...]:
    """What is needed and not given."""
    rules = tuple(given)
    return tuple(right for right in needed if not any(rule.covers(right) for rule in rules))


def superfluous(needed: Iterable[Right], given: Iterable[Right]) -> tuple[Right, ...]:
    """What is given and allows what is not needed."""
    rights = tuple(needed)
    return tuple(rule for rule in given if not any(right.covers(rule) for right in rights))


def _filled(path: str, words: Mapping[str, str]) -> str:
    for name, word in words.items():
        path = path.replace(name, word)
    return path


def _fits(rule: str, path: str) -> bool:
    """Whether a rule's path allows a path, which may be a rule's itself: a `*` of it stands for a text of its own."""
    head, star, tail = rule.partition("*")
    if not star:
        return rule == path
    return len(path) >= len(head) + len(tail) and path.startswith(head) and path.endswith(tail.rpartition("*")[2])
