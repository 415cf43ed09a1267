"""Rows for `baseload profile show`: what profiles hold, and how an offer's rates came about. Pure: values only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from planner.catalog.offer import Offer
from planner.profile import memory as fit
from planner.profile.curve import Machine, Profile
from planner.profile.estimate import LeaveOneOut, estimated_machine, leave_one_out
from planner.profile.model import Memory, Model, Rates, Unfit
from planner.profile.rate import rated_for
from planner.profile.rating import Rated


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRow:
    """One profile: what it is and how many machines it holds."""

    name: str
    title: str
    machines: int
    measured: int
    estimated: int
    """Machines a named rule estimates, those of the profile itself included."""
    source: str
    source_date: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineRow:
    """One machine of a profile and what was measured on it."""

    machine: str
    cpu: str | None
    gpu: str | None
    gpu_count: int
    kind: str
    """"curve", "single stream", "rates" or "blended rate"."""
    lengths: str
    """Lengths measured, as prompt+output or as lists of both."""
    max_concurrency: float | None
    basis: str
    source: str
    source_date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PointRow:
    """One load step of a workload, tok/s and ms."""

    workload: str
    prompt_tokens: float
    output_tokens: float
    concurrency: float
    input_tok_s: float
    output_tok_s: float
    ttft_p95_ms: float | None
    tpot_ms: float | None
    is_rated: bool
    """The rated point; interpolated where it lies between two measured steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadRow:
    """One workload's rated point and how well the two rates explain it."""

    workload: str
    concurrency: float
    ttft_p95_ms: float | None
    tpot_ms: float | None
    residual_ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRow:
    """Rates of a model on an offer with what they were read from; or the reason there are none."""

    offer: str
    model: str
    rates: Rates | None
    reason: str | None
    machine: str | None
    max_model_len: int | None
    """Longest context of one request that fits, tokens; 0 where the weights do not, None without memory figures."""
    workloads: tuple[WorkloadRow, ...]
    points: tuple[PointRow, ...]


def profile_rows(profiles: Mapping[str, Profile]) -> list[ProfileRow]:
    """One row per profile, in order of name."""
    return [_profile_row(profiles[name]) for name in sorted(profiles)]


def machine_rows(profile: Profile) -> list[MachineRow]:
    """One row per machine of the profile, estimated ones last."""
    return [_machine_row(machine) for machine in (*profile.machines.values(), *_estimated(profile))]


def error_rows(profile: Profile) -> tuple[LeaveOneOut, ...]:
    """The leave-one-out test of the profile's estimating rule; empty without one."""
    return () if profile.estimate is None else leave_one_out(profile.estimate, profile.machines)


def offer_row(model: Model, offer: Offer, profiles: Mapping[str, Profile], *, measured_only: bool = False) -> OfferRow:
    """How `model` is rated on `offer`: curve points, rated point, P, G, residual per workload, basis, source, date."""
    found = rated_for(model, offer, profiles, measured_only=measured_only)
    profile = profiles.get(model.profile)
    memory = model.memory or (None if profile is None else profile.memory)
    if isinstance(found, Unfit):
        return OfferRow(
            offer=offer.id,
            model=model.name,
            rates=None,
            reason=found.reason,
            machine=None,
            max_model_len=_max_model_len(memory, offer, replicas=1),
            workloads=(),
            points=(),
        )
    return OfferRow(
        offer=offer.id,
        model=model.name,
        rates=found.rates,
        reason=None,
        machine=found.machine.key,
        max_model_len=_max_model_len(memory, offer, replicas=_replicas(found.machine, offer)),
        workloads=tuple(
            WorkloadRow(
                workload=rated.curve.workload,
                concurrency=rated.point.concurrency,
                ttft_p95_ms=rated.point.ttft_p95_ms,
                tpot_ms=rated.point.tpot_ms,
                residual_ratio=rated.residual_ratio,
            )
            for rated in found.workloads
        ),
        points=tuple(_points(found)),
    )


def _max_model_len(memory: Memory | None, offer: Offer, *, replicas: int) -> int | None:
    """Tokens of context one of `replicas` equal parts of the node holds; None where a figure is not known."""
    available = None if memory is None else fit.available_gib(memory, offer, 1 / replicas)
    return None if memory is None or available is None else fit.max_model_len(memory, available)


def _replicas(machine: Machine, offer: Offer) -> int:
    """Copies of the machine side by side on the offer's node: more than one only where it stands for more cards."""
    is_own = machine.key == f"{offer.provider}/{offer.product}".lower()
    return 1 if is_own or machine.gpu_count == 0 else max(1, offer.gpu_count // machine.gpu_count)


def _points(found: Rated) -> Iterable[PointRow]:
    for rated in found.workloads:
        curve, chosen = rated.curve, rated.point
        steps = {point.concurrency: point for point in (*curve.points, chosen)}
        for concurrency in sorted(steps):
            point = steps[concurrency]
            yield PointRow(
                workload=curve.workload,
                prompt_tokens=curve.prompt_tokens,
                output_tokens=curve.output_tokens,
                concurrency=concurrency,
                input_tok_s=point.input_tok_s,
                output_tok_s=point.output_tok_s,
                ttft_p95_ms=point.ttft_p95_ms,
                tpot_ms=point.tpot_ms,
                is_rated=point is chosen,
            )


def _profile_row(profile: Profile) -> ProfileRow:
    measured = sum(machine.basis == "measured" for machine in profile.machines.values())
    targets = 0 if profile.estimate is None else len(profile.estimate.targets)
    return ProfileRow(
        name=profile.name,
        title=profile.title,
        machines=len(profile.machines) + targets,
        measured=measured,
        estimated=len(profile.machines) - measured + targets,
        source=profile.source,
        source_date=profile.source_date,
        licence=profile.licence,
    )


def _machine_row(machine: Machine) -> MachineRow:
    kind, lengths, most = "curve", ", ".join(f"{c.prompt_tokens:g}+{c.output_tokens:g}" for c in machine.curves), None
    if machine.curves:
        most = max(point.concurrency for curve in machine.curves for point in curve.points)
    if machine.single_stream is not None:
        stream = machine.single_stream
        kind = "single stream"
        read = "/".join(str(tokens) for tokens, _ in stream.prompt)
        made = "/".join(str(tokens) for tokens, _ in stream.generate) or "none"
        lengths = f"prompt {read}, output {made}"
    if machine.plain is not None:
        kind, most = ("blended rate" if machine.plain.is_blended else "rates"), machine.plain.concurrency
        lengths = ""
    return MachineRow(
        machine=machine.key,
        cpu=machine.cpu,
        gpu=machine.gpu,
        gpu_count=machine.gpu_count,
        kind=kind,
        lengths=lengths,
        max_concurrency=most,
        basis=str(machine.basis),
        source=machine.source,
        source_date=machine.source_date,
    )


def _estimated(profile: Profile) -> list[Machine]:
    rule, weights = profile.estimate, profile.weights_bytes
    if rule is None or weights is None:
        return []
    return [estimated_machine(rule, target, profile.machines, weights) for target in rule.targets]
