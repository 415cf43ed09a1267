from random import Random

from autoscaler.providers.simulated.chance import Chance, Spells


def test_a_stream_is_the_same_whatever_else_is_drawn():
    alone = Chance(Random(7)).stream("lead")
    beside = Chance(Random(7))
    other = beside.stream("breaks")
    [other.random() for _ in range(100)]
    assert [alone.random() for _ in range(5)] == [
        stream.random() for stream in [beside.stream("lead")] for _ in "12345"
    ]


def test_streams_of_two_names_or_two_seeds_differ():
    draws = [Chance(Random(seed)).stream(name).random() for seed in (0, 1) for name in ("a", "b")]
    assert len(set(draws)) == 4


def test_spells_come_as_often_and_last_as_long_as_told():
    spells = Spells(Random(3), per_day=2.0, most_s=1800.0)
    minutes_on, begun, was_on = 0, 0, False
    for minute in range(200 * 24 * 60):
        is_on = spells.until_s(minute * 60.0) is not None
        minutes_on, begun, was_on = minutes_on + is_on, begun + (is_on and not was_on), is_on
    assert 350 <= begun <= 430  # 2 a day for 200 days, short ones of which fall between two minutes
    assert 12 <= minutes_on / begun <= 18  # 15 minutes on average


def test_what_never_happens_never_happens():
    assert Spells(Random(3), per_day=0.0, most_s=1800.0).until_s(1e9) is None
