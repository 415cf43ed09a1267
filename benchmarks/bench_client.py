"""What `baseload bench` itself takes: tokens per processor second, and whether it sees a server's pace as it is.

The server is a double in a process of its own. The rival is httpx, the client most Python SDKs stand on, reading the
same streams line by line.
"""

import asyncio
import json
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measure import MeasurementError, Row, Spread, in_child
from tests.servers.process import free_port, serving

USERS, TOKENS = 100, 200
PACE_S = 0.02
"""A hundred users of fifty tokens per second each: 5,000 a second."""
WINDOW_S = 4.0


def bench_client_rows(runs: int) -> Iterator[Row]:
    """Processor time per token beside httpx, and the pace of 5,000 tokens per second as it is seen."""
    found = [_measured("bench_at_once") for _ in range(runs)]
    rival = [_measured("httpx_at_once") for _ in range(runs)]
    rates = [one["tokens"] / one["processor_s"] for one in found]
    yield Row(
        what="`bench`'s client: streamed tokens per second of one core, a server that answers at once",
        unit="tok/s",
        measured=Spread.of(rates),
        at_least=5000,
        rival_ratio=median(rates) / median(one["tokens"] / one["processor_s"] for one in rival),
        note="the rival is httpx, by processor time a token",
    )
    paced = [_measured("bench_paced") for _ in range(runs)]
    yield Row(
        what="the same at 5,000 tok/s of 100 users: time per token as seen ÷ the server's own",
        unit="ratio",
        measured=Spread.of([one["seen_s"] / one["true_s"] for one in paced]),
        at_most=1.02,
        note=f"the client took {median(one['cpu_ratio'] for one in paced):.0%} of a core at "
        f"{median(one['tok_s'] for one in paced):,.0f} tok/s",
    )


def _measured(function: str) -> dict[str, Any]:
    found = in_child(function, module="benchmarks.bench_client", timeout_s=120.0)
    if found is None:
        raise MeasurementError(f"{function} took more than 120 s")
    return found


def bench_at_once() -> dict[str, float]:
    """Tokens and processor seconds of our client where the server sends whole answers at once."""
    with _server(0.0) as url:
        figures = _figures(url, users=8)
    return {
        "tokens": figures.output_tok_s * figures.window_s,
        "processor_s": figures.client_cpu_ratio * figures.window_s,
    }


def bench_paced() -> dict[str, float]:
    """Time per token at 5,000 tokens per second, as our client sees it and as the server does."""
    with _server(PACE_S) as url:
        figures = _figures(url, users=USERS)
        with urllib.request.urlopen(f"{url}/pace") as answer:
            true_s = json.loads(answer.read())["pace_s"]
    return {
        "seen_s": figures.tpot.p50_ms / 1000,
        "true_s": true_s,
        "cpu_ratio": figures.client_cpu_ratio,
        "tok_s": figures.output_tok_s,
    }


def httpx_at_once() -> dict[str, float]:
    """The same as `bench_at_once` by httpx, streaming lines."""
    with _server(0.0) as url:
        return asyncio.run(_httpx(url))


async def _httpx(url: str) -> dict[str, float]:
    import httpx

    messages = [{"role": "user", "content": "word " * 20}]
    body = {"model": "chat", "max_tokens": TOKENS, "messages": messages, "stream": True}
    tokens, begun = 0, time.perf_counter()
    spent = time.process_time()
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:

        async def user() -> None:
            nonlocal tokens
            while time.perf_counter() - begun < WINDOW_S:
                async with client.stream("POST", f"{url}/chat/completions", json=body) as answer:
                    async for line in answer.aiter_lines():
                        if line.startswith("data: {"):
                            choices = json.loads(line[6:])["choices"]
                            tokens += bool(choices and choices[0]["delta"]["content"])

        await asyncio.gather(*(user() for _ in range(8)))
    if not tokens:
        raise MeasurementError("httpx was sent no token: the double does not stream to it")
    return {"tokens": float(tokens), "processor_s": time.process_time() - spent}


def _figures(url: str, *, users: int) -> Any:
    from datetime import UTC, datetime

    from planner.bench.client import Endpoint
    from planner.bench.host import Host
    from planner.bench.lengths import FixedLengths
    from planner.bench.run import Wanted, measure
    from planner.bench.seen import Load

    wanted = Wanted(
        workloads=[FixedLengths(input_tokens=23, output_tokens=TOKENS)],
        loads=[Load(users=users)],
        repeats=1,
        warm_up_s=1.0,
        window_s=WINDOW_S,
        seed=0,
        shared_prefix_tokens=0,
        machine=None,
    )
    host = Host(name="", busy_ratio=0.0)
    endpoint = Endpoint(url=url, model="chat")
    found = measure(endpoint, wanted, host=host, now=datetime.now(UTC), report=lambda _what, _share: None)
    return found.workloads[0].steps[0].repeats[0]


@contextmanager
def _server(token_s: float) -> Iterator[str]:
    """The double in a process of its own, while it serves."""
    port = free_port()
    command = [sys.executable, "-m", "tests.servers.openai_double", str(port), str(token_s)]
    with TemporaryDirectory() as folder:
        ready = f"http://127.0.0.1:{port}/v1/models"
        with serving(command, ready_url=ready, log=Path(folder) / "double.log", name="the double"):
            yield f"http://127.0.0.1:{port}/v1"


TASKS = {"bench_at_once": bench_at_once, "bench_paced": bench_paced, "httpx_at_once": httpx_at_once}

if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]]()))
