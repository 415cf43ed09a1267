from tests.autoscaler.replay.rivals.bench import bench

# A node takes 0.8 work: its requests are sized by the policy's target.


def test_work_that_does_not_fit_is_given_a_node():
    assert bench("threshold").with_nodes(4).counts([3.2, 3.3, 4.8, 4.9]) == [4, 5, 6, 7]


def test_nodes_to_come_count_as_room():
    assert bench("threshold", lead_ticks=5).with_nodes(1).counts([3.2, 3.2, 3.2]) == [4, 4, 4]


def test_an_unneeded_node_goes_after_ten_minutes_and_one_at_a_time():
    # 1.0 over 3.2 is below one half, and two of four nodes hold it; once two are left it is 1.0 over 1.6
    assert bench("threshold").with_nodes(4).counts([1.0] * 13) == [4] * 10 + [3, 2, 2]


def test_a_node_needed_once_in_between_waits_anew():
    assert bench("threshold").with_nodes(4).counts([1.0] * 9 + [3.0] + [1.0] * 11) == [4] * 20 + [3]


def test_half_used_is_not_below_the_threshold():
    assert bench("threshold").with_nodes(4).counts([1.6] * 12) == [4] * 12


def test_nothing_goes_within_ten_minutes_of_an_addition():
    # the fifth node comes at minute 2; those unneeded since minute 3 could go at 13 anyway, after minute 12
    assert bench("threshold").with_nodes(4).counts([3.2, 4.0] + [1.0] * 11) == [4, 5] + [5] * 10 + [4]
    late = bench("threshold").with_nodes(4)
    late.counts([1.0] * 9)
    assert late.counts([4.0] + [1.0] * 10) == [5] * 11


def test_empty_nodes_go_ten_at_a_time():
    assert bench("threshold").with_nodes(12).counts([0.0] * 12) == [12] * 10 + [2, 0]


def test_the_survivors_hold_the_work():
    # 0.7 over 1.6 is below one half, and the other node takes 0.8; of 0.9 it would not
    assert bench("threshold").with_nodes(2).counts([0.7] * 11)[-1] == 1
    assert bench("threshold").with_nodes(1).counts([0.3] * 12)[-1] == 1
