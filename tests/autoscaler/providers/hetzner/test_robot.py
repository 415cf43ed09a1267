"""The web service: what is sent, and that neither logins nor rate limits are tried for luck."""

import json
from pathlib import Path

import pytest

from planner.catalog.sources.hetzner import product_prices
from planner.catalog.sources.robot import RobotBusy, RobotDenied, RobotRefused
from planner.catalog.sources.source import SourceError
from tests.autoscaler.providers.clock import Clock
from tests.autoscaler.providers.hetzner.double import PASSWORD, USER, a_server
from tests.autoscaler.providers.hetzner.robots import a_robot

CALLS = json.loads((Path(__file__).parents[4] / "infra" / "hetzner" / "calls.json").read_text(encoding="utf-8"))


def test_items_come_out_of_their_wrapping(account):
    account.servers = [a_server(321), a_server(322)]
    assert [row["server_number"] for row in a_robot(account).items("/server", "server")] == [321, 322]


def test_an_account_without_servers_is_an_empty_list(account):
    assert a_robot(account).items("/server", "server") == ()


def test_a_refused_login_is_tried_once_in_ten_minutes(account):
    clock = Clock()
    robot = a_robot(account, clock, password="wrong-password")
    for seconds in (0, 1, 300, 298):
        clock.pass_s(seconds)
        with pytest.raises(RobotDenied):
            robot.items("/server", "server")
    assert account.bad_logins == 1
    clock.pass_s(1)
    with pytest.raises(RobotDenied):
        robot.items("/order/server/product", "product")
    assert account.bad_logins == 2


def test_a_rate_limit_is_not_asked_against_until_its_interval_is_over(account):
    account.servers = [a_server()]
    account.fault("GET", "/server", 403, "RATE_LIMIT_EXCEEDED", max_request=200, interval=3600)
    clock = Clock()
    robot = a_robot(account, clock)
    for seconds in (0, 1, 3598):
        clock.pass_s(seconds)
        with pytest.raises(RobotBusy, match="asked again in"):
            robot.items("/server", "server")
    assert len(account.http.requests) == 1
    clock.pass_s(1)
    assert len(robot.items("/server", "server")) == 1


def test_a_rate_limit_of_one_path_leaves_the_others(account):
    account.servers = [a_server()]
    account.fault("GET", "/server", 403, "RATE_LIMIT_EXCEEDED", max_request=200, interval=3600)
    robot = a_robot(account)
    with pytest.raises(RobotBusy):
        robot.items("/server", "server")
    assert len(robot.items("/order/server/product", "product")) == 1


def test_a_rate_limit_of_one_server_is_that_of_all(account):
    account.servers = [a_server(321), a_server(322)]
    account.fault("GET", "/server/{server-number}/cancellation", 403, "RATE_LIMIT_EXCEEDED", interval=60)
    robot = a_robot(account)
    for number in (321, 322):
        with pytest.raises(RobotBusy):
            robot.item(f"/server/{number}/cancellation", "cancellation")
    assert len(account.http.requests) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (503, "MAINTENANCE", RobotBusy),
        (500, "INTERNAL_ERROR", RobotBusy),
        (None, "", RobotBusy),
        (403, "FORBIDDEN", RobotDenied),
        (400, "INVALID_INPUT", RobotRefused),
        (409, "CONFLICT", RobotRefused),
    ],
)
def test_errors_are_sorted_by_what_to_do_next(account, status, code, kind):
    account.fault("GET", "/server", status, code)
    with pytest.raises(kind):
        a_robot(account).items("/server", "server")


def test_a_refused_input_is_named(account):
    account.fault("GET", "/server", 400, "INVALID_INPUT", missing=["dist"], invalid=["lang"])
    with pytest.raises(RobotRefused, match="dist, lang"):
        a_robot(account).items("/server", "server")


def test_an_answer_that_is_no_list_is_no_empty_account(account):
    account.http.answer = lambda _: (200, {"server": []})
    with pytest.raises(RobotBusy, match="cannot be read"):
        a_robot(account).items("/server", "server")
    assert account.http.violations  # the description says so too
    account.http.violations.clear()


@pytest.mark.parametrize("body", ["no such page", {}, {"error": {"status": 404}}])
def test_a_404_that_robot_did_not_say_is_no_empty_account(account, body):
    account.http.answer = lambda _: (404, body)
    with pytest.raises(RobotBusy, match="404"):
        a_robot(account).items("/server", "server")
    account.http.violations.clear()  # the description knows no such answer


def test_an_order_that_is_tried_is_a_form_that_says_test(account):
    found = a_robot(account).try_order("AX102", location="FSN1", addons=("primary_ipv4",))
    (sent,) = account.http.sent("POST", "/order/server/transaction")
    assert sent.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert sent.body == b"product_id=AX102&location=FSN1&addon%5B%5D=primary_ipv4&test=true"
    assert found["product"]["location"] == "FSN1"


def test_an_order_that_robot_would_not_take_says_so(account):
    account.refuses_orders = True
    with pytest.raises(RobotRefused, match="can't be accepted"):
        a_robot(account).try_order("AX102", location="FSN1")


@pytest.mark.parametrize("status", [401, 403, 400, 500, None])
def test_no_error_says_a_secret(account, status):
    account.fault("GET", "/server", status, "SOME_CODE")
    with pytest.raises(SourceError) as raised:
        a_robot(account).items("/server", "server")
    said = f"{raised.value!r} {raised.value.__cause__!r}"
    assert USER not in said
    assert PASSWORD not in said
    assert PASSWORD not in repr(vars(a_robot(account)))


def test_nothing_that_is_logged_holds_a_secret(account, caplog):
    caplog.set_level("DEBUG")
    a_robot(account).try_order("AX102", location="FSN1")
    assert "/order/server/transaction" in caplog.text
    assert USER not in caplog.text
    assert PASSWORD not in caplog.text
    assert "Basic " not in caplog.text


def test_a_user_of_robot_is_used_for_these_calls_and_no_others(account):
    account.servers = [a_server()]
    robot = a_robot(account)
    robot.items("/server", "server")
    product_prices(robot)
    robot.item("/server/321/cancellation", "cancellation")
    robot.try_order("AX102", location="FSN1")
    called = {f"{one.method} {one.template}" for one in account.http.requests}
    assert sorted(called) == CALLS["robot"]


def test_the_one_post_to_robot_says_that_it_is_a_test():
    (change,) = [one for one in CALLS["robot"] if not one.startswith("GET ")]
    assert change == "POST /order/server/transaction"
