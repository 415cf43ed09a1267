import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from autoscaler.providers.aws.event import ADVICE, WARNING, parsed
from autoscaler.providers.aws.notices import Notices
from autoscaler.providers.aws.provider import AwsProvider
from autoscaler.providers.provider import Listing, Machine, MachineState
from tests.autoscaler.providers.aws.builders import a_provider, an_order, some_settings


@pytest.fixture
def sqs(server, double, session):
    return session.client("sqs", endpoint_url=server.url)


@pytest.fixture
def queue(sqs):
    """The url of a queue whose messages go to `dead` after 20 receives."""
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "20"})
    return sqs.create_queue(QueueName="queue", Attributes={"RedrivePolicy": policy})["QueueUrl"]


@pytest.fixture
def make(server, double, session, queue):
    """Makes a daemon's provider; made again, it remembers nothing."""
    settings = some_settings(server, double, queue_url=queue)
    return lambda **rest: a_provider(server, double, session, settings=replace(settings, **rest))


def a_message(instance_id: str, at: datetime, *, kind: str = WARNING, **rest: str) -> str:
    detail = {"instance-id": instance_id} | ({"instance-action": "terminate"} if kind == WARNING else {})
    body = {
        "version": "0",
        "id": "1e5527d7-bb36-4607-3370-4164db56a40e",
        "detail-type": kind,
        "source": "aws.ec2",
        "account": "123456789012",
        "time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "region": "us-east-1",
        "resources": [f"arn:aws:ec2:us-east-1a:instance/{instance_id}"],
        "detail": detail,
    }
    return json.dumps(body | rest)


def waiting(sqs: Any, queue: str) -> int:
    said = sqs.get_queue_attributes(
        QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return sum(int(number) for number in said.values())


def row(provider: AwsProvider, machine: Machine) -> Machine:
    return next(one for one in provider.machines().machines if one.id == machine.id)


def test_a_warning_says_when_the_machine_is_taken_back(sqs, queue, make, double):
    provider = make()
    machine = provider.launch(an_order())
    sqs.send_message(QueueUrl=queue, MessageBody=a_message(machine.id, double.now))
    listed = row(provider, machine)
    assert listed.taken_back_at == double.now + timedelta(seconds=120)
    assert not listed.is_at_risk


def test_advice_says_that_the_machine_is_at_risk(sqs, queue, make, double):
    provider = make()
    machine = provider.launch(an_order())
    sqs.send_message(QueueUrl=queue, MessageBody=a_message(machine.id, double.now, kind=ADVICE))
    listed = row(provider, machine)
    assert (listed.is_at_risk, listed.taken_back_at) == (True, None)


def test_messages_in_any_order_and_twice_say_the_same(sqs, queue, make, double):
    provider = make()
    machine = provider.launch(an_order())
    said = [
        a_message(machine.id, double.now),
        a_message(machine.id, double.now - timedelta(seconds=5), kind=ADVICE),
        a_message(machine.id, double.now + timedelta(seconds=1)),
        a_message(machine.id, double.now),
    ]
    for body in said:
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    for _ in range(2):
        listed = row(provider, machine)
        assert (listed.is_at_risk, listed.taken_back_at) == (True, double.now + timedelta(seconds=120))
        double.show_messages_again()


def test_what_was_heard_stays_while_its_message_is_hidden(sqs, queue, make, double):
    provider = make()
    machine = provider.launch(an_order())
    sqs.send_message(QueueUrl=queue, MessageBody=a_message(machine.id, double.now))
    assert row(provider, machine) == row(provider, machine)
    assert row(provider, machine).taken_back_at is not None


def test_a_daemon_started_anew_hears_a_warning_again(sqs, queue, make, double):
    provider = make()
    machine = provider.launch(an_order())
    sqs.send_message(QueueUrl=queue, MessageBody=a_message(machine.id, double.now))
    assert row(provider, machine).taken_back_at is not None
    anew = make()
    assert row(anew, machine).taken_back_at is None  # as long as the first daemon's receive hides it
    double.show_messages_again()
    assert row(anew, machine).taken_back_at is not None


def test_a_message_is_deleted_once_its_machine_is_gone(sqs, queue, make, double):
    provider = make()
    machine = provider.launch(an_order())
    sqs.send_message(QueueUrl=queue, MessageBody=a_message(machine.id, double.now))
    provider.machines()
    assert waiting(sqs, queue) == 1
    provider.terminate(machine.id)
    double.wait(61)
    double.show_messages_again()
    assert row(provider, machine).state is MachineState.GONE
    assert waiting(sqs, queue) == 0


@pytest.mark.parametrize("kind", [WARNING, ADVICE])
def test_a_message_of_15_minutes_is_too_old_and_deleted(sqs, queue, make, double, kind):
    provider = make()
    machine = provider.launch(an_order())
    sqs.send_message(QueueUrl=queue, MessageBody=a_message(machine.id, double.now, kind=kind))
    double.wait(899)
    provider.machines()
    assert waiting(sqs, queue) == 1
    double.wait(1)
    double.show_messages_again()
    anew = make()
    assert (row(anew, machine).taken_back_at, row(anew, machine).is_at_risk) == (None, False)
    assert waiting(sqs, queue) == 0
    assert row(provider, machine).taken_back_at is not None or row(provider, machine).is_at_risk


def test_a_message_about_somebody_else_is_kept_only_as_long_as_it_may_be_ours(sqs, queue, make, double):
    provider = make()
    foreign = double.add_foreign()
    sqs.send_message(QueueUrl=queue, MessageBody=a_message(foreign, double.now))
    provider.machines()
    assert waiting(sqs, queue) == 1
    double.wait(300)
    double.show_messages_again()
    provider.machines()
    assert waiting(sqs, queue) == 0


def test_a_warning_that_overtakes_its_machine_is_heard(sqs, queue, make, double):
    double.life.late_s = 30
    provider = make()
    machine = provider.launch(an_order())
    sqs.send_message(QueueUrl=queue, MessageBody=a_message(machine.id, double.now))
    assert provider.machines().machines == ()
    double.wait(31)
    assert row(provider, machine).taken_back_at == double.now + timedelta(seconds=120 - 31)


WRONG = {
    "no JSON": "Hello",
    "a list": "[]",
    "deep": "[" * 100_000,
    "no event": "{}",
    "no detail": json.dumps({"source": "aws.ec2", "detail-type": WARNING}),
    "another event": json.dumps(
        {"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {}}
    ),
    "another source": json.dumps({"source": "mine", "detail-type": WARNING, "detail": {"instance-id": "i-12345678"}}),
    "no instance": json.dumps({"source": "aws.ec2", "detail-type": WARNING, "detail": {"instance-id": 7}}),
    "no time": json.dumps(
        {"source": "aws.ec2", "detail-type": WARNING, "detail": {"instance-id": "i-12345678"}, "time": "now"}
    ),
    "a time without a zone": json.dumps(
        {
            "source": "aws.ec2",
            "detail-type": WARNING,
            "detail": {"instance-id": "i-12345678"},
            "time": "2026-12-01T00:00:00",
        }
    ),
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_what_cannot_be_read_is_said_to_be_so(body):
    with pytest.raises(ValueError, match=r".+"):
        parsed(body)


def test_a_message_that_cannot_be_read_stops_no_other_and_ends_among_the_dead_letters(sqs, queue, make, double):
    provider = make()
    machine = provider.launch(an_order())
    for body in WRONG.values():
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    sqs.send_message(QueueUrl=queue, MessageBody=a_message(machine.id, double.now))
    assert row(provider, machine).taken_back_at is not None
    provider.terminate(machine.id)
    double.wait(61)
    for _ in range(22):
        double.show_messages_again()
        provider.machines()
    dead = sqs.get_queue_url(QueueName="dead")["QueueUrl"]
    assert (waiting(sqs, queue), waiting(sqs, dead)) == (0, len(WRONG))


def test_a_good_message_never_ends_among_the_dead_letters(sqs, queue, make, double):
    provider = make()
    machine = provider.launch(an_order())
    sqs.send_message(QueueUrl=queue, MessageBody=a_message(machine.id, double.now, kind=ADVICE))
    for _ in range(16):  # it is received once a minute until it is too old
        provider.machines()
        double.wait(60)
        double.show_messages_again()
    dead = sqs.get_queue_url(QueueName="dead")["QueueUrl"]
    assert (waiting(sqs, queue), waiting(sqs, dead)) == (0, 0)


@pytest.mark.parametrize("fault", ["timeout before", "server error", "rate limit", "auth"])
def test_a_queue_that_fails_leaves_the_list_whole(sqs, queue, make, double, fault, caplog):
    provider = make()
    machine = provider.launch(an_order())
    double.break_(fault, "ReceiveMessage")
    listing = provider.machines()
    assert listing.is_complete
    assert [one.id for one in listing.machines] == [machine.id]
    assert "queue_not_heard" in caplog.text


def test_a_message_that_cannot_be_deleted_stops_no_other(sqs, queue, make, double):
    provider = make()
    machine = provider.launch(an_order())
    sqs.send_message(QueueUrl=queue, MessageBody=a_message(machine.id, double.now - timedelta(hours=1)))
    sqs.send_message(QueueUrl=queue, MessageBody=a_message(machine.id, double.now))
    double.break_("server error", "DeleteMessage")
    assert row(provider, machine).taken_back_at == double.now + timedelta(seconds=120)


def test_a_hundred_messages_are_heard_in_one_tick(sqs, queue, make, double):
    provider = make()
    machine = provider.launch(an_order())
    for number in range(100):
        sqs.send_message(QueueUrl=queue, MessageBody=a_message(f"i-{number:08x}", double.now))
    sqs.send_message(QueueUrl=queue, MessageBody=a_message(machine.id, double.now))
    assert row(provider, machine).taken_back_at is not None


def test_without_a_queue_nothing_is_heard_and_nothing_fails(make, double):
    provider = make(queue_url=None)
    provider.launch(an_order())
    assert provider.machines().is_complete
    assert double.counted()["sqs:ReceiveMessage"] == 0


def test_a_list_that_is_not_complete_proves_no_machine_gone(sqs, queue, double):
    """Its warning is neither deleted nor forgotten, old as it is, until a complete list lacks the machine."""
    notices = Notices(queue, wait_s=0)
    sqs.send_message(QueueUrl=queue, MessageBody=a_message("i-0123456789abcdef0", double.now - timedelta(minutes=8)))
    machine = Machine(
        id="i-0123456789abcdef0",
        node_id="n",
        fleet=None,
        pool="aws/r7a.4xlarge/spot",
        state=MachineState.RUNNING,
        created_at=double.now,
    )
    heard = []
    for is_complete in (False, True):
        listing = Listing(provider="aws", as_of=double.now, is_complete=is_complete, machines=())
        notices.hear(sqs, listing, now=double.now, is_late=lambda: False)
        heard.append((waiting(sqs, queue), notices.on(machine).taken_back_at is not None))
        double.show_messages_again()
    assert heard == [(1, True), (0, False)]
