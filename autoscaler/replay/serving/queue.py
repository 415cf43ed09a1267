"""Queues of one model, first come first served, whose waiting ones lose patience. Pure.

`FluidQueue` holds arrivals as a fluid: the exact integral of rates that are constant between two calls. `RequestQueue`
holds single requests. Work is in reference node-seconds; capacity in reference nodes. Both call `served` with tokens
and the shortest and longest wait they had.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

Served = Callable[[float, float, float], None]
"""(tokens, first wait, last wait): tokens that left the queue for a node."""

_INSTANT_S = 1e-6
"""Shorter is nothing: what rounding leaves of a span in a replay of weeks."""


@dataclass(slots=True, kw_only=True)
class Piece:
    """Arrivals of one constant rate over [start_s, end_s)."""

    start_s: float
    end_s: float
    work_nodes: float
    input_tok_s: float
    output_tok_s: float


@dataclass(slots=True, kw_only=True)
class FluidQueue:
    """Arrivals as a fluid. The head is the arrival instant of what is served next: now, if nothing waits."""

    patience_s: float
    _pieces: deque[Piece] = field(default_factory=deque)
    _head_s: float = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._pieces

    def waiting(self) -> tuple[float, float, float]:
        """What waits: input tokens, output tokens, reference node-seconds."""
        tokens_in = tokens_out = work = 0.0
        for piece in self._pieces:
            span = piece.end_s - max(piece.start_s, self._head_s)
            tokens_in += piece.input_tok_s * span
            tokens_out += piece.output_tok_s * span
            work += piece.work_nodes * span
        return tokens_in, tokens_out, work

    def advance(self, arriving: Piece, capacity: float, served: Served) -> float:
        """Lets the span of `arriving` pass at a constant capacity; returns the tokens that were lost in it."""
        pieces, now, end = self._pieces, arriving.start_s, arriving.end_s
        if not pieces:
            self._head_s = now
        pieces.append(arriving)
        lost = 0.0
        while pieces and end - now > _INSTANT_S:
            head = pieces[0]
            wait = now - self._head_s
            tokens = head.input_tok_s + head.output_tok_s
            if head is arriving and (head.work_nodes <= 0 or (wait <= _INSTANT_S and head.work_nodes <= capacity)):
                break
            if head.work_nodes <= 0 or head.end_s - self._head_s <= _INSTANT_S:
                self._pass(head, served)
                continue
            speed = capacity / head.work_nodes
            dt, moved = self._until_change(head, wait, speed, end - now)
            done = min(moved, dt * speed)
            served(tokens * done, wait, wait + dt - moved)
            lost += tokens * (moved - done)
            self._head_s += moved
            now += dt
        if pieces and pieces[0] is arriving and (end - now > _INSTANT_S or end - self._head_s <= _INSTANT_S):
            self._pass(arriving, served)
        return lost

    def _pass(self, head: Piece, served: Served) -> None:
        """The rest of the head costs no wait: it needs no work, or there is capacity for all of it."""
        served((head.input_tok_s + head.output_tok_s) * max(head.end_s - self._head_s, 0.0), 0.0, 0.0)
        self._head_s = head.end_s
        self._pieces.popleft()

    def _until_change(self, head: Piece, wait: float, speed: float, left: float) -> tuple[float, float]:
        """How long the head moves on as it does now, and how far: `speed` of its seconds of arrivals per second.

        At the end of its patience the head moves as time does, and what capacity does not take is lost.
        """
        behind = head.end_s - self._head_s
        if speed < 1 and wait >= self.patience_s - _INSTANT_S:
            dt = min(left, behind)
            return dt, dt
        dt = left
        if speed > 0:
            dt = min(dt, behind / speed)
        if speed > 1:
            dt = min(dt, wait / (speed - 1))
        elif speed < 1:
            dt = min(dt, (self.patience_s - wait) / (1 - speed))
        return dt, dt * speed


@dataclass(slots=True, kw_only=True)
class Request:
    """One request: when it came, and what of it is left to do."""

    arrival_s: float
    work_node_s: float
    tokens_in: float
    tokens_out: float
    has_begun: bool = False


@dataclass(slots=True, kw_only=True)
class RequestQueue:
    """Single requests: one begins when the fleet has finished those before it; begun, it is not lost to patience.

    Begun and left without any node it is lost: nobody holds the part that was done.
    """

    patience_s: float
    _waiting: deque[Request] = field(default_factory=deque)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def waiting(self) -> tuple[float, float, float]:
        """What waits: input tokens, output tokens, reference node-seconds."""
        tokens_in = tokens_out = work = 0.0
        for request in self._waiting:
            tokens_in += request.tokens_in
            tokens_out += request.tokens_out
            work += request.work_node_s
        return tokens_in, tokens_out, work

    def advance(
        self, start_s: float, end_s: float, arriving: Iterable[Request], capacity: float, served: Served
    ) -> float:
        """Lets [start_s, end_s) pass with the requests that arrive in it; returns the tokens that were lost in it."""
        now, lost = start_s, 0.0
        self._waiting.extend(arriving)
        while self._waiting:
            head = self._waiting[0]
            now = max(now, head.arrival_s)
            if not head.has_begun and min(now, end_s) - head.arrival_s > self.patience_s + _INSTANT_S:
                lost += head.tokens_in + head.tokens_out
                self._waiting.popleft()
            elif now >= end_s:
                break
            elif capacity <= 0 and head.has_begun:
                lost += head.tokens_in + head.tokens_out
                self._waiting.popleft()
            elif capacity <= 0:
                now = end_s
            else:
                now += self._work_on(head, capacity, end_s - now, now - head.arrival_s, served)
        return lost

    def _work_on(self, head: Request, capacity: float, left_s: float, wait: float, served: Served) -> float:
        """Seconds spent on the head; what of its tokens was done is served."""
        head.has_begun = True
        needed_s = head.work_node_s / capacity
        if needed_s <= left_s:
            served(head.tokens_in + head.tokens_out, wait, wait)
            self._waiting.popleft()
            return needed_s
        share = left_s / needed_s
        served((head.tokens_in + head.tokens_out) * share, wait, wait)
        head.work_node_s *= 1 - share
        head.tokens_in *= 1 - share
        head.tokens_out *= 1 - share
        return left_s
