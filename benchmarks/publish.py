"""How long `baseload publish litellm` takes for fifty models: told, read back, and a chat request each.

`python -m benchmarks.publish` prints these rows alone; `make bench` has them among the others.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.measure import MeasurementError, Row, Spread

MODELS = 50
MODEL = """
[[model]]
name = "model-{number}"
profile = "llama-7b-q4"
load_time_s = 60

[[publish.model]]
model = "model-{number}"
policy = "{policy}"
api_base = "http://127.0.0.1:9/v1"
"""
OFFER = "ovh/b3-64"
POLICIES = "cost", "single-stream"
"""Of the first time and of the second, by which every price moves."""


def publish_rows(runs: int) -> Iterator[Row]:
    """Fifty models that are new, then fifty whose price moved, at a double of the proxy on this machine."""
    spent = [_published() for _ in range(runs)]
    for index, what in enumerate(("new", "whose price moved")):
        yield Row(
            what=f"`publish litellm` of {MODELS} models {what}: told, read back, probed, recorded; whole process",
            unit="s",
            measured=Spread.of([one[index] for one in spent]),
            at_most=30.0,
            note="the proxy is a double over HTTP on this machine; LiteLLM's own time for 150 calls comes on top",
        )


def _published() -> list[float]:
    """Seconds of the command for new models, and for the same with other prices."""
    from tests.servers.litellm_double import KEY, litellm_double

    spent = []
    with litellm_double() as double, tempfile.TemporaryDirectory() as folder:
        fleet, forecast, plan = (Path(folder) / name for name in ("fleet.toml", "forecast.csv", "plan.json"))
        forecast.write_text("timestamp,model,input_tokens_per_s,output_tokens_per_s\n" + "".join(_forecast()))
        environment = os.environ | {
            "LITELLM_MASTER_KEY": KEY,
            "BASELOAD_DATABASE_URL": f"sqlite:///{folder}/ledger.sqlite",
        }
        for policy in POLICIES:
            fleet.write_text(
                "".join(MODEL.format(number=number, policy=policy) for number in range(MODELS))
                + f'\n[publish]\nurl = "{double.url}"\n'
            )
            if policy == POLICIES[0]:
                # One offer: the prices are what is measured, not the choice among offers for fifty models.
                _run(["plan", "-f", str(forecast), "-c", str(fleet), "--only", OFFER, "-o", str(plan)], environment)
            begun = time.perf_counter()
            said = _run(["publish", "litellm", "--plan", str(plan), "-c", str(fleet), "--json"], environment)
            spent.append(time.perf_counter() - begun)
            _check(said, "created" if policy == POLICIES[0] else "updated")
    return spent


def _forecast() -> Iterator[str]:
    for hour in range(2):
        for number in range(MODELS):
            yield f"2026-12-01T{hour:02}:00Z,model-{number},60,{20 + number}\n"


def _check(said: str, became: str) -> None:
    """Raises MeasurementError where not all fifty were told and charged their price."""
    document = json.loads(said)
    told = sum(one["became"] == became for one in document["models"])
    if told != MODELS or len(document["probes"]) != MODELS:
        raise MeasurementError(f"{told} {became} and {len(document['probes'])} probed; expected {MODELS} of each")


def _run(arguments: Sequence[str], environment: dict[str, str]) -> str:
    command = [str(Path(sys.executable).with_name("baseload")), "-q", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise MeasurementError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    for row in publish_rows(3):
        print(json.dumps(row.document(), indent=2, ensure_ascii=False))
