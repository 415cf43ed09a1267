"""The daemon's commands, on a fleet of one model at Hetzner Cloud, measured by Prometheus: both doubles."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from autoscaler.cli import baseload, run
from autoscaler.providers.hetzner_cloud.api import Api
from autoscaler.report.findings import check_schema
from tests.autoscaler.cli.fleets import CLOUD_POOL, a_folder, serving_tok_s
from tests.autoscaler.providers.hetzner_cloud.double import TOKEN, Project
from tests.servers.prometheus_double import PrometheusDouble, prometheus_double

Said = tuple[int, str, str]


@pytest.fixture
def project() -> Iterator[Project]:
    with Project(making_s=0.0, starting_s=0.0) as project:
        project.clock.now = datetime.now(UTC)
        yield project
    assert project.http.violations == []


@pytest.fixture
def metrics() -> Iterator[PrometheusDouble]:
    with prometheus_double() as double:
        double.answer = serving_tok_s(200.0)
        yield double


@pytest.fixture
def fleet(tmp_path: Path, project: Project, metrics: PrometheusDouble, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("BASELOAD_DATABASE_URL", "BASELOAD_PROMETHEUS_TOKEN", "BASELOAD_NODE_KEY", "POD_NAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HCLOUD_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)
    return a_folder(
        tmp_path,
        f"""
[autoscale]
fleet = "blue"
plan = "plan.json"
listen = "127.0.0.1:1"

[metrics]
prometheus_url = "{metrics.url}"

[router]
endpoints_file = "endpoints.json"

[server]
command = {{ m = "serve-m" }}

[providers.hetzner_cloud]
location = "fsn1"
image = "debian-12"
endpoint_url = "{project.http.url}"
""",
    )


@pytest.fixture
def asked(fleet: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    def ask(*arguments: str) -> Said:
        code = run(baseload(), ["autoscale", *arguments, "-c", str(fleet)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return ask


def edited(fleet: Path, old: str, new: str) -> None:
    text = fleet.read_text(encoding="utf-8")
    assert old in text
    fleet.write_text(text.replace(old, new), encoding="utf-8")


# --- check


def test_a_good_configuration_passes_and_touches_nothing(
    asked: Callable[..., Said], project: Project, fleet: Path
) -> None:
    code, out, _ = asked("check")
    assert code == 0, out
    assert "look at, 0 wrong.\n" in out
    assert "hetzner-cloud: token" in out
    assert "metrics of m" in out
    assert project.books == []
    assert not (fleet.parent / "ledger.sqlite").exists()
    assert "the first run makes it" in out


def test_a_check_is_json_too(asked: Callable[..., Said]) -> None:
    code, out, _ = asked("check", "--json")
    document = json.loads(out)
    assert code == 0
    jsonschema.validate(document, check_schema())
    assert {"what": "fleet.toml", "is_ok": True}.items() <= document["findings"][0].items()


def test_a_check_says_old_prices(asked: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planner.cli.clock.today", lambda: date(2030, 1, 1))
    assert "note: old prices: " in asked("check", "--offline")[2]
    monkeypatch.setattr("planner.cli.clock.today", lambda: date(2025, 1, 1))
    assert "old prices" not in asked("check", "--offline")[2]


@pytest.mark.parametrize("arguments", [("once", "--dry-run", "--log", "json"), ("check",)], ids=["once", "check"])
def test_what_a_provider_logs_is_a_line_of_the_log_without_secrets(
    asked: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    call = Api.get

    def telling(self: Api, *given: Any, **more: Any) -> Any:
        logging.getLogger("hcloud").warning("odd answer\nto token %s", TOKEN)
        return call(self, *given, **more)

    monkeypatch.setattr(Api, "get", telling)
    code, _, err = asked(*arguments)
    assert code == 0
    said = [line for line in err.splitlines() if "odd answer" in line]
    assert said
    assert all("odd answer to token ***" in line and "hcloud" in line for line in said)
    assert TOKEN not in err
    if "json" in arguments:
        assert all(json.loads(line)["level"] for line in err.splitlines())


WRONG: dict[str, tuple[str, str, str]] = {
    "a plan that is not there": ('plan = "plan.json"', 'plan = "other.json"', "No such file"),
    "no metrics": ("[metrics]\nprometheus_url", "[report]\ntitle", "[metrics] is missing"),
    "no serving side": ('[router]\nendpoints_file = "endpoints.json"', "", "[cluster] and [router] are missing"),
    "no command": ('command = { m = "serve-m" }', "", "[server] command has none for m"),
    "a lease without a cluster": ('fleet = "blue"', 'fleet = "blue"\nleadership = "cluster"', "expected [cluster] too"),
    "a call as long as the interval": (
        'fleet = "blue"',
        'fleet = "blue"\ninterval_s = 20.0',
        "would take a whole tick",
    ),
    "a floor of a misspelt model": (
        "max_usd_month = 900.0",
        "max_usd_month = 900.0\nmin_nodes = { n = 1 }",
        "[policy.scaling] min_nodes",
    ),
    "the command of a misspelt model": ('{ m = "serve-m" }', '{ m = "serve-m", n = "serve-n" }', "[server] command"),
    "another provider": (
        "[providers.hetzner_cloud]\nlocation",
        "[providers.hetzner]\nbase = {}\n",
        "no pool of the plan that serves it is at a provider that is configured",
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), list(WRONG.values()), ids=list(WRONG))
def test_what_is_wrong_in_the_configuration_is_named_and_neither_check_nor_run_nor_once_goes_on(
    asked: Callable[..., Said], fleet: Path, project: Project, old: str, new: str, said: str
) -> None:
    edited(fleet, old, new)
    if old.startswith("[providers"):  # the whole of the last table
        text = fleet.read_text(encoding="utf-8")
        fleet.write_text(text[: text.index(new) + len(new)], encoding="utf-8")
    code, out, _ = asked("check", "--offline")
    assert code == 2
    assert said in " ".join(out.split())
    for command in ("once", "run"):
        code, out, err = asked(command)
        assert code == 2
        assert out == ""
        assert said in err, err
        assert err.count("\n") == 1
    assert project.books == []
    assert not (fleet.parent / "ledger.sqlite").exists()


def test_a_missing_secret_is_a_wrong_configuration(asked: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HCLOUD_TOKEN")
    code, out, _ = asked("check")
    assert code == 2
    assert "HCLOUD_TOKEN is not set" in out
    code, _, err = asked("once")
    assert code == 2
    assert "HCLOUD_TOKEN is not set" in err


def test_a_token_that_is_refused_is_the_providers_word_and_not_the_configurations(
    asked: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HCLOUD_TOKEN", "some-other-token")
    code, out, _ = asked("check")
    assert code == 5
    assert "some-other-token" not in out


def test_a_prometheus_that_does_not_answer_is_found(asked: Callable[..., Said], fleet: Path, metrics: Any) -> None:
    edited(fleet, metrics.url, "http://127.0.0.1:9")
    code, out, _ = asked("check")
    assert code == 5
    assert "WRONG  Prometheus" in out


def test_sqlite_is_refused_where_several_daemons_share_a_lease_of_the_cluster(
    asked: Callable[..., Said], fleet: Path
) -> None:
    edited(fleet, 'fleet = "blue"', 'fleet = "blue"\nleadership = "cluster"')
    edited(fleet, "[router]", '[cluster]\nkubeconfig = "kubeconfig"\n\n[router]')
    code, out, _ = asked("check", "--offline")
    assert code == 2
    assert "the database is SQLite, of one machine; expected PostgreSQL" in " ".join(out.split())


def test_what_is_open_to_others_or_without_a_cap_is_remarked_on(asked: Callable[..., Said], fleet: Path) -> None:
    edited(fleet, 'listen = "127.0.0.1:1"', 'listen = "0.0.0.0:1"')
    edited(fleet, "max_usd_month = 900.0", "max_nodes = 3")
    code, out, _ = asked("check", "--offline")
    assert code == 0
    assert "look   listen" in out
    assert "look   caps" in out


# --- once


def test_a_dry_run_says_what_it_would_do_and_does_nothing(
    asked: Callable[..., Said], project: Project, fleet: Path
) -> None:
    before = {path.name for path in fleet.parent.iterdir()}
    code, out, err = asked("once", "--dry-run")
    assert code == 0, err
    assert "Dry run: observes, and acts not at all." in out
    assert "dry run: would launch blue-0-" in " ".join(out.split())
    assert project.books == []
    assert {path.name for path in fleet.parent.iterdir()} == before


def test_one_tick_launches_what_the_load_asks_for_and_the_next_one_knows_it(
    asked: Callable[..., Said], project: Project, fleet: Path
) -> None:
    code, out, err = asked("once", "--json")
    assert code == 0, err
    status = json.loads(out)
    launched = [one for one in status["decisions"] if one["action"] == "launch"]
    # 200 and 100 tok/s on nodes of 500 and 50: 0.4 + 2 nodes of work, at 75 % three and a fifth, so four
    assert [(one["pool"], one["result"]) for one in launched] == [(CLOUD_POOL, "done")] * 4
    assert len(project.servers) == 4
    assert "event=launch" in err
    code, out, err = asked("once", "--json")
    assert code == 0, err
    assert len(project.servers) == 4
    assert len(json.loads(out)["leases"]) == 4


def test_what_once_saw_is_kept_for_status(asked: Callable[..., Said]) -> None:
    asked("once")
    code, out, err = asked("status")
    assert code == 0
    assert "no daemon answers at 127.0.0.1:1" in err
    assert "saved in" in out
    assert "launch 4 nodes in hetzner-cloud/cx33: done" in " ".join(out.split())


def test_without_a_daemon_or_a_saved_status_it_is_said_that_nothing_is_known(
    asked: Callable[..., Said], fleet: Path
) -> None:
    code, out, err = asked("status")
    assert code == 5
    assert out == ""
    assert "no status of it is saved" in err
    assert not (fleet.parent / "ledger.sqlite").exists()


def test_beside_a_daemon_that_leads_one_tick_is_refused(asked: Callable[..., Said], fleet: Path) -> None:
    from autoscaler.records import open_records

    with open_records(str(fleet.parent / "ledger.sqlite"), fleet="blue") as records:
        assert records.leadership("another", lease_s=60.0).lead(datetime.now(UTC)) is not None
    code, _, err = asked("once")
    assert code == 5
    assert "another daemon leads; expected --dry-run beside it" in err


# --- what operators ask


def test_wishes_are_kept_with_who_and_why(asked: Callable[..., Said], fleet: Path) -> None:
    from autoscaler.records import open_records

    assert "PAUSED" in asked("pause", "--why", "the provider migrates")[1]
    assert "m at least 2" in asked("floor", "m", "2")[1]
    assert "m at most 5" in asked("ceiling", "m", "5")[1]
    assert "PAUSED" not in asked("resume")[1]
    assert "at least" not in asked("floor", "m", "none")[1]
    code, out, err = asked("ceiling", "m", "none")
    assert "Nothing is asked for by hand" in out
    assert code == 0
    assert "takes it in at its next tick" in err
    with open_records(str(fleet.parent / "ledger.sqlite"), fleet="blue") as records:
        history = records.control_history(10)
    assert len(history) == 6
    assert history[-1].why == "the provider migrates"
    assert "@" in history[-1].by


def test_a_pause_of_scale_in_is_not_a_pause_of_all(asked: Callable[..., Said]) -> None:
    assert "Scale-in is paused" in asked("pause", "--scale-in")[1]
    asked("pause")
    assert "PAUSED" in asked("resume", "--scale-in")[1]
    assert "Nothing is asked for" in asked("resume")[1]


def test_asked_for_again_nothing_is_written(asked: Callable[..., Said], fleet: Path) -> None:
    asked("pause")
    assert "it was so before" in asked("pause")[2]


def test_a_paused_daemon_does_nothing_in_its_tick(asked: Callable[..., Said], project: Project) -> None:
    asked("pause")
    code, out, _ = asked("once")
    assert code == 0
    assert "PAUSED" in out
    assert project.books == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("floor", "x", "2"), "x: no model of"),
        (("floor", "m", "-2"), "'-2': expected a number of nodes, 0 or more, or none"),
        (("ceiling", "m", "-12"), "'-12': expected a number of nodes, 0 or more, or none"),
        (("floor", "m", "-2", "--why", "-3"), "'-2': expected a number of nodes, 0 or more, or none"),
        (("floor", "m", "2", "--whi", "x"), "No such option: --whi"),
        (("floor", "m", "2", "-3"), "'-3': expected a number of nodes, 0 or more, or none"),
        (("ceiling", "m", "many"), "expected a number of nodes, 0 or more, or none"),
    ],
)
def test_a_wish_that_cannot_be_meant_is_refused(
    asked: Callable[..., Said], arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = asked(*arguments)
    assert code == 2
    assert out == ""
    assert said in err


# --- a stranger's first hour


def test_a_check_says_each_wrong_thing_once_and_that_nothing_was_asked(
    asked: Callable[..., Said], fleet: Path, project: Project
) -> None:
    edited(fleet, '[router]\nendpoints_file = "endpoints.json"\n', "")
    code, out, err = asked("check")
    assert code == 2
    assert out.count("[cluster] and [router] are missing") == 1
    assert "note: until the configuration is right: clouds, metrics, cluster and database were not asked" in err
    assert project.http.requests == []
    edited(fleet, 'location = "fsn1"', 'location = "fsn1"\ntoken_file = "nowhere"')
    _, out, _ = asked("check")
    assert out.count("nowhere") == 1


@pytest.mark.parametrize("listen", ["9464", ":9464", "127.0.0.1:70000"])
def test_an_address_to_listen_at_that_is_none_is_named_with_its_file(
    asked: Callable[..., Said], fleet: Path, listen: str
) -> None:
    edited(fleet, 'listen = "127.0.0.1:1"', f'listen = "{listen}"')
    for command in (("check", "--offline"), ("run",), ("status",)):
        code, _, err = asked(*command)
        assert code == 2
        assert f"{fleet}, [autoscale]: listen must be an address and a port, such as 127.0.0.1:9464" in err


def test_a_folder_for_the_endpoints_that_is_not_there_is_found_before_the_first_tick(
    asked: Callable[..., Said], fleet: Path
) -> None:
    edited(fleet, 'endpoints_file = "endpoints.json"', 'endpoints_file = "nowhere/endpoints.json"')
    code, out, _ = asked("check", "--offline")
    assert code == 2
    assert "WRONG  [router] endpoints_file" in out
    assert "nowhere/endpoints.json: cannot be written" in out


def test_a_plan_that_has_not_begun_is_remarked_on(asked: Callable[..., Said], fleet: Path) -> None:
    plan = fleet.parent / "plan.json"
    later = datetime.now(UTC).year + 2
    text = plan.read_text(encoding="utf-8")
    plan.write_text(re.sub(r'"\d{4}-(\d\d-\d\dT)', rf'"{later}-\1', text), encoding="utf-8")
    code, out, err = asked("check", "--offline")
    assert code == 0, out + err
    assert "it has not begun, and its hours would be laid over today's until then" in " ".join(out.split())
    assert "it has not begun, and its hours are laid over today's" in " ".join(asked("once")[1].split())


def test_a_pause_by_a_database_that_no_daemon_has_is_said_to_be_one(asked: Callable[..., Said]) -> None:
    said = "no daemon of fleet blue has led by this database yet"
    assert said in asked("pause")[2]
    asked("once")
    assert said not in asked("resume")[2]


def test_who_looks_on_does_not_say_that_it_leads(asked: Callable[..., Said]) -> None:
    code, out, err = asked("once", "--dry-run")
    assert code == 0
    assert " looks on; tick of" in " ".join(out.split())
    assert "leads" not in out + err


def test_what_answers_at_the_address_and_is_no_daemon_is_not_taken_for_one(
    asked: Callable[..., Said], metrics: PrometheusDouble
) -> None:
    address = metrics.url.removeprefix("http://")
    for url in (address, f"http://{address}", f"http://{address}/status"):
        code, _, err = asked("status", "--url", url)
        assert code == 5
        assert f"what answers at {address} is no daemon (HTTP 501)" in err
    code, _, err = asked("status")
    assert "(Connection refused)" in err
