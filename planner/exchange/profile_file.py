"""Writes a profile as the TOML a person could have written; `planner.profile.document` reads it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from planner.profile.curve import Curve, Machine, Profile, SingleStream

if TYPE_CHECKING:
    import tomlkit


def profile_text(
    profile: Profile, *, remarks: Mapping[str, tuple[str, ...]], notice: Sequence[str] = (), batching_gain: str = ""
) -> str:
    """The profile as TOML, a machine's remarks as comments above it; `remarks` by machine, `notice` on top.

    `batching_gain`: what single streams are batched with, as `planner.profile.document` names it; "": nothing.
    """
    import tomlkit

    document = tomlkit.document()
    for line in notice:
        document.add(tomlkit.comment(line))
    document.add("name", tomlkit.item(profile.name))
    document.add("title", tomlkit.item(profile.title))
    document.add("source", tomlkit.item(profile.source))
    if profile.licence:
        document.add("licence", tomlkit.item(profile.licence))
    document.add("date", tomlkit.item(date.fromisoformat(profile.source_date)))
    document.add("basis", tomlkit.item("measured"))
    if batching_gain:
        document.add("batching_gain", tomlkit.item(batching_gain))
    if profile.context_slowdown:
        document.add("context_slowdown", tomlkit.item(float(f"{profile.context_slowdown:.3g}")))
    machines = tomlkit.aot()
    for machine in profile.machines.values():
        machines.append(_machine(machine, remarks.get(machine.key, ())))
    document.add("machine", machines)
    return tomlkit.dumps(document)


def _machine(machine: Machine, remarks: tuple[str, ...]) -> "tomlkit.items.Table":
    import tomlkit

    table = tomlkit.table()
    for remark in remarks:
        table.add(tomlkit.comment(remark))
    if machine.server is not None:
        table.add("server", f"{machine.provider}/{machine.server}")
    else:
        table.add("gpu", machine.gpu)
        table.add("gpu_count", machine.gpu_count)
    if machine.single_stream is not None:
        table.add("date", date.fromisoformat(machine.source_date))
        table.add("single_stream", _stream(machine.single_stream))
        return table
    workloads = tomlkit.aot()
    for curve in machine.curves:
        workloads.append(_workload(curve))
    table.add("workload", workloads)
    return table


def _stream(stream: SingleStream) -> "tomlkit.items.Table":
    import tomlkit

    table = tomlkit.table()
    for key, rates in (("prompt", stream.prompt), ("generate", stream.generate)):
        table.add(key, [[tokens, _rounded(tok_s)] for tokens, tok_s in rates])
    return table


def _workload(curve: Curve) -> "tomlkit.items.Table":
    import tomlkit

    table = tomlkit.table()
    table.add("name", curve.workload)
    table.add("prompt_tokens", round(curve.prompt_tokens, 1))
    table.add("output_tokens", round(curve.output_tokens, 1))
    points = tomlkit.array().multiline(True)
    for point in curve.points:
        figures: dict[str, Any] = {
            "concurrency": round(point.concurrency, 2),
            "input_tok_s": _rounded(point.input_tok_s),
            "output_tok_s": _rounded(point.output_tok_s),
            "ttft_ms": _rounded(point.ttft_ms),
            "ttft_p95_ms": _rounded(point.ttft_p95_ms),
            "tpot_ms": _rounded(point.tpot_ms),
        }
        row = tomlkit.inline_table()
        row.update({key: value for key, value in figures.items() if value is not None})
        points.append(row)
    table.add("points", points)
    return table


def _rounded(value: float | None) -> float | None:
    """Four digits: more than any measurement holds."""
    return None if value is None else float(f"{value:.4g}")
