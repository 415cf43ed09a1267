"""The loop closed on one machine: a model server measured, a profile fitted, a fleet planned, its price published and
charged. The demo prints it (`make demo-measured`), the test judges it.

Real are llama.cpp's server, on a random model of 8 MB, and LiteLLM's proxy; every step between them is a command of
ours. The machine is called hetzner/ax102, for a price is needed and this one's has none.
"""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import httpx

from autoscaler.cli import baseload, run
from planner.bench.llama import llama_server
from tests.servers.llama_server import write_model
from tests.servers.real_litellm import KEY, real_litellm

FLEET = """[profiles]
files = ["tiny.toml"]

[[model]]
name = "tiny"
profile = "tiny"
input_tokens = 128
output_tokens = 64
load_time_s = 30

[publish]
config_file = "litellm.yaml"

[[publish.model]]
model = "tiny"
served_model = "random"
api_base = "{api_base}"
"""
LEASES = """id,offer,start,end,billing,price_usd_hour,model
a,hetzner/ax102,{hour:%Y-%m-%dT%H:00Z},,started_hour,0.187,tiny
"""
USAGE = """hour,model,input_tokens,output_tokens
{hour:%Y-%m-%dT%H:00Z},tiny,{read},{written}
"""
MIXES = ("64:32", "256:32", "64:128")


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """What came of it."""

    fit: dict[str, Any]
    plan: dict[str, Any]
    published: dict[str, Any]
    probed: dict[str, Any]
    """What the second publishing was told by the running proxy."""
    usage: dict[str, int]
    """Tokens of somebody's chat request."""
    charged_usd: Decimal
    """What LiteLLM charged for it."""
    report: str
    """The month's, in Markdown."""
    month: dict[str, Any]
    """The same as JSON."""


def close_the_loop(folder: Path, *, window_s: float, repeats: int, show: Callable[[str], None]) -> Charged:
    """Runs every step in the folder, its ledger there too; `show` gets each command and what it prints."""
    before = {name: os.environ.get(name) for name in ("BASELOAD_DATABASE_URL", "LITELLM_MASTER_KEY")}
    os.environ["BASELOAD_DATABASE_URL"] = f"sqlite:///{(folder / 'ledger.sqlite').resolve()}"
    os.environ["LITELLM_MASTER_KEY"] = KEY
    try:
        return _closed(folder, window_s=window_s, repeats=repeats, show=show)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _closed(folder: Path, *, window_s: float, repeats: int, show: Callable[[str], None]) -> Charged:

    def command(*arguments: str) -> str:
        show(f"\n$ baseload {' '.join(arguments)}")
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run(baseload(), [_in(folder, one) for one in arguments])
        show(out.getvalue().rstrip())
        assert code == 0, err.getvalue()
        return out.getvalue()

    write_model(folder / "random.gguf")
    show("A llama.cpp server on a random model of 8 MB is measured, on one thread:")
    command(
        *("bench", "--model", "random.gguf", "--threads", "1", "--machine", "hetzner/ax102"),
        *(part for mix in MIXES for part in ("--lengths", mix)),
        *("--batch-sizes", "1,4,8", "--duration", f"{window_s:g}", "--warm-up", "0.3", "--repeats", str(repeats)),
        *("-o", "bench.json"),
    )
    show("\nThe profile that follows, and what each mix is foretold by the others:")
    command("profile", "fit", "bench.json", "--name", "tiny", "-o", "tiny.toml")
    fit = json.loads(command_json(folder, "profile", "fit", "bench.json", "--name", "tiny"))
    with llama_server(folder / "random.gguf", slots=4, context_tokens=512, threads=1) as url:
        (folder / "fleet.toml").write_text(FLEET.format(api_base=url))
        (folder / "forecast.csv").write_text(_forecast())
        show("\nThe cheapest fleet of such machines for a day:")
        command("plan", "-f", "forecast.csv", "-c", "fleet.toml", "--only", "hetzner/ax102", "-o", "plan.json")
        show("\nIts price, into LiteLLM's config.yaml:")
        command("publish", "litellm", "--plan", "plan.json", "-c", "fleet.toml")
        published = yaml_of(folder / "litellm.yaml")
        show("\nLiteLLM starts on that file (20 s or more), shows the price, and charges it:")
        with real_litellm(folder / "litellm.yaml") as proxy:
            asked = ("publish", "litellm", "--plan", "plan.json", "-c", "fleet.toml", "--url", proxy.url)
            command(*asked)
            probed = json.loads(command_json(folder, *asked))
            hour = datetime.now(UTC)
            usage, charged = _chat(proxy.url)
    show(
        f"\nSomebody's chat request through it: {usage['prompt_tokens']} tokens in, {usage['completion_tokens']} out, "
        f"charged USD {charged:f}."
    )
    report, month = _month(folder, usage, hour, show, command)
    shown = ("published price of", "tokens served")
    show("\n".join(line for line in report.splitlines() if any(part in line for part in shown)))
    return Charged(
        fit=fit,
        plan=json.loads((folder / "plan.json").read_text()),
        published=published,
        probed=probed,
        usage=usage,
        charged_usd=charged,
        report=report,
        month=month,
    )


def _month(
    folder: Path, usage: Mapping[str, int], hour: datetime, show: Callable[[str], None], command: Callable[..., str]
) -> tuple[str, dict[str, Any]]:
    """The month's report, as Markdown and as data, with the request and an hour of such a machine in it."""
    (folder / "leases.csv").write_text(LEASES.format(hour=hour))
    tokens = {"read": usage["prompt_tokens"], "written": usage["completion_tokens"]}
    (folder / "usage.csv").write_text(USAGE.format(hour=hour, **tokens))
    show("\nThe request and an hour of such a machine are of the month; its report has them and the price:")
    command("ledger", "import", "leases.csv", "usage.csv")
    (folder / "reports").mkdir(exist_ok=True)
    command("report", "--month", f"{hour:%Y-%m}", "-c", "fleet.toml", "--format", "md,json", "-o", "reports/")
    (written,), (document,) = ((folder / "reports").glob(f"*.{form}") for form in ("md", "json"))
    return written.read_text(), json.loads(document.read_text())


def command_json(folder: Path, *arguments: str) -> str:
    """What the command prints as JSON."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(baseload(), [*(_in(folder, one) for one in arguments), "--json"])
    assert code == 0, err.getvalue()
    return out.getvalue()


def yaml_of(path: Path) -> dict[str, Any]:
    """The file as data."""
    import yaml

    return yaml.safe_load(path.read_text())


def _in(folder: Path, argument: str) -> str:
    """Names of files and folders lie in the folder."""
    is_named = argument.endswith("/") or Path(argument).suffix in (".gguf", ".json", ".toml", ".csv")
    return str(folder / argument) if is_named else argument


def _forecast() -> str:
    rows = "".join(f"2026-12-01T{hour:02}:00Z,{200 + 60 * hour},{100 + 30 * hour}\n" for hour in range(24))
    return "timestamp,input_tokens_per_s,output_tokens_per_s\n" + rows


def _chat(url: str) -> tuple[dict[str, int], Decimal]:
    body = {"model": "tiny", "messages": [{"role": "user", "content": "how are you today"}], "max_tokens": 12}
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()["usage"], Decimal(answer.headers["x-litellm-response-cost"])
