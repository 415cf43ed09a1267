"""Instances as DescribeInstances lists them, page by page; a list that lacks a page says so."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from autoscaler.providers.aws.errors import sorted_errors
from autoscaler.providers.provider import NodeNotFound, ProviderError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_ec2 import EC2Client

    Instance = Mapping[str, Any]

PAGE = 1000
"""Instances on a page: the most that EC2 gives."""
log = logging.getLogger(__name__)


def tagged(ec2: EC2Client, key: str, value: str) -> list[Instance]:
    """The few instances with that tag. Raises ProviderError."""
    request: dict[str, Any] = {"Filters": [{"Name": f"tag:{key}", "Values": [value]}]}
    found: list[Instance] = []
    with sorted_errors(f"find instances with {key}={value}"):
        while True:
            reply = ec2.describe_instances(**request)
            found += _instances(reply)
            if not reply.get("NextToken"):
                return found
            request["NextToken"] = reply["NextToken"]


def listed(
    ec2: EC2Client, key: str, value: str, *, page_size: int, is_late: Callable[[], bool]
) -> tuple[list[Instance], bool]:
    """The instances with that tag, and whether they are all. Raises ProviderError where not even a page was had."""
    request: dict[str, Any] = {"Filters": [{"Name": f"tag:{key}", "Values": [value]}], "MaxResults": page_size}
    found: list[Instance] = []
    while True:
        try:
            with sorted_errors("list instances"):
                reply = ec2.describe_instances(**request)
        except ProviderError as error:
            if "NextToken" not in request:
                raise
            log.warning("event=list_incomplete instances=%d error=%r", len(found), str(error))
            return found, False
        found += _instances(reply)
        if not reply.get("NextToken"):
            return found, True
        if is_late():
            log.warning("event=list_incomplete instances=%d error='it took too long'", len(found))
            return found, False
        request["NextToken"] = reply["NextToken"]


def one(ec2: EC2Client, instance_id: str) -> Instance:
    """The instance of that id. Raises ProviderError; NodeNotFound also right after its launch."""
    with sorted_errors(f"find {instance_id}"):
        found = _instances(ec2.describe_instances(InstanceIds=[instance_id]))
    if not found:
        raise NodeNotFound(f"aws: no instance {instance_id}")
    return found[0]


def _instances(reply: Mapping[str, Any]) -> list[Instance]:
    return [instance for reservation in reply["Reservations"] for instance in reservation["Instances"]]
