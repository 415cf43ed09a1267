"""The journey of `baseload months`: a forecast and a fleet in; orders by month on paper and as JSON; its exit code."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from autoscaler.cli import baseload, run

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "months.schema.json").read_text())
CATALOG = """\
provider = "p"
price_date = 2026-10-01
currency = "USD"
net_of_vat = true
source = "made up"

[defaults]
region = "here"
vcpu = 8
memory_gib = 64

[[offer]]
product = "server"
role = "base"
billing = "month_prorated"
fee_usd_month = 40
setup_fee_usd = 30

[[offer]]
product = "cloud"
role = "burst"
billing = "second"
price_usd_hour = 0.10
lead_time_s = 0
"""
PROFILE = """\
name = "plain"
source = "made up"
date = 2026-10-01
basis = "measured"

[[machine]]
server = "p/server"
prefill_tok_s = 100
decode_tok_s = 100
concurrency = 1

[[machine]]
server = "p/cloud"
prefill_tok_s = 100
decode_tok_s = 100
concurrency = 1
"""
FLEET = """\
[[model]]
name = "chat"
profile = "plain"
load_time_s = 0

[catalog]
shipped = false
files = ["catalog.toml"]

[profiles]
files = ["profile.toml"]

[policy]
target_utilization = 1.0
tenure_months = 10
"""
OWNED = """
[[owned]]
offer = "p/server"
count = 3
"""

Months = Callable[..., tuple[str, str]]


@pytest.fixture
def months(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Months:
    """Runs `baseload months` on a week that keeps one node busy; returns what it said on stdout and stderr."""
    (tmp_path / "catalog.toml").write_text(CATALOG)
    (tmp_path / "profile.toml").write_text(PROFILE)
    (tmp_path / "fleet.toml").write_text(FLEET)
    (tmp_path / "owned.toml").write_text(FLEET + OWNED)
    rows = [f"2026-12-{1 + h // 24:02d}T{h % 24:02d}:00Z,0,100" for h in range(168)]
    (tmp_path / "week.csv").write_text("\n".join(["timestamp,input_tokens_per_s,output_tokens_per_s", *rows]) + "\n")

    def ran(*options: str, fleet: str = "fleet.toml", code: int = 0) -> tuple[str, str]:
        given = ["months", "-f", str(tmp_path / "week.csv"), "-c", str(tmp_path / fleet), "--fill", "weekly", *options]
        found = run(baseload(), given)
        said = capsys.readouterr()
        assert found == code, said.err
        return said.out, said.err

    return ran


def document(out: str) -> Any:
    found = json.loads(out)
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    return found


def test_orders_by_month_as_json_add_up(months: Months) -> None:
    found = document(months("--months", "3", "--json")[0])
    assert [one["month"] for one in found["months"]] == ["2026-12", "2027-01", "2027-02"]
    assert [one["buy"] for one in found["months"]] == [{"p/server": 1}, {}, {}]
    assert Decimal(found["setup_left_usd"]) == 21  # 30 USD over ten months: seven are left
    assert Decimal(found["bill_usd"]) == 3 * 40 + 30 - 21
    for one in found["months"]:
        amounts = [value for key, value in one.items() if key.endswith("_usd") and key != "total_usd"]
        assert sum(map(Decimal, amounts)) == Decimal(one["total_usd"])
    assert found["as_it_is_usd"] is None


def test_demand_that_grows_orders_more_when_it_is_there(months: Months) -> None:
    out, err = months("--months", "3", "--growth", "100%", "--json")
    assert [one["base"]["p/server"] for one in document(out)["months"]] == [1, 2, 4]
    assert "demand grows by 100.00% a month on top of the forecast" in err
    assert "its last week is repeated in 2026-12 to 2027-02" in err


def test_a_price_from_a_month_on_is_not_that_of_servers_ordered_before(months: Months) -> None:
    changes = ("--set-from", "2027-01:price.p/server=*2", "--set-from", "2027-02:demand=*2")
    found = document(months("--months", "3", *changes, "--json")[0])
    # A server for February alone costs 40 + 40 in January and February, ordered in December, or 80 ordered later, and
    # burst 67.20 and no setup fee: it is burst.
    assert [one["base"] for one in found["months"]] == [{"p/server": 1}] * 3
    assert [Decimal(one["fees_usd"]) for one in found["months"]] == [40, 40, 40]
    assert Decimal(found["months"][2]["burst_usd"]) == Decimal("67.20")


def test_what_is_owned_is_kept_or_cancelled_and_the_difference_is_told(months: Months) -> None:
    out, _ = months("--months", "2", fleet="owned.toml")
    assert "For 2026-12: buy nothing; cancel 2 p/server#owned; keep 1 p/server#owned." in out
    assert "With the servers owned now and no other it would be 240.00 USD: these orders save 160.00 USD." in out
    out, _ = months("--months", "2", "--min-saving", "81", fleet="owned.toml")
    assert "For 2026-12: buy nothing; cancel nothing; keep 3 p/server#owned." in out
    assert "A change must save 81.00 USD a server; with every change that saves anything: 160.00 less." in out


def test_a_cancellation_takes_its_notice(months: Months) -> None:
    found = document(months("--months", "3", "--notice-months", "1", "--json", fleet="owned.toml")[0])
    assert [one["base"]["p/server#owned"] for one in found["months"]] == [3, 1, 1]
    assert [one["cancel"] for one in found["months"]] == [{}, {"p/server#owned": 2}, {}]


def test_a_month_that_leaves_too_much_unserved_is_said_and_ends_with_3(months: Months) -> None:
    limits = ("--set", "max_count.p/server=1", "--set", "max_count.p/cloud=0", "--growth", "50%")
    _, err = months("--months", "2", *limits, code=3)
    assert "unserved beyond max_unserved_ratio 0.10%: 2027-01 33.33%" in err


def test_the_document_is_written_to_a_file_too(months: Months, tmp_path: Path) -> None:
    out, err = months("--months", "1", "--json", "-o", str(tmp_path / "months.json"))
    assert (tmp_path / "months.json").read_text() == out
    assert "wrote " in err


def test_the_months_are_drawn(months: Months, tmp_path: Path) -> None:
    _, err = months("--months", "2", "--chart", str(tmp_path / "m.svg"))
    drawn = (tmp_path / "m.svg").read_text()
    assert all(word in drawn for word in ("base fees", "setup fees due", "2026-12", "2027-01", "p/server"))
    assert "wrote " in err


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("--chart", "m.pdf"), "m.pdf: a chart is written as .svg or .png"),
        (("--set", "aim=regret"), "months: aim is 'regret'; expected 'expected'"),
        (("--months", "0"), "--months 0: expected 1 to 36"),
        (("--from", "2026-13"), "month is '2026-13'; expected a year and a month"),
        (("--growth", "lots"), "--growth 'lots': expected a part per month"),
        (("--growth", "-100%"), "--growth '-100%': expected a part per month above -100 % and at most 1000 %"),
        (("--growth", "11"), "--growth '11': expected a part per month above -100 % and at most 1000 %"),
        (("--min-saving", "-1"), "--min-saving '-1': expected USD, 0 or more"),
        (("--min-saving", "some"), "--min-saving 'some': expected USD"),
        (("--set-from", "price.p=*2"), "expected MONTH:KEY=VALUE"),
        (("--set-from", "2030-01:price.p=*2"), "not one of the months, 2026-12 to 2027-11"),
        (("--set-from", "2027-01:prise.p=*2"), "--set prise.p=*2"),
    ],
)
def test_what_is_written_wrong_is_named(months: Months, options: tuple[str, ...], what: str) -> None:
    out, err = months(*options, code=2)
    assert what in err
    assert "Traceback" not in err
    assert out == ""
