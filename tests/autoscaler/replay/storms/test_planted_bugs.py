"""What the invariants are worth: each planted bug is caught, by the invariant that is meant for it.

`python -m tests.autoscaler.replay.storms.planted` prints the table: bug, invariant, first seed, what was seen.
"""

import pytest

from autoscaler.replay.storms.shrink import shrink, violation_of, with_edits
from autoscaler.replay.storms.storm import storm
from tests.autoscaler.replay.storms.planted import BUGS, Bug, first_caught, soonest_caught


@pytest.mark.parametrize("bug", BUGS, ids=[bug.plant.__name__ for bug in BUGS])
def test_a_planted_bug_is_caught_by_its_invariant_and_without_it_the_storm_passes(bug: Bug, record_property):
    found = soonest_caught(bug)
    assert found is not None, f"not caught: {bug.claim}"
    seed, violation = found
    record_property("seed", seed)
    assert violation.invariant == bug.invariant
    assert violation.seed == seed
    assert violation.events
    assert violation_of(storm(seed)) is None


def test_a_violation_tells_what_led_there_and_shrinks_to_a_case_anyone_can_run_again(monkeypatch):
    bug = next(bug for bug in BUGS if bug.plant.__name__ == "takes_a_timeout_for_a_refusal")
    found = first_caught(bug)
    assert found is not None
    seed, violation = found
    bug.plant(monkeypatch)
    shrunk = shrink(storm(seed), violation)
    assert shrunk.violation.invariant == "S5"
    assert len(shrunk.storm.world.pools) == 1
    assert shrunk.storm.world.faults.timeout_after > 0  # the one thing it takes
    assert shrunk.storm.world.traffic.duration_s <= storm(seed).world.traffic.duration_s / 2
    again = violation_of(with_edits(storm(seed), shrunk.edits))
    assert str(again) == str(shrunk.violation)
    story = shrunk.violation.story().splitlines()
    assert any("intends launch" in line for line in story)
    assert story[-1].endswith(str(shrunk.violation))
