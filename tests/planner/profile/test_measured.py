"""Measurements made into a profile: rates as by hand, what is kept out foretold, thin data said."""

from dataclasses import replace

import pytest

from planner.profile.curve import Curve, Point
from planner.profile.measured import Measured, doubts, foretold, foretold_tok_s, profile_of, rated_with
from planner.profile.model import Slo, Unfit

P, G = 1000.0, 100.0


def curve(i: float, o: float, *, p: float = P, g: float = G, steps: int = 3) -> Curve:
    """A machine that reads 1,000 tok/s and writes 100 with eight users; half as much with two, a fourth with one."""
    full = 1 / (i / p + o / g)
    shares = ((1.0, 0.25), (2.0, 0.5), (8.0, 1.0), (16.0, 1.0))[:steps]
    points = [
        Point(
            concurrency=users,
            input_tok_s=full * share * i,
            output_tok_s=full * share * o,
            ttft_ms=1000 * i / p,
            ttft_p95_ms=1000 * i / p * users,
            tpot_ms=10 * users,
        )
        for users, share in shares
    ]
    return Curve(workload=f"{i:g}:{o:g}", prompt_tokens=i, output_tokens=o, points=tuple(points))


def measured(*curves: Curve, day: str = "2026-11-20", source: str = "a.json", server: str = "ax102") -> list[Measured]:
    return [
        Measured(provider="hetzner", server=server, curve=one, model="tiny", source=source, source_date=day)
        for one in curves
    ]


def test_two_mixes_tell_reading_from_writing() -> None:
    profile, _ = profile_of(measured(curve(1000, 100), curve(100, 100)), name="tiny")
    rated = rated_with(profile.machines["hetzner/ax102"], profile, slo=Slo())
    assert not isinstance(rated, Unfit)
    assert rated.rates.prefill_tok_s == pytest.approx(P)
    assert rated.rates.decode_tok_s == pytest.approx(G)
    assert rated.rates.concurrency == 8
    assert (profile.name, profile.title, profile.source_date) == ("tiny", "tiny", "2026-11-20")


def test_an_slo_picks_the_rated_point() -> None:
    profile, _ = profile_of(measured(curve(1000, 100), curve(100, 100)), name="tiny")
    rated = rated_with(profile.machines["hetzner/ax102"], profile, slo=Slo(tpot_ms=20))
    assert not isinstance(rated, Unfit)
    assert rated.rates.concurrency == 2
    assert rated.rates.decode_tok_s == pytest.approx(G / 2)


def test_what_is_kept_out_is_foretold_by_the_others() -> None:
    profile, _ = profile_of(measured(curve(1000, 100), curve(100, 100), curve(400, 200)), name="tiny")
    machine = profile.machines["hetzner/ax102"]
    found = {one.workload: one for one in foretold(machine, profile, slo=Slo())}
    # 400 in and 200 out take 0.4 s + 2 s: 83.3 output tok/s
    assert found["400:200"].measured_tok_s == pytest.approx(200 / 2.4)
    assert found["400:200"].error_ratio == pytest.approx(0, abs=1e-9)
    # 1,000 tokens are more than twice the 400 of the longest prompt left: nothing is said of them
    assert found["1000:100"].foretold_tok_s is None
    assert "longer than measured" in found["1000:100"].reason
    assert foretold_tok_s(machine, profile, 500, 50, slo=Slo()) == pytest.approx(50 / (0.5 + 0.5))


def test_two_workloads_have_none_to_keep_out() -> None:
    profile, _ = profile_of(measured(curve(1000, 100), curve(100, 100)), name="tiny")
    assert foretold(profile.machines["hetzner/ax102"], profile, slo=Slo()) == ()


def test_a_workload_measured_again_replaces_the_earlier() -> None:
    old = measured(curve(100, 100, g=50), day="2026-10-01", source="old.json")
    new = measured(curve(100, 100), day="2026-11-01", source="new.json")
    profile, remarks = profile_of([*new, *old], name="tiny")
    (kept,) = profile.machines["hetzner/ax102"].curves
    assert kept == curve(100, 100)
    assert remarks == ("hetzner/ax102, 100:100: new.json replaces old.json",)


def test_machines_are_told_apart() -> None:
    both = [*measured(curve(100, 100)), *measured(curve(100, 100, g=50), server="ax41")]
    profile, _ = profile_of(both, name="tiny")
    assert sorted(profile.machines) == ["hetzner/ax102", "hetzner/ax41"]


def said(*measurements: Measured) -> tuple[str, ...]:
    profile, _ = profile_of(measurements, name="tiny")
    return doubts(profile.machines["hetzner/ax102"], measurements)


def test_thin_data_is_said() -> None:
    good = measured(curve(1000, 100, steps=4), curve(100, 100, steps=4))
    assert said(*good) == ()
    assert said(good[0]) == ("one workload cannot tell P from G: measure another mix of input and output too",)
    alike = measured(curve(100, 100, steps=4), curve(150, 100, steps=4))
    assert said(*alike)[0].startswith("workloads of 1.0 to 1.5 input tokens per output token are too alike")
    rising = measured(curve(1000, 100), curve(100, 100, steps=4))
    assert said(*rising) == ("1000:100: still 100% more at the last load step: it was not full yet",)
    few = measured(curve(1000, 100, steps=2), curve(100, 100, steps=4))
    assert said(*few)[0] == "1000:100: 2 load steps; 3 or more show where it is full"
    wide = [replace(good[0], uncertain_ratio=0.25), good[1]]
    assert said(*wide) == ("1000:100: rates known to ± 25% only: measure longer",)
    assert said(replace(good[0], remarks=("3 of 9 requests failed",)), good[1]) == ("1000:100: 3 of 9 requests failed",)
