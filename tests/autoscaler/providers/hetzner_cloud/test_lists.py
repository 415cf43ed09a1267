"""Lists of the double: pages, states, addresses, and what is broken."""

import socket
import threading
import time

import pytest

from autoscaler.providers.hetzner_cloud.labels import labels_of
from autoscaler.providers.provider import MachineState, Permanent, Temporary
from tests.autoscaler.providers.clock import START
from tests.autoscaler.providers.hetzner_cloud.clouds import a_cloud, an_order
from tests.autoscaler.providers.hetzner_cloud.double import Kept, Project


def filled(project: Project, count: int) -> list[Kept]:
    return [project.add_foreign(name=f"s{number}") for number in range(count)]


def test_every_page_is_read(project):
    filled(project, 7)
    project.page = 3
    listing = a_cloud(project).machines()
    assert listing.is_complete
    assert len(listing.machines) == 7
    assert len(project.http.sent("GET", "/servers")) == 3


def test_a_page_that_breaks_leaves_a_list_that_says_it_is_not_whole(project):
    filled(project, 7)
    project.page = 3
    project.fault("GET", "/servers", 503, "unavailable", skip=1)
    listing = a_cloud(project).machines()
    assert not listing.is_complete
    assert len(listing.machines) == 3


def test_a_first_page_that_breaks_is_an_error(project):
    project.fault("GET", "/servers", None)
    with pytest.raises(Temporary):
        a_cloud(project).machines()


def test_a_token_that_is_refused_in_the_middle_is_loud(project):
    filled(project, 7)
    project.page = 3
    project.fault("GET", "/servers", 401, "unauthorized", skip=1)
    with pytest.raises(Permanent):
        a_cloud(project).machines()


def test_a_server_that_went_between_two_pages_leaves_a_list_that_says_it_is_not_whole(project):
    servers = filled(project, 7)
    project.page = 3
    answer = project.http.answer

    def shrinking(request):
        found = answer(request)
        project.servers.pop(servers[0].id, None)
        return found

    project.http.answer = shrinking
    assert not a_cloud(project).machines().is_complete


def test_pages_that_lead_back_are_not_followed_for_ever(project):
    filled(project, 7)
    project.page = 3
    answer = project.http.answer

    def back(request):
        status, found = answer(request)
        found["meta"]["pagination"]["next_page"] = 1
        return status, found

    project.http.answer = back
    with pytest.raises(Temporary, match="expected a later page"):
        a_cloud(project).machines()


def test_a_row_that_cannot_be_read_does_not_hide_the_others(project):
    filled(project, 2)
    answer = project.http.answer

    def odd(request):
        status, found = answer(request)
        found["servers"][0]["created"] = "yesterday"
        return status, found

    project.http.answer = odd
    listing = a_cloud(project).machines()
    assert (len(listing.machines), listing.is_complete) == (1, False)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("initializing", MachineState.PENDING),
        ("starting", MachineState.PENDING),
        ("running", MachineState.RUNNING),
        ("off", MachineState.RUNNING),
        ("stopping", MachineState.RUNNING),
        ("migrating", MachineState.RUNNING),
        ("rebuilding", MachineState.RUNNING),
        ("unknown", MachineState.RUNNING),
        ("deleting", MachineState.STOPPING),
    ],
)
def test_only_a_deletion_ends_a_server(project, status, state):
    project.add_foreign(labels=labels_of(an_order())).status = status
    (machine,) = a_cloud(project).machines().machines
    assert (machine.node_id, machine.state) == ("node-k1", state)


def test_a_server_is_reached_at_its_private_address_first(project):
    server = project.add_foreign()
    server.networks = (456,)
    assert a_cloud(project).machines().machines[0].address == f"10.0.0.{server.id % 250}"
    server.networks = ()
    assert a_cloud(project).machines().machines[0].address == f"192.0.2.{server.id % 250}"
    server.has_ipv4 = False
    assert a_cloud(project).machines().machines[0].address is None


def test_a_server_of_others_has_the_pool_of_its_type_and_no_fleet(project):
    project.add_foreign()
    (machine,) = a_cloud(project).machines().machines
    assert (machine.node_id, machine.fleet, machine.pool) == (None, None, "hetzner-cloud/cx33")


def test_a_list_is_dated_before_it_is_asked_for(project):
    assert a_cloud(project).machines().as_of == START


def test_a_cloud_that_accepts_and_never_answers_is_given_up_at_the_deadline(project):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        cloud = a_cloud(
            project,
            settings={"endpoint_url": f"http://127.0.0.1:{silent.getsockname()[1]}/v1"},
            timeout_s=0.1,
            monotonic=time.monotonic,
        )
        with pytest.raises(Temporary, match="no answer"):
            cloud.machines()
    assert threading.active_count() < 50


def test_a_cloud_that_is_not_there_is_temporary(project):
    with pytest.raises(Temporary, match="no answer"):
        a_cloud(project, settings={"endpoint_url": "http://127.0.0.1:1/v1"}).machines()
