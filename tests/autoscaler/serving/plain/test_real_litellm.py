"""LiteLLM's own application takes, shows and refuses what tests/servers/litellm_double does."""

from collections.abc import Iterator

import httpx
import pytest
from pydantic import SecretStr

from autoscaler.serving.plain.file_router import FileRouter
from autoscaler.serving.plain.litellm_router import LiteLlmRouter
from autoscaler.serving.plain.router import Endpoint
from autoscaler.serving.serving import ServingError
from tests.servers.real_litellm import KEY, LiteLlmProcess, real_litellm


def models(proxy: LiteLlmProcess) -> dict[str, str]:
    answer = httpx.get(f"{proxy.url}/model/info", headers={"Authorization": f"Bearer {KEY}"}, timeout=60)
    return {one["litellm_params"]["api_base"]: one["model_name"] for one in answer.json()["data"]}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiteLlmProcess]:
    folder = tmp_path_factory.mktemp("litellm")
    FileRouter(path=folder / "models.yaml", models=("chat",), format="litellm").keep(
        [an_endpoint("static", host="10.9.9.9")]
    )
    config = folder / "config.yaml"
    config.write_text("include: [models.yaml]\n")
    with real_litellm(config) as proxy:
        yield proxy


@pytest.fixture
def router(proxy: LiteLlmProcess) -> Iterator[LiteLlmRouter]:
    router = LiteLlmRouter(proxy.url, master_key=SecretStr(KEY), fleet="prod", timeout_s=60.0)
    yield router
    router.close()


def an_endpoint(name: str, *, host: str) -> Endpoint:
    return Endpoint(node_id=name, model="chat", pool="aws/a", host_port=f"{host}:8000")


def test_the_file_that_is_written_is_one_that_it_includes(proxy: LiteLlmProcess) -> None:
    assert models(proxy) == {"http://10.9.9.9:8000/v1": "chat"}


def test_without_a_database_it_refuses_and_that_is_said(router: LiteLlmRouter) -> None:
    with pytest.raises(ServingError, match="/model/new: answered 500, for it has no database"):
        router.keep([an_endpoint("n1", host="10.0.0.1")])


def test_a_wrong_key_is_refused(proxy: LiteLlmProcess) -> None:
    router = LiteLlmRouter(proxy.url, master_key=SecretStr("sk-planted-wrong-key"), fleet="prod", timeout_s=60.0)
    with pytest.raises(ServingError, match=r"answered 4\d\d"):
        router.keep([])
    router.close()


def test_nodes_come_move_and_go_and_what_is_not_ours_stays(proxy: LiteLlmProcess, router: LiteLlmRouter) -> None:
    proxy.give_database()
    static = {"http://10.9.9.9:8000/v1": "chat"}
    nodes = [an_endpoint("n1", host="10.0.0.1"), an_endpoint("n2", host="10.0.0.2")]
    for _ in range(2):
        router.keep(nodes)
        assert models(proxy) == static | {one.url: "chat" for one in nodes}
    router.remove("n1")
    assert models(proxy) == static | {nodes[1].url: "chat"}
    moved = an_endpoint("n2", host="10.0.0.3")
    router.keep([moved])
    assert models(proxy) == static | {moved.url: "chat"}
    router.add(nodes[0])
    assert models(proxy) == static | {moved.url: "chat", nodes[0].url: "chat"}
    router.keep([])
    assert models(proxy) == static
