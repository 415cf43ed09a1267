"""What is said of the login and of the base servers."""

from autoscaler.providers.hetzner.check import check_hetzner
from planner.fleet.daemon.hetzner import RobotSettings
from tests.autoscaler.providers.hetzner.double import Account, a_server
from tests.autoscaler.providers.hetzner.robots import a_provider, a_robot


def found(account: Account, base: dict[str, str], **rest):
    findings = check_hetzner(
        a_provider(account, base=base, **rest),
        RobotSettings(base=base),
        models=["chat"],
        offers=["hetzner/ax102"],
    )
    return {one.what.removeprefix("hetzner: "): one.is_ok for one in findings}


def test_base_servers_that_are_there_are_well(account):
    account.servers = [a_server(321)]
    assert found(account, {"321": "chat"}) == {"login": True, "server 321": True}


def test_a_server_that_is_not_there_or_serves_nothing_known_is_wrong(account):
    account.servers = [a_server(321), a_server(322), a_server(323, product="AX999")]
    base = {"321": "other", "323": "chat", "4711": "chat", "one": "chat"}
    assert found(account, base) == {
        "login": True,
        "server 321": False,
        "server 323": False,
        "server 4711": False,
        "server one": False,
    }


def test_a_server_that_is_cancelled_or_not_ready_works_in_a_lesser_way(account):
    account.servers = [a_server(321, cancelled=True), a_server(322, status="in process")]
    assert found(account, {"321": "chat", "322": "chat"}) == {"login": True, "server 321": None, "server 322": None}


def test_a_wrong_login_is_all_that_is_said_and_tried_once(account):
    assert found(account, {"321": "chat"}, robot=a_robot(account, password="wrong-password")) == {"login": False}
    assert account.bad_logins == 1


def test_maintenance_says_nothing_of_the_login(account):
    account.fault("GET", "/server", 503, "MAINTENANCE")
    assert found(account, {"321": "chat"}) == {"login": None}
