"""The profiles that come with the package, read when a model names one.

Each is a TOML header in `data/` naming its CSV tables; the CC BY-SA tables lie apart in `data/sparecores` with their
notice.
This is the only module of the folder that reads files, and it reads none but the package's own.
"""

import csv
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any

from planner.profile.curve import (
    BatchingGain,
    Curve,
    EstimateRule,
    Machine,
    Point,
    Profile,
    Sample,
    SingleStream,
    Target,
    by_key,
)
from planner.profile.model import Memory

NAMES = ("llama-3.1-8b", "llama-7b-q4")
"""Profiles of the package, as a model's `profile` names them."""


class ShippedProfiles(Mapping[str, Profile]):
    """The package's profiles by name, each read at its first use."""

    def __getitem__(self, name: str) -> Profile:
        if name not in NAMES:
            raise KeyError(name)
        return shipped_profile(name)

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


def shipped_profiles() -> Mapping[str, Profile]:
    """The package's profiles by name; nothing is read before it is asked for."""
    return ShippedProfiles()


@cache
def shipped_profile(name: str) -> Profile:
    """The package's profile of that name."""
    header: dict[str, Any] = tomllib.loads(_text(f"{name}.toml"))
    single = header["kind"] == "single_stream"
    machines = _LazyMachines(header) if single else by_key(tuple(_curves(_rows(header["table"]), header)))
    return Profile(
        name=name,
        title=header["title"],
        machines=machines,
        source=header["source"],
        source_date=header["date"],
        licence="CC BY-SA 4.0",
        weights_bytes=header.get("weights_bytes"),
        prompt_tokens=header.get("prompt_tokens"),
        output_tokens=header.get("output_tokens"),
        gain=_gain(header) if "gain_table" in header else None,
        context_slowdown=header.get("context_slowdown", 0.0),
        estimate=_estimate(header["estimate"]) if "estimate" in header else None,
        memory=Memory(**header["memory"]),
        has_cards=not single,
    )


class _LazyMachines(Mapping[str, Machine]):
    """The servers of a single-stream table by key; of a thousand rows only those asked for become machines."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        lines = csv.reader(_text(header["table"]).splitlines())
        self._columns = next(lines)
        self._rows = {f"{line[0]}/{line[1]}".lower(): line for line in lines}
        self._source: str = header["source"]
        self._built: dict[str, Machine] = {}

    def __getitem__(self, key: str) -> Machine:
        if key not in self._built:
            row = dict(zip(self._columns, self._rows[key], strict=True))
            self._built[key] = _single_stream(row, self._source)
        return self._built[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def _single_stream(row: Mapping[str, str], source: str) -> Machine:
    def rates(phase: str) -> tuple[tuple[int, float], ...]:
        named = ((key, value) for key, value in row.items() if value and key.startswith(phase))
        return tuple((int(key.removeprefix(phase)), float(value)) for key, value in named)

    return Machine(
        provider=row["provider"],
        server=row["server"],
        vcpu=int(row["vcpu"]),
        cpu=row["cpu"] or None,
        engine="llama.cpp",
        single_stream=SingleStream(prompt=rates("prompt_"), generate=rates("generate_"), threads=int(row["threads"])),
        source=source,
        source_date=row["date"],
    )


def _curves(rows: Iterable[Mapping[str, str]], header: Mapping[str, Any]) -> Iterator[Machine]:
    """Machines of a table whose rows are sorted by server, workload and concurrency."""
    for (provider, server), of_server in groupby(rows, key=lambda row: (row["provider"], row["server"])):
        steps = list(of_server)
        row = steps[0]
        curves = tuple(_curve(list(of_load)) for _, of_load in groupby(steps, key=lambda step: step["workload"]))
        yield Machine(
            provider=provider,
            server=server,
            vcpu=int(row["vcpu"]),
            cpu=row["cpu"],
            gpu=row["gpu"] or None,
            gpu_count=int(row["gpu_count"]),
            gpu_name=row["gpu_name"],
            tensor_parallel=int(row["tensor_parallel"]),
            engine=row["engine"],
            curves=curves,
            source=header["source"],
            source_date=header["date"],
        )


def _curve(rows: list[Mapping[str, str]]) -> Curve:
    return Curve(
        workload=rows[0]["workload"],
        prompt_tokens=int(rows[0]["prompt_tokens"]),
        output_tokens=int(rows[0]["output_tokens"]),
        points=tuple(
            Point(
                concurrency=float(row["concurrency"]),
                input_tok_s=float(row["input_tok_s"]),
                output_tok_s=float(row["output_tok_s"]),
                ttft_p95_ms=float(row["ttft_p95_ms"]),
                ttft_ms=float(row["ttft_p50_ms"]),
                tpot_ms=float(row["tpot_ms"]),
            )
            for row in rows
        ),
    )


def _gain(header: Mapping[str, Any]) -> BatchingGain:
    """The gain table, monotone to the careful side: gain the least of all larger loads, growth the most of smaller."""
    rows = list(_rows(header["gain_table"]))
    gains = [float(row["decode_gain"]) for row in rows]
    growths = [float(row["ttft_growth"]) for row in rows]
    return BatchingGain(
        name=header["gain_name"],
        concurrency=tuple(float(row["concurrency"]) for row in rows),
        decode_gain=tuple(min(gains[i:]) for i in range(len(gains))),
        ttft_growth=tuple(max(growths[: i + 1]) for i in range(len(growths))),
        machine_count=int(rows[0]["machines"]),
        source=header["gain_source"],
    )


def _estimate(table: Mapping[str, Any]) -> EstimateRule:
    per_core = float(table["bandwidth_per_core_gb_s"])
    generation = table["generation"]
    return EstimateRule(
        name=table["name"],
        generation=generation,
        bandwidth_per_core_gb_s=per_core,
        targets=tuple(Target(generation=generation, **target) for target in table["target"]),
        samples=tuple(
            Sample(
                key=f"{family}.{size['size']}",
                group=size["size"],
                cores=size["cores"],
                clock_ghz=table["sample_clock_ghz"],
                memory_gb_s=per_core * size["cores"],
            )
            for family in table["sample_families"]
            for size in table["samples"]
        ),
        source=table["source"],
    )


def _rows(name: str) -> Iterator[dict[str, str]]:
    return csv.DictReader(_text(name).splitlines())


def _text(name: str) -> str:
    return (files("planner.profile") / "data" / name).read_text(encoding="utf-8")
