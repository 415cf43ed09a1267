"""llama.cpp's own server on a random model, scraped by a real Prometheus: its real names, its real queue."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from autoscaler.serving.metrics import MetricsReader
from autoscaler.serving.plain.probe import Probe, Prober
from autoscaler.serving.plain.router import Endpoint
from planner.measure.dialect import LLAMA_CPP
from planner.measure.prometheus import Prometheus
from tests.servers.llama_server import SLOTS, llama_server
from tests.servers.process import free_port
from tests.servers.real_prometheus import real_prometheus

PATIENCE_S = 40.0


@dataclass(frozen=True, kw_only=True)
class Rig:
    url: str
    endpoint: Endpoint
    reader: MetricsReader


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    port = free_port()
    folder = tmp_path_factory.mktemp("llama")
    with llama_server(folder, port, alias="tiny") as url, real_prometheus(job="llama.cpp") as server:
        server.scrape({f"127.0.0.1:{port}": {"node": "n1", "model": "tiny"}})
        with Prometheus(server.url) as client:
            reader = MetricsReader(prometheus=client, dialect=LLAMA_CPP, models=("tiny",), window_s=5.0)
            endpoint = Endpoint(node_id="n1", model="tiny", pool="p", host_port=f"127.0.0.1:{port}")
            yield Rig(url=url, endpoint=endpoint, reader=reader)


def complete(url: str, tokens: int, prompt: str) -> None:
    body = {"model": "tiny", "prompt": prompt, "max_tokens": tokens, "ignore_eos": True}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/completions", data=json.dumps(body).encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        assert json.load(answer)["usage"]["completion_tokens"] == tokens


def test_what_it_worked_on_is_read_in_its_own_names(rig: Rig) -> None:
    deadline, number = time.monotonic() + PATIENCE_S, 0
    while True:
        number += 1
        complete(rig.url, 40, f"the quick brown fox number {number} jumps over a lazy dog")
        load = rig.reader.read(datetime.now(UTC)).models.get("tiny")
        if load is not None and load.input_tok_s > 0 and load.output_tok_s > 0:
            break
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert load.cache_hit_ratio is not None
    assert 0.3 < load.output_tok_s / load.input_tok_s < 5  # some 30 tokens in, 40 out


def test_it_is_ready_as_its_alias_and_as_nothing_else(rig: Rig) -> None:
    prober = Prober()
    assert prober.probe([rig.endpoint], count=frozenset({"n1"})) == {"n1": Probe(is_ready=True, in_flight=0)}
    prober.close()
    prober = Prober(served_names={"tiny": "llama-3-8b"})
    assert prober.probe([rig.endpoint])["n1"].why == "serves tiny; expected llama-3-8b"
    prober.close()


def test_a_real_queue_is_in_flight_until_it_is_worked_off(rig: Rig) -> None:
    threads = [
        threading.Thread(target=complete, args=(rig.url, 600, f"request {number} of many"))
        for number in range(SLOTS + 2)
    ]
    for thread in threads:
        thread.start()
    prober = Prober()
    deadline, most = time.monotonic() + PATIENCE_S, 0
    while most < SLOTS + 2 and any(thread.is_alive() for thread in threads) and time.monotonic() < deadline:
        most = max(most, prober.probe([rig.endpoint], count=frozenset({"n1"}))["n1"].in_flight or 0)
    for thread in threads:
        thread.join()
    assert most == SLOTS + 2
    assert prober.probe([rig.endpoint], count=frozenset({"n1"}))["n1"].in_flight == 0
    prober.close()
