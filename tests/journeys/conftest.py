"""The day of the journeys: what is an old price does not change with the calendar."""

from datetime import date

import pytest


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planner.cli.clock.today", lambda: date(2026, 11, 27))
