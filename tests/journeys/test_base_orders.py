"""`baseload base orders`: what people order and cancel, from a real plan; Robot is a double that counts changes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

from autoscaler.cli import baseload, run
from autoscaler.report.base_orders import base_orders_schema_text
from tests.autoscaler.providers.hetzner.double import PASSWORD, USER, Account, a_product, a_server

PUBLISHED = Path(__file__).parents[2] / "docs" / "schemas" / "base-orders.schema.json"
FLEET = """
[catalog]
usd_per_eur = 1.2
usd_per_eur_date = 2026-11-20

[[model]]
name = "chat"
profile = "llama-7b-q4"
load_time_s = 3600

[[owned]]
offer = "hetzner/ax102"
count = 2
ordered_on = 2025-01-15
fee_usd_month = 100
"""
ROBOT = """
[providers.hetzner]
endpoint_url = "{url}"
base = {{ 321 = "chat", 322 = "chat" }}
"""

Orders = Callable[..., dict]


@pytest.fixture
def account():
    """An account that nobody changed, or the test fails."""
    with Account() as account:
        account.servers = [
            a_server(321, paid_until="2026-12-20"),
            a_server(322, paid_until="2026-12-10"),
            a_server(999),
        ]
        yield account
    assert account.http.violations == []
    assert account.changes == []


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """A plan of December as `plan -o` writes it."""
    folder = tmp_path_factory.mktemp("plan")
    start = datetime(2026, 12, 1, tzinfo=UTC)
    rows = [f"{start + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ},500,50" for hour in range(24)]
    (folder / "f.csv").write_text("\n".join(["timestamp,input_tokens_per_s,output_tokens_per_s", *rows]) + "\n")
    (folder / "fleet.toml").write_text(FLEET)
    arguments = ["plan", "-f", "f.csv", "-c", "fleet.toml", "--only", "hetzner", "-o", "plan.json", "-q"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(baseload(), arguments) in (0, 3, 4)
    return json.loads((folder / "plan.json").read_text())


@pytest.fixture
def orders(
    planned: dict, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Orders:
    """Runs `base orders --json` on the plan with other changes, and returns the document."""
    monkeypatch.delenv("HETZNER_ROBOT_USER", raising=False)
    monkeypatch.delenv("HETZNER_ROBOT_PASSWORD", raising=False)

    def made(*arguments: str, keep=None, buy=None, cancel=None, robot: Account | None = None, code: int = 0) -> dict:
        changes = {"keep": keep or {}, "buy": buy or {}, "cancel": cancel or {}}
        (tmp_path / "plan.json").write_text(json.dumps({**planned, "owned_changes": changes}))
        extra = ""
        if robot is not None:
            monkeypatch.setenv("HETZNER_ROBOT_USER", USER)
            monkeypatch.setenv("HETZNER_ROBOT_PASSWORD", PASSWORD)
            extra = ROBOT.format(url=robot.http.url)
        (tmp_path / "fleet.toml").write_text(FLEET + extra)
        monkeypatch.chdir(tmp_path)
        found = run(baseload(), ["base", "orders", "--plan", "plan.json", "-c", "fleet.toml", *arguments])
        said = capsys.readouterr()
        assert found == code, said.err
        assert PASSWORD not in said.out + said.err
        if "--json" not in arguments or code:
            return {"out": said.out, "err": said.err}
        document = json.loads(said.out)
        jsonschema.validate(document, json.loads(base_orders_schema_text()))
        return document | {"err": said.err}

    return made


def test_the_published_schema_is_current() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == base_orders_schema_text(), "run `make schemas`"


def test_a_plans_own_changes_are_the_list(planned: dict, orders: Orders) -> None:
    changes = planned["owned_changes"]
    found = orders("--json", **changes)
    assert sum(one["count"] for one in found["buy"]) == sum(changes["buy"].values())
    assert len(found["cancel"]) == sum(changes["cancel"].values())


def test_without_credentials_prices_are_the_catalogs_and_no_server_is_named(orders: Orders) -> None:
    found = orders("--json", "--lead-hours", "71", buy={"hetzner/ax102": 2}, cancel={"hetzner/ax102#owned": 1})
    (buy,), (cancel,) = found["buy"], found["cancel"]
    assert (buy["offer"], buy["count"], buy["fee_usd_month"]) == ("hetzner/ax102", 2, "146.4")  # 122 EUR at 1.2
    assert buy["setup_fee_usd"] == "322.8"  # 269 EUR
    assert buy["order_by"] == "2026-11-28T00:00:00+00:00"  # 71 h, and an hour to load the model
    assert buy["price_source"] == "catalog, 2026-02-02"
    assert (cancel["server_number"], cancel["ordered_on"], cancel["saves_usd_month"]) == (None, "2025-01-15", "100")
    assert (found["setup_due_usd"], found["fees_usd_month"], found["saves_usd_month"]) == ("645.6", "292.8", "100")
    assert "are not set" in found["err"]


def test_an_unknown_lead_time_is_said_and_not_guessed(orders: Orders) -> None:
    found = orders("--json", buy={"hetzner/ax102": 1})
    assert found["buy"][0]["order_by"] is None
    assert "--lead-hours" in found["err"]


def test_with_credentials_prices_are_the_accounts_of_today(orders: Orders, account: Account) -> None:
    account.products = [a_product("AX102", fee="130.0000", setup="99.0000")]
    (buy,) = orders("--json", buy={"hetzner/ax102": 1}, robot=account)["buy"]
    assert (buy["product"], buy["location"]) == ("AX102", "FSN1")
    assert (buy["fee_usd_month"], buy["setup_fee_usd"]) == ("156", "118.8")
    assert buy["price_source"].endswith("130 EUR/month")


def test_a_product_is_bought_where_it_is_cheapest_unless_told(orders: Orders, account: Account) -> None:
    cheap = a_product("AX102", location=["HEL1"], fee="110.00")["prices"]
    account.products = [a_product("AX102", location=["FSN1", "HEL1"])]
    account.products[0]["prices"] = [account.products[0]["prices"][0], *cheap]
    assert orders("--json", buy={"hetzner/ax102": 1}, robot=account)["buy"][0]["location"] == "HEL1"
    found = orders("--json", "--location", "fsn1", buy={"hetzner/ax102": 1}, robot=account)
    assert found["buy"][0]["location"] == "FSN1"
    refused = orders("--location", "NBG1", buy={"hetzner/ax102": 1}, robot=account, code=2)
    assert "expected one of FSN1, HEL1" in refused["err"]


def test_what_robot_does_not_sell_is_said(orders: Orders, account: Account) -> None:
    account.products = []
    found = orders("--json", buy={"hetzner/ax102": 1}, robot=account)
    assert found["buy"][0]["product"] is None
    assert any("does not sell it now" in remark for remark in found["remarks"])


def test_servers_to_cancel_are_of_the_fleet_and_the_next_to_be_paid(orders: Orders, account: Account) -> None:
    found = orders("--json", cancel={"hetzner/ax102#owned": 1}, keep={"hetzner/ax102#owned": 1}, robot=account)
    (cancel,) = found["cancel"]
    assert (cancel["server_number"], cancel["server_name"]) == (322, "base-322")
    assert (cancel["paid_until"], cancel["earliest"], cancel["ends_on"]) == ("2026-12-10", "2026-12-01", None)
    assert found["keep"] == {"hetzner/ax102": 1}


def test_a_server_that_is_cancelled_already_counts_first(orders: Orders, account: Account) -> None:
    account.servers[0]["cancelled"] = True
    (cancel,) = orders("--json", cancel={"hetzner/ax102#owned": 1}, robot=account)["cancel"]
    assert (cancel["server_number"], cancel["ends_on"]) == (321, "2026-12-31")


def test_more_to_cancel_than_the_account_has_is_said(orders: Orders, account: Account) -> None:
    account.servers = [a_server(999)]
    found = orders("--json", cancel={"hetzner/ax102#owned": 2}, robot=account)
    assert [one["server_number"] for one in found["cancel"]] == [None, None]
    assert any("2 more to cancel" in remark for remark in found["remarks"])


def test_a_plan_of_another_fleet_is_noticed(orders: Orders) -> None:
    found = orders("--json", cancel={"hetzner/ax162-r#owned": 1})
    assert any("has no such [[owned]]" in remark for remark in found["remarks"])


def test_a_check_tries_each_order_and_places_none(orders: Orders, account: Account) -> None:
    account.products = [a_product("AX102"), a_product("AX162-R")]
    buy = {"hetzner/ax102": 3, "hetzner/ax162-r": 1}
    found = orders("--json", "--check", "--addon", "primary_ipv4", buy=buy, robot=account)
    assert [one["trial"]["is_accepted"] for one in found["buy"]] == [True, True]
    sent = account.http.sent("POST", "/order/server/transaction")
    assert len(sent) == 2
    assert all(b"test=true" in one.body and b"primary_ipv4" in one.body for one in sent)


def test_an_order_that_robot_would_refuse_is_said_and_is_no_failure(orders: Orders, account: Account) -> None:
    account.refuses_orders = True
    found = orders("--check", buy={"hetzner/ax102": 1}, robot=account)
    assert "no: hetzner: POST /order/server/transaction: The order can't be accepted" in found["out"]


def test_a_check_without_credentials_is_bad_usage(orders: Orders) -> None:
    assert "HETZNER_ROBOT_USER" in orders("--check", buy={"hetzner/ax102": 1}, code=2)["err"]


def test_a_robot_that_fails_ends_with_5_and_prints_nothing(orders: Orders, account: Account) -> None:
    account.fault("GET", "/order/server/product", 503, "MAINTENANCE")
    found = orders("--json", buy={"hetzner/ax102": 1}, robot=account, code=5)
    assert found["out"] == ""
    assert found["err"].count("\n") == 1


def test_a_refused_login_ends_with_5_after_one_try(orders: Orders, account: Account, monkeypatch) -> None:
    monkeypatch.setattr("tests.journeys.test_base_orders.PASSWORD", "wrong-password")
    orders("--json", "--check", buy={"hetzner/ax102": 1}, robot=account, code=5)
    assert account.bad_logins == 1


def test_without_changes_robot_is_not_asked(orders: Orders, account: Account) -> None:
    found = orders(keep={"hetzner/ax102#owned": 2}, robot=account)
    assert "Nothing to buy and nothing to cancel; owned and kept: 2 hetzner/ax102." in found["out"]
    assert account.http.requests == []


def test_the_table_names_price_place_and_what_changes(orders: Orders, account: Account) -> None:
    out = orders(buy={"hetzner/ax102": 2}, cancel={"hetzner/ax102#owned": 1}, robot=account)["out"]
    assert "Base orders for the plan of 2026-12-01 to 2026-12-02" in out
    assert "base-322" in out
    assert "USD 645.60 of setup and USD 312.00 a month are added; USD 100.00 a month end" in out
    assert "Nothing was ordered or cancelled" in out


def test_a_plan_that_the_fleet_names_is_taken(orders: Orders, tmp_path: Path, capsys) -> None:
    orders(buy={"hetzner/ax102": 1})
    (tmp_path / "fleet.toml").write_text(FLEET + '\n[autoscale]\nplan = "plan.json"\n')
    assert run(baseload(), ["base", "orders", "-c", "fleet.toml", "-q"]) == 0
    (tmp_path / "fleet.toml").write_text(FLEET)
    assert run(baseload(), ["base", "orders", "-c", "fleet.toml", "-q"]) == 2
    assert "--plan is missing" in capsys.readouterr().err
