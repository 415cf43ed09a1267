"""What a benchmark measured comes back from the replay of traffic it did not measure."""

import json
import logging
import math
from pathlib import Path
from statistics import geometric_mean
from typing import Any

import pytest

from planner.bench.figures import over_repeats
from tests.journeys.test_profile_fit import a_bench
from tests.measured.round_trip import MACHINE, Returned, command, parted, round_trip
from tests.servers.llama_server import write_model

FITTED = ("64:32", "256:32", "64:128", "256:128")
KEPT_OUT = "192:64"
"""Three tokens read for each written: no mix of those fitted."""
MOST_ERROR = 0.10
MOST_NOISE = 0.10
"""Of a run that a miss can be judged by."""
RUNS = 3
"""At most, where they are noisier than that."""


def test_a_node_of_the_replay_serves_every_mix_at_both_rates(tmp_path: Path) -> None:
    # A machine of 900 tok/s reading and 120 writing. A request of 450:60 takes 450/900 + 60/120 = 1 s: 60 output tok/s.
    # One of 90:228 takes 90/900 + 228/120 = 2 s: 114 output tok/s, nearly twice as many of the same node.
    document = json.loads(a_bench(tmp_path / "bench.json", (900, 120), (90, 120), (450, 60), (90, 228)).read_text())
    fitted, replayed = parted(document, ("450:60", "90:228"))
    read, written = round_trip(tmp_path, fitted=fitted, replayed=replayed)
    assert (read.workload, read.measured_tok_s) == ("450:60", pytest.approx(60))
    assert (written.workload, written.measured_tok_s) == ("90:228", pytest.approx(114))
    # the first hour's last ten seconds wait into the second one: 0.3 % of an hour
    assert read.replayed_tok_s == pytest.approx(60, rel=0.01)
    assert written.replayed_tok_s == pytest.approx(114, rel=0.01)


def test_a_machine_whose_tokens_cost_more_in_long_requests_is_replayed_at_the_lengths_its_model_states(
    tmp_path: Path,
) -> None:
    # A request takes I/2,000 + O/200 + O (I + O/2)/50,000 s: 64:32 takes 0.032 + 0.160 + 0.051 = 0.243 s, 512:256 takes
    # 0.256 + 1.280 + 3.277 = 4.813 s, twenty times as long for eight times the tokens: no two rates say both.
    mixes = ((64, 32), (512, 32), (64, 256), (512, 256), (256, 128))
    document = json.loads(a_bench(tmp_path / "bench.json", *mixes).read_text())
    for one, (prompt, output) in zip(document["workloads"], mixes, strict=True):
        _refill(one, prompt, output, prompt / 2000 + output / 200 + output * (prompt + output / 2) / 50_000)
    fitted, replayed = parted(document, ("256:128",))
    (returned,) = round_trip(tmp_path, fitted=fitted, replayed=replayed)
    shown = command("profile", "show", "tiny", "-c", tmp_path / "fleet.toml", "--offer", MACHINE)
    assert "two rates do not describe this machine" in shown
    # 0.128 + 0.640 + 0.819 = 1.587 s for 128 tokens
    assert returned.measured_tok_s == pytest.approx(128 / 1.5872)
    assert returned.replayed_tok_s == pytest.approx(128 / 1.5872, rel=0.01)


def test_a_mix_kept_out_comes_back_from_the_replay_as_llama_cpp_served_it(tmp_path: Path) -> None:
    """Within 10 % of what was measured, and further only by the noise of this very run, at most 10 % too.

    The mixes take turns in short windows, so those fitted calibrate each round: the noise is the 95 % interval of what
    was measured of the mix, as a share of how fast the machine was in that round. A miss in a run whose noise is above
    10 %, or that stood still in a window, says nothing of the code: it is measured again, twice at most. `make bench`
    promises the 10 % flat.
    """
    write_model(tmp_path / "random.gguf")
    missed = []
    for _ in range(RUNS):
        returned, noise = _returned(tmp_path)
        said = f"{returned.said}; noise ± {noise:.1%}"
        logging.getLogger(__name__).info(said)  # pytest --log-cli-level=INFO shows it
        if abs(returned.error_ratio) <= MOST_ERROR + min(noise, MOST_NOISE):
            return
        missed.append(said)
        if noise <= MOST_NOISE:
            break
    pytest.fail("\n".join(missed))


def _returned(folder: Path) -> tuple[Returned, float]:
    """The mix that was kept out, measured and replayed, and how noisy the measuring was."""
    document = _measured(folder, users=4, repeats=8)
    alone = _measured(folder, users=1, repeats=2)
    for workload, other in zip(document["workloads"], alone["workloads"], strict=True):
        workload["steps"] = [*other["steps"], *workload["steps"]]
    fitted, replayed = parted(document, (KEPT_OUT,))
    (returned,) = round_trip(folder, fitted=fitted, replayed=replayed)
    return returned, _noise(fitted, replayed)


def test_noise_is_what_the_rounds_of_fitted_mixes_do_not_explain() -> None:
    def bench(*rates: float) -> dict[str, Any]:
        return {"workloads": [{"steps": [{"windows": [{"output_tok_s": rate} for rate in rates]}]}]}

    # twice as slow in the second round, the mix and the machine alike
    assert _noise(bench(800, 400, 800), bench(400, 200, 400)) == pytest.approx(0)
    # it stood still through a window: whatever else was measured
    assert _noise(bench(800, 0, 800), bench(400, 200, 400)) == math.inf
    # 0.4, 0.5 and 0.6 of the machine: 0.5 with a standard deviation of 0.1, times 4.303 / sqrt(3)
    assert _noise(bench(1000, 1000, 1000), bench(400, 500, 600)) == pytest.approx(0.1 * 4.303 / 3**0.5 / 0.5, rel=1e-3)


def _measured(folder: Path, *, users: int, repeats: int) -> dict[str, Any]:
    """A benchmark of all mixes at one load, llama.cpp's server on one thread."""
    saved = folder / f"users-{users}.json"
    command(
        *("bench", "--model", folder / "random.gguf", "--threads", 1, "--machine", MACHINE),
        *(part for mix in (*FITTED, KEPT_OUT) for part in ("--lengths", mix)),
        *("--batch-sizes", users, "--duration", 1.0, "--warm-up", 0.4, "--repeats", repeats, "-o", saved),
    )
    return dict(json.loads(saved.read_text()))


def _noise(fitted: dict[str, Any], replayed: dict[str, Any]) -> float:
    """Half the 95 % interval of the one mix replayed ÷ the geometric mean of those fitted, by round, over its mean.

    Infinite where nothing at all was written in some window: no speed of the machine is known of that round.
    """

    def by_round(bench: dict[str, Any]) -> list[list[float]]:
        return [[window["output_tok_s"] for window in one["steps"][-1]["windows"]] for one in bench["workloads"]]

    (rates,) = by_round(replayed)
    if not all(rate > 0 for one in by_round(fitted) for rate in one):
        return math.inf
    speeds = [geometric_mean(speed) for speed in zip(*by_round(fitted), strict=True)]
    found = over_repeats([rate / speed for rate, speed in zip(rates, speeds, strict=True)])
    assert found.half_width is not None
    return found.half_width / found.value


def _refill(workload: dict[str, Any], prompt: int, output: int, seconds: float) -> None:
    """The machine full of the workload answers a request in so many seconds."""
    for step, share in zip(workload["steps"], (0.4, 0.95, 1.0), strict=True):
        rates = {"input_tok_s": share * prompt / seconds, "output_tok_s": share * output / seconds}
        for window in step["windows"]:
            window.update(rates, answers_per_s=share / seconds)
        step.update({name: {"mean": rate, "half_width_95": 0.0} for name, rate in rates.items()})
