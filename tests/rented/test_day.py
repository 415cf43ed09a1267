"""Four simulated hours of the daemon's real process, with faults: nothing leaks, and the books are clean.

`make soak-daemon` runs a whole day of it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rented.day import MAX_NODES, MAX_USD_HOUR, Fault, fast_world, run_day
from tests.rented.world import World
from tests.servers.prometheus_double import PrometheusDouble

HOURS = 4.0
BEFORE, AFTER = (2.0, 2.8), (3.2, 4.0)
"""Hours that are held against each other; in the first the clients are being made."""


@pytest.fixture
def rented(tmp_path: Path) -> Iterator[tuple[World, PrometheusDouble]]:
    with fast_world(tmp_path) as found:
        yield found


def test_hours_of_rises_and_faults_leak_nothing_and_leave_clean_books(rented: tuple[World, PrometheusDouble]) -> None:
    world, prometheus = rented
    aws, hetzner = world.clouds.aws, world.clouds.hetzner
    faults = [
        Fault(
            what="AWS launches, and nobody hears of it",
            from_hour=0.8,
            to_hour=2.2,
            begin=lambda: aws.break_("timeout after", "RunInstances", "CreateFleet"),
            mend=aws.mend,
        ),
        Fault(
            what="Hetzner's list answers 500",
            from_hour=2.3,
            to_hour=2.9,
            begin=lambda: hetzner.fault("GET", "/servers", 500, code="server_error", times=20),
            mend=hetzner.http.faults.clear,
        ),
    ]
    day = run_day(world, prometheus, hours=HOURS, faults=faults, spot_every_h=5.0)

    assert day.grew("files", before=BEFORE, after=AFTER) <= 0
    assert day.grew("threads", before=BEFORE, after=AFTER) <= 0
    assert day.grew("connections", before=BEFORE, after=AFTER) <= 0
    assert day.grew("rss_mb", before=BEFORE, after=AFTER) <= 8
    assert day.left == []
    assert day.bought_twice == []
    assert day.machines >= 3
    assert day.most_nodes <= MAX_NODES
    assert day.most_usd_hour <= MAX_USD_HOUR
    assert abs(day.report_usd - day.bill_usd) <= day.slack_usd, world.books()
    assert world.nodes.problems == []
    assert world.clouds.ovh.violations == []
    assert world.clouds.hetzner.http.violations == []
