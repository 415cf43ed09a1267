"""The three keys of OVH's API. They sign requests, and are never sent, printed or logged."""

from dataclasses import dataclass

from pydantic import SecretStr

VARIABLES = ("OVH_APPLICATION_KEY", "OVH_APPLICATION_SECRET", "OVH_CONSUMER_KEY")


@dataclass(frozen=True, slots=True, kw_only=True)
class OvhKeys:
    """Who calls: an application, and the right that a person gave it."""

    application_key: SecretStr
    application_secret: SecretStr
    consumer_key: SecretStr
