"""What was measured of a machine becomes a profile, and what is doubtful of it is said. Pure.

A measurement is a workload's curve on a machine, whoever took it. `foretold` keeps out each workload in turn and says
how well the others foretell it: the rates of a machine are worth what they say of requests nobody measured.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from planner.profile.curve import Curve, Machine, Profile, by_key
from planner.profile.model import Basis, Model, Slo, Unfit
from planner.profile.rated import rated_point
from planner.profile.rating import Rated, rate_machine

FEW_STEPS = 3
STILL_RISING = 0.1
"""Growth of output tok/s over the last step above which the machine was not full."""
ALIKE_MIXES = 2.0
"""Input per output token of the workloads must differ by this factor to tell P from G."""
WIDE = 0.1
"""Half-width of a 95 % interval over its mean, above which a figure is said to be uncertain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One workload's curve on one machine."""

    provider: str | None
    server: str | None
    """None with `gpu`."""
    curve: Curve
    model: str
    """What was served, as the source names it."""
    source: str
    source_date: str
    engine: str = ""
    cpu: str | None = None
    gpu: str | None = None
    gpu_count: int = 0
    uncertain_ratio: float | None = None
    """The widest half-width of its rates over their mean; None: not known."""
    remarks: tuple[str, ...] = ()

    @property
    def machine(self) -> str:
        """The machine's key in a profile."""
        if self.server is not None:
            return f"{self.provider}/{self.server}".lower()
        return f"{self.gpu} x {self.gpu_count}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """A workload that was kept out, and what the others say of it."""

    workload: str
    measured_tok_s: float
    """Output tokens per second at its rated point."""
    foretold_tok_s: float | None
    """None: the others say nothing of such lengths."""
    reason: str = ""

    @property
    def error_ratio(self) -> float | None:
        """Foretold ÷ measured - 1."""
        return None if self.foretold_tok_s is None else self.foretold_tok_s / self.measured_tok_s - 1


def profile_of(measured: Sequence[Measured], *, name: str) -> tuple[Profile, tuple[str, ...]]:
    """The profile of these measurements, and what was left out: of a workload measured twice the later counts."""
    machines: dict[str, dict[str, Measured]] = {}
    remarks = []
    for one in sorted(measured, key=lambda each: each.source_date):
        found = machines.setdefault(one.machine, {})
        if one.curve.workload in found:
            earlier = found[one.curve.workload]
            remarks.append(f"{one.machine}, {one.curve.workload}: {one.source} replaces {earlier.source}")
        found[one.curve.workload] = one
    made = tuple(_machine(list(found.values())) for found in machines.values())
    sources = list(dict.fromkeys(one.source for found in machines.values() for one in found.values()))
    dates = [one.source_date for one in measured if one.source_date]
    profile = Profile(
        name=name,
        title=", ".join(dict.fromkeys(one.model for one in measured)),
        machines=by_key(made),
        source=", ".join(sources),
        source_date=max(dates, default=""),
    )
    return profile, tuple(remarks)


def doubts(machine: Machine, measured: Iterable[Measured]) -> tuple[str, ...]:
    """Why the data of a machine is thin."""
    found = []
    if len(machine.curves) == 1:
        found.append("one workload cannot tell P from G: measure another mix of input and output too")
    else:
        mixes = [curve.prompt_tokens / curve.output_tokens for curve in machine.curves]
        if max(mixes) < ALIKE_MIXES * min(mixes):
            found.append(
                f"workloads of {min(mixes):.1f} to {max(mixes):.1f} input tokens per output token are too alike "
                f"to tell P from G: a factor of {ALIKE_MIXES:g} apart would"
            )
    for curve in machine.curves:
        if len(curve.points) < FEW_STEPS:
            found.append(f"{curve.workload}: {len(curve.points)} load steps; {FEW_STEPS} or more show where it is full")
        elif curve.points[-1].output_tok_s > (1 + STILL_RISING) * curve.points[-2].output_tok_s:
            rise = curve.points[-1].output_tok_s / curve.points[-2].output_tok_s - 1
            found.append(f"{curve.workload}: still {rise:.0%} more at the last load step: it was not full yet")
    for one in measured:
        if one.uncertain_ratio is not None and one.uncertain_ratio > WIDE:
            found.append(f"{one.curve.workload}: rates known to ± {one.uncertain_ratio:.0%} only: measure longer")
        found += [f"{one.curve.workload}: {remark}" for remark in one.remarks]
    return tuple(found)


def rated_with(machine: Machine, profile: Profile, *, slo: Slo) -> Rated | Unfit:
    """The machine's rates at the SLO, for requests as long as its shortest workload's."""
    return rate_machine(Model(name=profile.name, profile=profile.name, slo=slo), profile, machine, None)


def foretold(machine: Machine, profile: Profile, *, slo: Slo) -> tuple[Foretold, ...]:
    """Each workload by the others, in turn; empty where there are fewer than three."""
    if len(machine.curves) < 3:
        return ()
    found = []
    for index, kept_out in enumerate(machine.curves):
        point = rated_point(kept_out, slo)
        if point is None:
            continue
        others = replace(machine, curves=tuple(c for i, c in enumerate(machine.curves) if i != index))
        said = foretold_tok_s(others, profile, kept_out.prompt_tokens, kept_out.output_tokens, slo=slo)
        found.append(
            Foretold(
                workload=kept_out.workload,
                measured_tok_s=point.output_tok_s,
                foretold_tok_s=None if isinstance(said, Unfit) else said,
                reason=said.reason if isinstance(said, Unfit) else "",
            )
        )
    return tuple(found)


def foretold_tok_s(
    machine: Machine, profile: Profile, input_tokens: float, output_tokens: float, *, slo: Slo
) -> float | Unfit:
    """Output tokens per second of a full machine on requests of these lengths: O ÷ (I/P + O/G)."""
    model = Model(
        name=profile.name, profile=profile.name, slo=slo, input_tokens=input_tokens, output_tokens=output_tokens
    )
    rated = rate_machine(model, profile, machine, None)
    if isinstance(rated, Unfit):
        return rated
    rates = rated.rates
    return output_tokens / (input_tokens / rates.prefill_tok_s + output_tokens / rates.decode_tok_s)


def _machine(measured: Sequence[Measured]) -> Machine:
    first = measured[0]
    return Machine(
        provider=first.provider,
        server=first.server,
        cpu=first.cpu,
        gpu=first.gpu,
        gpu_count=first.gpu_count,
        engine=first.engine,
        curves=tuple(sorted((one.curve for one in measured), key=lambda c: (c.prompt_tokens, c.output_tokens))),
        basis=Basis.MEASURED,
        source=", ".join(dict.fromkeys(one.source for one in measured)),
        source_date=max(one.source_date for one in measured),
    )
