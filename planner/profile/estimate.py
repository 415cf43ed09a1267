"""Rates of machines nobody measured, by a named rule calibrated on measured machines of the same core generation. Pure.

    decode    bytes read per second = a x (memory bandwidth) ^ b, over the bytes of weights read per token
    prefill   tok/s = a x (cores x clock) ^ b

a and b are least squares in logarithms over the samples: an exponent below 1 says that larger machines use less of what
they have. Bandwidth is the peak of the memory channels (channels x 8 bytes x transfers per second). A virtual machine
is taken to have its cores' share of the socket's, and a target no more per core than the samples have, since more was
never seen to help. Each length that all samples were measured at is fitted by itself. The rule is tested by leaving out
one size of machine at a time.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from planner.profile.curve import EstimateRule, Machine, Sample, SingleStream, Target
from planner.profile.model import Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveOneOut:
    """What the rule says of one sample when its size is left out of the calibration."""

    key: str
    prefill_measured: float
    prefill_estimated: float
    decode_measured: float
    decode_estimated: float

    @property
    def prefill_error(self) -> float:
        """Estimated over measured, minus 1."""
        return self.prefill_estimated / self.prefill_measured - 1

    @property
    def decode_error(self) -> float:
        """Estimated over measured, minus 1."""
        return self.decode_estimated / self.decode_measured - 1


def estimated_machine(
    rule: EstimateRule, target: Target, machines: Mapping[str, Machine], weights_bytes: float
) -> Machine:
    """The target as a single-stream machine with estimated rates at each length all samples were measured at."""
    samples = _measured(rule.samples, machines)
    bandwidth = min(target.memory_gb_s, target.cores * rule.bandwidth_per_core_gb_s)
    compute = target.cores * target.clock_ghz
    prompt, generate = [], []
    for tokens in _lengths(samples, "prompt"):
        pairs = [(s.cores * s.clock_ghz, rate) for s, m in samples if (rate := _rate(m, "prompt", tokens))]
        if len(pairs) == len(samples):
            prompt.append((tokens, power_law(pairs, compute)))
    for tokens in _lengths(samples, "generate"):
        pairs = [(s.memory_gb_s, rate * weights_bytes) for s, m in samples if (rate := _rate(m, "generate", tokens))]
        if len(pairs) == len(samples):
            generate.append((tokens, power_law(pairs, bandwidth) / weights_bytes))
    tests = leave_one_out(rule, machines)
    return Machine(
        provider=target.provider,
        server=target.server,
        cpu=target.cpu,
        vcpu=target.cores,
        single_stream=SingleStream(prompt=tuple(prompt), generate=tuple(generate)),
        basis=Basis.ESTIMATED,
        rule=(
            f"{rule.name}: decode from {bandwidth:.0f} GB/s of memory, prefill from {target.cores} cores x "
            f"{target.clock_ghz:g} GHz, calibrated on {len(samples)} {rule.generation} machines; leave-one-out error "
            f"prefill {_error([t.prefill_error for t in tests])}, decode {_error([t.decode_error for t in tests])}"
        ),
        source=target.source,
        source_date=max(m.source_date for _, m in samples),
    )


def leave_one_out(rule: EstimateRule, machines: Mapping[str, Machine], tokens: int = 128) -> tuple[LeaveOneOut, ...]:
    """Each sample against the rule calibrated without its group, at prompts and generations of `tokens`."""
    samples = _measured(rule.samples, machines)
    tests = []
    for sample, machine in samples:
        others = [(s, m) for s, m in samples if s.group != sample.group]
        prompt = [(s.cores * s.clock_ghz, rate) for s, m in others if (rate := _rate(m, "prompt", tokens))]
        decode = [(s.memory_gb_s, rate) for s, m in others if (rate := _rate(m, "generate", tokens))]
        read, made = _rate(machine, "prompt", tokens), _rate(machine, "generate", tokens)
        if read and made:
            tests.append(
                LeaveOneOut(
                    key=sample.key,
                    prefill_measured=read,
                    prefill_estimated=power_law(prompt, sample.cores * sample.clock_ghz),
                    decode_measured=made,
                    decode_estimated=power_law(decode, sample.memory_gb_s),
                )
            )
    return tuple(tests)


def power_law(pairs: Sequence[tuple[float, float]], x: float) -> float:
    """a x^b with a and b least squares in logarithms over the pairs (x, y)."""
    logs = [(math.log(u), math.log(v)) for u, v in pairs]
    mean_u = sum(u for u, _ in logs) / len(logs)
    mean_v = sum(v for _, v in logs) / len(logs)
    spread = sum((u - mean_u) ** 2 for u, _ in logs)
    slope = sum((u - mean_u) * (v - mean_v) for u, v in logs) / spread if spread else 0.0
    return math.exp(mean_v + slope * (math.log(x) - mean_u))


def _measured(samples: tuple[Sample, ...], machines: Mapping[str, Machine]) -> list[tuple[Sample, Machine]]:
    return [(sample, machines[sample.key]) for sample in samples if sample.key in machines]


def _lengths(samples: Sequence[tuple[Sample, Machine]], phase: str) -> list[int]:
    found = {tokens for _, machine in samples for tokens, _ in _rates(machine, phase)}
    return sorted(found)


def _rates(machine: Machine, phase: str) -> tuple[tuple[int, float], ...]:
    stream = machine.single_stream
    if stream is None:
        return ()
    return stream.prompt if phase == "prompt" else stream.generate


def _rate(machine: Machine, phase: str, tokens: int) -> float | None:
    return dict(_rates(machine, phase)).get(tokens)


def _error(errors: Sequence[float]) -> str:
    sizes = [abs(error) for error in errors]
    return f"{median(sizes):.0%} median, {max(sizes):.0%} worst" if sizes else "unknown"
