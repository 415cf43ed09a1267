"""The three keys of OVH's API. They sign requests, and are never sent as they are, printed or logged."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from planner.errors import InputError

VARIABLES: Mapping[str, str] = {
    "application_key": "OVH_APPLICATION_KEY",
    "application_secret": "OVH_APPLICATION_SECRET",
    "consumer_key": "OVH_CONSUMER_KEY",
}
"""Field of OvhKeys, and name of the line in a file -> variable of the environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OvhKeys:
    """Who calls: an application, and the right that a person gave it."""

    application_key: SecretStr
    application_secret: SecretStr
    consumer_key: SecretStr


def lines_of(text: SecretStr, *, where: str) -> dict[str, str]:
    """The three keys of a file's text, by field. Raises InputError, which never says what a line holds.

    A line is `name = value`; empty lines, `#` lines and headings as in ovh.conf are skipped, and so are further names.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.get_secret_value().splitlines(), start=1):
        kept = line.strip()
        if not kept or kept[0] in "#;[":
            continue
        name, equals, value = kept.partition("=")
        if not equals:
            raise InputError(f"{where}: line {number} is no `name = value`")
        if name.strip() in VARIABLES:
            found[name.strip()] = value.strip().strip("\"'")
    missing = [name for name in VARIABLES if not found.get(name)]
    if missing:
        raise InputError(f"{where}: lacks {', '.join(missing)}; expected a line `name = value` for each")
    return found
