import json
import sys

import pytest

from autoscaler.serving.plain.file_router import FileRouter
from autoscaler.serving.plain.router import Endpoint, host_port_of
from autoscaler.serving.serving import ServingError


def an_endpoint(name: str, model: str = "chat", host: str = "10.0.0.1") -> Endpoint:
    return Endpoint(node_id=name, model=model, pool="aws/a", host_port=f"{host}:8000")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "endpoints.json"


@pytest.fixture
def router(path):
    return FileRouter(path=path, models=("chat", "code"))


def test_the_file_lists_endpoints_by_model_also_where_there_are_none(path, router):
    router.keep([an_endpoint("n2", host="fd00::7".join("[]")), an_endpoint("n1")])
    assert json.loads(path.read_text()) == {
        "chat": [
            {"node": "n1", "pool": "aws/a", "url": "http://10.0.0.1:8000/v1"},
            {"node": "n2", "pool": "aws/a", "url": "http://[fd00::7]:8000/v1"},
        ],
        "code": [],
    }


def test_unchanged_content_is_not_written_again(path, router):
    router.keep([an_endpoint("n1")])
    before = path.stat()
    router.keep([an_endpoint("n1")])
    router.add(an_endpoint("n1"))
    router.remove("n9")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("form", ["endpoints", "litellm"])
def test_one_node_goes_out_and_comes_in_and_the_others_stay(path, form):
    router = FileRouter(path=path, models=("chat",), format=form)
    router.keep([an_endpoint("n1"), an_endpoint("n2")])
    text = path.read_text()
    router.remove("n1")
    assert '"n1"' not in path.read_text()
    assert '"n2"' in path.read_text()
    router.add(an_endpoint("n1"))
    assert path.read_text() == text


@pytest.mark.parametrize("form", ["endpoints", "litellm"])
def test_a_node_whose_address_is_not_known_stays_as_it_is(path, form):
    router = FileRouter(path=path, models=("chat",), format=form)
    router.keep([an_endpoint("n1"), an_endpoint("n2"), an_endpoint("n3")])
    router.keep([an_endpoint("n2")], also=frozenset({"n1"}))
    assert [name for name in ("n1", "n2", "n3") if f'"{name}"' in path.read_text()] == ["n1", "n2"]


def test_a_model_list_for_litellm_names_the_key_and_never_holds_it(path):
    router = FileRouter(
        path=path, models=("chat",), format="litellm", served_names={"chat": "llama"}, has_node_key=True
    )
    router.keep([an_endpoint("n1")])
    assert json.loads(path.read_text()) == {
        "model_list": [
            {
                "model_name": "chat",
                "litellm_params": {
                    "model": "openai/llama",
                    "api_base": "http://10.0.0.1:8000/v1",
                    "api_key": "os.environ/BASELOAD_NODE_KEY",
                },
                "model_info": {"baseload_node": "n1", "baseload_pool": "aws/a"},
            }
        ]
    }


def test_a_file_that_was_broken_stops_a_change_and_is_made_whole_by_the_next_round(path, router):
    path.write_text("{broken")
    with pytest.raises(ServingError, match="is not what was written there"):
        router.remove("n1")
    router.keep([an_endpoint("n1")])
    assert '"n1"' in path.read_text()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    router = FileRouter(path=tmp_path / "no" / "endpoints.json", models=("chat",))
    with pytest.raises(ServingError, match=r"endpoints_file .* does not exist"):
        router.keep([])


def appending(path) -> tuple[str, ...]:
    return (sys.executable, "-c", f"open({str(path)!r}, 'a').write('x')")


def test_the_command_runs_once_for_each_change(tmp_path, path):
    ran = tmp_path / "ran"
    router = FileRouter(path=path, models=("chat",), reload_command=appending(ran))
    router.keep([an_endpoint("n1")])
    router.keep([an_endpoint("n1")])
    router.keep([])
    assert ran.read_text() == "xx"


def test_a_command_that_failed_is_run_again_also_by_another_process(tmp_path, path):
    failing = FileRouter(path=path, models=("chat",), reload_command=(sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(ServingError, match="ended with 3"):
        failing.keep([an_endpoint("n1")])
    ran = tmp_path / "ran"
    FileRouter(path=path, models=("chat",), reload_command=appending(ran)).keep([an_endpoint("n1")])
    assert ran.read_text() == "x"


def test_a_command_that_is_not_there_is_named(path):
    router = FileRouter(path=path, models=("chat",), reload_command=("/no/such/command",))
    with pytest.raises(ServingError, match="reload_command /no/such/command: cannot be run"):
        router.keep([])


@pytest.mark.parametrize(
    ("address", "host_port"),
    [
        ("10.0.0.7", "10.0.0.7:8000"),
        ("10.0.0.7:9000", "10.0.0.7:9000"),
        ("node-7.internal", "node-7.internal:8000"),
        ("fd00::7", "[fd00::7]:8000"),
        ("[fd00::7]:9000", "[fd00::7]:9000"),
        ("[fd00::7]", "[fd00::7]:8000"),
    ],
)
def test_an_address_has_a_port(address, host_port):
    assert host_port_of(address, 8000) == host_port
