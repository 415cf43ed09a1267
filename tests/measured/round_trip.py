"""The round trip: a profile fitted to a benchmark, a fleet planned by it, and traffic of a mix nobody fitted replayed.

The replay is given more than the one node of the plan can carry, so what it serves is what it takes such a node to
carry of that mix. It is held against what the benchmark measured. Every step is a command of ours.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from statistics import fmean
from typing import Any

from autoscaler.cli import baseload, run
from planner.exchange.measured import read_measured
from planner.profile.model import Slo
from planner.profile.rated import rated_point

MACHINE = "hetzner/ax102"
"""What the measured machine is called, for a plan needs an offer."""
PLANNED_LOAD = 0.5
"""Of what one node was measured to carry: where a profile understates it by a quarter, one is rented all the same."""
REPLAYED_LOAD = 1.25
"""Of what was measured: so much more than 10 % above it that a replay which overstates a node by more is seen."""
HOUR_S = 3600
FLEET = """[profiles]
files = ["{profile}"]

[[model]]
name = "tiny"
profile = "tiny"
input_tokens = {prompt_tokens}
output_tokens = {output_tokens}
load_time_s = 30
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """A mix kept out of the fit: what was measured of a full machine, and what a node served in the replay."""

    workload: str
    measured_tok_s: float
    """Output tokens per second."""
    replayed_tok_s: float

    @property
    def error_ratio(self) -> float:
        """Replayed ÷ measured - 1."""
        return self.replayed_tok_s / self.measured_tok_s - 1

    @property
    def said(self) -> str:
        """All of it in a line."""
        return (
            f"{self.workload} measured {self.measured_tok_s:,.0f} tok/s, "
            f"a node of the replay served {self.replayed_tok_s:,.0f} ({self.error_ratio:+.1%})"
        )


def parted(bench: dict[str, Any], kept_out: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The benchmark without these workloads, and these alone."""
    fitted = [one for one in bench["workloads"] if one["workload"] not in kept_out]
    others = [one for one in bench["workloads"] if one["workload"] in kept_out]
    return {**bench, "workloads": fitted}, {**bench, "workloads": others}


def round_trip(folder: Path, *, fitted: dict[str, Any], replayed: dict[str, Any]) -> tuple[Returned, ...]:
    """Workloads of one benchmark replayed by the profile of another: an hour of each, one after the other, on one node.

    The model states their mean lengths, as the owner of such traffic would. Files go to the folder.
    """
    names = ("fitted.json", "tiny.toml", "fleet.toml", "forecast.csv", "plan.json", "requests.csv")
    bench, profile, fleet, forecast, plan, requests = (folder / name for name in names)
    bench.write_text(json.dumps(fitted))
    command("profile", "fit", bench, "--machine", MACHINE, "--name", "tiny", "-o", profile)
    full = _full(replayed)
    prompt, output = fmean(one.prompt_tokens for one in full), fmean(one.output_tokens for one in full)
    fleet.write_text(FLEET.format(profile=profile.name, prompt_tokens=prompt, output_tokens=output))
    forecast.write_text("timestamp,input_tokens_per_s,output_tokens_per_s\n" + "".join(_hours(full)))
    command("plan", "-f", forecast, "-c", fleet, "--only", MACHINE, "-o", plan)
    requests.write_text("arrival_s,input_tokens,output_tokens\n" + "".join(_requests(full)))
    asked = ("replay", "--traffic", requests, "-c", fleet, "--plan", plan, "--no-bound", "--json")
    document = json.loads(command(*asked, code=3))  # more goes unserved than a policy allows: the node is overfull
    assert (document["base_nodes"], document["launches"]) == (1, 0)
    returned = []
    for one, hour in zip(full, document["hours"], strict=True):
        served_tok_s = (hour["asked_tokens"] - hour["unserved_tokens"]) / HOUR_S
        share = one.output_tokens / (one.prompt_tokens + one.output_tokens)
        returned.append(
            Returned(workload=one.workload, measured_tok_s=one.output_tok_s, replayed_tok_s=served_tok_s * share)
        )
    return tuple(returned)


def command(*arguments: object, code: int = 0) -> str:
    """What `baseload` prints; it must end with `code`."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        found = run(baseload(), [str(one) for one in arguments])
    assert found == code, err.getvalue()
    return out.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Full:
    """The machine full of requests of one workload."""

    workload: str
    prompt_tokens: float
    output_tokens: float
    output_tok_s: float


def _full(bench: dict[str, Any]) -> list[_Full]:
    measured, _ = read_measured(json.dumps(bench), source="bench.json", machine=MACHINE)
    full = []
    for curve in (one.curve for one in measured):
        point = rated_point(curve, Slo())
        assert point is not None
        full.append(
            _Full(
                workload=curve.workload,
                prompt_tokens=curve.prompt_tokens,
                output_tokens=curve.output_tokens,
                output_tok_s=point.output_tok_s,
            )
        )
    return full


def _hours(full: Sequence[_Full]) -> Iterator[str]:
    """A forecast of a day in which the mixes take turns."""
    for hour in range(24):
        one = full[hour % len(full)]
        tok_s = PLANNED_LOAD * one.output_tok_s
        yield f"2024-01-01T{hour:02}:00Z,{tok_s * one.prompt_tokens / one.output_tokens},{tok_s}\n"


def _requests(full: Sequence[_Full]) -> Iterator[str]:
    """Single requests, evenly through an hour of each mix."""
    for hour, one in enumerate(full):
        per_hour = int(HOUR_S * REPLAYED_LOAD * one.output_tok_s / one.output_tokens)
        for number in range(per_hour):
            yield f"{HOUR_S * (hour + number / per_hour):.6f},{one.prompt_tokens},{one.output_tokens}\n"
