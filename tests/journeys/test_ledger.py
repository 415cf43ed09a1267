"""`baseload ledger`: whole commands, against a ledger of the test's own."""

import json
from pathlib import Path

import jsonschema
import pytest

from autoscaler.cli import baseload, run
from planner.exchange.plan_file import read_plan
from planner.report.ledger_schema import ledger_schema
from planner.store import open_ledger

LEASES = """id,offer,start,end,model
a,hetzner/ax102,2026-11-01T00:00:00Z,,m
b,ovh/b3-64,2026-11-03T10:00:00Z,2026-11-03T12:30:00Z,m
"""
USAGE = """hour,model,team,customer,input_tokens,output_tokens
2026-11-01T00:00:00Z,m,x,joe,100,50
2026-11-01T00:00:00Z,m,x,ann,10,5
2026-11-02T03:00:00Z,m,y,ann,10,5
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two files, and a ledger yet to be made in it."""
    monkeypatch.setenv("BASELOAD_DATABASE_URL", str(tmp_path / "money" / "ledger.sqlite"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leases.csv").write_text(LEASES)
    (tmp_path / "usage.csv").write_text(USAGE)
    return tmp_path


def ledger(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `baseload ledger …`."""
    code = run(baseload(), ["ledger", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_files_are_taken_and_listed(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, out, err = ledger(capsys, "import", "leases.csv", "usage.csv", "--tag", "team")
    assert code == 0
    assert [line.split()[:3] for line in out.splitlines()[2:]] == [
        ["1", "leases", "leases.csv"],
        ["2", "usage", "usage.csv"],
    ]
    assert "note: hetzner/ax102: priced as in the catalog of" in err
    assert "note: usage.csv: columns not kept: customer; --tag NAME keeps one as a tag" in err
    assert f"note: made the ledger {folder / 'money' / 'ledger.sqlite'}" in err
    _, out, _ = ledger(capsys, "list", "--json")
    document = json.loads(out)
    assert [batch["rows"] for batch in document["batches"]] == [2, 2]
    assert document["months"] == [
        {"month": "2026-11", "leases": 2, "usage_rows": 2, "hours": 720, "gap_hours": 692, "other_costs": 0, "plans": 0}
    ]


def test_one_wrong_file_leaves_nothing_behind(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "wrong.csv").write_text(USAGE.replace(",10,", ",ten,"))
    code, out, err = ledger(capsys, "import", "leases.csv", "wrong.csv", "--tag", "team")
    assert (code, out) == (2, "")
    assert err == ("baseload: wrong.csv, row 3: input_tokens is 'ten'; expected a whole number of tokens, 0 or more\n")
    assert not (folder / "money").exists()


def test_a_file_is_taken_once_and_can_be_taken_back(capsys: pytest.CaptureFixture[str]) -> None:
    ledger(capsys, "import", "usage.csv", "--tag", "team")
    code, _, err = ledger(capsys, "import", "usage.csv", "--tag", "team")
    assert code == 2
    assert "the same text is in the ledger already, as batch 1 (usage.csv," in err
    code, out, err = ledger(capsys, "retract", "1", "--why", "wrong month")
    assert code == 0
    assert "retracted: wrong month" in out
    assert ledger(capsys, "import", "usage.csv", "--tag", "team")[0] == 0


def test_the_same_hours_by_other_tags_would_count_twice(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    ledger(capsys, "import", "usage.csv", "--tag", "team")
    (folder / "again.csv").write_text(USAGE + "\n")
    code, _, err = ledger(capsys, "import", "again.csv")
    assert code == 2
    assert err.startswith(
        "baseload: again.csv: the ledger holds usage of 'm' in the hour 2026-11-01T00:00Z already, from batch 1 "
        "(usage.csv), by team and not by no tag; --add adds to it, `baseload ledger retract 1`"
    )
    (folder / "other.csv").write_text(USAGE.replace(",m,", ",n,"))
    assert ledger(capsys, "import", "other.csv")[0] == 0  # another model is no repetition
    assert ledger(capsys, "import", "again.csv", "--add")[0] == 0


def test_an_absent_ledger_is_no_empty_ledger(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, _, err = ledger(capsys, "list")
    assert code == 2
    assert err.endswith("ledger.sqlite: no ledger there; `baseload ledger import` makes one\n")
    assert not (folder / "money").exists()


def test_one_text_is_taken_once_in_a_call(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "copy.csv").write_text(USAGE)
    code, _, err = ledger(capsys, "import", "usage.csv", "copy.csv")
    assert (code, err) == (2, "baseload: copy.csv: has the same text as usage.csv; expected each file once\n")
    (folder / "semicolons.csv").write_text(USAGE.replace(",", ";"))
    _, _, err = ledger(capsys, "import", "semicolons.csv")
    assert err == "baseload: semicolons.csv: the columns look separated by semicolons; expected commas\n"
    assert not (folder / "money").exists()


def test_a_file_of_no_known_kind_asks_for_the_kind(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "odd.csv").write_text("a,b\n1,2\n")
    code, _, err = ledger(capsys, "import", "odd.csv")
    assert code == 2
    assert "odd.csv: its columns do not tell what it holds; expected --kind, one of leases, usage" in err
    (folder / "void.csv").write_text("\n")
    assert ledger(capsys, "import", "void.csv")[2] == "baseload: void.csv: is empty; expected a header and rows\n"
    (folder / "odd.json").write_text('[{"a": ')
    assert "odd.json: its JSON is neither a plan nor LiteLLM's spend logs" in ledger(capsys, "import", "odd.json")[2]
    assert "--kind usages: unknown; did you mean 'usage'?" in ledger(capsys, "import", "odd.csv", "--kind", "usages")[2]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--covers", "2026-11"), "--covers: none of the files holds usage; expected one"),
        (("--model", "m"), "--model: none of the files takes it; expected usage or OpenCost's costs"),
        (("--model-column", "m"), "--model-column: none of the files takes it; expected usage or OpenCost's costs"),
    ],
)
def test_an_option_no_file_would_use_is_refused(
    capsys: pytest.CaptureFixture[str], folder: Path, options: tuple[str, ...], said: str
) -> None:
    assert ledger(capsys, "import", "leases.csv", *options) == (2, "", f"baseload: {said}\n")
    assert not (folder / "money").exists()


def test_every_document_keeps_to_its_schema(capsys: pytest.CaptureFixture[str]) -> None:
    validator = jsonschema.Draft202012Validator(ledger_schema(), format_checker=jsonschema.FormatChecker())
    for arguments in (
        ("import", "leases.csv", "usage.csv", "--tag", "team"),
        ("list",),
        ("retract", "1", "--why", "test"),
        ("list",),
    ):
        _, out, _ = ledger(capsys, *arguments, "--json")
        validator.validate(json.loads(out))


def test_facts_are_written_as_the_files_that_are_read(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger(capsys, "import", "leases.csv", "usage.csv", "--tag", "team")
    for form in ("leases", "usage"):
        code, _, err = ledger(capsys, "export", "--format", form, "-o", f"out-{form}.csv")
        assert (code, err) == (0, f"note: wrote out-{form}.csv\n")
    assert "tag:team" in (folder / "out-usage.csv").read_text()
    _, before, _ = ledger(capsys, "export", "--format", "usage", "--month", "2026-11")
    monkeypatch.setenv("BASELOAD_DATABASE_URL", str(folder / "second.sqlite"))
    code, _, err = ledger(capsys, "import", "out-leases.csv", "out-usage.csv")
    assert (code, err) == (0, f"note: made the ledger {folder / 'second.sqlite'}\n")
    assert ledger(capsys, "export", "--format", "usage", "--month", "2026-11")[1] == before
    assert ledger(capsys, "export", "--format", "leases")[1] == (folder / "out-leases.csv").read_text()


def test_a_log_can_be_said_to_cover_its_month(capsys: pytest.CaptureFixture[str]) -> None:
    ledger(capsys, "import", "usage.csv", "--covers", "2026-11")
    _, out, _ = ledger(capsys, "list", "--json")
    assert json.loads(out)["months"][0]["gap_hours"] == 0
    code, _, err = ledger(capsys, "import", "usage.csv", "--covers", "2026-10", "--tag", "team")
    assert code == 2
    assert "usage.csv: holds rows from 2026-11-01T00:00Z to 2026-11-02T04:00Z, outside 2026-10-01T00:00Z" in err


def test_costs_of_a_cluster_beside_leases_are_remarked(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "opencost.csv").write_text("Date,Namespace,TotalCost\n2026-11-03,prod,1.5\n")
    ledger(capsys, "import", "leases.csv")
    _, out, err = ledger(capsys, "import", "opencost.csv", "--tag", "team=Namespace")
    assert out.splitlines()[2].split()[:2] == ["2", "costs"]
    assert "the ledger holds leases of these days too" in err


def test_a_plan_is_recorded_with_its_forecast(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "forecast.csv").write_text(
        "timestamp,input_tokens_per_s,output_tokens_per_s\n"
        + "".join(f"2026-12-01T{hour:02}:00:00Z,100,100\n" for hour in range(24))
    )
    code = run(baseload(), ["plan", "-f", "forecast.csv", "--record"])
    _, err = capsys.readouterr()
    assert code == 0
    assert f"note: recorded in {folder / 'money' / 'ledger.sqlite'} as batch 1" in err
    with open_ledger(str(folder / "money" / "ledger.sqlite")) as held:
        plan, remarks = held.plan_of_month("2026-12")
    assert plan is not None
    assert read_plan(plan.document, source="ledger").hours == 24
    assert plan.forecast == (folder / "forecast.csv").read_text()
    assert "no recorded plan covers all of 2026-12" in remarks[0]


def test_a_ledger_that_cannot_be_used_stops_a_plan_before_it_is_made(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "money").mkdir()
    (folder / "money" / "ledger.sqlite").write_text("not a database, whatever its name may be" * 30)
    code = run(baseload(), ["plan", "-f", "absent.csv", "--record"])
    _, err = capsys.readouterr()
    assert code == 2
    assert "is not a SQLite database" in err


def test_the_fleet_says_where_the_ledger_is(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BASELOAD_DATABASE_URL")
    (folder / "fleet").mkdir()
    model = '[[model]]\nname = "m"\nprofile = "llama-7b-q4"\n'
    fleet = folder / "fleet" / "fleet.toml"
    fleet.write_text(model + '[database]\nurl = "own.sqlite"\n')
    assert ledger(capsys, "import", "usage.csv", "-c", "fleet/fleet.toml")[0] == 0
    assert (folder / "fleet" / "own.sqlite").exists()
    (folder / "fleet" / "url").write_text(str(folder / "secret.sqlite") + "\n")
    fleet.write_text(model + '[database]\nurl_file = "url"\n')
    assert ledger(capsys, "import", "usage.csv", "-c", "fleet/fleet.toml")[0] == 0
    assert (folder / "secret.sqlite").exists()
    fleet.write_text(model + '[database]\nurl = "postgresql://me:hunter2@db/money"\n')
    code, _, err = ledger(capsys, "list", "-c", "fleet/fleet.toml")
    assert code == 2
    assert "[database] url holds a password; expected it in BASELOAD_DATABASE_URL" in err.replace(": url", " url")
    assert "hunter2" not in err


def test_of_a_spend_log_nothing_reaches_the_database_but_what_is_named(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "spend.jsonl").write_text(
        '{"request_id": "chatcmpl-REQ", "api_key": "KEYHASH", "user": "USERNAME", "end_user": "CUSTOMER",'
        ' "startTime": "2026-11-01 00:30:00", "model": "m", "prompt_tokens": 7, "completion_tokens": 3,'
        ' "metadata": {"user_api_key_alias": "ALIAS"}, "request_tags": ["app:chat", "mood:HIDDEN"],'
        ' "messages": [{"content": "QUESTION"}], "response": {"content": "ANSWER"}, "team_id": "red"}\n'
    )
    code, _, err = ledger(capsys, "import", "spend.jsonl", "--tag", "team=team_id", "--tag", "app=request_tags.app")
    assert code == 0
    held = b"".join(path.read_bytes() for path in (folder / "money").iterdir())
    assert b'{"app":"chat","team":"red"}' in held
    for word in (b"REQ", b"KEYHASH", b"USERNAME", b"CUSTOMER", b"ALIAS", b"HIDDEN", b"QUESTION", b"ANSWER"):
        assert word not in held
    code, _, err = ledger(capsys, "import", "spend.jsonl", "--tag", "who=user")
    assert code == 2
    assert "--tag who=user: names a key, a person or what was written, which is never kept" in err


def test_what_is_held_already_is_said(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    ledger(capsys, "import", "leases.csv")
    (folder / "more.csv").write_text(LEASES + "c,ovh/b3-64,2026-11-04T10:00:00Z,,m\n")
    _, _, err = ledger(capsys, "import", "more.csv")
    assert "note: more.csv: 2 rows are in the ledger already, just as they are, and were left out" in err


def test_a_price_of_an_offer_no_catalog_has_is_said(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "prices.csv").write_text(
        "offer,billing,fee_usd_month,effective_from\n"
        "hetzner/ax120,month,100,2026-11-01\nhetzner/ax102,month,100,2026-11-01\nmine/cellar,month,5,2026-11-01\n"
    )
    (folder / "fleet.toml").write_text(
        '[[model]]\nname = "m"\nprofile = "llama-7b-q4"\n\n[catalog]\nonly = ["ovh"]\nprices = "ledger"\n'
    )
    code, _, err = ledger(capsys, "import", "prices.csv", "leases.csv", "-c", "fleet.toml")
    assert code == 0, err
    said = "prices.csv: hetzner/ax120 is no offer of the catalog, and its price one of leases alone"
    assert f"note: {said}; did you mean 'hetzner/ax102'?" in err
    assert "note: prices.csv: mine/cellar is no offer of the catalog, and its price one of leases alone\n" in err
    assert "hetzner/ax102 is no offer" not in err  # the fleet does not want it, which is another matter


def test_of_two_prices_of_one_day_the_newest_batch_holds_and_one_file_has_one(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    head, row = "offer,billing,fee_usd_month,effective_from\n", "hetzner/ax102,month,{},2026-11-01\n"
    for name, fee in (("a.csv", 200), ("b.csv", 150)):
        (folder / name).write_text(head + row.format(fee))
        assert ledger(capsys, "import", name)[0] == 0
        with open_ledger(str(folder / "money" / "ledger.sqlite")) as held:
            assert [one.tariff.fee_usd_month for one in held.prices()] == [fee]
    (folder / "c.csv").write_text(head + row.format(1) + row.format(2))
    code, _, err = ledger(capsys, "import", "c.csv")
    assert code == 2
    assert "c.csv, row 3" in err
