"""infra/aws/iam-policy.json against what is really called: no right too few, none too many."""

import json
from pathlib import Path
from typing import Any

import pytest

from autoscaler.providers.aws import tags
from autoscaler.providers.aws.check import check_aws
from autoscaler.providers.provider import Temporary
from planner.catalog.sources.aws import AwsPrices
from planner.catalog.sources.source import PoolAsked
from tests.autoscaler.providers.aws.builders import FLEET, PRODUCTS, SPOT, SPOT_A, a_provider, an_order, some_settings
from tests.autoscaler.providers.aws.double import REGION
from tests.autoscaler.providers.aws.test_notices import a_message

POLICY = json.loads((Path(__file__).parents[4] / "infra" / "aws" / "iam-policy.json").read_text(encoding="utf-8"))
NEED_NO_CALL = {"ec2:CreateTags", "iam:PassRole"}
"""Asked of whoever launches with tags, and with an instance profile."""
NEED_NO_RIGHT = {"sts:GetCallerIdentity"}
"""Everybody may ask who they are."""


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def allowing(action: str) -> list[dict[str, Any]]:
    return [one for one in POLICY["Statement"] if action in listed(one["Action"])]


@pytest.fixture
def called(server, double, session):
    """Every action of everything the daemon does with AWS."""
    sqs = session.client("sqs", endpoint_url=server.url)
    url = sqs.create_queue(QueueName="queue")["QueueUrl"]
    settings = some_settings(server, double, queue_url=url)
    provider = a_provider(server, double, session, settings=settings)
    one, several = provider.launch(an_order("k1", pool=SPOT_A)), provider.launch(an_order("k2", pool=SPOT))
    sqs.send_message(QueueUrl=url, MessageBody=a_message(several.id, double.now))
    double.calls.clear()
    double.break_("timeout before", "CreateFleet")
    with pytest.raises(Temporary):
        provider.launch(an_order("lost", pool=SPOT))
    double.mend()
    double.wait(3601)
    provider.launch(an_order("k3", pool=SPOT_A))
    provider.launch(an_order("k4", pool=SPOT))
    provider.machines()
    provider.terminate(one.id)
    double.wait(61)
    double.show_messages_again()
    provider.machines()
    check_aws(settings, PRODUCTS, fleet=FLEET, timeout_s=20, session=session)
    prices = AwsPrices(region=REGION, zones=(), clock=double.clock, endpoint_url=server.url, session=session)
    prices.now([PoolAsked(pool=SPOT_A, product="r7a.4xlarge", is_spot=True)])
    return set(double.counted())


def test_every_call_is_allowed_and_nothing_else_is(called):
    allowed = {action for one in POLICY["Statement"] for action in listed(one["Action"])}
    assert called - NEED_NO_RIGHT == allowed - NEED_NO_CALL


def test_no_statement_allows_more_than_it_names():
    for one in POLICY["Statement"]:
        assert one["Effect"] == "Allow"
        assert not any("*" in action for action in listed(one["Action"]))


@pytest.mark.parametrize(
    ("action", "key"),
    [
        ("ec2:TerminateInstances", "aws:ResourceTag"),
        ("ec2:DeleteLaunchTemplate", "aws:ResourceTag"),
        ("ec2:CreateLaunchTemplate", "aws:RequestTag"),
    ],
)
def test_what_ends_or_makes_things_is_held_to_our_tag(action, key):
    statements = allowing(action)
    assert statements
    for one in statements:
        assert one["Condition"] == {"StringEquals": {f"{key}/{tags.FLEET}": "FLEET"}}


def test_an_instance_is_made_with_our_tag_or_not_at_all():
    for one in allowing("ec2:RunInstances"):
        makes = [arn for arn in listed(one["Resource"]) if arn.endswith((":instance/*", ":volume/*", ":*", "*/*"))]
        held = one.get("Condition") == {"StringEquals": {f"aws:RequestTag/{tags.FLEET}": "FLEET"}}
        assert held or not makes


def test_tags_can_be_given_only_to_what_is_being_made():
    (statement,) = allowing("ec2:CreateTags")
    made_by = statement["Condition"]["StringEquals"]["ec2:CreateAction"]
    assert set(made_by) <= {"RunInstances", "CreateFleet", "CreateLaunchTemplate"}


def test_only_reads_are_allowed_on_everything():
    for one in POLICY["Statement"]:
        if one["Resource"] == "*":
            assert all(action.startswith("ec2:Describe") for action in listed(one["Action"]))
