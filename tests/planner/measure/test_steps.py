"""Windows to load steps: a machine reads 4,000 tokens a second, writes 500, and is full with 24 requests in work."""

import random
from dataclasses import replace

import pytest

from planner.measure.steps import Steps, steps_of
from planner.measure.windows import Window
from planner.profile.measured import profile_of, rated_with
from planner.profile.model import Slo
from planner.profile.rating import Rated

P, G, FULL = 4000.0, 500.0, 24


def window(mix: float, running: float, *, share: float | None = None, number: int = 0) -> Window:
    done = min(1.0, running / FULL) if share is None else share
    output_tok_s = done / (mix / P + 1 / G)
    return Window(
        instance="10.0.0.1:8000",
        model="chat",
        end_s=1_790_000_000.0 + 300 * number,
        running=running,
        waiting=1.0 if running > FULL else 0.0,
        input_tok_s=mix * output_tok_s,
        output_tok_s=output_tok_s,
        cached_ratio=None,
        request_output=200.0,
        ttft_ms=None,
        ttft_p95_ms=50.0 * running,
        tpot_ms=1000 * running / G / done,
    )


def steps(windows: list[Window]) -> Steps:
    return steps_of(windows, provider="aws", server="g6.xlarge", engine="vLLM", output_tokens=200.0, source="past")


def rates(windows: list[Window], slo: Slo) -> tuple[float, float]:
    profile, _ = profile_of(steps(windows).measured, name="chat")
    (machine,) = profile.machines.values()
    rated = rated_with(machine, profile, slo=slo)
    assert isinstance(rated, Rated)
    return rated.rates.prefill_tok_s, rated.rates.decode_tok_s


def test_alike_windows_are_a_step_at_their_mean():
    # Full at four tokens in to one out: 1 / (4 / 4000 + 1 / 500) = 333.3 out; 10 % less and more of it, the mean is it.
    (one,) = steps([window(4, 30, share=share) for share in (0.9, 1.0, 1.1)]).measured
    (point,) = one.curve.points
    assert (point.concurrency, point.output_tok_s, point.input_tok_s) == pytest.approx((30, 1000 / 3, 4000 / 3))
    assert (one.curve.workload, one.source_date) == ("800:200", "2026-09-21")
    # standard deviation 0.1 of three: 1.96 x 0.1 / sqrt(3)
    assert one.uncertain_ratio == pytest.approx(0.113, abs=0.001)


def test_two_windows_are_no_step():
    found = steps([window(4, 30)] * 3 + [window(4, 10)] * 2)
    assert [point.concurrency for point in found.measured[0].curve.points] == [30.0]
    assert found.alone == 2


def test_a_workload_that_never_was_as_full_as_others_is_left_out():
    full = [window(mix, 28) for mix in (0.5, 4.0) for _ in range(3)]
    half = [window(1.0, 12) for _ in range(3)]
    found = steps(full + half)
    assert [one.curve.workload for one in found.measured] == ["100:200", "800:200"]
    assert (found.never_full, found.alone) == (("200:200",), 0)
    assert rates(full + half, Slo()) == pytest.approx((P, G))


def test_windows_of_alike_servers_are_one_machines():
    windows = [window(4, 30), window(4, 30), window(4, 30)]
    found = steps([replace(one, instance=name) for one, name in zip(windows, "abc", strict=True)])
    assert len(found.measured) == 1


@pytest.mark.parametrize(
    ("slo", "p_within", "g_within"), [(Slo(), 0.04, 0.02), (Slo(ttft_ms=1200.0), 0.08, 0.08)], ids=["none", "ttft"]
)
@pytest.mark.parametrize("seed", range(4))
def test_a_noisy_week_says_what_the_machine_does(seed, slo, p_within, g_within):
    # Any mix from 1:4 to 8:1 and any load up to 32, each window off by up to 10 %. At 1,200 ms 24 are in work, full.
    chance = random.Random(seed)
    windows = []
    for number in range(7 * 288):
        mix, running = 2 ** chance.uniform(-2, 3), chance.randint(1, 32)
        share = min(1.0, running / FULL) * chance.uniform(0.9, 1.1)
        windows.append(window(mix, running, share=share, number=number))
    prefill_tok_s, decode_tok_s = rates(windows, slo)
    assert prefill_tok_s == pytest.approx(P, rel=p_within)
    assert decode_tok_s == pytest.approx(G, rel=g_within)
