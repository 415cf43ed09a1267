"""[providers.aws]: an account and a region of AWS."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSettings:
    """Where nodes are launched; credentials are found as boto3 finds them."""

    region: str
    image_id: str
    """AMI of the nodes (x86_64)."""
    subnets: dict[str, str] = field(default_factory=dict)
    """Availability zone -> subnet."""
    security_groups: tuple[str, ...] = ()
    instance_profile: str | None = None
    """Name of the instance profile of the nodes."""
    queue_url: str | None = None
    """The SQS queue that interruption warnings and rebalance advice arrive in; None: neither is heard."""
    endpoint_url: str | None = None
    """Another endpoint than AWS's, for tests."""
    spot_advisor_url: str | None = None
    """Another copy of the Spot Instance Advisor's public file than AWS's, for `catalog refresh`."""
    quota: dict[str, int] = field(default_factory=dict)
    """By pool: nodes the account may hold."""
