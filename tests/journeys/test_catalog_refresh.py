"""`baseload catalog refresh` and `diff`: four clouds' lists from doubles, recorded, planned with, compared."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import botocore.endpoint
import jsonschema
import pytest

from autoscaler.cli import baseload, run
from planner.ledger import InterruptionClass, Origin, SpotFacts, SpotPrice
from planner.report.price_changes import prices_schema_text
from planner.store import open_ledger
from planner.store.address import read_url
from planner.store.check import check
from tests.autoscaler.providers.aws.conftest import SECRET_KEY, Server
from tests.autoscaler.providers.aws.double import ADVISOR, double_of
from tests.autoscaler.providers.hetzner.double import PASSWORD, USER, Account, a_product
from tests.autoscaler.providers.hetzner_cloud.double import TOKEN, Project
from tests.autoscaler.providers.ovh.double import OvhDouble
from tests.autoscaler.providers.ovh.projects import a_catalog, an_addon

FLEET = """
[catalog]
shipped = false
files = ["aws.toml", "ovh.toml", "cloud.toml", "robot.toml"]
usd_per_eur = 1.2
usd_per_eur_date = 2026-11-20
prices = "{prices}"

[[model]]
name = "chat"
profile = "llama-7b-q4"
load_time_s = 60

[providers.aws]
region = "us-east-1"
image_id = "ami-0123456789abcdef0"
endpoint_url = "{aws}"
spot_advisor_url = "{aws}/spot-advisor-data.json"
subnets = {{ us-east-1a = "subnet-0123456789abcdef0" }}

[providers.ovh]
project = "0123456789abcdef0123456789abcdef"
region = "GRA11"
image = "Debian 12"
endpoint = "{ovh}"

[providers.hetzner_cloud]
location = "fsn1"
endpoint_url = "{cloud}"

[providers.hetzner]
endpoint_url = "{robot}"
"""
HEAD = """
provider = "{provider}"
price_date = 2025-10-01
currency = "USD"
net_of_vat = true
source = "made for the test"
{more}
[defaults]
role = "{role}"
billing = "{billing}"
region = "us-east-1"
vcpu = 16
memory_gib = 64
lead_time_s = 60

"""
CATALOGS = {
    "aws.toml": HEAD.format(
        provider="aws",
        role="burst",
        billing="second",
        more='spot_source = "advisor"\nspot_date = 2025-07-01',
    )
    + """
[[offer]]
product = "r7a.4xlarge"
price_usd_hour = 1.00
spot = { savings_ratio = 0.6, interruption_range = "<5%" }
""",
    "ovh.toml": HEAD.format(provider="ovh", role="burst", billing="started_hour", more="")
    + """
[[offer]]
product = "b3-64"
price_usd_hour = 0.4

[[offer]]
product = "b9-9"
price_usd_hour = 0.9
""",
    "cloud.toml": HEAD.format(provider="hetzner-cloud", role="burst", billing="started_hour_capped", more="")
    + """
[[offer]]
product = "ccx43"
price_usd_hour = 0.2
fee_usd_month = 125
also_base = true
""",
    "robot.toml": HEAD.format(provider="hetzner", role="base", billing="month_prorated", more="")
    + """
[[offer]]
product = "ax102"
fee_usd_month = 150
setup_fee_usd = 300
""",
}
Command = Callable[..., SimpleNamespace]


@pytest.fixture
def clouds(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The four clouds, each with prices that are not the catalog's."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    server = Server()
    aws = server.double = double_of(server.moto, monkeypatch)
    aws.advice = {"r7a.4xlarge": "<5%"}
    aws.on_demand = {"r7a.4xlarge": Decimal("1.25")}
    aws.prices = {("r7a.4xlarge", "us-east-1a"): [(datetime(2026, 1, 1, tzinfo=UTC), Decimal("0.5"))]}
    with (
        Account() as account,
        Project() as project,
        OvhDouble(now=lambda: datetime.now(UTC), catalog=a_catalog(an_addon("b3-64.consumption", 40000000))) as ovh,
    ):
        account.products = [a_product("AX102", fee="125.00", setup="260.00", location=["FSN1"])]
        yield SimpleNamespace(aws=aws, server=server, account=account, project=project, ovh=ovh)
        assert (account.http.violations, account.changes, project.http.violations, ovh.violations) == ([], [], [], [])
    aws.mend()
    server.close()


@pytest.fixture
def command(
    clouds: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Runs `baseload` beside the fleet's files, with everybody's credentials."""
    for name, text in CATALOGS.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    secrets = {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "HCLOUD_TOKEN": TOKEN,
        "HETZNER_ROBOT_USER": USER,
        "HETZNER_ROBOT_PASSWORD": PASSWORD,
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("BASELOAD_DATABASE_URL", str(tmp_path / "ledger.sqlite"))

    def made(*words: str, prices: str = "files", code: int = 0) -> SimpleNamespace:
        text = FLEET.format(
            prices=prices,
            aws=clouds.server.url,
            ovh=clouds.ovh.url,
            cloud=clouds.project.http.url,
            robot=clouds.account.http.url,
        )
        (tmp_path / "fleet.toml").write_text(text)
        found = run(baseload(), [*words, "-c", "fleet.toml"])
        said = capsys.readouterr()
        assert found == code, said.err
        assert not [secret for secret in (SECRET_KEY, TOKEN, PASSWORD) if secret in said.out + said.err]
        document = json.loads(said.out) if "--json" in words and said.out else None
        if document is not None and document["schema"] == "baseload.prices/1":
            jsonschema.validate(document, json.loads(prices_schema_text()))
        return SimpleNamespace(out=said.out, err=said.err, document=document)

    return made


def after_of(document: dict) -> dict[str, tuple[str | None, str | None]]:
    """Price of an hour and fee of a month of each offer, now."""
    return {one["offer"]: (one["after"]["price_usd_hour"], one["after"]["fee_usd_month"]) for one in document["offers"]}


def test_every_clouds_list_is_read_and_compared_with_the_catalog(command: Command) -> None:
    found = command("catalog", "refresh", "--json").document
    amounts = {
        offer: tuple(None if text is None else Decimal(text) for text in pair)
        for offer, pair in after_of(found).items()
    }
    assert amounts == {
        "aws/r7a.4xlarge": (Decimal("1.25"), None),
        "aws/r7a.4xlarge/spot": (Decimal("0.5"), None),
        "hetzner-cloud/ccx43": (Decimal("0.24"), Decimal("149.988")),  # 0.2 and 124.99 EUR at 1.2
        "hetzner-cloud/ccx43/month": (Decimal("0.24"), Decimal("149.988")),
        "hetzner/ax102": (Decimal("0.252"), Decimal(150)),  # 125 EUR: as before, and by the hour now
        "ovh/b3-64": (Decimal("0.48"), None),  # 0.4 EUR
    }
    assert found["asked"] == 7  # b9-9 is in no list
    ratios = {one["offer"]: round(one["change_ratio"], 4) for one in found["offers"]}
    assert (ratios["aws/r7a.4xlarge"], ratios["aws/r7a.4xlarge/spot"], ratios["hetzner/ax102"]) == (0.25, 0.25, 0)
    assert {one["offer"]: one["is_available"] for one in found["offers"]}["hetzner-cloud/ccx43"] is True


def test_the_table_says_what_changed_what_did_not_and_where_it_is(command: Command, tmp_path: Path) -> None:
    found = command("catalog", "refresh")
    assert "aws/r7a.4xlarge" in found.out
    assert "+25.0" in found.out
    assert "6 of 7 offers have another price; 0 the same; 1 is in no list that was read." in found.out
    assert "Euros are taken at 1.2 USD of 2026-11-20" in found.out
    assert f"recorded in {tmp_path / 'ledger.sqlite'}, batch 1" in found.err.replace("sqlite:///", "")
    assert 'prices = "ledger"' in found.err
    again = command("catalog", "refresh", prices="ledger")
    assert "0 of 7 offers have another price; 6 the same" in again.out
    assert "plans use" not in again.err


def test_a_dry_run_records_nothing(command: Command, tmp_path: Path) -> None:
    assert "nothing recorded" in command("catalog", "refresh", "--dry-run").err
    assert not (tmp_path / "ledger.sqlite").exists()


def test_plans_use_recorded_prices_where_the_fleet_says_so(command: Command) -> None:
    def prices(which: str) -> dict[str, Decimal]:
        listed = command("catalog", "list", "--json", prices=which).document
        return {one["id"]: Decimal(one["price_usd_hour"] or 0) for one in listed["offers"]}

    command("catalog", "refresh")
    assert prices("files")["ovh/b3-64"] == Decimal("0.4")
    assert prices("ledger")["ovh/b3-64"] == Decimal("0.48")
    assert prices("ledger")["ovh/b9-9"] == Decimal("0.9")  # in no list: as the catalog has it


def test_a_list_that_cannot_be_read_stops_no_other_and_is_exit_code_5(
    command: Command, clouds: SimpleNamespace
) -> None:
    clouds.ovh.broken["GET", "/order/catalog/public/cloud"] = "server error"
    found = command("catalog", "refresh", "--json", code=5)
    assert "ovh/b3-64" not in after_of(found.document)
    assert "hetzner/ax102" in after_of(found.document)
    assert "ovh: GET /order/catalog/public/cloud" in found.err


def test_without_credentials_a_provider_is_passed_over_and_refused_by_name(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HCLOUD_TOKEN"):
        monkeypatch.delenv(name)
    found = command("catalog", "refresh", "--json")
    assert set(after_of(found.document)) == {"ovh/b3-64", "hetzner/ax102"}
    assert "aws: not asked: no credentials" in found.err
    assert "hetzner-cloud: not asked: HCLOUD_TOKEN is not set" in found.err
    refused = command("catalog", "refresh", "--provider", "hetzner-cloud", code=2)
    assert "--provider hetzner-cloud: HCLOUD_TOKEN is not set; expected it" in refused.err
    unknown = command("catalog", "refresh", "--provider", "gcp", code=2)
    assert "--provider gcp: no price list of the fleet's catalog; expected one of aws, hetzner" in unknown.err


def test_a_client_library_that_is_not_installed_is_said_and_stops_no_other(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)  # importing it fails
    found = command("catalog", "refresh", "--json")
    assert set(after_of(found.document)) == {
        "hetzner-cloud/ccx43",
        "hetzner-cloud/ccx43/month",
        "hetzner/ax102",
        "ovh/b3-64",
    }
    assert "aws: not asked: boto3 is not installed; install baseload[aws]" in found.err


def test_one_provider_alone_is_asked_by_its_name(command: Command, clouds: SimpleNamespace) -> None:
    found = command("catalog", "refresh", "--provider", "ovh", "--json").document
    assert set(after_of(found)) == {"ovh/b3-64"}
    assert clouds.aws.counted().total() == 0
    assert clouds.account.http.requests == clouds.project.http.requests == []


def test_what_a_change_does_to_the_plan(command: Command, tmp_path: Path) -> None:
    command("catalog", "refresh")
    rows = [f"2026-12-01T{hour:02}:00:00Z,40,20" for hour in range(24)]
    (tmp_path / "f.csv").write_text("\n".join(["timestamp,input_tokens_per_s,output_tokens_per_s", *rows]) + "\n")
    found = command("catalog", "diff", "-f", "f.csv", "--json").document
    before, after = found["plans"]
    assert len(found["offers"]) == 6
    assert before["base"] == after["base"] == {"hetzner/ax102": 1}
    # A day of December: fee and a twelfth of the setup fee, 150 + 300/12 before, 150 + 312/12 after.
    bills = [float(one["bill_usd"]) for one in (before, after)]
    assert bills == pytest.approx([175 * 24 / 744, 176 * 24 / 744])
    text = command("catalog", "diff", "-f", "f.csv").out
    assert "The plan's bill: USD " in text
    day = found["offers"][0]["after"]["price_date"]
    same = command("catalog", "diff", "--from", day, "--json").document
    assert all(one["change_ratio"] == 0 for one in same["offers"])
    long_ago = command("catalog", "diff", "--from", "2020-01-01", "--to", "2020-01-02", "--json").document
    assert all(one["after"]["price_date"] < "2026" for one in long_ago["offers"])


def test_how_often_spot_is_taken_back_is_recorded_shown_and_planned_with(
    command: Command, clouds: SimpleNamespace
) -> None:
    def share(prices: str) -> float:
        listed = command("catalog", "list", "aws.spot", "--json", prices=prices).document
        return float(listed["offers"][0]["interruptions_per_hour"]) * 730

    clouds.aws.advice = {"r7a.4xlarge": ">20%"}
    found = command("catalog", "refresh")
    assert re.search(r"aws/r7a.4xlarge/spot .* <5% +>20%", found.out)
    assert "1 is taken back more or less often (share of nodes a month)." in found.out
    assert share("files") == pytest.approx(0.025)
    assert share("ledger") == pytest.approx(0.25)
    assert re.search(r"aws/r7a.4xlarge/spot .* >20%", command("catalog", "list", "aws.spot", prices="ledger").out)
    clouds.aws.advice = {"r7a.4xlarge": "10-15%"}
    command("catalog", "refresh", prices="ledger")
    assert share("ledger") == pytest.approx(0.125)
    (spot,) = [one for one in command("catalog", "diff", "--json").document["offers"] if one["offer"].endswith("/spot")]
    sides = [float(spot[side]["interruptions_per_hour"]) * 730 for side in ("before", "after")]
    assert sides == pytest.approx([0.025, 0.125])


def test_plans_take_spot_at_the_mean_of_the_days_before_and_leases_at_the_price_in_force(
    command: Command, clouds: SimpleNamespace, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    clouds.aws.prices = {
        ("r7a.4xlarge", "us-east-1a"): [
            (now - timedelta(days=60), Decimal("0.7")),
            (now - timedelta(days=20), Decimal("0.4")),
        ],
        ("r7a.4xlarge", "us-east-1b"): [(now - timedelta(days=60), Decimal("0.9"))],  # where the fleet has no subnet
    }
    found = command("catalog", "refresh")
    assert re.search(r"aws/r7a.4xlarge/spot +0.4000 +0.5000 +USD an hour .* 30 +0.4000 +0.7000", found.out)
    (listed,) = command("catalog", "list", "aws.spot", "--json", prices="ledger").document["offers"]
    # 10 days at 0.7 and 20 at 0.4
    assert float(listed["price_usd_hour"]) == pytest.approx(0.5, rel=1e-3)
    assert (listed["least_usd_hour"], listed["most_usd_hour"]) == ("0.4", "0.7")
    assert listed["mean_days"] == pytest.approx(30)
    assert "mean of the days before" in command("catalog", "list", "aws.spot", prices="ledger").out
    place = str(tmp_path / "ledger.sqlite")
    with open_ledger(place) as held:
        paid = {one.offer: one.tariff.price_usd_hour for one in held.prices()}
        assert paid["aws/r7a.4xlarge/spot"] == Decimal("0.4")
        kept = held.spot_prices("aws", now - timedelta(days=90))
        assert len(kept) == 3
    command("catalog", "refresh", prices="ledger")
    with open_ledger(place) as held:
        assert held.spot_prices("aws", now - timedelta(days=90)) == kept
    rows = check(read_url(place, source="test")).rows
    assert (rows["ledger_spot_price"], rows["ledger_spot_mean"]) == (3, 2)


def test_days_beyond_those_aws_keeps_are_the_ledgers(
    command: Command, clouds: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("planner.catalog.sources.aws", "autoscaler.cli.prices.spot"):
        monkeypatch.setattr(f"{module}.KEPT_DAYS", 10)
    now = datetime.now(UTC)
    since = now - timedelta(days=60)
    old = SpotPrice(provider="aws", product="r7a.4xlarge", zone="us-east-1a", since=since, usd_hour=Decimal("0.8"))
    with open_ledger(str(tmp_path / "ledger.sqlite"), create=True) as held:
        origin = Origin(source="before", sha256="0" * 64, added_at=now)
        held.add_prices([], origin, spot=SpotFacts(prices=(old,)))
    clouds.aws.prices = {("r7a.4xlarge", "us-east-1a"): [(now - timedelta(days=15), Decimal("0.5"))]}
    command("catalog", "refresh")
    (listed,) = command("catalog", "list", "aws.spot", "--json", prices="ledger").document["offers"]
    # 15 days at 0.8, which AWS no longer tells, and 15 at 0.5
    assert float(listed["price_usd_hour"]) == pytest.approx(0.65, rel=1e-3)


def test_spot_days_are_those_the_fleet_says(command: Command, clouds: SimpleNamespace, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    clouds.aws.prices = {
        ("r7a.4xlarge", "us-east-1a"): [
            (now - timedelta(days=60), Decimal("0.7")),
            (now - timedelta(days=2), Decimal("0.4")),
        ]
    }
    found = command("catalog", "refresh", "--dry-run", "--json", prices='files"\nspot_days = 4\n#').document
    (spot,) = [one for one in found["offers"] if one["offer"].endswith("/spot")]
    # two days at 0.7 and two at 0.4
    assert float(spot["after"]["price_usd_hour"]) == pytest.approx(0.55, rel=1e-3)
    assert spot["after"]["mean_days"] == pytest.approx(4)
    assert not (tmp_path / "ledger.sqlite").exists()
    refused = command("catalog", "list", prices='files"\nspot_days = 0\n#', code=2)
    assert "spot_days must be between 1 and 366, got 0" in refused.err


def test_an_advisor_that_cannot_be_read_stops_no_price_and_leaves_the_class_as_it_was(
    command: Command, clouds: SimpleNamespace
) -> None:
    clouds.aws.break_("server error", ADVISOR)
    found = command("catalog", "refresh", "--provider", "aws", "--json", code=5)
    assert set(after_of(found.document)) == {"aws/r7a.4xlarge", "aws/r7a.4xlarge/spot"}
    assert "aws: GET http" in found.err
    assert "spot-advisor-data.json: HTTPStatusError, no answer" in found.err


def test_a_type_the_advisor_does_not_know_keeps_its_class(command: Command, clouds: SimpleNamespace) -> None:
    clouds.aws.advice = {"m7a.large": ">20%"}
    found = command("catalog", "refresh", "--provider", "aws", "--json").document
    (spot,) = [one for one in found["offers"] if one["offer"].endswith("/spot")]
    assert spot["before"]["interruptions_per_hour"] == spot["after"]["interruptions_per_hour"]


def test_days_the_wrong_way_round_and_a_ledger_without_prices_are_bad_input(command: Command) -> None:
    refused = command("catalog", "diff", "--from", "2026-02-01", "--to", "2026-01-01", code=2)
    assert "--from 2026-02-01 is after --to 2026-01-01; expected it before" in refused.err
    assert "`baseload catalog refresh` records today's" in command("catalog", "diff", code=2).err


def test_a_ledger_that_has_facts_of_spot_alone_is_compared_by_them(command: Command, tmp_path: Path) -> None:
    with open_ledger(str(tmp_path / "ledger.sqlite"), create=True) as held:
        for day, share in ((1, "<5%"), (20, ">20%")):
            said = InterruptionClass(
                offer="aws/r7a.4xlarge/spot", interruption_range=share, said_on=date(2026, 11, day), source="advisor"
            )
            origin = Origin(source="advisor", sha256=f"{day:064}", added_at=datetime(2026, 11, day, tzinfo=UTC))
            held.add_prices([], origin, spot=SpotFacts(interruptions=(said,)))
    found = command("catalog", "diff", "--from", "2026-11-01", "--json").document
    (one,) = found["offers"]
    assert found["asked"] == 1
    # 2.5 and 25 % of nodes in a month of 730 hours
    assert one["before"]["interruptions_per_hour"] * 730 == pytest.approx(0.025)
    assert one["after"]["interruptions_per_hour"] * 730 == pytest.approx(0.25)


def test_prices_of_a_ledger_that_is_not_there_are_refused_and_the_first_refresh_makes_it(command: Command) -> None:
    refused = command("catalog", "list", prices="ledger", code=2)
    assert 'fleet.toml, [catalog] prices = "ledger": no ledger at ' in refused.err
    assert "or its address in BASELOAD_DATABASE_URL" in refused.err
    command("catalog", "refresh", "--provider", "ovh", prices="ledger")
    assert "ovh/b3-64" in command("catalog", "list", prices="ledger").out
