"""The estimating rule on machines made to follow a power law exactly."""

import pytest

from planner.profile.curve import EstimateRule, Machine, Sample, SingleStream, Target, by_key
from planner.profile.estimate import estimated_machine, leave_one_out, power_law
from planner.profile.model import Basis

CORES = (8, 16, 32, 64)
WEIGHTS_BYTES = 4e9


def a_machine(cores: int) -> Machine:
    """Prefill 2 tok/s per core-GHz^1 at 2 GHz; decode reads half of 5 GB/s per core."""
    stream = SingleStream(prompt=((128, 4.0 * cores),), generate=((128, 2.5e9 * cores / WEIGHTS_BYTES),))
    return Machine(provider="aws", server=f"x.{cores}", single_stream=stream, source_date="2026-01-01")


def a_rule(target: Target) -> EstimateRule:
    samples = tuple(
        Sample(key=f"aws/x.{cores}", group=str(cores), cores=cores, clock_ghz=2.0, memory_gb_s=5.0 * cores)
        for cores in CORES
    )
    return EstimateRule(
        name="test rule",
        generation="Zen 4",
        targets=(target,),
        samples=samples,
        bandwidth_per_core_gb_s=5.0,
        source="test",
    )


def a_target(cores: int, clock_ghz: float, memory_gb_s: float) -> Target:
    return Target(
        provider="hetzner",
        server="ax1",
        cpu="x",
        generation="Zen 4",
        cores=cores,
        clock_ghz=clock_ghz,
        memory_gb_s=memory_gb_s,
        source="test",
    )


MACHINES = by_key(tuple(a_machine(cores) for cores in CORES))


def test_a_power_law_is_found_again() -> None:
    """y = 3 x^2."""
    assert power_law([(1, 3), (2, 12), (4, 48)], 3) == pytest.approx(27)


def test_an_estimate_scales_prefill_with_core_gigahertz_and_decode_with_bandwidth() -> None:
    """16 cores at 4 GHz read as fast as 32 at 2 GHz, 128 tok/s; 60 GB/s, half used, over 4 GB are 7.5 tok/s."""
    target = a_target(cores=16, clock_ghz=4.0, memory_gb_s=60.0)

    machine = estimated_machine(a_rule(target), target, MACHINES, WEIGHTS_BYTES)

    assert machine.basis is Basis.ESTIMATED
    assert machine.single_stream is not None
    (tokens, prefill), (_, decode) = machine.single_stream.prompt[0], machine.single_stream.generate[0]
    assert (tokens, prefill, decode) == (128, pytest.approx(128), pytest.approx(7.5))


def test_bandwidth_beyond_what_the_cores_were_seen_to_use_is_not_credited() -> None:
    """16 cores x 5 GB/s = 80 of the 400 GB/s: half of 80 over 4 GB is 10 tok/s."""
    target = a_target(cores=16, clock_ghz=2.0, memory_gb_s=400.0)

    machine = estimated_machine(a_rule(target), target, MACHINES, WEIGHTS_BYTES)

    assert machine.single_stream is not None
    assert machine.single_stream.generate[0][1] == pytest.approx(10)


def test_a_length_not_all_samples_were_measured_at_is_left_out() -> None:
    """Fitting it to the large machines alone would extrapolate to the small ones."""
    big = a_machine(64)
    assert big.single_stream is not None
    longer = SingleStream(prompt=big.single_stream.prompt, generate=((128, 40.0), (512, 38.0)))
    machines = {
        **MACHINES,
        "aws/x.64": Machine(provider="aws", server="x.64", single_stream=longer, source_date="2026"),
    }
    target = a_target(cores=16, clock_ghz=2.0, memory_gb_s=80.0)

    estimated = estimated_machine(a_rule(target), target, machines, WEIGHTS_BYTES)

    assert estimated.single_stream is not None
    assert [tokens for tokens, _ in estimated.single_stream.generate] == [128]


def test_leaving_one_out_of_a_perfect_law_leaves_no_error() -> None:
    tests = leave_one_out(a_rule(a_target(16, 2.0, 80.0)), MACHINES)

    assert len(tests) == 4
    assert all(abs(t.prefill_error) < 1e-9 and abs(t.decode_error) < 1e-9 for t in tests)


def test_leaving_one_out_shows_a_machine_that_does_not_follow_the_law() -> None:
    """The others say 32 cores read 128 tok/s; it reads 64: the rule is 100 % over."""
    slow = SingleStream(prompt=((128, 64.0),), generate=((128, 20.0),))
    machines = {**MACHINES, "aws/x.32": Machine(provider="aws", server="x.32", single_stream=slow, source_date="2026")}

    tests = {t.key: t for t in leave_one_out(a_rule(a_target(16, 2.0, 80.0)), machines)}

    assert tests["aws/x.32"].prefill_error == pytest.approx(1.0)
    assert tests["aws/x.32"].decode_error == pytest.approx(0.0)
