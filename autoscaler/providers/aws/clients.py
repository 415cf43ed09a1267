"""Clients of EC2, SQS and STS, each with the time and the tries it may take.

A launch is tried once: the client library would repeat InsufficientInstanceCapacity, which comes as HTTP 500, and a
repeat that nobody sees is a repeat that nobody counts. Reads and ends are harmless to repeat, and are, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoscaler.providers.aws.errors import sorted_errors

if TYPE_CHECKING:
    from boto3 import Session
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient

    from planner.fleet.daemon.aws import AwsSettings

CONNECT = 0.05
"""Of the time of a call: how long one try may take to connect,"""
READ = 0.1
"""how long it may wait for the answer of a read,"""
PRICES = 0.25
"""for that of a list of prices, which no tick waits for,"""
BUY = 0.4
"""and for that of a launch. Two tries of a read and one launch fit into the time of a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """What speaks to AWS."""

    launch: EC2Client
    """One try."""
    ec2: EC2Client
    """Two tries."""
    prices: EC2Client
    """Two tries, each with more time: a history of prices is long. One session makes all, for each has EC2's whole
    description in memory, 24 MB of it."""
    queue: SQSClient
    identity: STSClient


def connect(settings: AwsSettings, *, timeout_s: float, session: Session | None = None) -> Clients:
    """Clients for the region of the settings, with the credentials boto3 finds, or those of `session`.

    Sends nothing. Raises Permanent where boto3 cannot make them.
    """
    import boto3
    from botocore.config import Config

    def config(tries: int, read: float) -> Config:
        return Config(
            retries={"total_max_attempts": tries, "mode": "standard"},
            connect_timeout=timeout_s * CONNECT,
            read_timeout=timeout_s * read,
            user_agent_extra="baseload",
        )

    region, url = settings.region, settings.endpoint_url
    buying, reading, pricing = config(1, BUY), config(2, READ), config(2, PRICES)
    with sorted_errors("connect"):
        session = session or boto3.Session()
        return Clients(
            launch=session.client("ec2", region, endpoint_url=url, config=buying),
            ec2=session.client("ec2", region, endpoint_url=url, config=reading),
            prices=session.client("ec2", region, endpoint_url=url, config=pricing),
            queue=session.client("sqs", region, endpoint_url=url, config=reading),
            identity=session.client("sts", region, endpoint_url=url, config=reading),
        )
