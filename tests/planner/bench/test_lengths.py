"""Lengths of prompts and answers: fixed, by histogram, of a trace; what is wrong with a file is said with its row."""

from random import Random

import pytest

from planner import files
from planner.bench.lengths import FixedLengths, HistogramLengths, TraceLengths, fixed_lengths, read_lengths
from planner.cli.bench_given import SHIPPED
from planner.errors import InputError

HISTOGRAM = """field,tokens_from,tokens_to,fraction_of_requests
input,100,100,0.75
input,500,500,0.25
output,10,10,1
"""
TRACE = "arrival_s,input_tokens,output_tokens\n0,100,10\n1,500,20\n2,0,5\n"


def test_fixed_lengths_are_written_in_and_out() -> None:
    found = fixed_lengths("256:128")
    assert found == FixedLengths(input_tokens=256, output_tokens=128)
    assert found.name == "256:128"
    assert found.draw(Random(0)) == (256, 128)
    assert fixed_lengths("trace.csv") is None
    with pytest.raises(InputError, match="0:5"):
        fixed_lengths("0:5")


def test_a_histogram_is_drawn_in_its_shares() -> None:
    lengths = read_lengths(HISTOGRAM, source="h.csv", name="h")
    assert isinstance(lengths, HistogramLengths)
    chance = Random(1)
    drawn = [lengths.draw(chance) for _ in range(4000)]
    assert {output for _, output in drawn} == {10}
    assert {prompt for prompt, _ in drawn} == {100, 500}
    assert sum(prompt == 100 for prompt, _ in drawn) / 4000 == pytest.approx(0.75, abs=0.03)


def test_a_trace_is_drawn_in_pairs_and_requests_of_nothing_are_left_out() -> None:
    lengths = read_lengths(TRACE, source="t.csv", name="t")
    assert isinstance(lengths, TraceLengths)
    assert lengths.pairs == ((100, 10), (500, 20))
    assert {lengths.draw(Random(seed)) for seed in range(20)} == {(100, 10), (500, 20)}


def test_what_is_longer_than_a_server_takes_is_cut() -> None:
    for text in (HISTOGRAM, TRACE):
        lengths = read_lengths(text, source="f.csv", name="f", most_input_tokens=200, most_output_tokens=8)
        assert {lengths.draw(Random(seed)) for seed in range(20)} == {(100, 8), (200, 8)}


def test_the_shipped_lengths_have_the_mean_of_their_histogram() -> None:
    lengths = read_lengths(files.packaged_text(SHIPPED["servegen-m-small"]), source="shipped", name="shipped")
    assert isinstance(lengths, HistogramLengths)
    chance = Random(2)
    drawn = [lengths.inputs.draw(chance) for _ in range(20_000)]
    bins = lengths.inputs.bins
    mean = sum(weight * (low + high) / 2 for low, high, weight in bins) / sum(weight for _, _, weight in bins)
    assert sum(drawn) / len(drawn) == pytest.approx(mean, rel=0.05)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "f.csv, row 1: expected the columns field"),
        ("a,b\n1,2\n", "got a, b"),
        ("input_tokens,output_tokens\n5,x\n", "f.csv, row 2: output_tokens: expected a number, got 'x'"),
        ("input_tokens,output_tokens\n0,0\n", "no request with tokens in and out"),
        ("input_tokens,output_tokens\n5,9000000\n", "row 2: expected 0 to 1,000,000 tokens"),
        (HISTOGRAM + "cached,1,2,0.5\n", "row 5: field: expected input or output, got 'cached'"),
        (HISTOGRAM + "input,9,2,0.5\n", "row 5: expected 0 ≤ tokens_from ≤ tokens_to"),
        (HISTOGRAM.replace("output", "input"), "no requests with field output"),
    ],
)
def test_a_file_that_is_wrong_is_said_with_its_row(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_lengths(text, source="f.csv", name="f")
    assert said in str(caught.value)
