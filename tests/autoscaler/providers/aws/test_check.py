import json
from dataclasses import replace

import pytest

from autoscaler.providers.aws.check import check_aws
from autoscaler.providers.check import Finding
from tests.autoscaler.providers.aws.builders import FLEET, PRODUCTS, SPOT, SPOT_A, a_provider, an_order, some_settings


@pytest.fixture
def found(server, double, session):
    """Makes the findings, by what was looked at."""

    def make(products=PRODUCTS, **settings):
        chosen = some_settings(server, double, **settings)
        findings = check_aws(chosen, products, fleet=FLEET, timeout_s=20, session=session)
        return {one.what.removeprefix("aws: "): one for one in findings}

    return make


@pytest.fixture
def sqs(server, double, session):
    return session.client("sqs", endpoint_url=server.url)


def verdicts(findings: dict[str, Finding]) -> dict[str, bool | None]:
    return {what: one.is_ok for what, one in findings.items()}


def test_an_account_where_everything_is_right_has_no_finding_against_it(server, double, session, found):
    a_provider(server, double, session).launch(an_order())
    findings = found()
    assert not [one for one in findings.values() if one.is_ok is False]
    assert {what for what, one in findings.items() if one.is_ok is None} == {"queue"}
    assert "neither interruption warnings nor rebalance advice" in findings["queue"].detail
    assert "account 123456789012" in findings["credentials"].detail


def test_a_check_makes_and_ends_nothing(server, double, session, found):
    machine = a_provider(server, double, session).launch(an_order())
    found()
    assert double.life.held() == 1
    assert double.templates() == []
    assert double.state_of(machine.id) in ("pending", "running")


def test_refused_credentials_are_the_only_finding(double, found):
    double.break_("auth", "GetCallerIdentity")
    assert verdicts(found()) == {"credentials": False}


def test_an_account_that_does_not_answer_is_not_said_to_be_wrong(double, found):
    double.break_("timeout before", "GetCallerIdentity")
    assert verdicts(found()) == {"credentials": None}


@pytest.mark.parametrize(
    ("denied", "what"),
    [
        ("RunInstances", "RunInstances for aws/r7a.4xlarge@us-east-1a/spot"),
        ("RunInstances", "RunInstances for aws/r7a.4xlarge@us-east-1b"),
        ("CreateFleet", "CreateFleet for aws/r7a.4xlarge/spot"),
        ("CreateLaunchTemplate", "CreateLaunchTemplate for aws/r7a.4xlarge/spot"),
        ("TerminateInstances", "TerminateInstances"),
        ("DescribeImages", "image and types"),
        ("DescribeSubnets", "subnet"),
    ],
)
def test_a_right_that_is_missing_is_named(server, double, session, found, denied, what):
    a_provider(server, double, session).launch(an_order())
    double.denied = {denied}
    against = [one for one in found().values() if one.is_ok is False]
    assert any(one.what.startswith(f"aws: {what}") for one in against)
    assert all("not authorized" in one.detail for one in against)


def test_whether_an_end_is_allowed_takes_a_machine_to_tell(found):
    assert found()["TerminateInstances"].is_ok is None


def test_an_image_for_another_architecture_is_found(double, found):
    findings = found(image_id="ami-0a0a0a0a0a0a0a0a0")
    assert findings["image ami-0a0a0a0a0a0a0a0a0"].is_ok is True
    assert (findings["type r7a.4xlarge"].is_ok, findings["type r7a.4xlarge"].detail) == (False, "it runs x86_64")


def test_an_image_that_is_not_there_is_found(found):
    assert [one.is_ok for what, one in found(image_id="ami-00000000").items() if "image" in what] == [False]


def test_a_subnet_in_another_zone_is_found(double, found):
    findings = found(subnets={"us-east-1a": double.subnets["us-east-1b"]})
    (subnet,) = [one for what, one in findings.items() if what.startswith("subnet ")]
    assert (subnet.is_ok, subnet.detail) == (False, "it is in us-east-1b")


def test_a_subnet_that_is_not_there_is_found(double, found):
    findings = found(subnets={"us-east-1a": "subnet-0123456789abcdef0"})
    (subnet,) = [one for what, one in findings.items() if what.startswith("subnet ")]
    assert subnet.is_ok is False


def test_a_pool_in_a_zone_without_a_subnet_is_found(double, found):
    findings = found(subnets={"us-east-1b": double.subnets["us-east-1b"]})
    assert findings[SPOT_A].is_ok is False
    assert "providers.aws.subnets" in findings[SPOT_A].detail


def test_a_type_that_does_not_exist_is_found(found):
    products = {SPOT_A: replace(PRODUCTS[SPOT_A], name="r99.huge")}
    findings = found(products)
    assert findings["type r99.huge"].is_ok is False
    assert (findings[SPOT_A].is_ok, "not sold in us-east-1a" in findings[SPOT_A].detail) == (False, True)


@pytest.mark.parametrize(
    ("policy", "is_ok", "said"),
    [
        pytest.param(None, False, "no redrive policy", id="nothing leaves the queue"),
        pytest.param(19, False, "expected 20 or more", id="good messages would leave it too"),
        pytest.param(20, True, "after 20 receives", id="as it should be"),
    ],
)
def test_a_queue_needs_a_redrive_policy_that_lets_good_messages_stay(sqs, found, policy, is_ok, said):
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    text = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": policy})
    attributes = {} if policy is None else {"RedrivePolicy": text}
    url = sqs.create_queue(QueueName="queue", Attributes=attributes)["QueueUrl"]
    queue = found(queue_url=url)["queue"]
    assert queue.is_ok is is_ok
    assert said in queue.detail


def test_a_queue_that_is_not_there_is_found(server, found):
    assert found(queue_url=f"{server.url}/123456789012/nowhere")["queue"].is_ok is False


def test_a_pool_whose_type_is_not_sold_in_one_of_its_zones_works_in_the_others(double, found):
    finding = found(subnets={zone: double.subnets[zone] for zone in ("us-east-1a", "us-east-1e")})[SPOT]
    assert (finding.is_ok, finding.detail) == (None, "r7a.4xlarge is not sold in us-east-1e")
