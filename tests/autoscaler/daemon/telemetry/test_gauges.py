"""Gauges and counters, read back with Prometheus' own parser."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from autoscaler.daemon.telemetry.gauges import families_of
from autoscaler.fleet import Controls
from policies.scaling import ScalingPolicy
from tests.autoscaler.daemon.rig import Rig
from tests.autoscaler.daemon.test_status import seen
from tests.autoscaler.fleets import NOW, a_node, a_snapshot, nodes
from tests.planner.report.plans import POOL

UNITS = ("_seconds", "_nodes", "_ratio", "_usd", "_usd_per_hour", "_usd_per_mtok", "_tokens_per_second", "_total")
"""Tails that say a unit."""
FLAGS = (
    "info",
    "node_info",
    "leader",
    "leadership_known",
    "paused",
    "dry_run",
    "unmet",
    "plan_ok",
    "provider_reachable",
)
COUNTS = ("epoch", "problems", "nodes", "orphans", "pool_refusals", "rated_requests")
NO_UNIT = {f"baseload_{name}" for name in FLAGS + COUNTS}
"""Flags, and plain counts of what the name says."""


def samples(rig: Rig) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(rig.metrics.text().decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_before_the_first_tick_there_are_counters_and_no_made_up_gauges(tmp_path: Path) -> None:
    found = samples(Rig(tmp_path))
    assert found[("baseload_ticks_total", (("result", "done"),))] == 0.0
    assert not any(name == "baseload_leader" for name, _ in found)


def test_what_is_scraped_is_the_fleet_as_the_last_tick_left_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path, policy=ScalingPolicy(max_nodes=9, max_usd_month=Decimal(500)))
    rig.world.demand(75.0)
    rig.turn(0)
    found = samples(rig)
    labels = (("model", "m"), ("pool", POOL), ("role", "burst"), ("state", "booting"))
    assert found[("baseload_nodes", labels)] == 2.0
    assert found[("baseload_work_nodes", (("model", "m"),))] == 1.5
    assert found[("baseload_cap_nodes", ())] == 9.0
    assert found[("baseload_cap_month_usd", ())] == 500.0
    assert ("baseload_cap_usd_per_hour", ()) not in found  # there is none: unknown is no 0
    assert ("baseload_utilization_ratio", (("model", "m"),)) not in found  # nothing is ready
    assert found[("baseload_launches_total", (("pool", POOL), ("result", "done")))] == 2.0
    assert found[("baseload_tick_duration_seconds_count", ())] == 1.0
    assert found[("baseload_provider_reachable", (("provider", "ovh"),))] == 1.0
    assert found[("baseload_leader", ())] == 1.0


def test_what_nodes_are_rated_at_and_which_is_which(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.demand(75.0)
    rig.turn(0)
    found = samples(rig)

    def rated(phase: str) -> float:
        labels = (("basis", "measured"), ("model", "m"), ("phase", phase), ("pool", POOL))
        return found["baseload_rated_tokens_per_second", labels]

    assert (rated("prefill"), rated("decode")) == (500.0, 50.0)  # as the plan has it
    assert ("baseload_rated_requests", (("model", "m"), ("pool", POOL))) not in found  # it says none
    places = [dict(labels) for name, labels in found if name == "baseload_node_info"]
    assert [(one["pool"], one["model"], one["role"]) for one in places] == [(POOL, "m", "burst")] * 2
    assert len({one["node"] for one in places}) == 2


def test_a_node_of_a_cluster_stands_there_by_its_name_too() -> None:
    status = seen(a_snapshot(*nodes(2)), cluster_names={"n1": "ip-10-0-0-1"})
    (family,) = (one for one in families_of(status, NOW) if one.name == "baseload_node_info")
    assert sorted(one.labels["node"] for one in family.samples) == ["ip-10-0-0-1", "n0", "n1"]


def test_the_marginal_price_is_that_of_the_node_ordered_next(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.demand(75.0)
    rig.turn(0)
    found = samples(rig)
    assert found["baseload_next_node_usd_per_hour", (("model", "m"), ("pool", POOL))] == 0.30
    # 50 output tok/s for an hour are 0.18 Mtok, 0.135 at the target; 0.309 USD with interruptions, and egress at 0.1.
    price = found["baseload_next_node_usd_per_mtok", (("model", "m"),)]
    assert price == pytest.approx(0.309 / 0.135 + 0.1)


def test_nodes_that_are_gone_leave_no_sample_behind(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.demand(75.0)
    rig.turn(0)
    rig.turn(120)
    states = {dict(labels)["state"] for name, labels in samples(rig) if name == "baseload_nodes"}
    assert states == {"ready"}


def test_ages_grow_between_ticks(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.turn(0)
    before = samples(rig)[("baseload_provider_list_age_seconds", (("provider", "ovh"),))]
    rig.world.clock.seconds += 45.0
    assert samples(rig)[("baseload_provider_list_age_seconds", (("provider", "ovh"),))] == before + 45.0


def test_every_name_begins_alike_and_tells_its_unit(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.demand(75.0)
    rig.turn(0)
    for family in text_string_to_metric_families(rig.metrics.text().decode()):
        assert family.name.startswith("baseload_")
        if family.type == "gauge" and not family.name.endswith("_created"):  # the library's own, of each counter
            assert family.name in NO_UNIT or family.name.endswith(UNITS), family.name
        assert family.documentation


@pytest.mark.parametrize(
    ("controls", "paused"),
    [
        (Controls(), {"all": 0.0, "scale_in": 0.0}),
        (Controls(is_paused=True), {"all": 1.0, "scale_in": 0.0}),
        (Controls(is_scale_in_paused=True), {"all": 0.0, "scale_in": 1.0}),
    ],
    ids=["running", "paused", "scale-in paused"],
)
def test_a_pause_is_a_gauge(controls: Controls, paused: dict[str, float]) -> None:
    status = seen(a_snapshot(work=1.0, controls=controls))
    (family,) = [one for one in families_of(status, NOW) if one.name == "baseload_paused"]
    assert {sample.labels["what"]: sample.value for sample in family.samples} == paused


def test_blindness_is_told_in_seconds() -> None:
    status = seen(a_snapshot(*nodes(2)))
    (family,) = [one for one in families_of(status, NOW) if one.name == "baseload_blind_seconds"]
    assert [sample.value for sample in family.samples] == [900.0]


def test_an_unknown_price_is_no_sample() -> None:
    status = seen(a_snapshot(a_node(pool="gone/x"), work=1.0))
    names = {family.name: family.samples for family in families_of(status, NOW + timedelta(seconds=1))}
    assert names["baseload_spend_usd_per_hour"] == []
    assert len(names["baseload_burst_nodes"]) == 1
