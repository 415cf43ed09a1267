"""Pages: what each path of the port answers."""

from collections.abc import Callable

from autoscaler.daemon.status import Status
from autoscaler.daemon.telemetry.board import Board
from autoscaler.daemon.telemetry.metrics import Metrics
from autoscaler.daemon.telemetry.port import Answer, Pages

TEXT = "text/plain; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
JSON = "application/json"


def pages_of(
    board: Board, metrics: Metrics, *, monotonic_s: Callable[[], float], render: Callable[[Status], str]
) -> Pages:
    """The pages of a daemon; `render`: its status as JSON."""

    def said(code: int, text: str) -> Answer:
        return Answer(code=code, content_type=TEXT, body=f"{text}\n".encode())

    def health() -> Answer:
        if board.is_turning(monotonic_s()):
            return said(200, "ok: the loop comes round")
        return said(503, f"the loop has not come round for {board.late_after_s:.0f} s")

    def readiness() -> Answer:
        status = board.status
        if status is None:
            return said(503, "not yet: the loop has not come round once")
        if board.is_ready:
            return said(200, f"ok: {status.lead.role}")
        return said(503, f"not ready: {status.lead.problem}")

    def state() -> Answer:
        status = board.status
        if status is None:
            return Answer(code=503, content_type=JSON, body=b'{"error": "the loop has not come round once"}\n')
        return Answer(code=200, content_type=JSON, body=render(status).encode())

    def measured() -> Answer:
        return Answer(code=200, content_type=PROMETHEUS, body=metrics.text())

    return {"/metrics": measured, "/healthz": health, "/readyz": readiness, "/status": state}
