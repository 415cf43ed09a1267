"""llama.cpp's own server on a GGUF file, in a process of its own. Needs xllamacpp (the extra `llama`).

`python -m planner.bench.llama` with one JSON of `Serve` is that process; it serves until it is told to stop.
"""

import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from planner.bench.run import BenchError

READY_WITHIN_S = 600.0
"""A large model takes minutes to read from a disk."""
ENDS_WITHIN_S = 10.0
FRAME_TOKENS = 256
"""Room in the context for the template around a prompt, and for prompts a little longer than asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve:
    """What the server is started with."""

    model: str
    port: int
    alias: str
    slots: int
    """Requests it works on at once."""
    context_tokens: int
    """Of one slot."""
    threads: int


@contextmanager
def llama_server(model: Path, *, slots: int, context_tokens: int, threads: int) -> Iterator[str]:
    """Its URL up to `/v1`, while it runs. Raises BenchError where it does not start, with the last it said."""
    serve = Serve(
        model=str(model),
        port=_free_port(),
        alias=model.stem,
        slots=slots,
        context_tokens=context_tokens + FRAME_TOKENS,
        threads=threads,
    )
    command = [sys.executable, "-m", "planner.bench.llama", json.dumps(asdict(serve))]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603 - our own interpreter
        try:
            if not _is_ready(f"http://127.0.0.1:{serve.port}/health", process):
                log.seek(0)
                said = log.read().decode(errors="replace").strip().splitlines()
                last = said[-1] if said else "it said nothing"
                raise BenchError(f"{model}: llama.cpp's server did not start: {last}")
            yield f"http://127.0.0.1:{serve.port}/v1"
        finally:
            process.terminate()
            try:
                process.wait(ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _is_ready(url: str, process: "subprocess.Popen[bytes]") -> bool:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own server on this machine
                if answer.status == 200:
                    return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return False


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _serve(wanted: Serve) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = wanted.model
    params.port = wanted.port
    params.model_alias = [wanted.alias]
    params.n_parallel = wanted.slots
    params.n_ctx = wanted.context_tokens * wanted.slots
    params.endpoint_metrics = True
    params.cpuparams.n_threads = wanted.threads
    params.cpuparams_batch.n_threads = wanted.threads
    params.ui = False
    params.offline = True
    server = xllamacpp.Server(params)
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    del server


if __name__ == "__main__":
    _serve(Serve(**json.loads(sys.argv[1])))
