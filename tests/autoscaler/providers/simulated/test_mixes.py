from dataclasses import fields

import pytest

from autoscaler.providers.simulated.mixes import MIXES, NORMAL, STORM


def test_the_mixes_are_named_none_normal_and_storm():
    assert list(MIXES) == ["none", "normal", "storm"]
    assert all(mix.name == name for name, mix in MIXES.items())


@pytest.mark.parametrize("name", [one.name for one in fields(NORMAL) if one.name not in ("name", "stale_most_s")])
def test_every_fault_can_happen_in_an_ordinary_month_and_more_often_in_a_storm(name):
    assert getattr(NORMAL, name) > 0
    if not name.endswith("gone_most_s") and name != "outage_most_s":  # how long a spell lasts, not how often
        assert getattr(NORMAL, name) < getattr(STORM, name)
