from importlib.resources import files

import pytest

from autoscaler.replay.worlds.shipped import AvailabilityTrace, availability_traces, lead_times


def test_lead_times_are_those_that_were_recorded():
    known = lead_times()
    assert {name: len(one.seconds) for name, one in known.items()} == {"aws": 70, "ovh": 4, "hetzner-cloud": 1}
    aws = known["aws"].seconds
    assert list(aws) == sorted(aws)
    assert (aws[34] + aws[35]) / 2 == 31.5  # the median the shipped catalog has as lead_time_s
    assert aws[-2:] == (570.0, 865.0)  # the tail a median hides
    assert known["ovh"].seconds == (85.0, 93.0, 93.0, 98.0)


@pytest.mark.parametrize(
    ("name", "available_ratio", "changes"),
    [
        ("us-east-1a_p3.2xlarge_2023-02-16", 0.166474, 506),
        ("us-east-2a_p3.2xlarge_2023-02-16", 0.75998, 285),
        ("us-west-2a_p2.xlarge_2022-10-26", 0.953515, 84),
        ("us-west-2a_p3.16xlarge_2022-10-26", 0.332766, 281),
    ],
)
def test_availability_traces_have_the_share_and_the_changes_of_their_source(name, available_ratio, changes):
    trace = availability_traces()[name]
    assert trace.available_ratio == pytest.approx(available_ratio, abs=1e-6)
    assert len(trace.spans) - 1 == changes
    assert all(one[1] == two[0] and one[2] != two[2] for one, two in zip(trace.spans, trace.spans[1:], strict=False))


def test_there_are_ten_traces_of_twelve_and_of_forty_five_days():
    days = sorted(round(trace.duration_s / 86_400) for trace in availability_traces().values())
    assert days == [12, 12, 12, 12, 45, 45, 45, 45, 45, 45]


def test_a_trace_that_ends_begins_again():
    trace = AvailabilityTrace(
        name="t", zone="z", instance_type="i", start="2023-02-16", spans=((0, 10, True), (10, 30, False))
    )
    assert list(trace.repeated(5, 60)) == [
        (0, 5, True),
        (5, 25, False),
        (25, 35, True),
        (35, 55, False),
        (55, 60, True),
    ]
    assert list(trace.repeated(95, 10)) == [(0, 5, True), (5, 10, False)]  # 95 s are three laps and 5 s


def test_data_lie_beside_their_notices_and_stay_small():
    data = files("autoscaler.replay") / "data"
    notice = (data / "NOTICE.md").read_text(encoding="utf-8")
    assert "MIT License" in notice
    assert "availability.csv" in notice
    shared = (data / "sparecores" / "LICENSE-NOTICE.md").read_text(encoding="utf-8")
    assert "CC BY-SA 4.0" in shared
    assert "lead_times.csv" in shared
    names = ("availability.csv", "sparecores/lead_times.csv")
    assert sum(len(data.joinpath(name).read_bytes()) for name in names) < 20_000
