"""The CloudFormation template: linted, created on a double of AWS, and its queue hears what EC2 says."""

import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

TEMPLATE = Path(__file__).parents[2] / "infra" / "aws" / "baseload.yaml"
REGION = "eu-central-1"
FLEET = "prod"
WARNING = {
    "Source": "aws.ec2",
    "DetailType": "EC2 Spot Instance Interruption Warning",
    "Detail": json.dumps({"instance-id": "i-0123456789abcdef0", "instance-action": "terminate"}),
}


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The outputs of the stack, created in an account that is not there."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing-only")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tried to parse AWS::SQS::QueuePolicy")  # the double knows no such kind
        stacks = boto3.client("cloudformation", region_name=REGION)
        stacks.create_stack(
            StackName="baseload",
            TemplateBody=TEMPLATE.read_text(encoding="utf-8"),
            Parameters=[{"ParameterKey": "FleetName", "ParameterValue": FLEET}],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        (stack,) = stacks.describe_stacks(StackName="baseload")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        yield {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}


def test_the_linter_finds_nothing_wrong() -> None:
    finished = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), TEMPLATE], capture_output=True, text=True, check=False
    )
    assert finished.stdout + finished.stderr == ""
    assert finished.returncode == 0


def say(event: dict[str, str]) -> None:
    """Puts an event on the bus."""
    boto3.client("events", region_name=REGION).put_events(
        Entries=[{"Source": event["Source"], "DetailType": event["DetailType"], "Detail": event["Detail"]}]
    )


def received(url: str) -> list[dict[str, Any]]:
    """What the queue holds now."""
    queue = boto3.client("sqs", region_name=REGION)
    messages = queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in messages]


def test_a_warning_of_ec2_arrives_in_the_queue(outputs: dict[str, str]) -> None:
    say(WARNING)
    (message,) = received(outputs["QueueUrl"])
    assert message["detail-type"] == "EC2 Spot Instance Interruption Warning"
    assert message["detail"] == {"instance-id": "i-0123456789abcdef0", "instance-action": "terminate"}


@pytest.mark.parametrize(
    "changes",
    [{"DetailType": "EC2 Instance State-change Notification"}, {"Source": "somebody.else"}],
    ids=["another event of EC2", "another source"],
)
def test_nothing_else_does(outputs: dict[str, str], changes: dict[str, str]) -> None:
    say({**WARNING, **changes})
    assert received(outputs["QueueUrl"]) == []


def test_a_warning_that_was_not_deleted_is_heard_again_and_not_for_ever(outputs: dict[str, str]) -> None:
    queue = boto3.client("sqs", region_name=REGION)
    (url, dead) = outputs["QueueUrl"], outputs["DeadLettersUrl"]
    attributes = queue.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    redrive = json.loads(attributes["RedrivePolicy"])
    assert attributes["VisibilityTimeout"] == "30"  # below the interval of a tick
    assert int(redrive["maxReceiveCount"]) * 30 >= 3600  # longer than a message is kept
    dead_arn = queue.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert redrive["deadLetterTargetArn"] == dead_arn


class Reading(yaml.SafeLoader):
    """Reads a template: a function such as !Ref X becomes the text "Ref X"."""


Reading.add_multi_constructor("!", lambda loader, tag, node: f"{tag} {node.value}")


def test_only_the_two_rules_may_send_to_the_queue() -> None:
    resources = yaml.load(TEMPLATE.read_text(encoding="utf-8"), Loader=Reading)["Resources"]
    rules = {f"GetAtt {name}.Arn" for name, one in resources.items() if one["Type"] == "AWS::Events::Rule"}
    allowed = [
        one
        for one in resources["InterruptionsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        if one["Effect"] == "Allow"
    ]
    assert [(one["Principal"], one["Action"]) for one in allowed] == [
        ({"Service": "events.amazonaws.com"}, "sqs:SendMessage")
    ]
    assert set(allowed[0]["Condition"]["ArnEquals"]["aws:SourceArn"]) == rules
    assert len(rules) == 2
