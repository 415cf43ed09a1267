"""The two queues: nothing is lost from the count, order and patience are kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.replay.serving.queue import FluidQueue, Piece, Request, RequestQueue

RATES = st.sampled_from([0.0, 0.5, 1.0, 1.5, 3.0, 10.0])
SPANS = st.lists(st.tuples(st.sampled_from([0.25, 1.0, 30.0, 60.0]), RATES, RATES), min_size=1, max_size=30)
PATIENCES = st.sampled_from([0.0, 1.0, 7.0, 30.0, 100.0, float("inf")])


class Desk:
    """Lets spans of (seconds, work arriving, capacity) pass, 10 tokens per reference node-second."""

    def __init__(self, patience_s: float) -> None:
        self.queue = FluidQueue(patience_s=patience_s)
        self.now_s = self.asked = self.served = self.lost = 0.0
        self.waits: list[tuple[float, float, float]] = []

    def serve(self, tokens: float, first_s: float, last_s: float) -> None:
        self.served += tokens
        self.waits.append((tokens, first_s, last_s))

    def let(self, span_s: float, work: float, capacity: float) -> None:
        piece = Piece(
            start_s=self.now_s, end_s=self.now_s + span_s, work_nodes=work, input_tok_s=4 * work, output_tok_s=6 * work
        )
        self.asked += 10 * work * span_s
        self.lost += self.queue.advance(piece, capacity, self.serve)
        self.now_s += span_s

    @property
    def waiting(self) -> float:
        tokens_in, tokens_out, _ = self.queue.waiting()
        return tokens_in + tokens_out


def test_without_patience_what_exceeds_capacity_is_lost_at_once() -> None:
    desk = Desk(patience_s=0)
    desk.let(60, work=3, capacity=2)
    assert (desk.served, desk.lost, desk.waiting) == pytest.approx((1200, 600, 0))


def test_with_patience_it_waits_and_is_served_later() -> None:
    desk = Desk(patience_s=1000)
    desk.let(60, work=3, capacity=2)
    assert (desk.served, desk.lost, desk.waiting) == pytest.approx((1200, 0, 600))
    desk.let(60, work=0, capacity=2)
    assert (desk.served, desk.lost, desk.waiting) == pytest.approx((1800, 0, 0))
    assert max(last for _, _, last in desk.waits) == pytest.approx(30)  # the last to come waited for 60 node-seconds


def test_what_waited_longer_than_its_patience_is_lost_from_then_on() -> None:
    # Arrivals of 2 at a capacity of 1: the wait grows by half a second per second, to 10 s after 20 s.
    desk = Desk(patience_s=10)
    desk.let(20, work=2, capacity=1)
    assert (desk.lost, desk.waiting) == pytest.approx((0, 200))
    desk.let(20, work=2, capacity=1)
    assert (desk.lost, desk.waiting) == pytest.approx((200, 200))


def test_without_capacity_all_is_lost_when_its_patience_ends() -> None:
    desk = Desk(patience_s=30)
    desk.let(60, work=1, capacity=0)
    assert (desk.served, desk.lost, desk.waiting) == pytest.approx((0, 300, 300))


def test_first_come_is_first_served() -> None:
    desk = Desk(patience_s=1000)
    desk.let(10, work=1, capacity=0)
    desk.let(10, work=0, capacity=1)
    tokens, first, last = zip(*[wait for wait in desk.waits if wait[0] > 0], strict=True)
    assert sum(tokens) == pytest.approx(100)
    assert (first[0], last[-1]) == pytest.approx((10, 10))  # each came at second t and is served at t + 10


@given(SPANS, PATIENCES)
def test_served_and_lost_and_waiting_make_up_what_was_asked(
    spans: list[tuple[float, float, float]], patience_s: float
) -> None:
    desk = Desk(patience_s)
    for span in spans:
        desk.let(*span)
    assert desk.served + desk.lost + desk.waiting == pytest.approx(desk.asked, abs=1e-6)
    assert min(desk.served, desk.lost, desk.waiting) >= -1e-9


@given(SPANS, PATIENCES)
def test_nothing_waits_longer_than_its_patience(spans: list[tuple[float, float, float]], patience_s: float) -> None:
    desk = Desk(patience_s)
    for span in spans:
        desk.let(*span)
    assert all(max(first, last) <= patience_s + 1e-5 for tokens, first, last in desk.waits if tokens > 0)


@given(SPANS, st.sampled_from([0.0, 1.0, 7.0, 30.0]), st.sampled_from([0.5, 10.0, 60.0]))
def test_more_patience_never_loses_more(
    spans: list[tuple[float, float, float]], patience_s: float, more_s: float
) -> None:
    hasty, calm = Desk(patience_s), Desk(patience_s + more_s)
    for span in spans:
        hasty.let(*span)
        calm.let(*span)
        assert calm.lost <= hasty.lost + 1e-6


@given(SPANS, PATIENCES)
def test_a_span_cut_in_two_is_the_same_span(spans: list[tuple[float, float, float]], patience_s: float) -> None:
    whole, cut = Desk(patience_s), Desk(patience_s)
    for span_s, work, capacity in spans:
        whole.let(span_s, work, capacity)
        cut.let(span_s * 0.375, work, capacity)
        cut.let(span_s * 0.625, work, capacity)
    assert (cut.served, cut.lost, cut.waiting) == pytest.approx((whole.served, whole.lost, whole.waiting), abs=1e-4)


def a_request(arrival_s: float, work_node_s: float = 10.0) -> Request:
    return Request(
        arrival_s=arrival_s, work_node_s=work_node_s, tokens_in=40 * work_node_s, tokens_out=60 * work_node_s
    )


def test_requests_wait_for_those_before_them() -> None:
    queue, waits = RequestQueue(patience_s=100), []
    lost = queue.advance(0, 60, [a_request(0), a_request(1), a_request(50)], 1.0, lambda n, a, b: waits.append((n, a)))
    assert lost == 0
    assert waits == [(1000, 0), (1000, 9), (1000, 0)]


def test_a_request_that_has_not_begun_in_its_patience_is_lost() -> None:
    queue, waits = RequestQueue(patience_s=5), []
    lost = queue.advance(0, 60, [a_request(0), a_request(1), a_request(8)], 1.0, lambda n, a, b: waits.append((n, a)))
    assert lost == 1000  # the second: the first is done at 10, when it has waited for 9
    assert waits == [(1000, 0), (1000, 2)]


def test_a_request_that_was_begun_is_lost_with_the_last_node_and_one_that_waits_is_not_yet() -> None:
    queue, served = RequestQueue(patience_s=100), [0.0]
    lost = queue.advance(0, 5, [a_request(0), a_request(1)], 1.0, lambda n, a, b: served.append(n))
    assert (lost, sum(served)) == (0, 500)  # half of the first
    lost = queue.advance(5, 60, [], 0.0, lambda n, a, b: served.append(n))
    assert (lost, sum(served), sum(queue.waiting()[:2])) == (500, 500, 1000)


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0.1, 20)), max_size=20),
    st.lists(st.sampled_from([0.0, 0.5, 1.0, 4.0]), min_size=10, max_size=10),
    st.sampled_from([1.0, 10.0, 1000.0]),
)
def test_requests_served_lost_and_waiting_make_up_what_was_asked(
    arrivals: list[tuple[float, float]], capacities: list[float], patience_s: float
) -> None:
    queue, served, lost = RequestQueue(patience_s=patience_s), [0.0], 0.0
    requests = [a_request(at_s, work) for at_s, work in sorted(arrivals)]
    asked = sum(request.tokens_in + request.tokens_out for request in requests)
    for index, capacity in enumerate(capacities):
        start, end = 10.0 * index, 10.0 * index + 10 + (index == 9)
        coming = [request for request in requests if start <= request.arrival_s < end]
        lost += queue.advance(start, end, coming, capacity, lambda n, a, b: served.append(n))
    assert sum(served) + lost + sum(queue.waiting()[:2]) == pytest.approx(asked)
