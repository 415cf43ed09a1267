"""The real LiteLLM proxy as a process, on a config.yaml; a database in memory is given to it by `give_database`.

It runs in an environment of its own (`make .venv-litellm/stamp`) and takes 20 s to start on an idle machine.
"""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.needs import lacking
from tests.servers.process import free_port

ROOT = Path(__file__).parents[2]
KEY = "sk-planted-master-key-0123456789"
PATIENCE_S = 240.0


@dataclass(kw_only=True)
class LiteLlmProcess:
    """The proxy, while it runs."""

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def give_database(self) -> None:
        """From now on it keeps models itself."""
        self.process.send_signal(signal.SIGUSR1)
        self.wait_for("database")

    def wait_for(self, word: str) -> None:
        """Returns once it has said the word."""
        deadline = time.monotonic() + PATIENCE_S
        while word not in self.log.read_text().splitlines():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.1)


@contextmanager
def real_litellm(config: Path, **environment: str) -> Iterator[LiteLlmProcess]:
    """The proxy on that config.yaml, once it answers."""
    python = ROOT / ".venv-litellm" / "bin" / "python"
    if not python.exists():
        lacking("no LiteLLM; make .venv-litellm/stamp")
    config = config.resolve()  # it runs in the file's folder
    folder, port = config.parent, free_port()
    given = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MASTER_KEY": KEY,
        "CONFIG_FILE_PATH": str(config),
        **environment,
    }
    log = folder / f"litellm-{port}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [python, ROOT / "tests" / "servers" / "litellm_app.py", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=given,
            cwd=folder,
        )
    proxy = LiteLlmProcess(url=f"http://127.0.0.1:{port}", process=process, log=log)
    try:
        proxy.wait_for("ready")
        yield proxy
    finally:
        process.kill()
        process.wait()
