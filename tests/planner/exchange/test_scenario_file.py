"""Profit scenarios and claims as TOML: what is read, and what is refused with its place."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from planner.economics.profit import ProfitScenario
from planner.errors import InputError
from planner.exchange.claims import check_claims, read_claims
from planner.exchange.scenario_file import read_scenarios

HEAD = '[[scenario]]\nname = "a"\nprice_usd_mtok = 0.3\n'
TRAFFIC = "traffic = { mtok_month = 500 }\n"
SERVER = 'server = [{ name = "s", usd_month = 154, tok_s = 300 }]\n'


def read(text: str) -> tuple[ProfitScenario, ...]:
    def series(name: str) -> Sequence[float]:
        assert name == "f.csv"
        return [100.0, 300.0]

    return read_scenarios(text, source="s.toml", read_series=series)[0]


def test_fleet_traffic_price_and_costs_are_read() -> None:
    (one,) = read(
        HEAD
        + TRAFFIC
        + 'server = [{ name = "s", count = 2, usd_hour = 0.2, tok_s = 300 }]\nutilization = 0.8\n'
        + 'burst = [{ name = "b", usd_hour = 0.16, tok_s = 150 }]\ncost = [{ what = "tools", usd_month = 20 }]\n'
    )
    assert one.owned_tok_s == 600
    assert one.standing_usd == 308  # 2 x 0.2 x 720 + 20
    assert (one.utilization, one.bursts[0].budget_usd_month) == (Decimal("0.8"), 0)


def test_traffic_may_be_a_forecast() -> None:
    (one,) = read(HEAD + 'traffic = { forecast = "f.csv" }\n' + SERVER)
    assert (one.traffic.mean_tok_s, one.traffic.peak_to_mean) == (200, Decimal("1.5"))


WRONG = [
    ("", "s.toml: no [[scenario]]", "empty"),
    ("a = [", "s.toml: not readable as TOML", "no TOML"),
    ("[[scenrio]]\n", "s.toml: unknown key 'scenrio'; did you mean 'scenario'?", "misspelt table"),
    (HEAD + TRAFFIC, "[[scenario]] 'a': no server and no burst", "serves nothing"),
    (HEAD + SERVER, "[[scenario]] 'a', traffic: missing", "no traffic"),
    (HEAD + "traffic = {}\n" + SERVER, "expected exactly one of mtok_month and forecast", "empty traffic"),
    (HEAD + "traffic = { mtok_month = 0 }\n" + SERVER, "traffic, mtok_month is 0; expected a number above 0", "none"),
    (
        HEAD + "traffic = { mtok_month = 1e999990 }\n" + SERVER,
        "mtok_month is 1E+999990; expected a number betw",
        "huge",
    ),
    (HEAD + "traffic = { mtok_month = 5, peak_to_mean = 0.5 }\n" + SERVER, "peak_to_mean is 0.5; expected 1", "peak"),
    (
        HEAD + 'traffic = { forecast = "f.csv", peak_to_mean = 2 }\n' + SERVER,
        "peak_to_mean is the forecast's own",
        "two peaks",
    ),
    (
        HEAD + TRAFFIC + 'server = [{ name = "s", tok_s = 3 }]',
        "server 1: expected exactly one of usd_month",
        "no price",
    ),
    (HEAD + TRAFFIC + 'server = [{ name = "s", usd_month = 1 }]', "server 1, tok_s: missing", "no rate"),
    (HEAD + TRAFFIC + "server = [{ usd_month = 1, tok_s = 3 }]", "server 1, name is None", "no name"),
    (
        HEAD + TRAFFIC + 'server = [{ name = "s", usd_month = 1, tok_s = 3, count = 1.5 }]',
        "server 1, count is Decimal('1.5'); expected a whole number",
        "half a server",
    ),
    (HEAD + TRAFFIC + SERVER + "burst = 3\n", "burst: expected tables with two brackets", "burst is a number"),
    (HEAD + TRAFFIC + SERVER + "utilization = 7\n", "utilization is 7; expected a ratio", "percent"),
    (HEAD + TRAFFIC + SERVER + HEAD + TRAFFIC + SERVER, "'a': stands there twice", "a name twice"),
    (HEAD.replace("0.3", "-1") + TRAFFIC + SERVER, "price_usd_mtok is -1; expected 0 or more", "negative price"),
    (HEAD + TRAFFIC + SERVER + 'cost = [{ what = "x" }]', "cost 1, usd_month: missing", "cost without amount"),
    (HEAD + TRAFFIC + SERVER + "[claim]\nof = 3\n", "claim: expected tables headed [[claim]]", "one bracket"),
    (HEAD + TRAFFIC + SERVER + "[[claim]]\nof = 'a'\n", "[[claim]] number 1, claimed is None", "claims nothing"),
    (HEAD + TRAFFIC + SERVER + "[[claim]]\nof = 'a'\nclaim = 3\n", "unknown key 'claim'; did you mean", "claim key"),
    (HEAD + TRAFFIC + SERVER + "[[claim]]\nof = 'a'\nclaimed = [2, 1]\n", "a range that rises", "range falls"),
]


@pytest.mark.parametrize(("text", "said"), [case[:2] for case in WRONG], ids=[case[2] for case in WRONG])
def test_a_wrong_file_is_one_line(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text)
    assert said in str(caught.value)
    assert str(caught.value).startswith("s.toml")
    assert "\n" not in str(caught.value)


DOCUMENT = {"rows": [{"name": "x / y", "cost": "1.5"}, {"price": 0.7, "cost": 2, "ok": True}], "none": None}


@pytest.mark.parametrize(
    ("of", "computed"),
    [("rows / #1 / cost", "1.5"), ("rows / 0.70 / cost", "2"), ("rows / #2 / ok", None), ("none", None)],
)
def test_a_path_goes_by_keys_first_values_and_places(of: str, computed: str | None) -> None:
    claims = read_claims(f'[[claim]]\nof = "{of}"\nclaimed = 1\n', source="c.toml")
    (found,) = check_claims(claims, DOCUMENT, "c.toml")
    assert found.computed == (None if computed is None else Decimal(computed))


@pytest.mark.parametrize(
    ("of", "said"),
    [
        ("row / #1", "nothing at 'row'; did you mean 'rows'?"),
        ("rows / #3", "nothing at '#3'"),
        ("none / a", "nothing at 'a'; it ends before"),
    ],
)
def test_a_path_that_leads_nowhere_says_what_there_is(of: str, said: str) -> None:
    claims = read_claims(f'[[claim]]\nof = "{of}"\nclaimed = 1\n', source="c.toml")
    with pytest.raises(InputError) as caught:
        check_claims(claims, DOCUMENT, "c.toml")
    assert said in str(caught.value)
