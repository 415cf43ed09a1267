"""One leads, by a lease in the database; whoever follows has a higher epoch."""

from pathlib import Path

import pytest

from autoscaler.journal import LostLeadership
from autoscaler.leadership import LeadershipError, Term
from autoscaler.records import open_records
from tests.autoscaler.records.entries import NOON, an_intent, at


def test_the_first_leads_and_renews_with_the_same_epoch(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        one = records.leadership("one", lease_s=60.0, checks_clock=False)
        two = records.leadership("two", lease_s=60.0, checks_clock=False)
        assert one.lead(NOON) == Term(epoch=1, ends_at=at(60.0))
        assert two.lead(at(59.0)) is None
        assert one.lead(at(59.0)) == Term(epoch=1, ends_at=at(119.0))
        assert two.lead(at(118.0)) is None


def test_a_leader_that_is_silent_for_its_lease_is_followed_and_fenced(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        one = records.leadership("one", lease_s=60.0, checks_clock=False)
        two = records.leadership("two", lease_s=60.0, checks_clock=False)
        one.lead(NOON)
        assert two.lead(at(60.0)) == Term(epoch=2, ends_at=at(120.0))
        assert one.lead(at(61.0)) is None
        with pytest.raises(LostLeadership):
            records.journal.intend(an_intent(epoch=1))
        records.journal.intend(an_intent(epoch=2))


def test_a_silent_leader_whom_nobody_followed_leads_on(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        one = records.leadership("one", lease_s=60.0, checks_clock=False)
        one.lead(NOON)
        assert one.lead(at(600.0)) == Term(epoch=1, ends_at=at(660.0))


def test_a_lease_given_back_is_taken_at_once_and_only_by_its_holder_given(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        one = records.leadership("one", lease_s=60.0, checks_clock=False)
        two = records.leadership("two", lease_s=60.0, checks_clock=False)
        one.lead(NOON)
        two.resign()
        assert two.lead(at(1.0)) is None
        one.resign()
        assert two.lead(at(1.0)) == Term(epoch=2, ends_at=at(61.0))
        one.resign()
        assert two.lead(at(2.0)) == Term(epoch=2, ends_at=at(62.0))


def test_the_same_name_in_a_new_process_waits_for_the_lease_and_has_a_higher_epoch(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        records.leadership("one", lease_s=60.0, checks_clock=False).lead(NOON)
        again = records.leadership("one", lease_s=60.0, checks_clock=False)
        assert again.lead(at(1.0)) is None
        assert again.lead(at(60.0)) == Term(epoch=2, ends_at=at(120.0))


def test_a_clock_far_from_that_of_postgresql_does_not_lead(postgres_url: str) -> None:
    with (
        open_records(postgres_url, fleet="blue") as records,
        pytest.raises(
            LeadershipError, match=r"the clock is \d+ s (ahead of|behind) the database's; expected at most 15"
        ),
    ):
        records.leadership("one", lease_s=60.0).lead(NOON)


@pytest.mark.parametrize(
    ("off_s", "why"),
    [
        (-15, None),
        (-16, "the clock is 16 s behind the database's; expected at most 15 s: leases are compared between machines"),
        (15, None),
        (16, "the clock is 16 s ahead of the database's; expected at most 15 s: leases are compared between machines"),
    ],
)
def test_a_clock_a_quarter_of_the_lease_behind_or_ahead_leads_and_one_further_off_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, off_s: int, why: str | None
) -> None:
    monkeypatch.setattr("planner.store.leader.clock_of", lambda connection: NOON)
    with open_records(f"sqlite:///{tmp_path / 'state.db'}", fleet="blue") as records:
        one = records.leadership("one", lease_s=60.0)
        if why is None:
            assert one.lead(at(off_s)) == Term(epoch=1, ends_at=at(60.0 + off_s))
        else:
            with pytest.raises(LeadershipError, match=f"^{why}$"):
                one.lead(at(off_s))
            assert records.epoch() == 0


def test_an_epoch_kept_elsewhere_is_followed_too(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        records.journal.lead(7)
        assert records.leadership("one", lease_s=60.0, checks_clock=False).lead(NOON) == Term(epoch=8, ends_at=at(60.0))
        with pytest.raises(LostLeadership):
            records.journal.lead(7)
