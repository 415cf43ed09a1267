"""docs/worlds.md keeps its word: every number of its tables is the program's."""

from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from autoscaler.providers.simulated.mixes import NORMAL, STORM
from autoscaler.replay.worlds.file import PACKAGED
from autoscaler.replay.worlds.settings import BaseBlock, PoolBlock, PriceWalk, ServingBlock, WorldFile
from autoscaler.replay.worlds.shipped import availability_traces, lead_times

PAGE = (Path(__file__).parents[4] / "docs" / "worlds.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """The table under a heading: first cell without its marks -> the others."""
    lines = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return {first.strip("`"): rest for first, *rest in cells}


def test_every_fault_stands_there_with_its_size_in_both_mixes():
    known = {one.name: (getattr(NORMAL, one.name), getattr(STORM, one.name)) for one in fields(NORMAL)}
    del known["name"]
    assert {name: (float(cells[0]), float(cells[1])) for name, cells in rows("Faults").items()} == known


def test_every_trace_stands_there_with_its_share_and_falls():
    table = rows("Availability traces")
    assert set(table) == set(availability_traces())
    for name, trace in availability_traces().items():
        falls = sum(one[2] and not two[2] for one, two in pairwise(trace.spans))
        per_day = f"{trace.falls_per_hour * 24:.1f}"
        assert table[name] == [f"{trace.duration_s / 86_400:.0f}", f"{trace.available_ratio:.0%}", str(falls), per_day]


def test_every_provider_stands_there_with_its_measured_starts():
    table = {name: [float(cell) for cell in cells] for name, cells in rows("Lead times").items()}
    assert table == {
        name: [len(one.seconds), one.seconds[0], median(one.seconds), one.seconds[-1]]
        for name, one in lead_times().items()
    }


@pytest.mark.parametrize("kind", [PoolBlock, BaseBlock, ServingBlock, PriceWalk, WorldFile])
def test_every_key_of_a_world_file_is_explained(kind):
    keys = [one.name for one in fields(kind)]
    assert [key for key in keys if not any(f"{mark}{key}" in PAGE for mark in ("`", "`[", "`[["))] == []


@pytest.mark.parametrize("name", PACKAGED)
def test_every_packaged_world_is_linked(name):
    assert f"(../autoscaler/replay/worlds/{name}.toml)" in PAGE
