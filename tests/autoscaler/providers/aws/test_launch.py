import base64
import socket
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from autoscaler.providers.aws import request
from autoscaler.providers.aws.machine import described
from autoscaler.providers.provider import (
    CapacityUnavailable,
    MachineState,
    NodeNotFound,
    Permanent,
    Temporary,
)
from planner.errors import InputError
from tests.autoscaler.providers.aws.builders import (
    FLEET,
    JOIN_TOKEN,
    ON_DEMAND,
    ON_DEMAND_B,
    PRODUCTS,
    SPOT,
    SPOT_A,
    a_provider,
    a_script,
    an_order,
    some_settings,
)
from tests.autoscaler.providers.aws.double import BUYS, START
from tests.autoscaler.providers.aws.wire import parsed, serialised

KIND = "r7a.4xlarge"


@pytest.fixture
def provider(server, double, session):
    return a_provider(server, double, session)


# --- by which call, and what is in it


@pytest.mark.parametrize(
    ("pool", "call"),
    [
        pytest.param(SPOT_A, "RunInstances", id="one zone has nothing to choose"),
        pytest.param(ON_DEMAND_B, "RunInstances", id="nor on demand"),
        pytest.param(SPOT, "CreateFleet", id="any zone by spot"),
        pytest.param(ON_DEMAND, "CreateFleet", id="any zone on demand"),
    ],
)
def test_one_place_is_launched_by_run_instances_and_several_by_a_fleet(provider, double, pool, call):
    provider.launch(an_order(pool=pool))
    counted = double.counted()
    assert (counted["ec2:RunInstances"], counted["ec2:CreateFleet"]) == ((1, 0) if call == "RunInstances" else (0, 1))


def test_an_order_that_was_never_asked_for_is_not_looked_for(provider, double):
    provider.launch(an_order())
    assert [action for action, _ in double.calls] == ["ec2:RunInstances"]


def test_a_spot_instance_is_asked_for_once_and_ends_where_it_is_taken_back(provider, double):
    provider.launch(an_order(pool=SPOT_A))
    _, asked = double.calls[-1]
    assert asked["InstanceMarketOptions.MarketType"] == "spot"
    assert asked["InstanceMarketOptions.SpotOptions.SpotInstanceType"] == "one-time"
    assert asked["InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior"] == "terminate"
    assert "InstanceMarketOptions.SpotOptions.MaxPrice" not in asked


def test_a_fleet_chooses_by_price_and_capacity_among_all_subnets(provider, double):
    provider.launch(an_order(pool=SPOT))
    (asked,) = [form for action, form in double.calls if action == "ec2:CreateFleet"]
    assert asked["Type"] == "instant"
    assert asked["SpotOptions.AllocationStrategy"] == "price-capacity-optimized"
    subnets = {asked[f"LaunchTemplateConfigs.1.Overrides.{number}.SubnetId"] for number in (1, 2, 3)}
    assert subnets == {double.subnets[f"us-east-1{letter}"] for letter in "abc"}


def test_the_machine_has_what_the_settings_say_and_its_metadata_needs_a_session(server, double, session):
    settings = replace(some_settings(server, double), security_groups=("sg-1",), instance_profile="nodes")
    asked = request.run_instances(
        an_order(), PRODUCTS[SPOT_A], settings, place=request.Place(subnet="subnet-1"), user_data="#"
    )
    assert asked["ImageId"] == double.image_id
    assert asked["SecurityGroupIds"] == ["sg-1"]
    assert asked["IamInstanceProfile"] == {"Name": "nodes"}
    assert asked["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}


@pytest.mark.parametrize("pool", [SPOT_A, SPOT, ON_DEMAND])
def test_the_start_up_script_reaches_the_instance_as_it_is(provider, double, pool):
    order = an_order(pool=pool)
    provider.launch(order)
    (made,) = double.made("baseload:key", order.key)
    script = made.user_data if isinstance(made.user_data, str) else made.user_data.decode()
    if JOIN_TOKEN not in script:
        script = base64.b64decode(script).decode()
    assert script == a_script(order)


@pytest.mark.parametrize("pool", [SPOT_A, SPOT, ON_DEMAND])
def test_volumes_are_tagged_as_the_instance_is(provider, double, pool):
    machine = provider.launch(an_order(pool=pool))
    asked = next(form for action, form in double.calls if action in ("ec2:RunInstances", "ec2:CreateLaunchTemplate"))
    tagged = {value for key, value in asked.items() if key.endswith("ResourceType")}
    assert {"instance", "volume"} <= tagged
    assert [one.node_id for one in provider.machines().machines if one.id == machine.id] == ["node-k1"]


def test_a_machine_is_reached_by_its_private_address(provider):
    machine = provider.launch(an_order(pool=SPOT_A))
    (listed,) = provider.machines().machines
    assert listed.address == machine.address
    assert listed.address.startswith(("10.", "172.", "192.168."))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param("k" * 64, "k" * 64, id="64 characters are the key itself"),
        pytest.param("k" * 65, None, id="one more is hashed"),
        pytest.param("schlüssel", None, id="what is not ASCII is hashed"),
    ],
)
def test_a_client_token_is_made_of_the_key_and_at_most_64_characters_long(key, expected):
    token = request.token(key)
    assert len(token) <= 64
    assert token.isascii()
    assert token == (expected or token)
    assert request.token(key) == token
    assert request.token(key, 1) != token


# --- what cannot be ordered at all


def test_a_zone_without_a_subnet_is_refused_before_anything_is_asked(server, double, session):
    settings = some_settings(server, double, subnets={"us-east-1b": double.subnets["us-east-1b"]})
    provider = a_provider(server, double, session, settings=settings)
    with pytest.raises(Permanent, match=r"us-east-1a.*providers\.aws\.subnets"):
        provider.launch(an_order(pool=SPOT_A))
    assert not double.calls


def test_without_subnets_the_zone_of_the_pool_is_asked_for(server, double, session):
    provider = a_provider(server, double, session, settings=some_settings(server, double, subnets={}))
    provider.launch(an_order(pool=ON_DEMAND_B))
    assert double.calls[-1][1]["Placement.AvailabilityZone"] == "us-east-1b"


def test_a_pool_that_is_not_ours_to_order_is_refused(provider, double):
    with pytest.raises(Permanent, match="there is no pool aws/p5"):
        provider.launch(an_order(pool="aws/p5"))
    assert not double.calls


def test_a_start_up_script_is_16_kib_at_the_most(server, double, session):
    provider = a_provider(server, double, session, user_data=lambda order: "é" * 8192)
    provider.launch(an_order())
    longer = a_provider(server, double, session, user_data=lambda order: "é" * 8192 + "x")
    with pytest.raises(Permanent, match="16385 bytes; EC2 takes 16384"):
        longer.launch(an_order("k2"))


def test_a_start_up_script_that_cannot_be_made_orders_nothing(server, double, session):
    def no_token(order):
        raise InputError("cluster.token_file: is empty")

    with pytest.raises(Permanent, match="token_file"):
        a_provider(server, double, session, user_data=no_token).launch(an_order())
    assert not double.calls


# --- a key never buys twice


@pytest.mark.parametrize("pool", [SPOT_A, SPOT])
def test_a_repeat_after_aws_forgot_the_token_finds_the_machine_by_its_key(provider, double, pool):
    order = an_order(pool=pool)
    first = provider.launch(order)
    double.forget_tokens()
    again = provider.launch(replace(order, asked_at=double.now))
    assert again.id == first.id
    assert len(double.made("baseload:key", order.key)) == 1


def test_the_layer_would_have_made_a_second_one(provider, double):
    first = provider.launch(an_order())
    double.forget_tokens()
    assert provider.launch(an_order()).id != first.id


def test_a_token_used_with_another_script_gives_the_machine_it_made(server, double, session):
    first = a_provider(server, double, session).launch(an_order())
    rotated = a_provider(server, double, session, user_data=lambda order: "#!/bin/sh\njoin --token another\n")
    assert rotated.launch(an_order()).id == first.id


def test_a_token_used_for_what_no_list_shows_yet_is_asked_for_again(server, double, session):
    double.life.late_s = 60
    first = a_provider(server, double, session).launch(an_order())
    rotated = a_provider(server, double, session, user_data=lambda order: "#!/bin/sh\njoin --token another\n")
    with pytest.raises(Temporary, match="in no list yet"):
        rotated.launch(an_order())
    double.wait(61)
    assert rotated.launch(an_order()).id == first.id


def test_two_machines_of_one_key_are_told_apart_by_which_still_runs(provider, double):
    ended = provider.launch(an_order())
    provider.terminate(ended.id)
    double.forget_tokens()
    second = provider.launch(an_order())
    assert provider.launch(replace(an_order(), asked_at=double.now)).id == second.id


# --- stock, quota, and answers that say 200


@pytest.mark.parametrize("pool", [SPOT, ON_DEMAND])
def test_a_zone_without_stock_is_passed_over_within_the_call(provider, double, pool):
    double.sell_out((KIND, "us-east-1a"), (KIND, "us-east-1c"))
    order = an_order(pool=pool)
    machine = provider.launch(order)
    (made,) = double.made("baseload:key", order.key)
    assert (made.id, made.subnet_id) == (machine.id, double.subnets["us-east-1b"])


def test_what_every_zone_refuses_is_said_with_each_zone(provider, double):
    double.sell_out(*((KIND, f"us-east-1{letter}") for letter in "abc"))
    with pytest.raises(CapacityUnavailable) as raised:
        provider.launch(an_order(pool=SPOT))
    assert all(f"InsufficientInstanceCapacity in us-east-1{letter}" in str(raised.value) for letter in "abc")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        pytest.param("InsufficientInstanceCapacity", CapacityUnavailable, id="sold out"),
        pytest.param("MaxSpotInstanceCountExceeded", CapacityUnavailable, id="spot quota"),
        pytest.param("VcpuLimitExceeded", CapacityUnavailable, id="quota"),
        pytest.param("SpotMaxPriceTooLow", CapacityUnavailable, id="price"),
        pytest.param("Unsupported", CapacityUnavailable, id="not sold in that zone"),
        pytest.param("InsufficientFreeAddressesInSubnet", CapacityUnavailable, id="no addresses left"),
        pytest.param("InternalError", Temporary, id="their mistake"),
        pytest.param("RequestLimitExceeded", Temporary, id="too fast"),
        pytest.param("UnauthorizedOperation", Permanent, id="not allowed"),
        pytest.param("InvalidParameterValue", Permanent, id="our mistake"),
    ],
)
def test_an_error_inside_an_answer_that_says_200_is_sorted_as_one_outside(provider, double, code, error):
    double.fleet_error = (code, "said by the test")
    with pytest.raises(error, match=f"{code} in us-east-1a: said by the test"):
        provider.launch(an_order(pool=SPOT))
    assert double.life.held() == 0


def test_a_token_that_an_empty_answer_used_up_is_not_used_again(provider, double):
    double.fleet_error = ("InternalError", "try again")
    with pytest.raises(Temporary):
        provider.launch(an_order(pool=SPOT))
    double.mend()
    machine = provider.launch(replace(an_order(pool=SPOT), asked_at=double.now))
    assert [one.id for one in double.made("baseload:key", "k1")] == [machine.id]


def test_a_daemon_started_anew_gets_past_an_empty_answer_too(server, double, session):
    double.fleet_error = ("InternalError", "try again")
    with pytest.raises(Temporary):
        a_provider(server, double, session).launch(an_order(pool=SPOT))
    double.mend()
    anew = a_provider(server, double, session)
    again = replace(an_order(pool=SPOT), asked_at=double.now)
    with pytest.raises(Temporary):
        anew.launch(again)  # the same token, and so the same empty answer
    machine = anew.launch(again)
    assert [one.id for one in double.made("baseload:key", "k1")] == [machine.id]


def test_the_double_refuses_to_say_what_the_api_cannot():
    with pytest.raises(AssertionError, match="Mistakes"):
        serialised("CreateFleet", {"FleetId": "fleet-1", "Mistakes": []})
    reply = serialised("CreateFleet", {"FleetId": "fleet-1", "Errors": [{"ErrorCode": "X"}]})
    assert parsed("CreateFleet", reply)["Errors"] == [{"ErrorCode": "X"}]


# --- tries and time


@pytest.mark.parametrize("fault", ["server error", "rate limit", "timeout before", "timeout after", "nonsense"])
def test_a_launch_is_tried_once(provider, double, fault):
    double.break_(fault, *BUYS)
    with pytest.raises(Temporary):
        provider.launch(an_order())
    assert double.counted()["ec2:RunInstances"] == 1


def test_no_capacity_comes_as_500_and_is_tried_once(provider, double):
    double.sell_out((KIND, "us-east-1a"))
    with pytest.raises(CapacityUnavailable):
        provider.launch(an_order(pool=SPOT_A))
    assert double.counted()["ec2:RunInstances"] == 1


def test_reads_and_ends_are_tried_twice(provider, double):
    machine = provider.launch(an_order())
    double.break_("server error", "DescribeInstances")
    with pytest.raises(Temporary):
        provider.machines()
    double.mend()
    double.break_("server error", "TerminateInstances")
    with pytest.raises(Temporary):
        provider.terminate(machine.id)
    assert double.counted()["ec2:DescribeInstances"] == 2 + 1
    assert double.counted()["ec2:TerminateInstances"] == 2


def test_an_answer_that_never_comes_is_waited_for_a_part_of_the_call_only(server, double, session):
    provider = a_provider(server, double, session, timeout_s=0.5)
    double.break_("hang", *BUYS)
    with pytest.raises(Temporary, match="Read timeout"):
        provider.launch(an_order())


def test_what_took_too_long_before_the_order_orders_nothing(server, double, session):
    def slow(order):
        double.now += timedelta(seconds=11)
        return a_script(order)

    provider = a_provider(server, double, session, user_data=slow, timeout_s=20)
    with pytest.raises(Temporary, match="nothing was ordered"):
        provider.launch(an_order())
    assert double.life.held() == 0


def test_a_list_that_takes_too_long_stops_between_pages_and_says_so(server, double, session):
    settings = some_settings(server, double)
    for number in range(6):
        a_provider(server, double, session).launch(an_order(f"k{number}"))

    def clock():
        double.now += timedelta(seconds=13)
        return double.now

    listing = a_provider(server, double, session, settings=settings, clock=clock, timeout_s=20.0).machines()
    assert not listing.is_complete
    assert len(listing.machines) == 5


def test_without_credentials_nothing_is_tried(server, double, session):
    provider = a_provider(server, double, None)
    with pytest.raises(Permanent, match="credentials"):
        provider.machines()
    assert not double.calls


# --- templates


def test_a_template_holds_the_join_token_only_as_long_as_the_launch_takes(provider, double):
    provider.launch(an_order(pool=SPOT))
    counted = double.counted()
    assert (counted["ec2:CreateLaunchTemplate"], counted["ec2:DeleteLaunchTemplate"]) == (1, 1)


def test_a_template_of_a_launch_that_is_refused_goes_at_once(provider, double):
    """It holds the join token, and nobody asks for that launch again."""
    double.break_("auth", "CreateFleet")
    with pytest.raises(Permanent):
        provider.launch(an_order(pool=SPOT))
    assert double.counted()["ec2:CreateLaunchTemplate"] == 1
    assert double.templates() == []


def test_a_template_is_named_by_what_it_holds(server, double):
    settings = some_settings(server, double)

    def name(**rest: Any) -> str:
        asked = request.template(an_order(), PRODUCTS[SPOT], replace(settings, **rest), user_data="#")
        return str(asked["LaunchTemplateName"])

    assert name() == name()
    assert name(image_id="ami-2") != name()
    assert name().startswith(f"baseload-{FLEET}-")
    assert len(name()) <= 128


def test_a_template_left_by_a_launch_that_was_cut_off_is_used_by_its_repeat(provider, double):
    double.break_("timeout after", "CreateFleet")
    with pytest.raises(Temporary):
        provider.launch(an_order(pool=SPOT))
    assert double.counted()["ec2:DeleteLaunchTemplate"] == 0
    double.mend()
    provider.launch(an_order(pool=SPOT))
    assert double.counted()["ec2:DeleteLaunchTemplate"] == 1
    assert len(double.made("baseload:fleet", FLEET)) == 1


def test_templates_left_for_an_hour_are_swept(provider, double):
    double.break_("timeout before", "CreateFleet")
    with pytest.raises(Temporary):
        provider.launch(an_order("lost", pool=SPOT))
    double.mend()
    double.wait(3601)
    provider.launch(an_order("k2", pool=SPOT))
    assert double.counted()["ec2:DeleteLaunchTemplate"] == 2
    assert double.templates() == []


def test_a_template_of_a_launch_that_may_be_asked_for_again_is_not_swept(provider, double):
    double.break_("timeout before", "CreateFleet")
    with pytest.raises(Temporary):
        provider.launch(an_order("lost", pool=SPOT))
    double.mend()
    double.wait(3599)
    provider.launch(an_order("k2", pool=SPOT))
    assert double.counted()["ec2:DeleteLaunchTemplate"] == 1  # its own


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("pending", MachineState.PENDING),
        ("running", MachineState.RUNNING),
        ("stopping", MachineState.RUNNING),
        ("stopped", MachineState.RUNNING),  # its disk bills, and it can be started
        ("shutting-down", MachineState.STOPPING),
        ("terminated", MachineState.GONE),
    ],
)
def test_a_stopped_instance_is_not_gone(said, state):
    row = {"InstanceId": "i-1", "State": {"Name": said}, "LaunchTime": START}
    assert described(row).state is state


def test_a_template_that_cannot_be_removed_does_not_hide_the_machine(provider, double):
    double.denied = {"DeleteLaunchTemplate", "DescribeLaunchTemplates"}
    machine = provider.launch(an_order(pool=SPOT))
    assert [one.id for one in provider.machines().machines] == [machine.id]


# --- ends and lists


def test_a_machine_of_another_fleet_is_neither_listed_nor_ended(provider, double):
    green = double.add_foreign(**{"baseload:fleet": "green", "baseload:node": "green-1"})
    assert provider.machines().machines == ()
    with pytest.raises(Permanent, match="baseload:fleet=blue"):
        provider.terminate(green)
    assert double.counted()["ec2:TerminateInstances"] == 0
    assert double.state_of(green) == "running"


def test_the_end_of_a_machine_is_confirmed_by_the_list(provider, double):
    machine = provider.launch(an_order())
    double.wait(60)
    provider.terminate(machine.id)
    seen = []
    for seconds in (1, 60, 3600):
        seen.append([one.state for one in provider.machines().machines])
        double.wait(seconds)
    assert seen == [[MachineState.STOPPING], [MachineState.STOPPING], [MachineState.GONE]]
    assert provider.machines().machines == ()


def test_an_instance_of_ours_that_lost_its_tags_but_the_fleet_stops_nothing(provider, double):
    double.add_foreign(**{"baseload:fleet": FLEET})
    (machine,) = provider.machines().machines
    assert (machine.node_id, machine.pool, machine.model) == (None, "aws/t3.micro", None)


# --- too new to be found


def test_the_end_of_a_machine_that_no_list_shows_yet_is_not_found_and_then_done(provider, double):
    double.life.late_s = 30
    machine = provider.launch(an_order())
    with pytest.raises(NodeNotFound):
        provider.terminate(machine.id)
    assert double.state_of(machine.id) == "pending"
    double.wait(31)
    provider.terminate(machine.id)
    assert double.state_of(machine.id) == "shutting-down"


# --- nobody there


@pytest.mark.parametrize(
    ("call", "about"), [("machines", ()), ("launch", (an_order(),)), ("terminate", ("i-0123456789abcdef0",))]
)
def test_an_address_where_nobody_answers_is_tried_again_next_tick(server, double, session, call, about):
    with socket.socket() as reserved:  # bound and not listening: every connection is refused
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        provider = a_provider(server, double, session, settings=some_settings(server, double, endpoint_url=url))
        with pytest.raises(Temporary, match="Could not connect"):
            getattr(provider, call)(*about)


def test_a_pool_that_is_sold_out_for_long_leaves_nothing_behind(server, double, session):
    provider = a_provider(server, double, session)
    double.sell_out(*((KIND, f"us-east-1{letter}") for letter in "abc"))
    for number in range(3):
        with pytest.raises(CapacityUnavailable):
            provider.launch(an_order(f"k{number}", pool=SPOT))
    assert provider._fruitless == {}
    assert double.templates() == []


def test_the_queue_is_never_waited_for_longer_than_an_answer_may_take(server, double, session):
    settings = some_settings(server, double, queue_url=f"{server.url}/123456789012/queue")
    waits = [
        a_provider(server, double, session, settings=settings, timeout_s=timeout_s, queue_wait_s=1)._notices
        for timeout_s in (25, 10)
    ]
    assert [one and one._wait_s for one in waits] == [1, 0]
