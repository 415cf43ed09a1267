"""Back-tests as tasks: the same scores by any engine, and no origin done twice."""

from dataclasses import fields
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from planner.demand.backtest import Backtest, backtest
from planner.demand.history import History
from planner.demand.local_time import local_time
from planner.tasks import Checkpoint, Engine
from planner.tasks.backtests import runs_on

WHEN = partial(local_time, zone="Europe/Berlin")


def a_history(seed: int) -> History:
    """Two weeks of days that rise and fall, with noise."""
    hours = np.arange(14 * 24)
    tok_s = 100 + 50 * np.sin(2 * np.pi * hours / 24) + np.random.default_rng(seed).normal(0, 5, len(hours))
    return History(
        start=datetime(2026, 3, 2, tzinfo=UTC),
        models=("m",),
        input_tok_s=np.abs(tok_s)[None, :],
        output_tok_s=np.abs(tok_s)[None, :] / 4,
    )


def scores(found: Backtest) -> dict[str, object]:
    return {one.name: getattr(found, one.name) for one in fields(found) if one.name != "runs"}


def test_many_series_from_a_checkpoint_score_as_alone_and_no_origin_is_done_twice(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"horizon": 24, "origins": 2, "method": "seasonal-naive-week"}
    histories = [a_history(seed) for seed in range(2)]
    alone = [backtest(one, WHEN, **asked) for one in histories]
    taken = []
    for _ in range(2):
        with Checkpoint(tmp_path / "run") as kept:
            runs = runs_on(Engine(workers=1), checkpoint=kept)
            found = [backtest(one, WHEN, **asked, runs=runs) for one in histories]
            taken.append(kept.taken)
        assert [scores(one) for one in found] == [scores(one) for one in alone]
        for one, other in zip(found, alone, strict=True):
            assert [run.bands.tolist() for run in one.runs] == [run.bands.tolist() for run in other.runs]
    assert taken[0] == 0
    assert taken[1] >= 2 * 2
    lines = (tmp_path / "run").read_text().splitlines()
    assert len(lines) == 1 + taken[1]
