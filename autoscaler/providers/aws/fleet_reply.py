"""What CreateFleet answered: it says 200 also where it made nothing, and why in Errors. Pure."""

from collections.abc import Mapping
from typing import Any

from autoscaler.providers.aws.codes import brief, kind
from autoscaler.providers.provider import CapacityUnavailable, Permanent, ProviderError, Temporary


def instance_ids(reply: Mapping[str, Any]) -> list[str]:
    """Every instance that was made, however AWS groups them."""
    return [instance_id for group in reply.get("Instances") or () for instance_id in group.get("InstanceIds") or ()]


def why_nothing(reply: Mapping[str, Any], key: str) -> ProviderError:
    """Why no instance was made: for good where any place refused so, no capacity where every place had none."""
    errors = [(str(one.get("ErrorCode", "unknown")), one) for one in reply.get("Errors") or ()]
    said = "; ".join(
        f"{code} in {_place(one)}: {one.get('ErrorMessage', '')}" for code, one in sorted(errors, key=lambda e: e[0])
    )
    text = brief(f"aws: launch {key}: {said or 'the fleet has neither an instance nor an error'}")
    kinds = {kind(code) for code, _ in errors}
    if Permanent in kinds:
        return Permanent(text)
    if kinds == {CapacityUnavailable}:
        return CapacityUnavailable(text)
    return Temporary(text)


def _place(error: Mapping[str, Any]) -> str:
    asked = error.get("LaunchTemplateAndOverrides", {}).get("Overrides", {})
    return str(asked.get("AvailabilityZone") or asked.get("SubnetId") or "an unnamed place")
