"""LiteLLM's own application takes, shows and refuses what tests/servers/litellm_double does."""

import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from autoscaler.serving.plain.file_router import FileRouter
from autoscaler.serving.plain.litellm_router import LiteLlmRouter
from autoscaler.serving.plain.router import Endpoint
from autoscaler.serving.serving import ServingError
from tests.needs import lacking
from tests.servers.process import free_port

ROOT = Path(__file__).parents[4]
KEY = "sk-planted-master-key-0123456789"
PATIENCE_S = 240.0
"""It takes 20 s to start on an idle machine."""


@dataclass(kw_only=True)
class Proxy:
    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait_for(self, word: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while word not in self.log.read_text().splitlines():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.1)

    def models(self) -> dict[str, str]:
        answer = httpx.get(f"{self.url}/model/info", headers={"Authorization": f"Bearer {KEY}"}, timeout=60)
        return {one["litellm_params"]["api_base"]: one["model_name"] for one in answer.json()["data"]}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    python = ROOT / ".venv-litellm" / "bin" / "python"
    if not python.exists():
        lacking("no LiteLLM; make .venv-litellm/stamp")
    folder, port = tmp_path_factory.mktemp("litellm"), free_port()
    FileRouter(path=folder / "models.yaml", models=("chat",), format="litellm").keep(
        [an_endpoint("static", host="10.9.9.9")]
    )
    (folder / "config.yaml").write_text("include: [models.yaml]\n")
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MASTER_KEY": KEY,
        "CONFIG_FILE_PATH": str(folder / "config.yaml"),
    }
    log = folder / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [python, ROOT / "tests" / "servers" / "litellm_app.py", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
        )
    proxy = Proxy(url=f"http://127.0.0.1:{port}", process=process, log=log)
    try:
        proxy.wait_for("ready")
        yield proxy
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def router(proxy: Proxy) -> Iterator[LiteLlmRouter]:
    router = LiteLlmRouter(proxy.url, master_key=SecretStr(KEY), fleet="prod", timeout_s=60.0)
    yield router
    router.close()


def an_endpoint(name: str, *, host: str) -> Endpoint:
    return Endpoint(node_id=name, model="chat", pool="aws/a", host_port=f"{host}:8000")


def test_the_file_that_is_written_is_one_that_it_includes(proxy: Proxy) -> None:
    assert proxy.models() == {"http://10.9.9.9:8000/v1": "chat"}


def test_without_a_database_it_refuses_and_that_is_said(router: LiteLlmRouter) -> None:
    with pytest.raises(ServingError, match="/model/new: answered 500, for it has no database"):
        router.keep([an_endpoint("n1", host="10.0.0.1")])


def test_a_wrong_key_is_refused(proxy: Proxy) -> None:
    router = LiteLlmRouter(proxy.url, master_key=SecretStr("sk-planted-wrong-key"), fleet="prod", timeout_s=60.0)
    with pytest.raises(ServingError, match=r"answered 4\d\d"):
        router.keep([])
    router.close()


def test_nodes_come_move_and_go_and_what_is_not_ours_stays(proxy: Proxy, router: LiteLlmRouter) -> None:
    proxy.process.send_signal(signal.SIGUSR1)
    proxy.wait_for("database")
    static = {"http://10.9.9.9:8000/v1": "chat"}
    nodes = [an_endpoint("n1", host="10.0.0.1"), an_endpoint("n2", host="10.0.0.2")]
    for _ in range(2):
        router.keep(nodes)
        assert proxy.models() == static | {one.url: "chat" for one in nodes}
    router.remove("n1")
    assert proxy.models() == static | {nodes[1].url: "chat"}
    moved = an_endpoint("n2", host="10.0.0.3")
    router.keep([moved])
    assert proxy.models() == static | {moved.url: "chat"}
    router.add(nodes[0])
    assert proxy.models() == static | {moved.url: "chat", nodes[0].url: "chat"}
    router.keep([])
    assert proxy.models() == static
