"""`baseload catalog refresh --spare-cores`: one database in place of every provider's list, and its throughput."""

import bz2
import json
import lzma
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest

from autoscaler.cli import baseload, run
from planner.report.price_changes import prices_schema_text
from tests.planner.exchange.spare_cores.made import MODEL, dump, price, rows, score, write

FLEET = """
[catalog]
shipped = false
files = ["aws.toml", "ovh.toml", "cloud.toml"]
usd_per_eur = 1.2
usd_per_eur_date = 2026-11-20
prices = "{prices}"
{profiles}
[[model]]
name = "chat"
profile = "{profile}"
load_time_s = 60
input_tokens = 128
output_tokens = 128
"""
HEAD = """
provider = "{provider}"
price_date = 2025-10-01
currency = "USD"
net_of_vat = true
source = "made for the test"
{more}
[defaults]
role = "burst"
billing = "{billing}"
region = "{region}"
vcpu = 16
memory_gib = 64
lead_time_s = 60

"""
SPOT = 'spot_source = "advisor"\nspot_date = 2025-07-01'
CATALOGS = {
    "aws.toml": HEAD.format(provider="aws", billing="second", region="us-east-1", more=SPOT)
    + """
[[offer]]
product = "r7a.4xlarge"
price_usd_hour = 1.00
spot = { savings_ratio = 0.5, interruption_range = "<5%" }
""",
    "ovh.toml": HEAD.format(provider="ovh", billing="started_hour", region="GRA11", more="")
    + """
[[offer]]
product = "b3-64"
price_usd_hour = 0.6
""",
    "cloud.toml": HEAD.format(provider="hetzner-cloud", billing="started_hour_capped", region="EU", more="")
    + """
[[offer]]
product = "ccx43"
price_usd_hour = 0.2
fee_usd_month = 125
also_base = true
""",
}
Command = Callable[..., SimpleNamespace]


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs `baseload` beside the fleet's files and the database sc.db, with nobody's credentials."""
    for name, text in CATALOGS.items():
        (tmp_path / name).write_text(text)
    write(tmp_path / "sc.db")
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HCLOUD_TOKEN", "HETZNER_ROBOT_USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BASELOAD_DATABASE_URL", str(tmp_path / "ledger.sqlite"))

    def made(
        *words: str, prices: str = "files", profile: str = "llama-7b-q4", profiles: str = "", code: int = 0
    ) -> SimpleNamespace:
        (tmp_path / "fleet.toml").write_text(FLEET.format(prices=prices, profile=profile, profiles=profiles))
        found = run(baseload(), [*words, "-c", "fleet.toml"])
        said = capsys.readouterr()
        assert found == code, said.err
        assert "Traceback" not in said.err
        document = json.loads(said.out) if "--json" in words and said.out else None
        if document is not None and document["schema"] == "baseload.prices/1":
            jsonschema.validate(document, json.loads(prices_schema_text()))
        return SimpleNamespace(out=said.out, err=" ".join(said.err.split()), document=document)

    return made


def test_one_database_has_the_prices_of_every_provider(command: Command) -> None:
    found = command("catalog", "refresh", "--spare-cores", "sc.db", "--json")
    after = {one["offer"]: Decimal(one["after"]["price_usd_hour"]) for one in found.document["offers"]}
    assert after == {
        "aws/r7a.4xlarge": Decimal("1.25"),
        "aws/r7a.4xlarge/spot": Decimal("0.6"),  # the dearest of two zones
        "hetzner-cloud/ccx43": Decimal("0.3"),  # 0.25 EUR at 1.2, of fsn1
        "ovh/b3-64": Decimal("0.6"),  # 0.5 EUR
    }
    assert found.document["asked"] == 5  # ccx43/month too, whose fee is not in the database
    assert {one["after"]["source"] for one in found.document["offers"]} == {"Spare Cores, CC BY-SA 4.0"}
    assert {one["after"]["price_date"] for one in found.document["offers"]} == {"2026-11-20"}
    assert "server_price: 7 rows read, 6 used; not used: 1 of other regions or zones" in found.err
    assert "the database has no monthly caps: those of hetzner-cloud/ccx43 stay as they were" in found.err
    assert "Spare Cores (https://sparecores.com) published is under CC BY-SA 4.0" in found.err


def test_what_was_read_is_recorded_and_planned_with_and_read_again_changes_nothing(command: Command) -> None:
    first = command("catalog", "refresh", "--spare-cores", "sc.db")
    assert "3 of 5 offers have another price; 1 the same; 1 is in no list that was read." in first.out
    assert "batch 1" in first.err
    listed = command("catalog", "list", "--json", prices="ledger").document["offers"]
    assert {one["id"]: one["price_usd_hour"] for one in listed}["aws/r7a.4xlarge/spot"] == "0.6"
    again = command("catalog", "refresh", "--spare-cores", "sc.db", prices="ledger")
    assert "0 of 5 offers have another price; 4 the same" in again.out


def test_an_older_database_changes_nothing_of_a_newer_one(command: Command, tmp_path: Path) -> None:
    command("catalog", "refresh", "--spare-cores", "sc.db")
    held = rows()
    for row in held["server_price"]:
        row.update(price=9.0, observed_at="2026-11-19 08:00:00.000000")
    write(tmp_path / "old.db", held)
    found = command("catalog", "refresh", "--spare-cores", "old.db")
    assert "0 of 5 offers have another price; 0 the same; 5 are in no list that was read." in found.out
    assert "server_price: 7 rows read, 0 used; not used: 6 older than the price there is" in found.err


def test_one_provider_alone_and_a_dry_run(command: Command, tmp_path: Path) -> None:
    words = ("catalog", "refresh", "--spare-cores", "sc.db", "--provider", "ovh", "--dry-run")
    found = command(*words, "--json")
    assert [one["offer"] for one in found.document["offers"]] == ["ovh/b3-64"]
    assert "6 of other vendors" in found.err
    assert not (tmp_path / "ledger.sqlite").exists()


@pytest.mark.parametrize("name", ["sc.db.bz2", "sc.db.xz", "sc.sql.xz", "sc.sql"])
def test_every_published_form_says_the_same(command: Command, tmp_path: Path, name: str) -> None:
    whole = tmp_path / "sc.db"
    content = dump(whole).encode() if ".sql" in name else whole.read_bytes()
    packs: dict[str, Callable[[bytes], bytes]] = {".bz2": bz2.compress, ".xz": lzma.compress}
    (tmp_path / name).write_bytes(packs.get(Path(name).suffix, bytes)(content))
    found = command("catalog", "refresh", "--spare-cores", name, "--json", "--dry-run").document
    assert (
        found["offers"]
        == command("catalog", "refresh", "--spare-cores", "sc.db", "--json", "--dry-run").document["offers"]
    )


def test_the_database_is_downloaded_from_a_url(command: Command, tmp_path: Path) -> None:
    body = lzma.compress(dump(tmp_path / "sc.db").encode())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/sc-data-all.sql.xz" else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        host = f"http://127.0.0.1:{server.server_address[1]}"
        found = command("catalog", "refresh", "--spare-cores", f"{host}/sc-data-all.sql.xz", "--json")
        assert len(found.document["offers"]) == 4
        busy = command("catalog", "refresh", "--spare-cores", f"{host}/busy?key=secret", code=5)
        assert f"spare cores: GET {host}/busy: 503 Service Unavailable" in busy.err
        assert "secret" not in busy.err
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_throughput_becomes_a_profile_that_is_shown_and_planned_with(command: Command, tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    words = ("catalog", "refresh", "--spare-cores", "sc.db", "--dry-run", "--profiles-out", "profiles")
    found = command(*words)
    assert "benchmark_score of llama-bench: 4 rows read, 4 used" in found.err
    assert "wrote profiles/tiny-7b.Q4_K_M.toml, 2 machines: name it in [profiles]" in found.err
    text = (tmp_path / "profiles/tiny-7b.Q4_K_M.toml").read_text()
    assert text.startswith(
        "# Adapted from the database of Spare Cores (https://sparecores.com), licensed under CC BY-SA 4.0"
    )

    own = {"profile": "tiny-7b.Q4_K_M", "profiles": '[profiles]\nfiles = ["profiles/tiny-7b.Q4_K_M.toml"]\n'}
    shown = command("profile", "show", "--json", **own).document
    rated = {one["offer"]: one for one in shown["offers"]}
    assert rated["ovh/b3-64"]["prefill_tok_s"] == 80
    r7a = rated["aws/r7a.4xlarge"]
    assert (r7a["basis"], r7a["source_date"]) == ("measured", "2026-11-20")
    assert r7a["source"] == "Spare Cores, llama-bench, CC BY-SA 4.0"
    unfit = {one["offer"]: one["reason"] for one in shown["unfit"]}
    assert "no measured rate of tiny-7b.Q4_K_M on ccx43" in unfit["hetzner-cloud/ccx43"]

    hours = [f"2026-12-01T{hour:02}:00:00Z,40,20" for hour in range(24)]
    (tmp_path / "f.csv").write_text("\n".join(["timestamp,input_tokens_per_s,output_tokens_per_s", *hours]) + "\n")
    plan = command("plan", "-f", "f.csv", "--json", **own).document
    assert Decimal(plan["bill_usd"]) > 0


def test_a_models_name_cannot_lead_a_profile_out_of_its_folder(command: Command, tmp_path: Path) -> None:
    held = rows()
    evil = json.dumps({"model": "../../evil", "tokens": 128})
    held["benchmark_score"] += [
        score("aws", "r7a.4xlarge", "prompt_processing", 128, 100.0, config=evil),
        score("aws", "r7a.4xlarge", "text_generation", 128, 20.0, config=evil),
    ]
    write(tmp_path / "evil.db", held)
    (tmp_path / "profiles").mkdir()
    command("catalog", "refresh", "--spare-cores", "evil.db", "--profiles-out", "profiles", "--dry-run")
    assert sorted(path.name for path in (tmp_path / "profiles").iterdir()) == ["-.-..-evil.toml", "tiny-7b.Q4_K_M.toml"]


def test_measurements_of_other_servers_make_no_profile(command: Command, tmp_path: Path) -> None:
    held = rows()
    held["benchmark_score"] = [score("aws", "g6.xlarge", "text_generation", 128, 20.0)]
    write(tmp_path / "other.db", held)
    found = command("catalog", "refresh", "--spare-cores", "other.db", "--profiles-out", ".", "--dry-run")
    assert "no profile written to .: no server of the catalog was measured" in found.err
    assert list(tmp_path.glob(f"{MODEL[:4]}*")) == []


def broken(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as made:
        made.executescript(script)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--spare-cores", "none.db"), "none.db: no such file"),
        (
            ("--spare-cores", "ftp://ann:secret@example.org/sc.db"),
            "baseload: ftp://example.org/sc.db: is no address that is read; expected a file, http:// or https://",
        ),
        (("--spare-cores", "fleet.toml"), "fleet.toml: is something else; expected a SQLite database or its SQL dump"),
        (
            ("--spare-cores", "no-table.db"),
            "no-table.db: has no table server_price; expected Spare Cores' database with",
        ),
        (
            ("--spare-cores", "no-column.db"),
            "no-column.db: table server_price has no column currency; expected vendor_id",
        ),
        (
            ("--spare-cores", "evil.sql"),
            "evil.sql, statement 1: \"ATTACH DATABASE 'x.db' AS x;\"; expected only CREATE",
        ),
        (
            ("--spare-cores", "sc.db", "--provider", "gcp"),
            "--provider gcp: the fleet's catalog has none; expected one of aws",
        ),
        (
            ("--spare-cores", "sc.db", "--profiles-out", "none"),
            "--profiles-out none: is no folder; expected one that exists",
        ),
        (("--profiles-out", "."), "--profiles-out: only Spare Cores' database has throughput; expected --spare-cores"),
    ],
)
def test_wrong_input_is_one_line_and_records_nothing(
    command: Command, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    broken(write(tmp_path / "no-table.db"), "DROP TABLE server_price")
    broken(write(tmp_path / "no-column.db"), "ALTER TABLE server_price DROP COLUMN currency")
    (tmp_path / "evil.sql").write_text("--\nATTACH DATABASE 'x.db' AS x;\n")
    found = command("catalog", "refresh", *words, code=2)
    assert said in found.err
    assert found.out == ""
    assert not (tmp_path / "ledger.sqlite").exists()
    assert not (tmp_path / "x.db").exists()


def test_a_currency_without_a_rate_is_said_and_not_taken(command: Command, tmp_path: Path) -> None:
    held = rows()
    held["server_price"] = [price("ovh", "GRA11", "gra11-a", "b3-64", 0.5, currency="CHF")]
    write(tmp_path / "francs.db", held)
    found = command("catalog", "refresh", "--spare-cores", "francs.db")
    assert "ovh/b3-64: is quoted in CHF, and no rate to USD is known; not taken" in found.err
