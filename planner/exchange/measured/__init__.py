"""Reads measurements of throughput: our own benchmarks, vLLM's, and tables of serving sweeps. Text in.

What a file is, is told by what is in it: `baseload.bench/1`, the JSON of `vllm bench serve --save-result`, or a CSV
with the columns of a sweep.
"""

import json

from planner.errors import InputError
from planner.exchange.measured.bench_file import SCHEMA, measured_by_bench
from planner.exchange.measured.sweep_table import measured_by_sweep
from planner.exchange.measured.vllm_bench import is_vllm_bench, measured_by_vllm
from planner.profile.measured import Measured

__all__ = ["Vllm", "measured_by_vllm", "read_measured"]

Vllm = dict[str, object]
"""One result of `vllm bench serve`: a load step; the steps of a workload lie in several files."""


def read_measured(text: str, *, source: str, machine: str | None) -> tuple[list[Measured], list[Vllm]]:
    """The curves of a file, or the single load steps of vLLM's. Raises InputError.

    `machine`: provider/product, for files that do not say what was measured.
    """
    if not text.lstrip().startswith(("{", "[")):
        return measured_by_sweep(text, source=source), []
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and document.get("schema") == SCHEMA:
        return measured_by_bench(document, source=source, machine=machine), []
    if isinstance(document, dict) and is_vllm_bench(document):
        return [], [{**document, "source": source}]
    raise InputError(
        f"{source}: expected a file of `baseload bench -o`, of `vllm bench serve --save-result`, or a CSV of a sweep"
    )
