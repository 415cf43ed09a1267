"""Launching on the double: what is sent, what goes wrong, and what is left behind."""

from dataclasses import replace
from datetime import timedelta

import pytest

from autoscaler.providers.hetzner_cloud.labels import labels_of
from autoscaler.providers.provider import (
    CapacityUnavailable,
    MachineState,
    NodeNotFound,
    Permanent,
    Product,
    Temporary,
)
from tests.autoscaler.providers.clock import START
from tests.autoscaler.providers.hetzner_cloud.clouds import POOL, a_cloud, an_order
from tests.autoscaler.providers.hetzner_cloud.double import TOKEN, Project

SOLD_OUT = [(412, "resource_unavailable"), (422, "placement_error"), (403, "resource_limit_exceeded")]
BETTER_LATER = [
    (429, "rate_limit_exceeded"),
    (409, "conflict"),
    (423, "locked"),
    (500, "server_error"),
    (503, "unavailable"),
    (504, "timeout"),
    (403, "maintenance"),
    (422, "service_error"),
    (418, "a_code_nobody_knows"),
]
FOR_GOOD = [
    (401, "unauthorized"),
    (401, "token_readonly"),
    (403, "forbidden"),
    (422, "invalid_input"),
    (404, "not_found"),
]


def names(project: Project) -> list[str]:
    return sorted(server.name for server in project.servers.values())


def test_a_launch_says_what_where_and_whose(project):
    cloud = a_cloud(project, settings={"networks": (456,), "ssh_keys": ("ops",)})
    machine = cloud.launch(an_order("k1"))
    (kept,) = project.servers.values()
    assert (kept.name, kept.server_type, kept.location, kept.networks) == ("k1", "cx33", "fsn1", (456,))
    assert kept.labels == labels_of(an_order("k1"))
    assert kept.user_data == "#cloud-config\n# node-k1\n"
    assert machine.created_at == START
    assert machine.address == f"10.0.0.{kept.id % 250}"


def test_a_pool_without_a_zone_is_launched_where_the_settings_say(project):
    cloud = a_cloud(project, settings={"location": "nbg1"}, products={POOL: Product(pool=POOL, name="cx33")})
    cloud.launch(an_order())
    assert [one.location for one in project.servers.values()] == ["nbg1"]


def test_a_launch_waits_for_its_actions(project):
    a_cloud(project).launch(an_order())
    assert project.clock.now == START + timedelta(seconds=6)
    assert all(action["status"] == "success" for action in map(project._action, project.actions))


def test_a_launch_that_takes_longer_returns_the_server_as_it_is_being_made(project):
    project.making_s, project.starting_s = 100, 200
    machine = a_cloud(project).launch(an_order())
    assert machine.state is MachineState.PENDING
    assert project.clock.now <= START + timedelta(seconds=10)


@pytest.mark.parametrize(("status", "code"), SOLD_OUT)
def test_what_is_sold_out_or_beyond_a_quota_is_no_capacity(project, status, code):
    project.fault("POST", "/servers", status, code)
    with pytest.raises(CapacityUnavailable, match=code):
        a_cloud(project).launch(an_order())
    assert names(project) == []


def test_no_stock_and_the_projects_limit_are_no_capacity(project):
    project.stock["cx33", "fsn1"] = False
    with pytest.raises(CapacityUnavailable, match="resource_unavailable"):
        a_cloud(project).launch(an_order())
    project.stock["cx33", "fsn1"], project.limit = True, 0
    with pytest.raises(CapacityUnavailable, match="resource_limit_exceeded"):
        a_cloud(project).launch(an_order())


@pytest.mark.parametrize(("status", "code"), BETTER_LATER)
def test_what_may_be_better_next_time_is_temporary_and_asked_once(project, status, code):
    project.fault("POST", "/servers", status, code)
    with pytest.raises(Temporary, match=code):
        a_cloud(project).launch(an_order())
    assert len(project.http.sent("POST", "/servers")) == 1  # the library by itself would ask six times


@pytest.mark.parametrize(("status", "code"), FOR_GOOD)
def test_what_must_be_changed_first_is_permanent(project, status, code):
    project.fault("POST", "/servers", status, code)
    with pytest.raises(Permanent, match=code):
        a_cloud(project).launch(an_order())


def test_a_connection_that_breaks_is_temporary_and_asked_once(project):
    project.fault("POST", "/servers", None)
    with pytest.raises(Temporary, match="no answer"):
        a_cloud(project).launch(an_order())
    assert len(project.http.sent("POST", "/servers")) == 1


def test_a_launch_whose_answer_was_lost_is_found_by_its_name(project):
    project.fault("POST", "/servers", None, is_after=True)
    cloud = a_cloud(project)
    with pytest.raises(Temporary):
        cloud.launch(an_order())
    (kept,) = project.servers.values()
    assert cloud.launch(an_order()).id == str(kept.id)
    assert project.books == ["made k1"]


def test_a_launch_whose_answer_was_lost_is_found_by_another_process(project):
    project.fault("POST", "/servers", None, is_after=True)
    with pytest.raises(Temporary):
        a_cloud(project).launch(an_order())
    assert a_cloud(project).launch(an_order()).node_id == "node-k1"
    assert project.books == ["made k1"]


def test_a_server_that_is_in_no_list_yet_is_asked_for_again_and_not_made_twice(project):
    project.late_s = 60
    project.fault("POST", "/servers", None, is_after=True)
    cloud = a_cloud(project)
    for _ in range(2):
        with pytest.raises(Temporary):
            cloud.launch(an_order())
    project.clock.pass_s(60)
    assert cloud.launch(an_order()).node_id == "node-k1"
    assert project.books == ["made k1"]


def test_a_server_made_just_now_and_not_found_yet_is_still_the_keys(project):
    project.late_s = 60
    cloud = a_cloud(project)
    machine = cloud.launch(an_order())
    assert cloud.launch(an_order()) == machine
    assert project.books == ["made k1"]


def test_a_server_of_others_with_the_name_of_a_key_is_refused_for_good(project):
    project.add_foreign(name="k1")
    with pytest.raises(Permanent, match="not of this order"):
        a_cloud(project).launch(an_order("k1"))


def test_another_order_under_the_key_is_refused_for_good_by_another_process_too(project):
    a_cloud(project).launch(an_order("k1", "n1"))
    with pytest.raises(Permanent, match="not of this order"):
        a_cloud(project).launch(an_order("k1", "n2"))


@pytest.mark.parametrize(
    ("code", "kind"), [("resource_unavailable", CapacityUnavailable), ("action_failed", Temporary)]
)
def test_a_server_whose_making_failed_is_deleted(project, code, kind):
    project.fails_with = code
    with pytest.raises(kind, match=code):
        a_cloud(project).launch(an_order())
    assert project.books == ["made k1", "deleted k1"]


def test_the_key_of_a_failed_making_makes_a_server_once_the_failed_one_is_gone(project):
    project.fails_with = "action_failed"
    cloud = a_cloud(project)
    with pytest.raises(Temporary, match="action_failed"):
        cloud.launch(an_order())
    with pytest.raises(Temporary):  # its name is taken until it is gone
        cloud.launch(an_order())
    project.clock.pass_s(20)
    assert cloud.launch(an_order()).state is MachineState.PENDING
    assert project.books == ["made k1", "deleted k1", "gone k1", "made k1"]


def test_a_failed_server_that_cannot_be_deleted_is_deleted_when_asked_again(project):
    project.fails_with = "resource_unavailable"
    project.fault("DELETE", "/servers/{id}", 503, "unavailable")
    cloud = a_cloud(project)
    with pytest.raises(Temporary, match="could not be deleted"):
        cloud.launch(an_order())
    with pytest.raises(Temporary, match="is being deleted"):
        cloud.launch(an_order())
    assert project.books == ["made k1", "deleted k1"]


def test_a_making_that_fails_after_its_launch_returned_is_a_broken_machine_and_its_pool_rests(project):
    project.making_s, project.starting_s, project.fails_with = 100, 200, "action_failed"
    cloud = a_cloud(project)
    machine = cloud.launch(an_order("k1"))
    assert [one.is_broken for one in cloud.machines().machines] == [False]
    project.clock.pass_s(100)
    assert [one.is_broken for one in cloud.machines().machines] == [True]
    with pytest.raises(CapacityUnavailable, match="rests till"):
        cloud.launch(an_order("k2"))
    cloud.terminate(machine.id)
    project.clock.pass_s(600)
    assert cloud.launch(an_order("k2")).node_id == "node-k2"
    assert project.books == ["made k1", "deleted k1", "gone k1", "made k2"]


def test_an_order_that_was_asked_for_before_is_looked_for_in_a_pool_that_rests(project):
    project.making_s, project.starting_s, project.fails_with = 100, 200, "action_failed"
    cloud = a_cloud(project)
    cloud.launch(an_order("k1"))
    project.fault("POST", "/servers", None, is_after=True)
    with pytest.raises(Temporary):
        cloud.launch(an_order("k2"))
    project.clock.pass_s(100)
    cloud.machines()
    assert cloud.launch(an_order("k2", asked_at=project.clock.now)).node_id == "node-k2"
    assert project.books == ["made k1", "made k2"]


def test_an_action_that_is_not_known_any_more_is_not_asked_for_without_end(project):
    project.making_s, project.starting_s = 100, 200
    cloud = a_cloud(project)
    cloud.launch(an_order())
    project.actions.clear()
    cloud.machines()
    asked = len(project.http.sent("GET", "/actions"))
    assert [one.is_broken for one in cloud.machines().machines] == [False]
    assert len(project.http.sent("GET", "/actions")) == asked


def test_a_failed_server_whose_end_was_refused_is_deleted_with_the_next_list(project):
    project.fails_with = "action_failed"
    project.fault("DELETE", "/servers/{id}", 503, "unavailable")
    cloud = a_cloud(project)
    with pytest.raises(Temporary, match="could not be deleted"):
        cloud.launch(an_order())
    assert [one.is_broken for one in cloud.machines().machines] == [True]
    assert project.books == ["made k1", "deleted k1"]


def test_actions_that_cannot_be_asked_for_do_not_lose_the_server(project):
    project.fault("GET", "/actions", 429, "rate_limit_exceeded")
    assert a_cloud(project).launch(an_order()).node_id == "node-k1"


def test_a_key_whose_server_was_deleted_by_somebody_makes_no_other_one(project):
    cloud = a_cloud(project)
    machine = cloud.launch(an_order())
    del project.servers[int(machine.id)]
    project.clock.pass_s(600)
    again = cloud.launch(an_order())
    assert (again.id, again.state) == (machine.id, MachineState.GONE)
    assert project.books == ["made k1"]


def test_a_pool_that_is_not_configured_is_refused_for_good(project):
    with pytest.raises(Permanent, match="hetzner-cloud/ccx99"):
        a_cloud(project).launch(replace(an_order(), pool="hetzner-cloud/ccx99"))
    assert project.http.requests == []


def test_a_start_up_script_beyond_32_kib_is_refused_before_anything_is_sent(project):
    with pytest.raises(Permanent, match="32769 bytes"):
        a_cloud(project, user_data=lambda _: "x" * 32769).launch(an_order())
    assert project.http.requests == []


def test_a_wrong_token_is_permanent_and_in_no_error(project):
    with pytest.raises(Permanent, match="unauthorized") as caught:
        a_cloud(project, token="wrong-token-123").launch(an_order())
    assert "wrong-token-123" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_token_is_in_no_text_of_the_provider(project):
    cloud = a_cloud(project)
    cloud.launch(an_order())
    assert TOKEN not in f"{vars(cloud)!r} {vars(cloud.api)!r}"


def test_no_time_left_sends_nothing(project):
    with pytest.raises(Temporary, match="no time was left"):
        a_cloud(project, timeout_s=0.0).launch(an_order())
    assert project.http.requests == []


def test_an_end_is_refused_for_servers_of_others(project):
    foreign = project.add_foreign()
    other = project.add_foreign(name="other", labels=labels_of(an_order("k9", fleet="other")))
    for server, whose in ((foreign, "nobody's fleet"), (other, "the fleet other")):
        with pytest.raises(Permanent, match=whose):
            a_cloud(project).terminate(str(server.id))
    assert project.http.sent("DELETE", "/servers/{id}") == []


def test_an_end_of_a_server_nobody_knows_says_so(project):
    with pytest.raises(NodeNotFound):
        a_cloud(project).terminate("4711")


@pytest.mark.parametrize(("code", "kind"), [("locked", Temporary), ("protected", Permanent)])
def test_an_end_that_is_refused_says_whether_to_ask_again(project, code, kind):
    cloud = a_cloud(project)
    machine = cloud.launch(an_order())
    project.fault("DELETE", "/servers/{id}", 423, code)
    with pytest.raises(kind, match=code):
        cloud.terminate(machine.id)
    assert project.books == ["made k1"]


def test_a_library_whose_repeats_cannot_be_turned_off_is_refused(project, monkeypatch):
    class Inner:
        """A client of another version."""

    class Client:
        def __init__(self, **_: object) -> None:
            self._client = Inner()

    monkeypatch.setattr("hcloud.Client", Client)
    with pytest.raises(Permanent, match="repeats cannot be turned off"):
        a_cloud(project).launch(an_order())
    assert project.http.requests == []


def test_nothing_that_is_logged_holds_the_token_or_the_script(project, caplog):
    caplog.set_level("DEBUG")
    cloud = a_cloud(project, user_data=lambda _: "#cloud-config\n# planted-join-token\n")
    project.fails_with = "action_failed"
    with pytest.raises(Temporary):
        cloud.launch(an_order("k1"))
    cloud.terminate(cloud.launch(an_order("k2", "n2")).id)
    project.page = 1
    project.fault("GET", "/servers", 503, "unavailable", skip=1)
    cloud.machines()
    assert "event=list-broken" in caplog.text
    assert TOKEN not in caplog.text
    assert "planted-join-token" not in caplog.text
