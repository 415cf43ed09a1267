"""Which rates describe a machine: the simpler ones until workloads kept out say otherwise."""

import pytest

from planner.profile.curve import Curve, Point
from planner.profile.fitting import Lengths, fit_workloads

MIXES = ((64, 32), (256, 32), (64, 128), (256, 128))
ASKED = Lengths(prompt=128, output=128, are_stated=True)


def rated(*, context_s: float, speeds: tuple[float, ...] = (1, 1, 1, 1)) -> list[tuple[Curve, Point]]:
    """A machine of 8,000 tok/s reading and 4,000 writing, and so much for a written token and token of context."""
    found = []
    for (prompt, output), speed in zip(MIXES, speeds, strict=True):
        seconds = _seconds(prompt, output, context_s) / speed
        point = Point(concurrency=8, input_tok_s=prompt / seconds, output_tok_s=output / seconds)
        name = f"{prompt}:{output}"
        found.append((Curve(workload=name, prompt_tokens=prompt, output_tokens=output, points=(point,)), point))
    return found


def _seconds(prompt: float, output: float, context_s: float) -> float:
    return prompt / 8000 + output / 4000 + context_s * output * (prompt + output / 2)


def test_two_rates_that_foretell_what_was_kept_out_are_kept() -> None:
    # workloads 3 % faster and slower than the rates say: no length explains that
    fitted, notes = fit_workloads(ASKED, rated(context_s=0, speeds=(1.03, 0.97, 0.97, 1.03)))
    assert notes == []
    assert fitted.prefill_tok_s == pytest.approx(8000, rel=0.05)
    assert fitted.decode_tok_s == pytest.approx(4000, rel=0.05)


def test_rates_by_length_hold_where_they_foretell_much_better_what_was_kept_out() -> None:
    # 256:128 takes 0.032 + 0.032 + 1e-6 x 128 x 320 = 0.105 s, 64:32 takes 0.008 + 0.008 + 0.003 = 0.019 s: 5.6 times
    # as long for four times the tokens, which two rates are within 25 % of.
    machine = rated(context_s=1e-6)
    fitted, (note,) = fit_workloads(ASKED, machine)
    # 128:128 takes 0.016 + 0.032 + 1e-6 x 128 x 192 = 0.0726 s
    assert 128 / fitted.prefill_tok_s + 128 / fitted.decode_tok_s == pytest.approx(_seconds(128, 128, 1e-6))
    assert note.startswith("two rates do not describe this machine (they foretell workloads kept out within ")
    assert "rates by length within 0%): these hold for requests of 128 tokens in and 128 out" in note


def test_lengths_nobody_stated_get_two_rates() -> None:
    plain, notes = fit_workloads(Lengths(prompt=128, output=128, are_stated=False), rated(context_s=1e-6))
    assert notes == []
    assert plain.worst < 0.25


def test_three_workloads_are_too_few_to_choose_by() -> None:
    plain, notes = fit_workloads(ASKED, rated(context_s=1e-6)[:3])
    assert notes == []
    assert plain.worst < 0.25
