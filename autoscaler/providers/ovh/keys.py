"""The three keys of OVH's API. They sign requests, and are never printed or logged."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

VARIABLES: Mapping[str, str] = {
    "application_key": "OVH_APPLICATION_KEY",
    "application_secret": "OVH_APPLICATION_SECRET",
    "consumer_key": "OVH_CONSUMER_KEY",
}
"""Field of OvhKeys, which is its name in a file too -> variable of the environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OvhKeys:
    """Who calls: an application, and the right that a person gave it."""

    application_key: SecretStr
    application_secret: SecretStr
    consumer_key: SecretStr
