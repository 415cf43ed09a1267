"""The past of a vLLM server whose rates are known, as samples that promtool makes blocks of.

A machine that reads P and writes G tokens a second. A window of five minutes has one mix and as many requests in work
all the time; with `users` of them it does the share of LOADS of what it can, and its first tokens fall in one bucket.
"""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.needs import program

START = datetime(2026, 11, 2, tzinfo=UTC)
WINDOW_S, SCRAPE_S, FIRST_S = 300, 15, 7
P, G = 4000.0, 500.0
LOADS: Mapping[int, tuple[float, float, int]] = {
    1: (0.1, 0.1, 0),
    8: (0.5, 0.5, 0),
    24: (0.95, 1.0, 0),
    32: (1, 2.5, 3),
}
"""Requests in work -> share of the machine, the bucket of the first tokens, requests that wait."""
EDGES = (0.1, 0.5, 1.0, 2.5)
COUNTERS = (
    "prompt_tokens_total",
    "generation_tokens_total",
    "prefix_cache_hits_total",
    "request_generation_tokens_sum",
    "request_generation_tokens_count",
    "request_time_per_output_token_seconds_sum",
    "request_time_per_output_token_seconds_count",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One window."""

    prompt: float = 0.0
    """Tokens of a request that were read."""
    output: float = 0.0
    users: int = 0
    trouble: str = ""
    """restart, gap, unsteady."""


def stretches(mixes: Sequence[tuple[float, float]], each: int = 3) -> list[Stretch]:
    """Each mix at each load, `each` windows of it."""
    return [Stretch(prompt=p, output=o, users=users) for p, o in mixes for users in LOADS for _ in range(each)]


def blocks(folder: Path, past: Sequence[Stretch], *, cached: float = 0.0) -> Path:
    """The folder of Prometheus' data, with this past of one server; `cached`: of all input, what was not read."""
    written, data = folder / "past.om", folder / "data"
    written.write_text("\n".join([*_lines(past, cached), "# EOF"]) + "\n")
    made = [program("promtool", "prometheus"), "tsdb", "create-blocks-from", "openmetrics", str(written), str(data)]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
    return data


def _lines(past: Sequence[Stretch], cached: float) -> Iterator[str]:
    """By metric, as the format asks."""
    samples: dict[str, list[str]] = {}
    counted = dict.fromkeys(COUNTERS, 0.0)
    seen = {**dict.fromkeys(EDGES, 0.0), float("inf"): 0.0}
    for number, one in enumerate(past):
        share, bucket, waiting = LOADS.get(one.users, (0.0, 0.1, 0))
        output_s = share / (one.prompt / one.output / P + 1 / G) if one.users else 0.0
        requests_s = output_s / one.output if one.users else 0.0
        per_token_s = one.users / G / share if one.users else 0.0
        rates = (requests_s * one.prompt / (1 - cached), output_s, requests_s * one.prompt * cached / (1 - cached))
        rises = (*rates, output_s, requests_s, requests_s * per_token_s, requests_s)
        for scrape in range(WINDOW_S // SCRAPE_S):
            at_s = START.timestamp() + number * WINDOW_S + FIRST_S + scrape * SCRAPE_S
            if one.trouble == "restart" and scrape == 10:
                counted = dict.fromkeys(COUNTERS, 0.0)
            counted = {name: v + SCRAPE_S * rise for (name, v), rise in zip(counted.items(), rises, strict=True)}
            seen = {edge: v + SCRAPE_S * requests_s * (edge >= bucket) for edge, v in seen.items()}
            if one.trouble == "gap" and scrape >= 10:
                continue
            running = 1 if one.trouble == "unsteady" and scrape == 10 else one.users
            values = {**counted, "num_requests_running": running, "num_requests_waiting": waiting}
            for name, value in values.items():
                samples.setdefault(name, []).append(_sample(name, value, at_s))
            for edge, value in seen.items():
                le = "+Inf" if edge == float("inf") else str(edge)
                name = "time_to_first_token_seconds_bucket"
                samples.setdefault(f"{name} {le}", []).append(_sample(name, value, at_s, f',le="{le}"'))
    for lines in samples.values():
        yield from lines


def _sample(name: str, value: float, at_s: float, more: str = "") -> str:
    return f'vllm:{name}{{job="vllm",instance="10.0.0.1:8000",model_name="chat"{more}}} {value} {at_s:.0f}'
