"""How well fitted rates foretell workloads kept out of the fit: on the vLLM sweep, and on llama.cpp's server here.

The latter are replayed as well: a fleet planned by the fit, and more of such requests than its node can carry.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measure import MeasurementError, Row, Spread, in_child

SWEEP = Path(__file__).parent / "data" / "sparecores" / "vllm_three_workloads.csv.gz"
FITTED = ((64, 32), (256, 32), (64, 128), (256, 128))
KEPT_OUT = ((192, 64), (128, 128))
USERS = (1, 8)
WINDOW_S, REPEATS = 2.0, 8
MACHINE = "hetzner/ax102"
"""What this machine is called, for a replay needs an offer."""


def profile_fit_rows() -> Iterator[Row]:
    """The sweep's machines, each workload kept out in turn; then this machine, two mixes kept out."""
    found = _asked("sweep", 120.0)
    errors = [abs(one["error"]) for one in found["foretold"]]
    worst = max(found["foretold"], key=lambda one: abs(one["error"]))
    by_machine = ", ".join(f"{name} {error:.0%}" for name, error in found["by_machine"].items())
    yield Row(
        what=f"`profile fit`: {len(errors)} workloads of the vLLM sweep kept out, median error of output tok/s",
        unit="ratio",
        measured=Spread(least=min(errors), median=median(errors), most=max(errors), runs=len(errors)),
        at_most=0.15,
        rival_ratio=median(abs(one["two_rates_error"]) for one in found["foretold"]) / median(errors),
        note=f"the rival is two rates without lengths; {found['refused']} were refused as longer than measured; worst: "
        f"{worst['machine']} {worst['workload']} {worst['error']:+.0%}; median by machine: {by_machine}",
    )
    here = _asked("llama", 600.0)
    yield Row(
        what="the same on llama.cpp here, mixes of 192:64 and 128:128 by four others: largest error",
        unit="ratio",
        measured=Spread.of([max(abs(one["error"]) for one in here["foretold"])]),
        at_most=0.10,
        note="; ".join(
            f"{one['workload']} measured {one['measured_tok_s']:,.0f} tok/s, foretold {one['foretold_tok_s']:,.0f} "
            f"({one['error']:+.1%})"
            for one in here["foretold"]
        ),
    )
    yield Row(
        what="these mixes through fit, plan and replay: what a node served of them ÷ measured, largest error",
        unit="ratio",
        measured=Spread.of([max(abs(one["error"]) for one in here["replayed"])]),
        at_most=0.10,
        note="; ".join(one["said"] for one in here["replayed"]),
    )


def _asked(task: str, timeout_s: float) -> dict[str, Any]:
    found = in_child(task, module="benchmarks.profile_fit", timeout_s=timeout_s)
    if found is None:
        raise MeasurementError(f"{task} took more than {timeout_s:g} s")
    return found


def sweep() -> dict[str, Any]:
    """Each workload of each machine of the sweep, foretold by the other two."""
    from planner import files
    from planner.exchange.measured import read_measured
    from planner.profile.measured import foretold, profile_of
    from planner.profile.model import Slo

    measured, _ = read_measured(files.read_text(SWEEP), source="sweep", machine=None)
    rows: list[dict[str, Any]] = []
    refused = 0
    for model in sorted({one.model for one in measured}):
        profile, _ = profile_of([one for one in measured if one.model == model], name=model)
        for key, machine in profile.machines.items():
            for one in foretold(machine, profile, slo=Slo()):
                if one.error_ratio is None:
                    refused += 1
                    continue
                rows.append(
                    {
                        "machine": f"{key} {model}",
                        "workload": one.workload,
                        "error": one.error_ratio,
                        "two_rates_error": _two_rates(machine, one.workload) / one.measured_tok_s - 1,
                    }
                )
    names = list(dict.fromkeys(row["machine"] for row in rows))
    by_machine = {name: median(abs(row["error"]) for row in rows if row["machine"] == name) for name in names}
    return {"foretold": rows, "refused": refused, "by_machine": by_machine}


def _two_rates(machine: Any, workload: str) -> float:
    """Output tok/s of the workload by P and G fitted to the others, whatever their lengths."""
    from planner.profile.model import Slo
    from planner.profile.rated import Bounds, fit_rates, rated_point

    kept_out = next(curve for curve in machine.curves if curve.workload == workload)
    points = [rated_point(curve, Slo()) for curve in machine.curves if curve is not kept_out]
    observed = [(point.input_tok_s, point.output_tok_s) for point in points if point is not None]
    fitted = fit_rates(observed, Bounds(prefill_tok_s=1e9, decode_tok_s=1e9))
    i, o = kept_out.prompt_tokens, kept_out.output_tokens
    return float(o / (i / fitted.prefill_tok_s + o / fitted.decode_tok_s))


def llama() -> dict[str, Any]:
    """llama.cpp's server on a random model: all mixes measured in turn, two of them foretold by the other four."""
    from datetime import UTC, datetime

    from planner.bench.client import Endpoint
    from planner.bench.host import Host
    from planner.bench.lengths import FixedLengths
    from planner.bench.llama import llama_server
    from planner.bench.run import Wanted, measure
    from planner.bench.seen import Load
    from planner.exchange.measured import read_measured
    from planner.profile.measured import foretold_tok_s, profile_of
    from planner.profile.model import Slo, Unfit
    from planner.profile.rated import rated_point
    from planner.report.bench import bench_document
    from tests.servers.llama_server import write_model

    with TemporaryDirectory() as folder:
        model = Path(folder) / "random.gguf"
        write_model(model)
        wanted = Wanted(
            workloads=[FixedLengths(input_tokens=i, output_tokens=o) for i, o in (*FITTED, *KEPT_OUT)],
            loads=[Load(users=users) for users in USERS],
            repeats=REPEATS,
            warm_up_s=0.5,
            window_s=WINDOW_S,
            seed=0,
            shared_prefix_tokens=0,
            machine=MACHINE,
        )
        with llama_server(model, slots=max(USERS), context_tokens=512, threads=1) as url:
            host = Host(name="", busy_ratio=0.0)
            endpoint = Endpoint(url=url, model="")
            found = measure(endpoint, wanted, host=host, now=datetime.now(UTC), report=lambda _what, _share: None)
    document = bench_document(found)
    measured, _ = read_measured(json.dumps(document), source="here", machine=None)
    profile, _ = profile_of(measured[: len(FITTED)], name="tiny")
    rows = []
    for one in measured[len(FITTED) :]:
        curve = one.curve
        point = rated_point(curve, Slo())
        machine = profile.machines[MACHINE]
        said = foretold_tok_s(machine, profile, curve.prompt_tokens, curve.output_tokens, slo=Slo())
        if isinstance(said, Unfit) or point is None:
            raise MeasurementError(f"{curve.workload} cannot be foretold")
        rows.append(
            {
                "workload": curve.workload,
                "measured_tok_s": point.output_tok_s,
                "foretold_tok_s": said,
                "error": said / point.output_tok_s - 1,
            }
        )
    return {"foretold": rows, "replayed": _replayed(document)}


def _replayed(bench: dict[str, Any]) -> list[dict[str, Any]]:
    """The mixes kept out, each through fit, plan and replay with its own lengths stated."""
    from tests.measured.round_trip import parted, round_trip

    kept_out = [f"{i}:{o}" for i, o in KEPT_OUT]
    fitted, others = parted(bench, kept_out)
    rows = []
    for name in kept_out:
        with TemporaryDirectory() as folder:
            (one,) = round_trip(Path(folder), fitted=fitted, replayed=parted(others, [name])[1])
        rows.append({"workload": name, "error": one.error_ratio, "said": one.said})
    return rows


TASKS = {"sweep": sweep, "llama": llama}

if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]]()))
