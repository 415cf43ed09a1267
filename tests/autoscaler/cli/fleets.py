"""Folders with a fleet.toml that the daemon's commands run on, over doubles on the loopback interface."""

from pathlib import Path
from typing import Any

from planner.report.plan_json import plan_text
from tests.autoscaler.daemon.rig import launchable
from tests.planner.report.plans import POOL
from tests.servers.prometheus_double import Asked, matrix, vector

CLOUD_POOL = "hetzner-cloud/cx33"
STEPS_S = (60, 45, 30, 15, 0)


def a_folder(folder: Path, tables: str) -> Path:
    """A fleet.toml of model m with these tables, and a plan whose pool is at Hetzner Cloud."""
    plan = plan_text(launchable()).replace(POOL, CLOUD_POOL)
    (folder / "plan.json").write_text(plan, encoding="utf-8")
    path = folder / "fleet.toml"
    head = """
[[model]]
name = "m"
profile = "llama-7b-q4"

[policy.scaling]
max_usd_month = 900.0

[database]
url = "ledger.sqlite"
"""
    path.write_text(head + tables, encoding="utf-8")
    return path


def serving_tok_s(input_tok_s: float) -> Any:
    """A double's answer: one vLLM server of model m, asked for so much, half of it coming out."""

    def answer(asked: Asked) -> Any:
        query, now = asked.form["query"], float(asked.form["time"])
        if "max_over_time" in query or "increase" in query:
            return vector()
        here = {"job": "vllm", "instance": "10.0.0.9:8000"}
        named = here | {"model_name": "m", "engine": "0"}

        def over_the_minute(per_s: float, start: float = 60_000.0) -> list[tuple[float, str]]:
            return [(now - ago, str(start - per_s * ago)) for ago in STEPS_S]

        return matrix(
            ({"__name__": "up", **here}, [(now - ago, "1") for ago in STEPS_S]),
            ({"__name__": "vllm:prompt_tokens_total", **named}, over_the_minute(input_tok_s)),
            ({"__name__": "vllm:generation_tokens_total", **named}, over_the_minute(input_tok_s / 2)),
            ({"__name__": "vllm:num_requests_running", **named}, over_the_minute(0, 3)),
            ({"__name__": "vllm:num_requests_waiting", **named}, over_the_minute(0, 0)),
        )

    return answer
