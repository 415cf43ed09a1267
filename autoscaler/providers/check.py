"""Findings: what read-only calls tell of a provider before anything is ordered there. Pure: values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    what: str
    """Such as aws: credentials, aws: subnet subnet-1 in us-east-1a."""
    is_ok: bool | None
    """None: it cannot be told, or it works in a lesser way; `detail` says which."""
    detail: str
    """What was found, and what to do about it where it is not as it should be. Never a secret."""
