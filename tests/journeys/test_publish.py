"""`baseload publish litellm`: prices of a plan in a file and at a proxy, read back, and charged."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
import yaml

from autoscaler.cli import baseload, run
from planner.report.published import published_schema
from planner.report.published_log import log_schema
from planner.store import open_ledger
from tests.servers.litellm_double import KEY, LiteLlmDouble, litellm_double

FLEET = """
[[model]]
name = "llama-7b-q4"
profile = "llama-7b-q4"
load_time_s = 60
max_concurrency = {most}

[publish]
{publish}
"""
NEW = '[[publish.model]]\nmodel = "llama-7b-q4"\napi_base = "http://10.0.0.5:8000/v1"\n'


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("publish")
    (folder / "fleet.toml").write_text(FLEET.format(publish="", most=8))
    rows = "".join(f"2026-12-01T{hour:02}:00Z,60,{20 + hour}\n" for hour in range(24))
    (folder / "forecast.csv").write_text("timestamp,input_tokens_per_s,output_tokens_per_s\n" + rows)
    command = ["plan", "-f", folder / "forecast.csv", "-c", folder / "fleet.toml", "-o", folder / "plan.json", "-q"]
    assert run(baseload(), [str(one) for one in command]) == 0
    return folder / "plan.json"


@pytest.fixture(autouse=True)
def _ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASELOAD_DATABASE_URL", f"sqlite:///{tmp_path}/ledger.sqlite")


def publish(
    capsys: pytest.CaptureFixture[str], folder: Path, plan: Path, settings: str, *arguments: object
) -> tuple[int, str, str]:
    fleet = folder / "fleet.toml"
    fleet.write_text(FLEET.format(publish=settings, most=8))
    capsys.readouterr()
    code = run(baseload(), ["publish", "litellm", "--plan", str(plan), "-c", str(fleet), *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def costs(entry: dict[str, object]) -> tuple[object, object]:
    params = entry["litellm_params"]
    assert isinstance(params, dict)
    return params["input_cost_per_token"], params["output_cost_per_token"]


def test_a_file_gets_the_plans_cost_and_a_second_run_keeps_it(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = f'config_file = "litellm.yaml"\n{NEW}'
    code, out, _ = publish(capsys, tmp_path, plan, settings, "--dry-run", "--json")
    document = json.loads(out)
    jsonschema.validate(document, published_schema())
    assert code == 0
    assert not (tmp_path / "litellm.yaml").exists()
    code, out, _ = publish(capsys, tmp_path, plan, settings)
    assert code == 0
    assert "created" in out
    (entry,) = yaml.safe_load((tmp_path / "litellm.yaml").read_text())["model_list"]
    (model,) = document["models"]
    assert [Decimal(str(one)) for one in costs(entry)] == [
        Decimal(model["input_cost_per_token"]),
        Decimal(model["output_cost_per_token"]),
    ]
    # input and output together earn the plan's bill: that is what the cost policy means
    bill = json.loads(plan.read_text())
    seconds = 3600
    tokens = sum(60 * seconds for _ in range(24)), sum((20 + hour) * seconds for hour in range(24))
    earned = Decimal(model["input_cost_per_token"]) * tokens[0] + Decimal(model["output_cost_per_token"]) * tokens[1]
    assert earned == pytest.approx(Decimal(bill["bill_usd"]), rel=Decimal("0.001"))
    before = (tmp_path / "litellm.yaml").read_bytes()
    code, out, _ = publish(capsys, tmp_path, plan, settings)
    assert "kept" in out
    assert (tmp_path / "litellm.yaml").read_bytes() == before


def test_policies_price_apart(tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def output_price(policy: str, more: str = "") -> Decimal:
        settings = f'config_file = "litellm.yaml"\n{NEW}policy = "{policy}"\n{more}'
        code, out, err = publish(capsys, tmp_path, plan, settings, "--dry-run", "--json")
        assert code == 0, err
        return Decimal(json.loads(out)["models"][0]["output_cost_per_token"])

    cost = output_price("cost")
    assert output_price("single-stream") > cost  # one request at a time uses a node worse
    market = output_price("market")
    assert market not in (cost, output_price("single-stream"))
    assert output_price("market", 'base_model = "org/model-70b"\n') > market


def proxy_settings(double: LiteLlmDouble) -> str:
    return f'url = "{double.url}"\n{NEW}'


def test_a_proxy_is_told_asked_again_and_tried(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITELLM_MASTER_KEY", KEY)
    with litellm_double() as double:
        code, out, _ = publish(capsys, tmp_path, plan, proxy_settings(double), "--json")
        document = json.loads(out)
        jsonschema.validate(document, published_schema())
        assert code == 0
        assert double.told == [("/model/new", "llama-7b-q4")]
        (probe,) = document["probes"]
        (model,) = document["models"]
        low, high = (Decimal(model[f"{kind}_cost_per_token"]) for kind in ("input", "output"))
        assert Decimal(probe["expected_usd"]) == 18 * low + 8 * high
        assert probe["alarm"] is None
        # half the price: an update, shown only at the second asking
        params = double.models["llama-7b-q4"]["litellm_params"]
        params |= {cost: params[cost] / 2 for cost in ("input_cost_per_token", "output_cost_per_token")}
        double.lag = 2
        code, out, _ = publish(capsys, tmp_path, plan, proxy_settings(double))
        assert code == 0
        assert double.told[-1] == ("/model/update", "llama-7b-q4")
        assert "updated" in out
        assert KEY not in out


@pytest.mark.parametrize(
    ("charges", "said"), [(0.0, "it was charged nothing"), (0.5, "it was charged USD 0.5, our price comes to")]
)
def test_a_wrong_charge_is_an_alarm(
    charges: float,
    said: str,
    tmp_path: Path,
    plan: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LITELLM_MASTER_KEY", KEY)
    with litellm_double() as double:
        double.charges = charges
        code, out, err = publish(capsys, tmp_path, plan, proxy_settings(double))
        assert code == 5
        assert said in err
        assert "Probe of llama-7b-q4: 18 tokens in, 8 out, charged" in out
        assert publish(capsys, tmp_path, plan, proxy_settings(double), "--no-probe")[0] == 0


def test_a_dry_run_tells_the_proxy_nothing(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITELLM_MASTER_KEY", KEY)
    with litellm_double() as double:
        code, out, _ = publish(capsys, tmp_path, plan, proxy_settings(double), "--dry-run")
        assert (code, double.told) == (0, [])
    assert "Would be published at http://127.0.0.1:" in out
    assert "+  - model_name: llama-7b-q4" in out
    assert "+      input_cost_per_token: 0.0000" in out


def test_a_dry_runs_diff_of_a_proxy_has_only_what_moves(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITELLM_MASTER_KEY", KEY)
    with litellm_double() as double:
        assert publish(capsys, tmp_path, plan, proxy_settings(double))[0] == 0
        entry = double.models["llama-7b-q4"]
        entry["litellm_params"] |= {"input_cost_per_token": 5e-07, "aws_secret_access_key": "planted-secret"}
        _, out, _ = publish(capsys, tmp_path, plan, proxy_settings(double), "--dry-run")
    removed = [line.split() for line in out.splitlines() if line.startswith("-") and not line.startswith("---")]
    moved = [line for line in removed if line[1] != "baseload_effective_at:"]  # it has moved where a second has passed
    assert moved == [["-", "input_cost_per_token:", "0.0000005"]]
    assert "planted-secret" not in out


TWO_NODES = """model_list:
  - model_name: llama-7b-q4   # the first node, never priced
    litellm_params: {model: openai/q4, api_base: "http://10.0.0.5:8000/v1"}
  - model_name: other
    litellm_params: {model: openai/gpt-4o, input_cost_per_token: 0.0000025}
  - model_name: llama-7b-q4   # the second
    litellm_params:
      model: openai/q4
      api_base: http://10.0.0.6:8000/v1
      input_cost_per_token: 0.0000001
      output_cost_per_token: 0.0000002
"""


def test_a_dry_runs_diff_of_a_file_has_every_entry_of_a_name_at_one_price(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held = tmp_path / "litellm.yaml"
    held.write_text(TWO_NODES)
    settings = f'config_file = "litellm.yaml"\n{NEW}'
    code, out, _ = publish(capsys, tmp_path, plan, settings, "--dry-run")
    assert (code, held.read_text()) == (0, TWO_NODES)
    shown = [line for line in out.splitlines() if line[:1] in ("-", "+") and line[:3] not in ("---", "+++")]
    code, _, _ = publish(capsys, tmp_path, plan, settings)
    assert code == 0
    written = held.read_text()

    # the diff is the one between the file before and after, whenever it was made
    def lines(text: str, sign: str) -> list[str]:
        return [f"{sign}{line}" for line in text.splitlines()]

    undated = [line for line in shown if "effective_at" not in line]
    assert [line for line in undated if line.startswith("+")] == [
        line for line in lines(written, "+") if line[1:] not in TWO_NODES.splitlines() and "effective_at" not in line
    ]
    assert [line for line in undated if line.startswith("-")] == [
        line for line in lines(TWO_NODES, "-") if line[1:] not in written.splitlines()
    ]
    assert not any("gpt-4o" in line for line in shown)
    first, other, second = yaml.safe_load(written)["model_list"]
    assert costs(first) == costs(second) != (0.0000001, 0.0000002)
    low, high = costs(second)
    for price, kind in ((low, "input"), (high, "output")):
        priced = f"{kind}_cost_per_token: {Decimal(repr(price)):f}"
        assert sum(line.count(priced) for line in shown if line.startswith("+")) >= 2
    assert first["litellm_params"]["api_base"] == "http://10.0.0.5:8000/v1"
    assert other["litellm_params"] == {"model": "openai/gpt-4o", "input_cost_per_token": 0.0000025}


def test_what_was_told_is_kept_though_the_proxy_does_not_show_it(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITELLM_MASTER_KEY", KEY)
    monkeypatch.setattr("planner.publish.proxy.READ_BACK_S", 0.1)
    with litellm_double() as double:
        double.loses_changes = True
        code, out, err = publish(capsys, tmp_path, plan, proxy_settings(double))
    assert code == 5
    assert "does not list it 0.1 s after it was told" in err
    assert "recorded in " in err
    assert "created" in out
    now = datetime.now(UTC)
    with open_ledger(f"sqlite:///{tmp_path}/ledger.sqlite") as held:
        assert len(held.published(now - timedelta(hours=1), now + timedelta(hours=1))) == 1


def test_a_proxy_that_refuses_or_forgets_is_exit_code_5(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("planner.publish.proxy.READ_BACK_S", 0.1)
    monkeypatch.setenv("LITELLM_MASTER_KEY", "sk-other")
    with litellm_double() as double:
        code, _, err = publish(capsys, tmp_path, plan, proxy_settings(double))
        assert (code, "its master key is not accepted" in err, "sk-other" in err) == (5, True, False)
        monkeypatch.setenv("LITELLM_MASTER_KEY", KEY)
        double.has_database = False
        code, _, err = publish(capsys, tmp_path, plan, proxy_settings(double))
        assert (code, "it has no database; expected one, or config_file" in err) == (5, True)
        double.has_database, double.loses_changes = True, True
        code, _, err = publish(capsys, tmp_path, plan, proxy_settings(double))
        assert (code, "does not list it 0.1 s after it was told" in err) == (5, True)


def test_a_file_is_reloaded_where_it_changed_and_its_proxy_asked(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITELLM_MASTER_KEY", KEY)
    settings = f'config_file = "litellm.yaml"\nreload_command = ["touch", "{tmp_path}/reloaded"]\n{NEW}'
    assert publish(capsys, tmp_path, plan, settings)[0] == 0
    assert (tmp_path / "reloaded").exists()
    (tmp_path / "reloaded").unlink()
    (entry,) = yaml.safe_load((tmp_path / "litellm.yaml").read_text())["model_list"]
    with litellm_double() as double:
        double.models["llama-7b-q4"] = entry
        code, out, _ = publish(capsys, tmp_path, plan, f'url = "{double.url}"\n{settings}')
        assert code == 0
        assert "Probe of llama-7b-q4" in out
    assert not (tmp_path / "reloaded").exists()
    failing = settings.replace('["touch", ', '["false", ').replace("litellm.yaml", "new.yaml")
    code, _, err = publish(capsys, tmp_path, plan, failing)
    assert (code, "reload_command false: ended with 1" in err) == (5, True)
    assert "recorded in " in err  # the file is changed: whoever reads it next charges it


def test_a_reload_that_failed_is_owed_until_it_worked(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = f'config_file = "litellm.yaml"\nreload_command = ["{{}}", "{tmp_path}/reloaded"]\n{NEW}'
    unread = tmp_path / "litellm.yaml.unread"
    code, _, err = publish(capsys, tmp_path, plan, settings.format("no-such-program"))
    assert (code, "cannot be run (No such file or directory)" in err) == (5, True)
    code, out, err = publish(capsys, tmp_path, plan, settings.format("rmdir"))  # nothing there to remove
    assert (code, "kept" in out, "ended with 1" in err, unread.exists()) == (5, True, True, True)
    code, out, err = publish(capsys, tmp_path, plan, settings.format("touch"), "--dry-run")
    assert (code, unread.exists(), (tmp_path / "reloaded").exists()) == (0, True, False)
    assert "litellm.yaml: changed before, and not read by the proxy yet" in " ".join(err.split())
    code, out, err = publish(capsys, tmp_path, plan, settings.format("touch"))
    assert (code, "kept" in out, (tmp_path / "reloaded").exists(), unread.exists()) == (0, True, True, False)
    assert "changed, and not read back: there is no url in [publish]" in " ".join(err.split())
    (tmp_path / "reloaded").unlink()
    code, _, err = publish(capsys, tmp_path, plan, settings.format("touch"))
    assert (code, (tmp_path / "reloaded").exists(), "not read back" in err) == (0, False, False)


def test_nothing_is_written_without_the_key_that_asks_for_it(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LITELLM_MASTER_KEY", raising=False)
    where = 'config_file = "litellm.yaml"\nurl = "http://127.0.0.1:9"'
    settings = f'{where}\nreload_command = ["touch", "{tmp_path}/reloaded"]\n{NEW}'
    code, out, err = publish(capsys, tmp_path, plan, settings)
    assert (code, out, "LITELLM_MASTER_KEY is not set" in err) == (2, "", True)
    assert not list(tmp_path.glob("litellm*"))
    assert not (tmp_path / "reloaded").exists()


def test_a_file_that_is_made_or_read_by_nobody_is_said(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = (
        f'config_file = "litelm.yaml"\nurl = "http://127.0.0.1:9"\n{NEW}'  # no key is asked for: nor is the proxy
    )
    code, out, err = publish(capsys, tmp_path, plan, settings, "--json")
    made, unread = json.loads(out)["notes"]
    assert code == 0
    assert made == f"{tmp_path}/litelm.yaml: was not there, and was made"
    assert unread == f"{tmp_path}/litelm.yaml: changed, and not read back: there is no reload_command in [publish]"
    assert "was not there, and was made" in err


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("", "no gateway: expected --config-file or --url, or one of them in [publish]"),
        ('config_file = "c.yaml"', "expected api_base in [[publish.model]]"),
        ('url = "http://127.0.0.1:9"', "LITELLM_MASTER_KEY is not set"),
        (
            'config_file = "c.yaml"\n[[publish.model]]\nmodel = "lama"',
            "'lama': no such model; expected one of llama-7b-q4",
        ),
        ('url = "ftp://x"', "url must begin with http"),
        ('config_file = "c.yaml"\npolicy = "cost"', "policy"),
    ],
)
def test_wrong_settings_are_said_in_a_line(
    settings: str,
    said: str,
    tmp_path: Path,
    plan: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LITELLM_MASTER_KEY", raising=False)
    code, out, err = publish(capsys, tmp_path, plan, settings)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_check_says_why_a_price_should_be_reviewed_and_changes_nothing(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = f'config_file = "litellm.yaml"\n{NEW}'
    _, out, _ = publish(capsys, tmp_path, plan, settings, "--check")
    assert "llama-7b-q4: not published yet." in out
    assert publish(capsys, tmp_path, plan, settings)[0] == 0
    written = (tmp_path / "litellm.yaml").read_text()
    _, out, _ = publish(capsys, tmp_path, plan, settings, "--check")
    assert "price: no change; instance type: no change; throughput: no change; spot: no change." in out
    document = json.loads(plan.read_text())
    for terms in document["offers"].values():
        for key in {"fee_usd_horizon", "rate_usd_hour", "price_usd_hour"} & terms.keys():
            terms[key] = terms[key] and str(2 * Decimal(terms[key]))
    dearer = tmp_path / "dearer.json"
    dearer.write_text(json.dumps(document))
    code, out, _ = publish(capsys, tmp_path, dearer, settings, "--check", "--json")
    jsonschema.validate(json.loads(out), published_schema())
    reasons = json.loads(out)["models"][0]["reasons"]
    assert code == 0
    assert " → " in reasons.pop("price")
    assert reasons == {"instance type": None, "throughput": None, "spot": None}
    assert (tmp_path / "litellm.yaml").read_text() == written
    hand = written.replace("baseload_made_of", "notes")
    (tmp_path / "litellm.yaml").write_text(hand)
    assert "it was announced, or set by hand" in publish(capsys, tmp_path, plan, settings, "--check")[1]


def test_what_was_published_is_kept_and_the_months_report_shows_it(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = f'config_file = "litellm.yaml"\n{NEW}'
    assert publish(capsys, tmp_path, plan, settings, "--dry-run")[0] == 0
    assert not (tmp_path / "ledger.sqlite").exists()
    _, out, err = publish(capsys, tmp_path, plan, settings, "--json")
    assert "recorded in " in err
    assert "recorded" not in publish(capsys, tmp_path, plan, settings)[2]  # the price is kept: nothing new
    (model,) = json.loads(out)["models"]
    now = datetime.now(UTC)
    address = f"sqlite:///{tmp_path}/ledger.sqlite"
    with open_ledger(address) as held:
        (price,) = held.published(now - timedelta(hours=1), now + timedelta(hours=1))
        assert held.published(now - timedelta(hours=2), now - timedelta(hours=1)) == ()
    assert (price.name, price.policy) == ("llama-7b-q4", "cost")
    assert f"{price.input_usd_token:f}" == model["input_cost_per_token"]

    month = f"{now:%Y-%m}"
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    leases = tmp_path / "leases.csv"
    leases.write_text(
        "id,offer,start,end,billing,price_usd_hour,model\n"
        f"a,ovh/b3-64,{start:%Y-%m-%dT%H:%MZ},{start + timedelta(hours=1):%Y-%m-%dT%H:%MZ},"
        "started_hour,0.4,llama-7b-q4\n"
    )
    assert run(baseload(), ["ledger", "import", str(leases)]) == 0, capsys.readouterr().err
    report = ["report", "--month", month, "-c", str(tmp_path / "fleet.toml"), "--format", "md", "-o", str(tmp_path)]
    assert run(baseload(), report) == 0, capsys.readouterr().err
    (written,) = tmp_path.glob("*.md")
    text = written.read_text()
    low = Decimal(model["input_cost_per_token"]) * 1_000_000
    assert "Published prices" in text
    assert "published price of llama-7b-q4" in text
    assert f"USD {low:.4f} input" in text


def usage_of_the_last_days(folder: Path, hours: int = 48) -> None:
    """A node at 0.40 an hour that takes 360,000 tokens in and makes as many in each hour up to now; in the ledger."""
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    start = end - timedelta(hours=hours)
    (folder / "leases.csv").write_text(
        "id,offer,start,end,billing,price_usd_hour,model\n"
        f"a,ovh/b3-64,{start:%Y-%m-%dT%H:%MZ},{end:%Y-%m-%dT%H:%MZ},started_hour,0.4,llama-7b-q4\n"
    )
    rows = [f"{start + timedelta(hours=hour):%Y-%m-%dT%H:%MZ},llama-7b-q4,360000,360000" for hour in range(hours)]
    (folder / "usage.csv").write_text("\n".join(["hour,model,input_tokens,output_tokens", *rows]) + "\n")
    for name in ("leases.csv", "usage.csv"):
        assert run(baseload(), ["ledger", "import", str(folder / name)]) == 0


def publish_from_ledger(
    capsys: pytest.CaptureFixture[str], folder: Path, settings: str, *arguments: object
) -> tuple[int, str, str]:
    fleet = folder / "fleet.toml"
    fleet.write_text(FLEET.format(publish=settings, most=8))
    capsys.readouterr()
    code = run(baseload(), ["publish", "litellm", "-c", str(fleet), *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_last_days_make_the_price(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage_of_the_last_days(tmp_path)
    settings = f'config_file = "litellm.yaml"\n{NEW}'
    code, out, err = publish_from_ledger(capsys, tmp_path, settings, "--trailing-days", 1, "--dry-run", "--json")
    assert code == 0, err
    (model,) = json.loads(out)["models"]
    low, high = (Decimal(model[f"{kind}_cost_per_token"]) for kind in ("input", "output"))
    # whatever input and output weigh, an hour's 0.40 is what an hour's tokens earn
    assert 360_000 * (low + high) == pytest.approx(Decimal("0.4"), rel=Decimal("0.0001"))
    assert "llama-7b-q4 on ovh/b3-64 (USD 0.4000/h); cost price of " in model["description"]
    assert " UTC, " in model["description"]
    month = f"{datetime.now(UTC) - timedelta(hours=24):%Y-%m}"
    code, out, err = publish_from_ledger(capsys, tmp_path, settings, "--month", month, "--dry-run")
    assert code == 0, err
    assert f"cost price of month {month}" in " ".join(out.split())


def test_a_price_is_made_of_one_thing(tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = f'config_file = "litellm.yaml"\n{NEW}'
    for more in ((), ("--plan", plan, "--month", "2026-11"), ("--month", "2026-11", "--trailing-days", 7)):
        code, out, err = publish_from_ledger(capsys, tmp_path, settings, *more)
        assert (code, out) == (2, "")
        assert "expected one of --plan, --month and --trailing-days" in err
    code, _, err = publish_from_ledger(capsys, tmp_path, settings, "--trailing-days", 7)
    assert code == 2
    assert "no ledger there" in err or "no usage of it was measured" in err


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr("planner.cli.clock.now", lambda: moment)


def doubled(plan: Path, folder: Path) -> Path:
    """The same plan at twice every amount."""
    document = json.loads(plan.read_text())
    for terms in (document["cost"], *document["offers"].values(), document["cost_usd_mtok"]):
        for key, value in terms.items():
            if isinstance(value, str) and value.replace(".", "").isdigit():
                terms[key] = str(2 * Decimal(value))
    document["bill_usd"] = str(2 * Decimal(document["bill_usd"]))
    for lease in document["leases"]:
        lease["charge_usd"] = str(2 * Decimal(lease["charge_usd"]))
    (folder / "dearer.json").write_text(json.dumps(document))
    return folder / "dearer.json"


def test_a_price_moves_by_half_in_a_half_life_and_the_log_says_why(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = f'config_file = "litellm.yaml"\nhalf_life_days = 7\n{NEW}'
    first = datetime(2026, 12, 1, tzinfo=UTC)
    at(monkeypatch, first)
    assert publish(capsys, tmp_path, plan, settings)[0] == 0
    (entry,) = yaml.safe_load((tmp_path / "litellm.yaml").read_text())["model_list"]
    assert entry["model_info"]["baseload_effective_at"] == "2026-12-01T00:00:00Z"
    dearer = doubled(plan, tmp_path)
    at(monkeypatch, first + timedelta(days=7))
    code, out, err = publish(capsys, tmp_path, dearer, settings, "--json")
    assert code == 0, err
    jsonschema.validate(json.loads(out), published_schema())
    (model,) = json.loads(out)["models"]
    ratio = Decimal(model["output_cost_per_token"]) / Decimal(model["output_cost_per_token_before"])
    assert float(ratio) == pytest.approx(1.5, abs=1e-4)
    assert model["towards"]["weight_ratio"] == 0.5

    code, out, _ = _said(capsys, "publish", "log", "--json")
    jsonschema.validate(json.loads(out), log_schema())
    rows = json.loads(out)["prices"]
    assert [one["state"] for one in rows] == ["told", "told"]
    assert [one["moved_ratio"] for one in rows] == [None, pytest.approx(0.5, abs=1e-4)]
    assert rows[0]["why"] == "first price"
    assert rows[1]["why"].startswith("price: ")
    code, out, _ = _said(capsys, "publish", "log", "--name", "llama-7b-q4")
    assert (code, "+50.0" in out or "50.0" in out) == (0, True)
    code, out, err = _said(capsys, "publish", "log", "--name", "lama")
    assert (code, out) == (2, "")
    assert "nothing of this name was published; expected one of llama-7b-q4" in err


def test_a_step_after_a_long_calm_is_followed_no_faster_for_it(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = f'config_file = "litellm.yaml"\nhalf_life_days = 7\n{NEW}'
    first = datetime(2026, 12, 1, tzinfo=UTC)
    for day in (0, 14, 27):  # the same plan: reviewed, and kept
        at(monkeypatch, first + timedelta(days=day))
        assert publish(capsys, tmp_path, plan, settings)[0] == 0
    at(monkeypatch, first + timedelta(days=28))
    code, out, err = publish(capsys, tmp_path, doubled(plan, tmp_path), settings, "--json")
    assert code == 0, err
    (model,) = json.loads(out)["models"]
    assert model["towards"]["weight_ratio"] == pytest.approx(
        1 - 0.5 ** (1 / 7), abs=1e-6
    )  # a day's, and not four weeks'
    _, out, _ = _said(capsys, "publish", "log", "--json")
    assert len(json.loads(out)["prices"]) == 2  # reviews told nothing
    now = first + timedelta(days=29)
    with open_ledger(f"sqlite:///{tmp_path}/ledger.sqlite") as held:
        assert len(held.published(first, now)) == 2
        assert len(held.reviews(held.all_published()[0].gateway)) == 1


def test_steps_too_small_to_be_told_add_up(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = f'config_file = "litellm.yaml"\nhalf_life_days = 70\n{NEW}'
    first = datetime(2026, 12, 1, tzinfo=UTC)
    at(monkeypatch, first)
    assert publish(capsys, tmp_path, plan, settings)[0] == 0
    dearer = doubled(plan, tmp_path)
    kinds = []
    for day in range(1, 9):
        at(monkeypatch, first + timedelta(days=day))
        _, out, _ = publish(capsys, tmp_path, dearer, settings, "--json")
        kinds.append(json.loads(out)["models"][0]["became"])
    # 1 % a day: told once 1 - 0.5^(days/70) reaches 5 %, which is after six days (5.77 %; 4.83 % after five)
    assert kinds == ["kept"] * 5 + ["updated"] + ["kept"] * 2


def _said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run(baseload(), list(arguments))
    found = capsys.readouterr()
    return code, found.out, found.err


def test_a_price_is_announced_and_holds_from_its_day_as_it_was_announced(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = f'config_file = "litellm.yaml"\n{NEW}'
    option = ("--effective-from", "2026-12-10")
    at(monkeypatch, datetime(2026, 12, 1, tzinfo=UTC))
    assert publish(capsys, tmp_path, plan, settings)[0] == 0
    before = (tmp_path / "litellm.yaml").read_text()
    dearer = doubled(plan, tmp_path)
    code, out, err = publish(capsys, tmp_path, dearer, settings, *option)
    assert code == 0, err
    assert "To be charged from 2026-12-10 00:00 UTC at " in out
    assert "announced in " in err
    assert (tmp_path / "litellm.yaml").read_text() == before
    at(monkeypatch, datetime(2026, 12, 2, tzinfo=UTC))
    assert "nothing to announce" in publish(capsys, tmp_path, dearer, settings, *option)[2]  # it stands already

    at(monkeypatch, datetime(2026, 12, 10, 6, tzinfo=UTC))
    code, out, err = publish(capsys, tmp_path, plan, settings, *option, "--json")  # the plan is cheaper by now
    assert code == 0, err
    (model,) = json.loads(out)["models"]
    assert Decimal(model["output_cost_per_token"]) == 2 * Decimal(model["output_cost_per_token_before"])
    _, out, _ = _said(capsys, "publish", "log", "--json")
    assert [(one["state"], one["effective_at"]) for one in json.loads(out)["prices"]] == [
        ("told", "2026-12-01T00:00:00Z"),
        ("overtaken", "2026-12-10T00:00:00Z"),
        ("told", "2026-12-10T06:00:00Z"),
    ]
    at(monkeypatch, datetime(2026, 12, 11, tzinfo=UTC))
    assert "updated" in publish(capsys, tmp_path, plan, settings, *option)[1]  # told once; now the plan's price again
    code, out, err = publish(capsys, tmp_path, plan, settings, "--effective-from", "soon")
    assert (code, "expected a day or a moment" in err) == (2, True)
    code, out, err = publish(capsys, tmp_path, plan, settings, "--effective-from", "2027-01-01", "--no-record")
    assert (code, "what is announced is kept in the ledger" in err) == (2, True)


def test_an_announced_price_is_told_though_it_is_near_to_what_stands_by_then(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Customers were told it; the ledger may say told only of what the gateway has."""
    option = ("--effective-from", "2026-12-10")
    settings = f'config_file = "litellm.yaml"\n{NEW}'
    loose = f'config_file = "litellm.yaml"\nmin_change_ratio = 3\n{NEW}'
    at(monkeypatch, datetime(2026, 12, 1, tzinfo=UTC))
    assert publish(capsys, tmp_path, plan, settings)[0] == 0
    assert publish(capsys, tmp_path, doubled(plan, tmp_path), settings, *option)[0] == 0
    at(monkeypatch, datetime(2026, 12, 10, tzinfo=UTC))
    monkeypatch.chdir(tmp_path.parent)  # a timer's folder: the same file all the same
    code, out, err = publish(capsys, tmp_path, plan, loose, *option, "--json")
    assert code == 0, err
    (model,) = json.loads(out)["models"]
    (entry,) = yaml.safe_load((tmp_path / "litellm.yaml").read_text())["model_list"]
    assert model["became"] == "updated"
    _, out, _ = _said(capsys, "publish", "log", "--json")
    told = json.loads(out)["prices"][-1]
    assert (told["state"], told["moved_ratio"], told["why"][:14]) == ("told", 1.0, "as announced: ")
    assert Decimal(told["output_cost_per_token"]) == Decimal(str(costs(entry)[1]))
    _, out, _ = publish(capsys, tmp_path, plan, settings, "--check")
    assert "what its price was made of is not known: it was announced" in out


def test_an_announcement_is_replaced_also_by_what_is_charged_today(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    option = ("--effective-from", "2026-12-10")
    settings = f'config_file = "litellm.yaml"\n{NEW}'
    at(monkeypatch, datetime(2026, 12, 1, tzinfo=UTC))
    assert publish(capsys, tmp_path, plan, settings)[0] == 0
    before = (tmp_path / "litellm.yaml").read_text()
    assert publish(capsys, tmp_path, doubled(plan, tmp_path), settings, *option)[0] == 0
    assert "announced in " in publish(capsys, tmp_path, plan, settings, *option)[2]
    at(monkeypatch, datetime(2026, 12, 10, tzinfo=UTC))
    assert publish(capsys, tmp_path, doubled(plan, tmp_path), settings, *option)[0] == 0
    assert costs(yaml.safe_load((tmp_path / "litellm.yaml").read_text())["model_list"][0]) == costs(
        yaml.safe_load(before)["model_list"][0]
    )


def test_a_day_that_nothing_was_announced_for_is_refused(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = f'config_file = "litellm.yaml"\n{NEW}'
    at(monkeypatch, datetime(2026, 12, 1, tzinfo=UTC))
    code, out, err = publish(capsys, tmp_path, plan, settings, "--effective-from", "2025-12-10")
    assert (code, out) == (2, "")
    assert "nothing was announced for it at " in err
    assert not (tmp_path / "litellm.yaml").exists()


def test_an_announced_price_has_come_as_far_as_it_will_have_by_its_day(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = f'config_file = "litellm.yaml"\nhalf_life_days = 7\n{NEW}'
    at(monkeypatch, datetime(2026, 12, 1, tzinfo=UTC))
    assert publish(capsys, tmp_path, plan, settings)[0] == 0
    option = ("--effective-from", "2026-12-08", "--json")
    code, out, err = publish(capsys, tmp_path, doubled(plan, tmp_path), settings, *option)
    assert code == 0, err
    (model,) = json.loads(out)["models"]
    assert model["towards"]["weight_ratio"] == 0.5
    assert json.loads(out)["announced_for"] == "2026-12-08T00:00:00Z"


def test_an_announced_model_of_which_no_price_is_made_any_more_is_said(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    option = ("--effective-from", "2026-12-10")
    at(monkeypatch, datetime(2026, 12, 1, tzinfo=UTC))
    named = f'config_file = "litellm.yaml"\n{NEW}name = "old-name"\n'
    assert publish(capsys, tmp_path, plan, named, *option)[0] == 0
    at(monkeypatch, datetime(2026, 12, 10, tzinfo=UTC))
    code, _, err = publish(capsys, tmp_path, plan, f'config_file = "litellm.yaml"\n{NEW}', *option)
    said = " ".join(err.split())
    assert code == 0
    assert "old-name: announced for 2026-12-10T00:00Z and not told, for no price is made of it any more" in said


def test_the_table_shows_of_a_price_that_is_kept_what_is_charged(
    tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = f'config_file = "litellm.yaml"\nmin_change_ratio = 3\n{NEW}'
    publish(capsys, tmp_path, plan, settings)
    _, out, _ = publish(capsys, tmp_path, doubled(plan, tmp_path), settings)
    (row,) = (line.split() for line in out.splitlines() if line.startswith("llama-7b-q4 "))
    assert (row[1], row[3], row[-1]) == (row[2], row[4], "kept")


def test_a_bound_holds_the_price(tmp_path: Path, plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = f'config_file = "litellm.yaml"\n{NEW}max_usd_mtok = 0.1\n'
    code, out, err = publish(capsys, tmp_path, plan, settings, "--json")
    assert code == 0, err
    (model,) = json.loads(out)["models"]
    tokens = 60 * 24, sum(20 + hour for hour in range(24))
    paid = sum(
        count * Decimal(model[f"{kind}_cost_per_token"])
        for count, kind in zip(tokens, ("input", "output"), strict=True)
    )
    assert float(paid / sum(tokens)) == pytest.approx(0.1e-6, rel=1e-4)
    assert model["bound"] == "max_usd_mtok"
    assert model["description"].endswith("; held at max_usd_mtok 0.1")
    _, out, _ = _said(capsys, "publish", "log", "--json")
    assert [one["why"] for one in json.loads(out)["prices"]] == ["first price; held at max_usd_mtok"]
