"""Prices published to the real LiteLLM: by its config.yaml end to end with spend, and by its API."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from autoscaler.cli import baseload, run
from tests.servers.openai_double import FRAME_TOKENS, OpenAiDouble, openai_double
from tests.servers.real_litellm import KEY, real_litellm

FLEET = """
[[model]]
name = "llama-7b-q4"
profile = "llama-7b-q4"
load_time_s = 60

[publish]
{where}

[[publish.model]]
model = "llama-7b-q4"
name = "{name}"
api_base = "{api_base}"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAiDouble]:
    with openai_double(OpenAiDouble(models=("llama-7b-q4",))) as double:
        yield double


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("publish")
    rows = "".join(f"2026-12-01T{hour:02}:00Z,60,{20 + hour}\n" for hour in range(24))
    (folder / "forecast.csv").write_text("timestamp,input_tokens_per_s,output_tokens_per_s\n" + rows)
    (folder / "base.toml").write_text(FLEET.format(where="", name="x", api_base="http://x/v1"))
    command = ["plan", "-f", folder / "forecast.csv", "-c", folder / "base.toml", "-o", folder / "plan.json", "-q"]
    assert run(baseload(), [str(one) for one in command]) == 0
    return folder


def published(folder: Path, fleet: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict, str]:
    (folder / "fleet.toml").write_text(fleet)
    capsys.readouterr()
    command = [
        "publish",
        "litellm",
        "--plan",
        folder / "plan.json",
        "-c",
        folder / "fleet.toml",
        "--json",
        "--no-record",
    ]
    code = run(baseload(), [str(one) for one in command])
    said = capsys.readouterr()
    return code, json.loads(said.out or "{}"), said.err


def test_a_chat_request_through_litellm_is_charged_our_price(
    folder: Path, server: OpenAiDouble, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITELLM_MASTER_KEY", KEY)
    config = folder / "config.yaml"
    by_file = FLEET.format(where=f'config_file = "{config.name}"', name="chat-7b", api_base=server.url)
    code, document, err = published(folder, by_file, capsys)
    assert code == 0, err
    (model,) = document["models"]
    low, high = (Decimal(model[f"{kind}_cost_per_token"]) for kind in ("input", "output"))

    with real_litellm(config) as proxy:
        with_url = by_file.replace("[publish]\n", f'[publish]\nurl = "{proxy.url}"\n')
        code, document, err = published(folder, with_url, capsys)
        assert code == 0, err
        (probe,) = document["probes"]
        assert document["models"][0]["became"] == "kept"
        # "How many days has a week?" is six words here, and the frame of a chat three tokens
        assert (probe["input_tokens"], probe["output_tokens"]) == (6 + FRAME_TOKENS, 8)
        assert Decimal(probe["expected_usd"]) == (6 + FRAME_TOKENS) * low + 8 * high
        assert Decimal(probe["charged_usd"]) == pytest.approx(Decimal(probe["expected_usd"]), rel=Decimal("1e-9"))

        # somebody's own request, without us: what the key has spent is our price for its tokens
        body = {"model": "chat-7b", "messages": [{"role": "user", "content": "a b c d"}], "max_tokens": 5}
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = httpx.post(f"{proxy.url}/v1/chat/completions", json=body, headers=headers, timeout=60)
        charged = Decimal(answer.headers["x-litellm-response-cost"])
        assert charged == pytest.approx((4 + FRAME_TOKENS) * low + 5 * high, rel=Decimal("1e-9"))

        # the same proxy with a database: by its API
        proxy.give_database()
        by_api = FLEET.format(where=f'url = "{proxy.url}"', name="chat-api", api_base=server.url)
        code, document, err = published(folder, by_api, capsys)
        assert code == 0, err
        assert document["models"][0]["became"] == "created"
        assert document["probes"][0]["alarm"] is None
        code, document, err = published(folder, by_api, capsys)
        assert (code, document["models"][0]["became"]) == (0, "kept"), err
        slower = f'{by_api}policy = "single-stream"\n'
        code, document, err = published(folder, slower, capsys)
        assert (code, document["models"][0]["became"]) == (0, "updated"), err
        assert document["probes"][0]["alarm"] is None
        assert Decimal(document["models"][0]["output_cost_per_token"]) > high
