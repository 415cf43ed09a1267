"""ModelServing: one model's traffic, queue and nodes on a clock that is moved from event to event. Pure.

Between two events everything is constant, so what is served, waits and is lost is an exact integral. What was taken
from the queue counts as served; if its node is gone before it is finished, the part in flight is unserved after all.
"""

from collections.abc import Iterator
from math import ceil

from autoscaler.replay.serving.delay import Histogram, bin_of, step_of
from autoscaler.replay.serving.queue import FluidQueue, Piece, Request, RequestQueue
from autoscaler.replay.serving.servers import Group, Servers, ServingNode
from autoscaler.replay.serving.tally import Tally
from autoscaler.replay.world import ServedModel, Traffic
from policies.units import SECONDS_PER_HOUR

_SAME = 1e-9
"""Capacity that is short by less is enough: rounding."""


class ModelServing:
    """One model, from the start of the replay to `now_s`."""

    def __init__(self, model: ServedModel, traffic: Traffic, tally: Tally, *, counts_output: bool = False) -> None:
        """`counts_output`: remember which offer served how many output tokens."""
        self.model = model
        self._counts_output = counts_output
        self._output_share = 1.0
        self.servers = Servers(model=model)
        self.now_s = 0.0
        self.asked_in = self.asked_out = 0.0
        self.served_tokens = self.lost_tokens = 0.0
        self.served_tok_s = 0.0
        """Of the last span."""
        self.utilization = 0.0
        """Of the last span: 1 where something waits."""
        index = traffic.models.index(model.name)
        self._input, self._output = traffic.input_tok_s[index].data, traffic.output_tok_s[index].data
        self._step_s, self._duration_s = traffic.step_s, traffic.duration_s
        self._step = 0
        self._hour = 0
        self._tally = tally
        self._delays = Histogram()
        self._has_curves = bool(model.curves)
        self._queue = FluidQueue(patience_s=model.patience_s)
        self._requests = Arrivals(model, traffic, self.servers) if _is_by_request(model, traffic) else None

    # --- the clock

    def advance(self, to_s: float) -> None:
        """Moves the clock, at most to the end of the traffic."""
        to_s = min(to_s, self._duration_s)
        while self.now_s < to_s:
            end_s = min(to_s, (self._step + 1) * self._step_s, (self._hour + 1) * SECONDS_PER_HOUR)
            if end_s > self.now_s:
                self._pass(end_s)
            if end_s >= (self._step + 1) * self._step_s:
                self._step += 1
            if end_s >= (self._hour + 1) * SECONDS_PER_HOUR and end_s < self._duration_s:
                self.close_hour()
                self._hour += 1

    def close_hour(self) -> None:
        """Hands the delays of the hour to the tally; at the end of a replay those of the hour begun too."""
        self._tally.close_hour(self._hour, self._delays)
        self._delays = Histogram()

    def _pass(self, end_s: float) -> None:
        """Lets a span pass in which traffic and nodes are constant."""
        hour, dt = self._hour, end_s - self.now_s
        tok_in, tok_out = self._input[self._step], self._output[self._step]
        servers, tally = self.servers, self._tally
        work = tok_in * servers.reference_input_node_s + tok_out * servers.reference_output_node_s
        capacity = servers.measure(tok_in, tok_out)
        before = self.served_tokens
        if self._requests is None:
            asked_in, asked_out = tok_in * dt, tok_out * dt
            has_waiting = self._pass_fluid(end_s, dt, tok_in, tok_out, work, capacity)
        else:
            asked_in, asked_out, has_waiting = self._pass_requests(self._requests, end_s, work, capacity)
        self.asked_in += asked_in
        self.asked_out += asked_out
        served = self.served_tokens - before
        self.served_tok_s = served / dt
        tally.asked_tokens[hour] += asked_in + asked_out
        tally.served_tokens[hour] += served
        tally.work_node_s[hour] += work * dt
        tally.ready_node_s[hour] += capacity * dt
        if self._counts_output and served > 0:
            if tok_out > 0:
                self._output_share = tok_out / (tok_in + tok_out)
            servers.carry(served * self._output_share)
        if not has_waiting and work < capacity:
            self._count_unneeded(capacity - work, dt)
        self.now_s = end_s

    def _pass_fluid(self, end_s: float, dt: float, tok_in: float, tok_out: float, work: float, capacity: float) -> bool:
        """Serves, queues and loses; returns whether something waits."""
        queue = self._queue
        if queue.is_empty and work <= capacity + _SAME:
            self.utilization = work / capacity if capacity > 0 else 0.0
            self._serve((tok_in + tok_out) * dt, 0.0, 0.0)
            return False
        self.utilization = 1.0
        arriving = Piece(start_s=self.now_s, end_s=end_s, work_nodes=work, input_tok_s=tok_in, output_tok_s=tok_out)
        self._lose(queue.advance(arriving, capacity, self._serve))
        return not queue.is_empty

    def _pass_requests(
        self, requests: "Arrivals", end_s: float, work: float, capacity: float
    ) -> tuple[float, float, bool]:
        """The same for single requests; returns the input and output tokens that came, and whether something waits."""
        arriving = list(requests.until(end_s))
        asked_in = sum(request.tokens_in for request in arriving)
        asked_out = sum(request.tokens_out for request in arriving)
        self.utilization = 1.0 if work >= capacity or not requests.queue.is_empty else work / capacity
        self._lose(requests.queue.advance(self.now_s, end_s, arriving, capacity, self._serve))
        return asked_in, asked_out, not requests.queue.is_empty

    def _serve(self, tokens: float, first_wait_s: float, last_wait_s: float) -> None:
        self.served_tokens += tokens
        if self._has_curves and self.servers.capacity > 0:
            ttft_s = self.servers.ttft_s(step_of(self.utilization))
            self._delays.add_between(tokens, first_wait_s + ttft_s, last_wait_s + ttft_s)
        elif first_wait_s == last_wait_s:
            self._delays.tokens[bin_of(first_wait_s)] += tokens
        else:
            self._delays.add_between(tokens, first_wait_s, last_wait_s)

    def _lose(self, tokens: float) -> None:
        self.lost_tokens += tokens
        self._tally.unserved_tokens[self._hour] += tokens

    def _count_unneeded(self, surplus: float, dt: float) -> None:
        """From the newest burst node on, until one is needed: those the fleet could have done without."""
        for node in reversed(self.servers.serving):
            if node.is_base:
                continue
            surplus -= node.group.speed
            if surplus < -_SAME:
                return
            node.unneeded_s += dt

    # --- what can be seen

    def waiting(self) -> tuple[float, float, float]:
        """What waits: input tokens, output tokens, reference node-seconds."""
        return self._queue.waiting() if self._requests is None else self._requests.queue.waiting()

    def busy_in_flight(self, group: Group) -> int:
        """Requests a node works on that gets work: its rated concurrency times its utilization."""
        return ceil(group.concurrency * self.utilization) if self.model.service_s > 0 else 0

    def in_flight(self, node: ServingNode) -> int:
        """Requests the node works on; after a drain ever fewer."""
        if node.is_serving:
            return self.busy_in_flight(node.group)
        if node.stopped_tok_s <= 0:
            return 0
        return ceil(node.group.concurrency * self.servers.in_flight_share(node, self.now_s))

    # --- nodes

    def stop(self, node: ServingNode) -> None:
        """The node gets no new work from now on."""
        self.servers.stop(node, self.now_s, self._node_tok_s(node))

    def leave(self, node: ServingNode) -> None:
        """The node is gone now, and what it had in flight with it."""
        self._lose_in_flight(node)
        self.servers.leave(node, self.now_s)

    def break_down(self, node: ServingNode) -> None:
        """The node serves no more from now on, and what it had in flight is lost."""
        self._lose_in_flight(node)
        self.servers.break_down(node, self.now_s)

    def _node_tok_s(self, node: ServingNode) -> float:
        if not node.is_serving:
            return node.stopped_tok_s
        return self.served_tok_s * node.group.speed / self.servers.capacity if self.servers.capacity > 0 else 0.0

    def _lose_in_flight(self, node: ServingNode) -> None:
        share = self.servers.in_flight_share(node, self.now_s)
        if share <= 0:
            return
        began_s = node.stopped_s if node.stopped_s is not None else self.now_s
        tokens = self._node_tok_s(node) * min(self.model.service_s, began_s - node.ready_s) * share
        tokens = min(tokens, self.served_tokens)
        self.served_tokens -= tokens
        self._tally.served_tokens[self._hour] -= tokens
        self._lose(tokens)


class Arrivals:
    """Single requests of one model, by arrival, and their queue."""

    def __init__(self, model: ServedModel, traffic: Traffic, servers: Servers) -> None:
        requests = traffic.requests[model.name]
        self.queue = RequestQueue(patience_s=model.patience_s)
        self._arrival_s = requests.arrival_s.data
        self._input, self._output = requests.input_tokens.data, requests.output_tokens.data
        self._servers = servers
        self._next = 0

    def until(self, end_s: float) -> Iterator[Request]:
        """The requests that arrive before `end_s` and were not given yet."""
        servers = self._servers
        while self._next < len(self._arrival_s) and self._arrival_s[self._next] < end_s:
            tokens_in, tokens_out = self._input[self._next], self._output[self._next]
            yield Request(
                arrival_s=self._arrival_s[self._next],
                work_node_s=tokens_in * servers.reference_input_node_s + tokens_out * servers.reference_output_node_s,
                tokens_in=tokens_in,
                tokens_out=tokens_out,
            )
            self._next += 1


def _is_by_request(model: ServedModel, traffic: Traffic) -> bool:
    """Without patience no single request could be served: each takes its time. Its steps are served instead."""
    return model.name in traffic.requests and model.patience_s > 0
