"""Prompts: how a server counts is learnt from two; every other has the wanted length and a beginning of its own."""

from random import Random

from planner.bench.prompts import Counting, PromptMaker, counting_of


def test_two_prompts_say_what_a_word_and_the_frame_take() -> None:
    # 20 words are 36 tokens and 120 are 186: 1.5 a word, and 6 around them
    found = counting_of(((20, 36), (120, 186)))
    assert found == Counting(tokens_per_word=1.5, frame_tokens=6.0)
    assert found.words_for(306) == 200
    assert found.words_for(1) == 1


def test_a_server_that_counts_all_prompts_alike_says_nothing() -> None:
    assert counting_of(((20, 7), (120, 7))) is None
    assert counting_of(((20, 7), (20, 9))) is None


def test_prompts_have_the_wanted_length_and_differ_from_the_start() -> None:
    maker = PromptMaker(Counting(tokens_per_word=1.0, frame_tokens=4.0), chance=Random(0))
    prompts = [maker.make(104).split() for _ in range(50)]
    assert {len(prompt) for prompt in prompts} == {100}
    assert len({tuple(prompt[:3]) for prompt in prompts}) == 50


def test_a_shared_prefix_is_shared_and_the_rest_is_not() -> None:
    maker = PromptMaker(Counting(tokens_per_word=2.0, frame_tokens=0.0), chance=Random(0), shared_tokens=40)
    first, second = maker.make(100).split(), maker.make(100).split()
    assert len(first) == len(second) == 50
    assert first[:20] == second[:20]
    assert first[20:] != second[20:]
    assert len(maker.make(10).split()) == 5  # shorter than what is shared: one word is its own
