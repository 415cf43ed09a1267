"""A month of ticks over simulated clouds, journaled in a database: `baseload report` bills what their books say."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import pi, sin
from pathlib import Path

import pytest

from autoscaler.cli import baseload, run
from autoscaler.decide import decide
from autoscaler.records import open_records
from policies.billing import Billing, Tariff, charges_by_month
from policies.scaling import ScalingPolicy
from tests.autoscaler.loop import rig as rigs
from tests.autoscaler.loop.rig import CHAT, FLEET, Rig, a_pool

OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
TICK_S = 3600.0
HOURS = 31 * 24


def books_usd(rig: Rig) -> Decimal:
    """What the clouds charge for October, by their own record of each machine."""
    total = Decimal(0)
    for cloud in rig.clouds.values():
        for one in cloud.truth:
            end = rig.timeline.now if one.ended_s is None else OCTOBER + timedelta(seconds=one.ended_s)
            tariff = cloud.pools[one.pool].tariff
            charges = charges_by_month(tariff, one.created_at, end, interrupted=one.was_taken_back)
            total += charges.get(OCTOBER, Decimal(0))
    return total


def run_the_month(url: str) -> Rig:
    """Waves of a day over an offer by the second and one by the started hour, into the first hours of November."""
    by_hour = a_pool("ovh/m", price="0.41")
    object.__setattr__(by_hour, "tariff", Tariff(billing=Billing.STARTED_HOUR, price_usd_hour=Decimal("0.41")))
    policy = ScalingPolicy(max_nodes=8, list_fresh_s=TICK_S * 2)
    with open_records(url, fleet=FLEET) as records:
        rig = Rig(a_pool("aws/m", price="0.3777", quota=2), by_hour, policy=policy, decider=decide, tick_s=TICK_S)
        rig.controller = rig.started(journal=records.journal, epoch=1)
        served = records.served_hours(longest_s=2 * TICK_S)
        for tick in range(HOURS + 4):
            rig.run_to(rig.timeline.now_s + TICK_S)
            rig.demand(230 + 180 * sin(tick / 24 * 2 * pi))
            rig.controller.tick(rig.timeline.now)
            served.record(rig.serving.models, rig.timeline.now)
            if tick % 250 == 249:
                rig.controller = rig.started(journal=records.journal, epoch=tick)  # another daemon goes on
    return rig


def test_a_months_report_adds_up_to_the_clouds_own_books(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rigs, "START", OCTOBER)
    monkeypatch.setenv("BASELOAD_DATABASE_URL", str(tmp_path / "ledger.sqlite"))
    monkeypatch.chdir(tmp_path)
    rig = run_the_month(str(tmp_path / "ledger.sqlite"))
    machines = [one for cloud in rig.clouds.values() for one in cloud.truth]
    assert len(machines) > 60
    assert len({one.pool for one in machines}) == 2
    assert any(one.created_at < NOVEMBER and (one.ended_s is None or one.ended_s > HOURS * 3600) for one in machines)

    assert run(baseload(), ["report", "--month", "2026-10", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert Decimal(document["bill_usd"]).quantize(Decimal("0.01")) == books_usd(rig).quantize(Decimal("0.01"))
    assert run(baseload(), ["ledger", "list", "--json"]) == 0
    months = {month["month"]: month for month in json.loads(capsys.readouterr().out)["months"]}
    assert (months["2026-10"]["gap_hours"], months["2026-10"]["usage_rows"]) == (0, HOURS)
    assert run(baseload(), ["db", "check"]) == 0
    assert run(baseload(), ["ledger", "export", "--format", "leases"]) == 0
    assert CHAT in capsys.readouterr().out
