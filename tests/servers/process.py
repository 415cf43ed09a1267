"""A real server as a process: it runs while a block does, and the block begins once it answers."""

import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

STARTS_WITHIN_S = 60.0
ENDS_WITHIN_S = 10.0


@contextmanager
def serving(command: Sequence[str], *, ready_url: str, log: Path, name: str) -> Iterator[None]:
    """The server runs while the block does; what it says goes to `log`. One that does not start fails the test."""
    with log.open("w") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    try:
        _wait(ready_url, process, log, name)
        yield
    finally:
        process.terminate()
        try:
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path, name: str) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.05)
    raise AssertionError(f"{name} did not start:\n{log.read_text()[-2000:]}")


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on now, on any loopback address."""
    with socket.socket() as taken:
        taken.bind((host, 0))
        return int(taken.getsockname()[1])
