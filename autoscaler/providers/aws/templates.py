"""Launch templates of orders: made for a CreateFleet, removed after it, and swept where a crash left one behind."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from autoscaler.providers.aws import tags
from autoscaler.providers.aws.errors import sorted_errors
from autoscaler.providers.provider import ProviderError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mypy_boto3_ec2 import EC2Client

UNUSED_AFTER = timedelta(hours=1)
"""An instant fleet is made within its call, and a launch is asked for again for minutes: an older one is a leftover."""
log = logging.getLogger(__name__)


def find_or_make(ec2: EC2Client, request: Mapping[str, Any]) -> str:
    """The name of the template that holds what the request says. Raises ClientError."""
    from botocore.exceptions import ClientError

    try:
        ec2.create_launch_template(**request)
    except ClientError as error:  # named by what it holds: one of that name is this one
        if error.response["Error"]["Code"] != "InvalidLaunchTemplateName.AlreadyExistsException":
            raise
    return str(request["LaunchTemplateName"])


def remove(ec2: EC2Client, name: str) -> None:
    """Deletes a template; where that fails it is swept later."""
    try:
        with sorted_errors(f"delete launch template {name}"):
            ec2.delete_launch_template(LaunchTemplateName=name)
    except ProviderError as error:
        log.warning("event=template_left template=%s error=%r", name, str(error))


class Sweeper:
    """Removes templates of the fleet that are left from launches which were cut off; looks once an hour."""

    def __init__(self, fleet: str) -> None:
        self._fleet = fleet
        self._looked_at: datetime | None = None

    def sweep(self, ec2: EC2Client, now: datetime) -> None:
        """Looks and removes, where it did not within the hour. Never raises: what is left is no machine."""
        if self._looked_at is not None and now < self._looked_at + UNUSED_AFTER:
            return
        self._looked_at = now
        try:
            with sorted_errors("list launch templates"):
                ours = [{"Name": f"tag:{tags.FLEET}", "Values": [self._fleet]}]
                pages = ec2.get_paginator("describe_launch_templates").paginate(Filters=ours)  # type: ignore[arg-type]
                found = [one for page in pages for one in page["LaunchTemplates"]]
        except ProviderError as error:
            log.warning("event=templates_not_listed error=%r", str(error))
            return
        for template in found:
            if template["CreateTime"] < now - UNUSED_AFTER:
                remove(ec2, template["LaunchTemplateName"])
