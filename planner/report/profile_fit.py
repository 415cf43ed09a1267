"""What a fit found, as tables for people and as the JSON document `baseload.profile-fit/1`. Opens nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from planner.profile.curve import Machine, Profile
from planner.profile.measured import Foretold
from planner.profile.model import Slo, Unfit
from planner.profile.rating import Rated
from planner.report.listings import slo_words
from planner.report.narrow import wrapped
from planner.report.numbers import number
from planner.report.price.section import NUMBER, SIGNED, TEXT, Json, listed, or_null, record, said
from planner.report.screen import Cell, Column, Screen, render, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

FIT_SCHEMA = "baseload.profile-fit/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFit:
    """One machine."""

    machine: Machine
    rated: Rated | Unfit
    foretold: Sequence[Foretold]
    doubts: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFit:
    """What is shown."""

    profile: Profile
    slo: Slo
    machines: Sequence[MachineFit]

    @property
    def median_error(self) -> float | None:
        """Of what was kept out and foretold, without its sign; None: nothing was."""
        known = [abs(one.error_ratio) for fit in self.machines for one in fit.foretold if one.error_ratio is not None]
        return median(known) if known else None


def render_fit(found: ProfileFit, *, screen: Screen | None = None) -> str:
    """A table per machine: workloads at their rated points, P and G, what the others foretell, what is thin."""
    screen = screen or Screen()
    count = len(found.machines)
    machines = f"{count} machines" if count > 1 else "1 machine"
    head = f"Profile {found.profile.name} of {machines}, rated with {slo_words(found.slo)}"
    parts: list[RenderableType] = [*wrapped(head, screen)]
    for fit in found.machines:
        parts += ["", *wrapped(fit.machine.key + (f", {fit.machine.engine}" if fit.machine.engine else ""), screen)]
        if isinstance(fit.rated, Unfit):
            parts += wrapped(f"Not rated: {fit.rated.reason}.", screen)
        else:
            parts += [table(_COLUMNS, _rows(fit)), *wrapped(_rates_words(fit.rated), screen)]
            for remark in fit.rated.rates.remarks:
                parts += wrapped(f"Remark: {remark}", screen)
        for doubt in fit.doubts:
            parts += wrapped(f"Thin: {doubt}", screen)
    if found.median_error is not None:
        line = f"Kept out of the fit in turn, workloads are foretold within {found.median_error:.1%} (median)."
        parts += ["", *wrapped(line, screen)]
    return render(parts, screen)


_COLUMNS = [
    words("workload"),
    Column(title="tokens", unit="in", places=0),
    Column(title="tokens", unit="out", places=0),
    Column(title="in", unit="flight", places=1),
    Column(title="input", unit="tok/s", places=1),
    Column(title="output", unit="tok/s", places=1),
    Column(title="TTFT p95", unit="ms"),
    Column(title="TPOT", unit="ms", places=1),
    Column(title="residual", unit="%"),
    Column(title="foretold", unit="%"),
]


def _rows(fit: MachineFit) -> list[list[Cell]]:
    if isinstance(fit.rated, Unfit):
        return []
    by_name = {one.workload: one for one in fit.foretold}
    rows: list[list[Cell]] = []
    for one in fit.rated.workloads:
        kept_out = by_name.get(one.curve.workload)
        error = None if kept_out is None else kept_out.error_ratio
        rows.append(
            [
                one.curve.workload,
                one.curve.prompt_tokens,
                one.curve.output_tokens,
                one.point.concurrency,
                one.point.input_tok_s,
                one.point.output_tok_s,
                one.point.ttft_p95_ms,
                one.point.tpot_ms,
                None if one.residual_ratio is None else _signed_percent(one.residual_ratio),
                None if error is None else _signed_percent(error),
            ]
        )
    return rows


def _signed_percent(ratio: float) -> str:
    return f"{100 * ratio:+.1f}".replace("-", "−")


def _rates_words(rated: Rated) -> str:
    rates = rated.rates
    return (
        f"P {number(rates.prefill_tok_s, 1)} input tok/s, G {number(rates.decode_tok_s, 1)} output tok/s "
        f"at {number(rates.concurrency, 1)} requests in flight"
    )


def fit_document(found: ProfileFit) -> dict[str, Any]:
    """The JSON document."""
    return {
        "schema": FIT_SCHEMA,
        "profile": found.profile.name,
        "source": found.profile.source,
        "source_date": found.profile.source_date,
        "slo": {"ttft_ms": found.slo.ttft_ms, "tpot_ms": found.slo.tpot_ms},
        "median_foretold_error_ratio": found.median_error,
        "machines": [_machine_document(fit) for fit in found.machines],
    }


def _machine_document(fit: MachineFit) -> dict[str, Any]:
    rates = None if isinstance(fit.rated, Unfit) else fit.rated.rates
    workloads = () if isinstance(fit.rated, Unfit) else fit.rated.workloads
    return {
        "machine": fit.machine.key,
        "prefill_tok_s": None if rates is None else rates.prefill_tok_s,
        "decode_tok_s": None if rates is None else rates.decode_tok_s,
        "concurrency": None if rates is None else rates.concurrency,
        "not_rated_reason": fit.rated.reason if isinstance(fit.rated, Unfit) else None,
        "workloads": [
            {
                "workload": one.curve.workload,
                "prompt_tokens": one.curve.prompt_tokens,
                "output_tokens": one.curve.output_tokens,
                "concurrency": one.point.concurrency,
                "input_tok_s": one.point.input_tok_s,
                "output_tok_s": one.point.output_tok_s,
                "ttft_p95_ms": one.point.ttft_p95_ms,
                "tpot_ms": one.point.tpot_ms,
                "residual_ratio": one.residual_ratio,
            }
            for one in workloads
        ],
        "foretold": [
            {
                "workload": one.workload,
                "measured_tok_s": one.measured_tok_s,
                "foretold_tok_s": one.foretold_tok_s,
                "error_ratio": one.error_ratio,
                "reason": one.reason or None,
            }
            for one in fit.foretold
        ],
        "remarks": [] if rates is None else list(rates.remarks),
        "thin": list(fit.doubts),
    }


def fit_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what `profile fit --json` prints."""
    rate = or_null(NUMBER)
    lengths = dict.fromkeys(("prompt_tokens", "output_tokens", "concurrency", "input_tok_s", "output_tok_s"), NUMBER)
    workload = {
        "workload": TEXT,
        **lengths,
        "ttft_p95_ms": rate,
        "tpot_ms": rate,
        "residual_ratio": said(or_null(SIGNED), "input / P + output / G - 1; null: one workload was not fitted."),
    }
    kept_out = {
        "workload": TEXT,
        "measured_tok_s": NUMBER,
        "foretold_tok_s": said(rate, "Output tok/s by the other workloads; null: they say nothing of such lengths."),
        "error_ratio": or_null(SIGNED),
        "reason": or_null(TEXT),
    }
    machine = {
        "machine": TEXT,
        **dict.fromkeys(("prefill_tok_s", "decode_tok_s", "concurrency"), rate),
        "not_rated_reason": or_null(TEXT),
        "workloads": listed(record(workload)),
        "foretold": said(listed(record(kept_out)), "Each workload kept out of the fit in turn; of three or more."),
        "remarks": listed(TEXT),
        "thin": said(listed(TEXT), "Why the data says little."),
    }
    properties = {
        "schema": {"const": FIT_SCHEMA},
        "profile": TEXT,
        "source": TEXT,
        "source_date": TEXT,
        "slo": record({"ttft_ms": rate, "tpot_ms": rate}),
        "median_foretold_error_ratio": rate,
        "machines": listed(record(machine)),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:baseload:schema:profile-fit:1",
        "title": "profile-fit",
        "description": "Measurements made into a profile: rates, residuals, what was kept out. Unknown is null.",
        **record(properties),
    }


def fit_schema_text() -> str:
    """The published file docs/schemas/profile-fit.schema.json."""
    return json.dumps(fit_schema(), indent=2, ensure_ascii=False) + "\n"


def remarks_by_machine(found: ProfileFit) -> Mapping[str, tuple[str, ...]]:
    """What a reader of the profile must know, by machine."""
    return {fit.machine.key: tuple(f"thin: {doubt}" for doubt in fit.doubts) for fit in found.machines}
