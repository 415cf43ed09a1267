"""The term of a daemon: renewed as it is used, and never stretched."""

from datetime import datetime

import pytest

from autoscaler.daemon.calls.reign import NotLeading, Reign
from autoscaler.leadership import Term
from tests.autoscaler.daemon.clocks import SetClock
from tests.autoscaler.daemon.hanging import Seat


def a_reign(seat: Seat, clock: SetClock) -> Reign:
    return Reign(seat, now=clock.now, monotonic_s=clock.monotonic_s, lease_s=60.0)


def test_a_term_lasts_as_long_as_its_lease() -> None:
    clock, seat = SetClock(), Seat()
    reign = a_reign(seat, clock)
    assert reign.left_s() == 0.0
    reign.renew()
    assert reign.left_s() == 60.0
    clock.seconds = 45.0
    assert reign.left_s() == 15.0
    clock.seconds = 61.0
    assert reign.left_s() == 0.0


@pytest.mark.parametrize(("jump_s", "left_s"), [(-3600.0, 50.0), (3600.0, 0.0)], ids=["back", "forward"])
def test_a_clock_that_was_set_lengthens_no_term(jump_s: float, left_s: float) -> None:
    clock = SetClock()
    reign = a_reign(Seat(), clock)
    reign.renew()
    clock.seconds, clock.jump_s = 10.0, jump_s
    assert reign.left_s() == left_s


def test_a_term_whose_answer_came_late_is_counted_from_when_it_was_asked_for() -> None:
    clock = SetClock()

    class Slow(Seat):
        def lead(self, now: datetime) -> Term | None:
            term = super().lead(now)
            clock.seconds, clock.jump_s = 20.0, -20.0  # the wall's clock is set back meanwhile: it does not tell
            return term

    reign = a_reign(Slow(), clock)
    reign.renew()
    assert reign.left_s() == 40.0


def test_before_an_act_the_lease_is_renewed_once_a_third_of_it_is_used() -> None:
    clock, seat = SetClock(), Seat()
    reign = a_reign(seat, clock)
    reign.renew()
    clock.seconds = 19.0
    reign.hold(1, 25.0)
    assert seat.asked == 1
    clock.seconds = 21.0
    reign.hold(1, 25.0)
    assert seat.asked == 2
    assert reign.left_s() == 60.0


def test_a_leader_that_was_cut_off_acts_while_its_term_lasts_for_the_call_and_no_longer() -> None:
    clock, seat = SetClock(), Seat()
    reign = a_reign(seat, clock)
    reign.renew()
    seat.is_down = True
    clock.seconds = 30.0
    reign.hold(1, 25.0)
    clock.seconds = 36.0  # 24 s are left
    with pytest.raises(NotLeading, match="the lease lasts 24 s yet and the call may take 25"):
        reign.hold(1, 25.0)
    clock.seconds = 60.0
    with pytest.raises(NotLeading, match="the database does not answer"):
        reign.hold(1, 25.0)


def test_once_another_leads_nothing_is_done() -> None:
    clock, seat = SetClock(), Seat()
    reign = a_reign(seat, clock)
    reign.renew()
    seat.taken = True
    clock.seconds = 30.0
    with pytest.raises(NotLeading, match="another daemon leads"):
        reign.hold(1, 25.0)


def test_one_that_lost_the_lease_and_won_it_again_does_not_act_for_its_former_self() -> None:
    clock, seat = SetClock(), Seat()
    reign = a_reign(seat, clock)
    reign.renew()
    seat.epoch = 3
    clock.seconds = 30.0
    with pytest.raises(NotLeading, match="epoch 1 led and 3 leads now"):
        reign.hold(1, 25.0)
    reign.hold(3, 25.0)


def test_resigning_gives_back_what_is_held_and_nothing_else() -> None:
    seat = Seat()
    reign = a_reign(seat, SetClock())
    reign.resign()
    assert seat.resigned == 0
    reign.renew()
    reign.resign()
    assert seat.resigned == 1
    assert reign.left_s() == 0.0


def test_a_bug_where_the_lease_is_kept_is_not_knowing_who_leads() -> None:
    class Broken(Seat):
        def lead(self, now: datetime) -> Term | None:
            raise KeyError("spec")

    reign = a_reign(Broken(), SetClock())
    assert reign.renew() is None
    assert reign.problem == "KeyError: 'spec'"
