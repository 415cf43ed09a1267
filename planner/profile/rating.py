"""A model's rates on one machine: the rated points of its curves, and the two rates they give. Pure.

Plain rates are taken as they are; single-stream rates are first made into a curve (`single_stream`); curves are fitted.
Every assumption made on the way is a remark of the rates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from planner.profile.curve import Curve, Machine, Point, Profile
from planner.profile.fitting import Lengths, distance, fit_workloads, total_tokens
from planner.profile.model import Model, Rates, Slo, Unfit
from planner.profile.rated import at_concurrency, rated_point, slowed
from planner.profile.single_stream import (
    MAX_STRETCH,
    batched_decode_rate,
    curve_of,
    decode_rate,
    longest_context,
    prompt_rate,
)

DEFAULT_CONTEXT_TOKENS = 2048.0
"""Context a request is given memory for where neither the model nor the rates say any length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedWorkload:
    """One workload at its rated point, and how well the two rates explain it."""

    curve: Curve
    point: Point
    residual_ratio: float | None
    """input / P + output / G - 1; None where the rates were not fitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """Rates with what they were read from."""

    rates: Rates
    machine: Machine
    workloads: tuple[RatedWorkload, ...]
    context_tokens: float = DEFAULT_CONTEXT_TOKENS
    """Input and output tokens of a request at the lengths the rates hold for."""


def rate_machine(model: Model, profile: Profile, machine: Machine, limit: float | None) -> Rated | Unfit:
    """`model` on `machine` with at most `limit` requests in flight, memory apart; or why it is too slow."""
    if machine.plain is not None:
        return _plain(model, machine, limit)
    if machine.single_stream is not None:
        return _single_stream(model, profile, machine, limit)
    return _curves(model, profile, machine, limit)


def _plain(model: Model, machine: Machine, limit: float | None) -> Rated | Unfit:
    """Rates as they were written: no curve, so neither the SLO nor a limit on requests in flight can be applied."""
    plain = machine.plain
    if plain is None:
        raise ValueError(f"machine {machine.key} has no plain rates")
    remarks = ["one blended rate for input and output tokens"] if plain.is_blended else []
    if model.slo != Slo():
        remarks.append("no latency is known: the SLO is not checked")
    if limit is not None and (plain.concurrency is None or plain.concurrency > limit):
        return Unfit(reason=f"no measured rate at {limit:g} requests in flight: the profile has plain rates, no curve")
    rates = Rates(
        prefill_tok_s=plain.prefill_tok_s,
        decode_tok_s=plain.decode_tok_s,
        basis=machine.basis,
        concurrency=plain.concurrency,
        rule=machine.rule or ("blended rate as given" if plain.is_blended else "rates as given"),
        source=machine.source,
        source_date=machine.source_date,
        remarks=tuple(remarks),
    )
    return Rated(rates=rates, machine=machine, workloads=())


def _single_stream(model: Model, profile: Profile, machine: Machine, limit: float | None) -> Rated | Unfit:
    """Single-stream rates at the model's lengths, batched by the profile's named gain, at that curve's rated point."""
    stream, gain = machine.single_stream, profile.gain
    if stream is None or gain is None:
        raise ValueError(f"profile {profile.name}: single-stream machine {machine.key} needs a batching gain")
    prompt = model.input_tokens or profile.prompt_tokens or 128.0
    output = model.output_tokens or profile.output_tokens or 128.0
    context = prompt + output / 2
    prefill = prompt_rate(stream, prompt)
    single = decode_rate(stream, context, profile.context_slowdown)
    if prefill is None:
        longest = stream.prompt[-1][0] if stream.prompt else 0
        return Unfit(reason=f"longer than measured: prompts of {prompt:.0f} tokens, measured up to {longest}")
    if single is None:
        return Unfit(reason="no measured rate: the server was too slow to finish one generation")
    curve = curve_of(stream, prefill, single, prompt, output, gain)
    point = rated_point(curve, model.slo, limit)
    if point is None:
        return Unfit(reason=_too_slow(curve, model.slo))
    decode = batched_decode_rate(stream, single, gain, point.concurrency)
    if point.tpot_ms is not None:  # linear between steps in the time per token: no faster than that time allows
        decode = min(decode, 1000 * point.concurrency / point.tpot_ms)
    rates = Rates(
        prefill_tok_s=prefill,
        decode_tok_s=decode,
        basis=machine.basis,
        concurrency=point.concurrency,
        rule=_single_stream_rule(machine, profile, point),
        source=machine.source,
        source_date=machine.source_date,
        remarks=tuple(_single_stream_remarks(model, profile, machine, prompt, output)),
    )
    workload = RatedWorkload(curve=curve, point=point, residual_ratio=None)
    return Rated(rates=rates, machine=machine, workloads=(workload,), context_tokens=prompt + output)


def _single_stream_rule(machine: Machine, profile: Profile, point: Point) -> str:
    if profile.gain is not None and profile.gain.machine_count == 0:
        batched = "single stream, one request at a time: no batching gain is assumed"
    else:
        gain = "" if profile.gain is None else f" on {profile.gain.machine_count} servers"
        batched = f"single stream x CPU batching gain{gain} at {point.concurrency:.1f} requests in flight"
    return f"{machine.rule}; {batched}" if machine.rule else batched


def _single_stream_remarks(model: Model, profile: Profile, machine: Machine, prompt: float, output: float) -> list[str]:
    stream = machine.single_stream
    if stream is None:
        return []
    remarks = _saturation_remark(model.slo)
    if model.input_tokens is None or model.output_tokens is None:
        remarks.append(f"the model states no lengths: rated at {prompt:.0f} tokens in and {output:.0f} out")
    if prompt > stream.prompt[-1][0]:
        remarks.append(f"prompts of {prompt:.0f} tokens extrapolated from {stream.prompt[-1][0]}: rate in proportion")
    measured, context = longest_context(stream), prompt + output / 2
    if context > measured:
        growth = profile.context_slowdown * (context - measured)
        remarks.append(
            f"decode extrapolated from {measured:.0f} to {context:.0f} tokens of context: {growth:.0%} slower"
        )
    return remarks


def _curves(model: Model, profile: Profile, machine: Machine, limit: float | None) -> Rated | Unfit:
    """P and G fitted to the rated points of the machine's workloads."""
    lengths = _lengths(model, profile, machine.curves)
    ratio = _stretch(lengths, machine.curves) if lengths.are_stated else 1.0
    if ratio > MAX_STRETCH:
        longest = max(machine.curves, key=total_tokens)
        return Unfit(
            reason=f"longer than measured: requests of {lengths.prompt:.0f} tokens in and {lengths.output:.0f} out, "
            f"measured up to {longest.prompt_tokens:.0f} in and {longest.output_tokens:.0f} out"
        )
    curves = [slowed(curve, ratio) for curve in machine.curves]
    covering = _covering(lengths, curves) if lengths.are_stated else None
    rated = [(curve, point) for curve in curves if (point := rated_point(curve, model.slo, limit)) is not None]
    if not rated or (covering is not None and all(curve is not covering for curve, _ in rated)):
        return Unfit(reason=_too_slow(covering or curves[0], model.slo))
    remarks = _saturation_remark(model.slo) + _unchecked(model.slo, rated)
    left_out = [curve.workload for curve in curves if all(curve is not kept for kept, _ in rated)]
    if left_out:
        remarks.append(f"one user alone misses the SLO on {', '.join(left_out)}: left out of the rates")
    if ratio > 1:
        remarks.append(f"longer than measured by {ratio:.2f}: rates divided by it, as if cost grew with the length")
    if not lengths.are_stated:
        remarks.append(f"the model states no lengths: {lengths.prompt:.0f} tokens in, {lengths.output:.0f} out assumed")
    fitted, notes = fit_workloads(lengths, rated)
    workloads = tuple(
        RatedWorkload(curve=curve, point=point, residual_ratio=residual)
        for (curve, point), residual in zip(rated, fitted.residuals, strict=True)
    )
    nearest = min(workloads, key=lambda w: (distance(lengths, w.curve), -total_tokens(w.curve)))
    chosen = next((w for w in workloads if w.curve is covering), nearest)
    names = ", ".join(f"{w.curve.workload} at {w.point.concurrency:.1f}" for w in workloads)
    rates = Rates(
        prefill_tok_s=fitted.prefill_tok_s,
        decode_tok_s=fitted.decode_tok_s,
        basis=machine.basis,
        concurrency=chosen.point.concurrency,
        rule=f"{machine.engine or 'measured'}: bounded fit to {names} requests in flight",
        source=machine.source,
        source_date=machine.source_date,
        residual_ratio=fitted.worst if len(workloads) > 1 else None,
        remarks=tuple(remarks + notes),
    )
    return Rated(rates=rates, machine=machine, workloads=workloads, context_tokens=lengths.total)


def _unchecked(slo: Slo, rated: Sequence[tuple[Curve, Point]]) -> list[str]:
    """A remark where the SLO names a latency that some workload was not measured for."""
    ttft = slo.ttft_ms is not None and any(point.ttft_p95_ms is None for _, point in rated)
    tpot = slo.tpot_ms is not None and any(point.tpot_ms is None for _, point in rated)
    names = [name for name, missing in (("time to first token", ttft), ("time per output token", tpot)) if missing]
    return [f"no {' and no '.join(names)} was measured: that part of the SLO is not checked"] if names else []


def _lengths(model: Model, profile: Profile, curves: Sequence[Curve]) -> Lengths:
    """The model's mean lengths; where it states no input length, those of the workload nearest the profile's."""
    if model.input_tokens is not None:
        shortest = min(curves, key=total_tokens)
        output = model.output_tokens or profile.output_tokens or shortest.output_tokens
        return Lengths(prompt=model.input_tokens, output=output, are_stated=True)
    assumed = min(curves, key=total_tokens)
    if profile.prompt_tokens is not None and profile.output_tokens is not None:
        wanted = Lengths(prompt=profile.prompt_tokens, output=profile.output_tokens, are_stated=False)
        assumed = min(curves, key=lambda curve: distance(wanted, curve))
    return Lengths(prompt=assumed.prompt_tokens, output=model.output_tokens or assumed.output_tokens, are_stated=False)


def _stretch(lengths: Lengths, curves: Sequence[Curve]) -> float:
    """How much longer the model's requests are than any workload measured; 1: covered."""
    longest = max(total_tokens(curve) for curve in curves)
    return max(1.0, lengths.prompt / max(curve.prompt_tokens for curve in curves), lengths.total / longest)


def _covering(lengths: Lengths, curves: Sequence[Curve]) -> Curve:
    """The shortest workload at least as long as the model's requests; the longest if none is."""
    by_length = sorted(curves, key=total_tokens)
    for curve in by_length:
        if curve.prompt_tokens >= lengths.prompt * 0.999 and total_tokens(curve) >= lengths.total * 0.999:
            return curve
    return by_length[-1]


def _too_slow(curve: Curve, slo: Slo) -> str:
    one = at_concurrency(curve, 1.0)
    parts = []
    if slo.ttft_ms is not None and one.ttft_p95_ms is not None and one.ttft_p95_ms > slo.ttft_ms:
        parts.append(f"first token after {one.ttft_p95_ms:.0f} ms, asked {slo.ttft_ms:.0f}")
    if slo.tpot_ms is not None and one.tpot_ms is not None and one.tpot_ms > slo.tpot_ms:
        parts.append(f"{one.tpot_ms:.0f} ms per token, asked {slo.tpot_ms:.0f}")
    lengths = f"{curve.prompt_tokens:.0f} tokens in, {curve.output_tokens:.0f} out"
    return f"too slow for the SLO with one user ({lengths}): {'; '.join(parts)}"


def _saturation_remark(slo: Slo) -> list[str]:
    return ["no SLO: rated at saturation"] if slo.ttft_ms is None and slo.tpot_ms is None else []
