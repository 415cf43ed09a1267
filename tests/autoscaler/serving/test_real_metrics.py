"""A real Prometheus scrapes simulated vLLM servers each second; the reader asks it, on the clock.

One fleet for all claims, in the order they are written, so that the minute a real scrape takes is paid once.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from autoscaler.serving.metrics import FleetMetrics, MetricsReader
from planner.measure.dialect import VLLM
from planner.measure.load import Absent, Partial, Stale, Whole
from planner.measure.prometheus import MetricsError, Prometheus
from tests.servers.real_prometheus import RealPrometheus, real_prometheus
from tests.servers.vllm_simulator import SimulatedFleet, Trouble

WINDOW_S = 5.0
PATIENCE_S = 60.0


@dataclass(kw_only=True)
class Rig:
    prometheus: RealPrometheus
    reader: MetricsReader
    new: SimulatedFleet
    old: SimulatedFleet

    def read(self) -> FleetMetrics:
        return self.reader.read(datetime.now(UTC))

    def until(self, holds: Callable[[FleetMetrics], bool]) -> FleetMetrics:
        deadline = time.monotonic() + PATIENCE_S
        while not holds(found := self.read()):
            assert time.monotonic() < deadline, f"not within {PATIENCE_S:g} s; last: {found.standings}"
            time.sleep(0.2)
        return found

    def scrape(self) -> None:
        nodes = [*self.new.nodes.values(), *self.old.nodes.values()]
        self.prometheus.scrape({f"{node.host}:{node.port}": {"node": node.id} for node in nodes})


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with ExitStack() as stack:
        server = stack.enter_context(real_prometheus())
        new = stack.enter_context(SimulatedFleet(model="new"))
        old = stack.enter_context(SimulatedFleet(model="old", names="old"))
        client = stack.enter_context(Prometheus(server.url))
        reader = MetricsReader(prometheus=client, dialect=VLLM, models=("new", "old", "idle"), window_s=WINDOW_S)
        for name in ("n1", "n2", "n3"):
            new.add(name)
        old.add("o1", host="127.2.0.1")
        rig = Rig(prometheus=server, reader=reader, new=new, old=old)
        rig.scrape()
        stack.enter_context(new.running())
        stack.enter_context(old.running())
        yield rig


def test_zero_is_measured_and_absent_is_not(rig):
    found = rig.until(lambda found: "new" in found.models and "old" in found.models)
    assert isinstance(found.standings["new"], Whole)
    assert found.standings["new"].load.is_zero
    assert found.models["new"].input_tok_s == 0.0
    assert isinstance(found.standings["idle"], Absent)
    assert "idle" not in found.models


def test_old_and_new_names_are_read_alike(rig):
    for fleet in (rig.new, rig.old):
        fleet.arrivals_per_s, fleet.cache_hit_ratio = 6.0, 0.25

    def is_seen(found):
        readings = [found.models.get(name) for name in ("new", "old")]
        return all(r and abs(r.input_tok_s - 2400) < 400 and abs(r.output_tok_s - 600) < 120 for r in readings)

    found = rig.until(is_seen)
    for model in ("new", "old"):
        assert found.models[model].cache_hit_ratio == pytest.approx(0.25, abs=0.01)
        assert found.standings[model].load.kv_cache_ratio is not None
        assert datetime.now(UTC) - found.models[model].measured_at < timedelta(seconds=3)


def test_a_restarted_server_gives_no_wild_rate(rig):
    rig.until(lambda found: isinstance(found.standings["new"], Whole))
    rig.new.nodes["n1"].restart()
    deadline, seen = time.monotonic() + 4, 0
    while time.monotonic() < deadline or not seen:
        reading = rig.read().models.get("new")
        assert reading is None or 800 < reading.input_tok_s < 4000
        seen += reading is not None
        time.sleep(0.2)


def test_a_part_of_the_servers_is_partial_and_no_less_demand(rig):
    rig.new.nodes["n2"].trouble = Trouble.BROKEN
    found = rig.until(lambda found: isinstance(found.standings["new"], Partial))
    assert found.instances[f"{rig.new.nodes['n2'].host}:{rig.new.port}"].is_answering is False
    assert found.models["new"].input_tok_s > 1800
    assert any("does not answer" in one or "do not answer" in one for one in found.remarks)
    rig.new.nodes["n2"].trouble = Trouble.NONE
    rig.until(lambda found: isinstance(found.standings["new"], Whole))


def test_overload_is_seen_at_the_input(rig):
    rig.old.cache_hit_ratio = 0.0
    rig.old.arrivals_per_s = 20.0  # 2,000 output tok/s asked of a server that makes 1,000 at most

    def is_seen(found):
        reading = found.models.get("old")
        if reading is None or reading.queue_output_tokens <= 500:
            return False
        return reading.output_tok_s > 1600 and reading.input_tok_s > 6000  # both rise to it over the window

    found = rig.until(is_seen)
    assert found.models["old"].output_tok_s < 2800


def test_servers_that_are_no_longer_scraped_grow_stale_and_never_zero(rig):
    rig.old.arrivals_per_s = 0.0
    rig.old.nodes["o1"].trouble = Trouble.DOWN
    found = rig.until(lambda found: isinstance(found.standings["old"], Stale))
    assert "old" not in found.models
    assert "new" in found.models


def test_a_real_error_of_the_api_is_named(rig):
    with pytest.raises(MetricsError, match="answered 400, bad_data: "):
        rig.reader.prometheus.instant("sum(", at=datetime.now(UTC))
    with pytest.raises(MetricsError, match="answered 422, execution: "):
        rig.reader.prometheus.instant('label_replace(up, "job", "x", "job", "(.*)") + on() up', at=datetime.now(UTC))
