"""Dedicated servers as machines: which are ours, since when, and that they are only watched."""

from datetime import UTC, date, datetime

import pytest

from autoscaler.providers.hetzner.provider import HetznerProvider
from autoscaler.providers.provider import Machine, MachineState, Order, Permanent, Temporary
from tests.autoscaler.providers.clock import START, Clock
from tests.autoscaler.providers.hetzner.double import a_server
from tests.autoscaler.providers.hetzner.robots import a_provider, a_robot


def only(provider: HetznerProvider) -> Machine:
    (machine,) = provider.machines().machines
    return machine


def test_a_server_the_fleet_names_is_a_base_node_of_its_model(account):
    account.servers = [a_server(321, server_name="gpu-1")]
    machine = only(a_provider(account))
    assert (machine.id, machine.node_id, machine.fleet, machine.model) == ("321", "gpu-1", "fleet", "chat")
    assert (machine.pool, machine.is_base, machine.state) == ("hetzner/ax102", True, MachineState.RUNNING)
    assert machine.address == "203.0.113.71"


def test_other_servers_of_the_account_are_listed_without_our_tag(account):
    account.servers = [a_server(321), a_server(999, product="AX162-R")]
    ours, theirs = a_provider(account).machines().machines
    assert ours.fleet == "fleet"
    assert (theirs.node_id, theirs.fleet, theirs.is_base, theirs.pool) == (None, None, False, "hetzner/ax162-r")


def test_an_account_without_servers_is_a_whole_and_empty_list(account):
    listing = a_provider(account).machines()
    assert (listing.provider, listing.is_complete, listing.machines) == ("hetzner", True, ())


def test_servers_without_a_name_of_their_own_are_told_apart_by_number(account):
    account.servers = [a_server(1, server_name="x"), a_server(2, server_name="x"), a_server(3, server_name="")]
    machines = a_provider(account, base={"1": "chat", "2": "chat", "3": "chat"}).machines().machines
    assert [one.node_id for one in machines] == ["x-1", "x-2", "hetzner-3"]


def test_a_server_that_is_being_set_up_is_pending(account):
    account.servers = [a_server(status="in process")]
    assert only(a_provider(account)).state is MachineState.PENDING


def test_a_cancelled_server_runs_until_its_end(account):
    account.servers = [a_server(cancelled=True)]
    provider = a_provider(account)
    assert only(provider).state is MachineState.RUNNING
    assert provider.servers()[0].is_cancelled


def test_a_server_is_ours_since_the_fleet_says_it_was_ordered(account):
    account.servers = [a_server()]
    machine = only(a_provider(account, ordered_on={"hetzner/ax102": date(2026, 3, 5)}))
    assert machine.created_at == datetime(2026, 3, 5, tzinfo=UTC)


def test_a_server_of_unknown_order_date_is_ours_since_the_month_it_is_paid_for(account):
    account.servers = [a_server(paid_until="2026-12-14")]
    assert only(a_provider(account)).created_at == datetime(2026, 11, 13, tzinfo=UTC)


def test_a_list_is_asked_for_within_its_rate_limit(account):
    account.servers = [a_server()]
    clock = Clock()
    provider = a_provider(account, clock)
    for _ in range(360):  # an hour of ticks of 10 s
        provider.machines()
        clock.pass_s(10)
    assert len(account.http.requests) == 72  # each 50 s, the first tick after 45 s


def test_a_kept_list_says_its_age(account):
    account.servers = [a_server()]
    clock = Clock()
    provider = a_provider(account, clock)
    provider.machines()
    clock.pass_s(44)
    assert provider.machines().as_of == START


def test_a_row_that_cannot_be_read_does_not_hide_the_others(account):
    account.servers = [a_server(321), a_server(322, paid_until="some day")]
    listing = a_provider(account).machines()
    assert ([one.id for one in listing.machines], listing.is_complete) == (["321"], False)


def test_maintenance_is_temporary_and_no_empty_list(account):
    account.fault("GET", "/server", 503, "MAINTENANCE")
    with pytest.raises(Temporary, match="hetzner"):
        a_provider(account).machines()


def test_a_rate_limit_is_temporary(account):
    account.fault("GET", "/server", 403, "RATE_LIMIT_EXCEEDED", interval=3600)
    provider = a_provider(account)
    for _ in range(2):
        with pytest.raises(Temporary, match="asked again in"):
            provider.machines()
    assert len(account.http.requests) == 1


def test_a_refused_login_is_permanent_and_not_tried_again(account):
    clock = Clock()
    provider = a_provider(account, clock, robot=a_robot(account, clock, password="wrong-password"))
    for _ in range(5):
        with pytest.raises(Permanent):
            provider.machines()
    assert account.bad_logins == 1


def test_a_base_server_is_never_ordered_and_never_cancelled(account):
    account.servers = [a_server()]
    provider = a_provider(account)
    with pytest.raises(Permanent, match="watched, never ordered"):
        provider.launch(Order(key="k", node_id="n", fleet="fleet", pool="hetzner/ax102", model="chat"))
    with pytest.raises(Permanent, match="watched, never cancelled"):
        provider.terminate("321")
    assert account.http.requests == []
