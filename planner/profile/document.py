"""A profile as a person writes it: TOML text in, Profile out; every mistake is one line naming its place.

    name = "my-model"                 # how a model's `profile` names it
    source = "our bench, 8 nodes"     # where the figures come from
    date = 2026-11-20
    basis = "measured"                # or "estimated"

    [[machine]]                       # one per machine; exactly one kind of rates each
    server = "ovh/b3-64"              # provider/product as in the catalog; or gpu = "A10G" and gpu_count = 1
    blended_tok_s = 150               # one rate for input and output alike (P = G)

    [[machine]]
    server = "hetzner/ax102"
    prefill_tok_s = 900               # P and G as measured at a rated point of your own
    decode_tok_s = 120
    concurrency = 8                   # optional

    [[machine]]
    gpu = "A10G"
    gpu_count = 1
    [[machine.workload]]              # a curve by workload; two of different mix tell P and G apart
    prompt_tokens = 256
    output_tokens = 128
    points = [{ concurrency = 1, input_tok_s = 60, output_tok_s = 30, ttft_p95_ms = 140, tpot_ms = 33 }]

    [[machine]]
    server = "aws/r7a.4xlarge"
    date = 2026-07-14                 # optional: of this machine
    [machine.single_stream]           # one request alone, by length: [tokens, tok/s], rising tokens
    prompt = [[16, 90], [512, 85]]
    generate = [[16, 17], [128, 16.7]]

Optional at the top: title, licence, [memory] with the figures of `planner.profile.model.Memory`; for single streams
`batching_gain = "cpu"`, the shipped assumption of what batching adds on CPUs (without it a machine serves one request
at a time), and `context_slowdown`, growth of the time per token with each token of context beyond those measured.
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import date
from itertools import pairwise
from typing import Any

from planner.catalog.nearest import nearest
from planner.errors import InputError
from planner.profile.curve import BatchingGain, Curve, Machine, PlainRates, Point, Profile, SingleStream, by_key
from planner.profile.model import Basis, Memory
from planner.profile.shipped import shipped_profile

PROFILE_KEYS = (
    "name",
    "title",
    "source",
    "licence",
    "date",
    "basis",
    "batching_gain",
    "context_slowdown",
    "machine",
    "memory",
)
MACHINE_KEYS = (
    "server",
    "gpu",
    "gpu_count",
    "blended_tok_s",
    "prefill_tok_s",
    "decode_tok_s",
    "concurrency",
    "workload",
    "single_stream",
    "rule",
    "date",
)
WORKLOAD_KEYS = ("name", "prompt_tokens", "output_tokens", "points")
POINT_KEYS = ("concurrency", "input_tok_s", "output_tok_s", "ttft_p95_ms", "ttft_ms", "tpot_ms")
STREAM_KEYS = ("prompt", "generate")
GAINS = {"cpu": "llama-7b-q4"}
"""Named batching gains, each with the shipped profile it belongs to."""


def read_profile(text: str, source_name: str) -> Profile:
    """The profile written in `text`; `source_name` names it in errors. Raises InputError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source_name}: not TOML: {error}") from error
    _known(document, PROFILE_KEYS, source_name)
    name = _text(document, "name", source_name)
    source = _text(document, "source", source_name)
    day = _date(document.get("date"), source_name)
    basis = document.get("basis", "measured")
    if basis not in tuple(Basis):
        raise InputError(f'{source_name}: basis: expected "measured" or "estimated", got {basis!r}')
    tables = _list(document, "machine", source_name)
    machines = tuple(
        _machine(table, f"{source_name}: machine {number}", Basis(basis), source, day)
        for number, table in enumerate(tables, start=1)
    )
    try:
        keyed = by_key(machines)
    except ValueError as error:
        raise InputError(f"{source_name}: {error}") from error
    return Profile(
        name=name,
        title=document.get("title", name),
        machines=keyed,
        source=source,
        source_date=day.isoformat(),
        licence=_text(document, "licence", source_name) if "licence" in document else "",
        gain=_gain(document.get("batching_gain"), source_name),
        context_slowdown=_number(document, "context_slowdown", source_name) if "context_slowdown" in document else 0.0,
        memory=_memory(document["memory"], f"{source_name}: memory") if "memory" in document else None,
    )


def _machine(table: Any, where: str, basis: Basis, source: str, day: date) -> Machine:
    _known(table, MACHINE_KEYS, where)
    server, gpu = table.get("server"), table.get("gpu")
    if (server is None) == (gpu is None):
        raise InputError(f'{where}: expected either server = "provider/product" or gpu with gpu_count')
    provider = product = None
    if server is not None:
        provider, _, product = str(server).partition("/")
        if not provider or not product:
            raise InputError(f"{where}: server: expected provider/product as in the catalog, got {server!r}")
    kinds = [key for key in ("blended_tok_s", "prefill_tok_s", "workload", "single_stream") if key in table]
    if len(kinds) != 1 or ("decode_tok_s" in table) != ("prefill_tok_s" in table):
        raise InputError(
            f"{where}: expected exactly one of blended_tok_s, prefill_tok_s with decode_tok_s, [[machine.workload]] "
            "and [machine.single_stream]"
        )
    curves: tuple[Curve, ...] = ()
    plain = stream = None
    if kinds == ["workload"]:
        workloads = enumerate(_list(table, "workload", where), start=1)
        curves = tuple(_curve(workload, f"{where}, workload {number}") for number, workload in workloads)
    elif kinds == ["single_stream"]:
        stream = _stream(table["single_stream"], f"{where}, single_stream")
    else:
        blended = kinds == ["blended_tok_s"]
        plain = PlainRates(
            prefill_tok_s=_number(table, kinds[0], where),
            decode_tok_s=_number(table, "blended_tok_s" if blended else "decode_tok_s", where),
            concurrency=_number(table, "concurrency", where) if "concurrency" in table else None,
            is_blended=blended,
        )
    return Machine(
        provider=provider,
        server=product,
        gpu=gpu,
        gpu_count=_count(table, where) if gpu is not None else 0,
        curves=curves,
        single_stream=stream,
        plain=plain,
        basis=basis,
        rule=str(table.get("rule", "")),
        source=source,
        source_date=(_date(table["date"], where) if "date" in table else day).isoformat(),
    )


def _stream(table: Any, where: str) -> SingleStream:
    _known(table, STREAM_KEYS, where)
    return SingleStream(prompt=_rates(table, "prompt", where), generate=_rates(table, "generate", where))


def _rates(table: Mapping[str, Any], key: str, where: str) -> tuple[tuple[int, float], ...]:
    """Pairs of tokens and tok/s, of rising tokens."""
    found = []
    for row in _list(table, key, where):
        if not isinstance(row, list) or len(row) != 2 or isinstance(row[0], bool) or not isinstance(row[0], int):
            raise InputError(
                f"{where}: {key}: expected pairs of whole tokens and tok/s such as [128, 16.7], got {row!r}"
            )
        pair = dict(zip(("tokens", "tok_s"), row, strict=True))
        found.append((int(_number(pair, "tokens", f"{where}: {key}")), _number(pair, "tok_s", f"{where}: {key}")))
    if any(tokens >= more for (tokens, _), (more, _) in pairwise(found)):
        raise InputError(f"{where}: {key}: expected rising tokens, got {[tokens for tokens, _ in found]}")
    return tuple(found)


def _gain(name: Any, source_name: str) -> BatchingGain:
    """The named gain of batching; without a name that of a machine that serves one request at a time."""
    if name is None:
        return BatchingGain(
            name="none: one request at a time",
            concurrency=(1.0,),
            decode_gain=(1.0,),
            ttft_growth=(1.0,),
            machine_count=0,
            source="",
        )
    gain = shipped_profile(GAINS[name]).gain if isinstance(name, str) and name in GAINS else None
    if gain is None:
        raise InputError(f"{source_name}: batching_gain: expected {' or '.join(map(repr, GAINS))}, got {name!r}")
    return gain


def _curve(table: Any, where: str) -> Curve:
    _known(table, WORKLOAD_KEYS, where)
    prompt, output = _number(table, "prompt_tokens", where), _number(table, "output_tokens", where)
    points = []
    for number, row in enumerate(_list(table, "points", where), start=1):
        place = f"{where}, point {number}"
        _known(row, POINT_KEYS, place)
        optional = {key: _number(row, key, place) for key in ("ttft_p95_ms", "ttft_ms", "tpot_ms") if key in row}
        points.append(
            Point(
                concurrency=_number(row, "concurrency", place),
                input_tok_s=_number(row, "input_tok_s", place),
                output_tok_s=_number(row, "output_tok_s", place),
                **optional,
            )
        )
    points.sort(key=lambda point: point.concurrency)
    name = str(table.get("name", f"{prompt:g}+{output:g}"))
    return Curve(workload=name, prompt_tokens=prompt, output_tokens=output, points=tuple(points))


def _memory(table: Any, where: str) -> Memory:
    known = {field.name: field for field in fields(Memory)}
    _known(table, tuple(known), where)
    missing = [name for name, field in known.items() if field.default is MISSING and name not in table]
    if missing:
        raise InputError(f"{where}: missing {', '.join(missing)}")
    values: dict[str, Any] = {}
    for key in table:
        value = _number(table, key, where)
        values[key] = value if "float" in str(known[key].type) else int(value)
    return Memory(**values)


def _date(value: Any, where: str) -> date:
    if not isinstance(value, date):
        raise InputError(f"{where}: date: expected a date such as 2026-11-20, got {value!r}")
    return value


def _known(table: Any, keys: tuple[str, ...], where: str) -> None:
    if not isinstance(table, Mapping):
        raise InputError(f"{where}: expected a table, got {table!r}")
    for key in table:
        if key not in keys:
            near = nearest(key, keys)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(keys)}"
            raise InputError(f"{where}: unknown key {key!r}; {hint}")


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise InputError(f"{where}: {key}: expected a text, got {value!r}")
    return value


def _list(table: Mapping[str, Any], key: str, where: str) -> list[Any]:
    value = table.get(key)
    if not isinstance(value, list) or not value:
        raise InputError(f"{where}: {key}: expected at least one, got {value!r}")
    return value


def _number(table: Mapping[str, Any], key: str, where: str) -> float:
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise InputError(f"{where}: {key}: expected a number above 0, got {value!r}")
    return float(value)


def _count(table: Mapping[str, Any], where: str) -> int:
    value = table.get("gpu_count", 1)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{where}: gpu_count: expected a whole number of 1 or more, got {value!r}")
    return value
