"""The CloudFormation template: linted, created on a double of AWS; its rights are the file's, its queue hears."""

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

from autoscaler.providers.aws import tags
from autoscaler.providers.aws.notices import RECEIVES, VISIBLE_AGAIN_S

TEMPLATE = Path(__file__).parents[2] / "infra" / "aws" / "baseload.yaml"
POLICY = TEMPLATE.with_name("iam-policy.json")
ACCOUNT = "123456789012"
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
    receives = int(redrive["maxReceiveCount"])
    assert receives >= RECEIVES  # a good message is deleted before it counts as dead
    assert receives * VISIBLE_AGAIN_S < int(attributes["MessageRetentionPeriod"])  # else it is gone, and never dead
    assert attributes["VisibilityTimeout"] == str(VISIBLE_AGAIN_S)
    dead_arn = queue.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert redrive["deadLetterTargetArn"] == dead_arn


class Reading(yaml.SafeLoader):
    """Reads a template: a function such as !Ref X becomes the text "Ref X"."""


Reading.add_multi_constructor("!", lambda loader, tag, node: f"{tag} {node.value}")


def test_no_number_of_receives_is_taken_that_the_daemon_would_find_too_low() -> None:
    template = yaml.load(TEMPLATE.read_text(encoding="utf-8"), Loader=Reading)
    assert template["Parameters"]["MaxReceiveCount"]["MinValue"] >= RECEIVES


def test_what_can_be_tagged_has_the_tag_by_which_the_daemon_knows_its_own() -> None:
    resources = yaml.load(TEMPLATE.read_text(encoding="utf-8"), Loader=Reading)["Resources"]
    tagged = {name: one["Properties"]["Tags"] for name, one in resources.items() if "Tags" in one["Properties"]}
    assert sorted(tagged) == ["DeadLetters", "Interruptions", "NodeRole"]
    for given in tagged.values():
        assert given == [{"Key": tags.FLEET, "Value": "Ref FleetName"}]


@pytest.fixture
def iam(outputs: dict[str, str]) -> Any:
    return boto3.client("iam", region_name=REGION)


def test_the_daemon_may_do_what_its_policy_file_says_and_nothing_else(outputs: dict[str, str], iam: Any) -> None:
    arn = outputs["DaemonPolicyArn"]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    made = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    text = POLICY.read_text(encoding="utf-8")
    words = {"FLEET": FLEET, "REGION": REGION, "ACCOUNT": ACCOUNT, "NODE_ROLE": outputs["NodeProfileName"]}
    for word, value in words.items():
        text = text.replace(word, value)
    assert made == json.loads(text)


def test_a_node_may_do_nothing_and_only_ec2_may_give_it_its_role(outputs: dict[str, str], iam: Any) -> None:
    profile = iam.get_instance_profile(InstanceProfileName=outputs["NodeProfileName"])["InstanceProfile"]
    (role,) = profile["Roles"]
    assert role["Arn"] == outputs["NodeRoleArn"]
    assert iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"] == []
    assert iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"] == []
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "ec2.amazonaws.com"}, "sts:AssumeRole")


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
