from typing import Any

import pytest
from pydantic import SecretStr

from autoscaler.serving.plain.litellm_router import LiteLlmRouter
from autoscaler.serving.plain.router import Endpoint
from autoscaler.serving.serving import ServingError
from tests.servers.litellm_double import KEY, litellm_double
from tests.servers.redirecting import redirecting

FOREIGN: dict[str, Any] = {
    "model_name": "chat",
    "litellm_params": {"model": "openai/gpt", "input_cost_per_token": 3e-6, "output_cost_per_token": 9e-6},
    "model_info": {"id": "someone-elses"},
}


@pytest.fixture
def double():
    with litellm_double() as double:
        yield double


@pytest.fixture
def waits():
    return []


@pytest.fixture
def router(double, waits):
    router = LiteLlmRouter(double.url, master_key=SecretStr(KEY), fleet="prod", sleep=waits.append)
    yield router
    router.close()


def an_endpoint(name: str, model: str = "chat", host: str = "10.0.0.1") -> Endpoint:
    return Endpoint(node_id=name, model=model, pool="aws/a", host_port=f"{host}:8000")


def test_a_node_is_one_deployment_with_our_mark(double, router):
    router.keep([an_endpoint("n1")])
    (one,) = double.models.values()
    assert one["model_name"] == "chat"
    assert one["litellm_params"] == {"model": "openai/chat", "api_base": "http://10.0.0.1:8000/v1"}
    assert one["model_info"] == {
        "id": "baseload.prod.n1",
        "mode": "chat",
        "baseload_fleet": "prod",
        "baseload_node": "n1",
        "db_model": True,
    }


def test_a_proxy_that_sends_elsewhere_is_an_error_and_is_not_followed():
    with redirecting() as (host_port, asked):
        router = LiteLlmRouter(f"http://{host_port}", master_key=SecretStr(KEY), fleet="prod")
        with pytest.raises(ServingError, match="/model/info: answered 307"):
            router.keep([an_endpoint("n1")])
        router.close()
    assert asked == ["/model/info"]


def test_done_again_it_changes_nothing(double, router):
    for _ in range(3):
        router.keep([an_endpoint("n1"), an_endpoint("n2")])
    router.add(an_endpoint("n2"))
    router.remove("n9")
    assert double.told == [("/model/new", "baseload.prod.n1"), ("/model/new", "baseload.prod.n2")]


def test_nodes_that_are_gone_are_removed_and_foreign_entries_stay(double, router):
    theirs = FOREIGN | {"model_info": {"id": "baseload.other.n1", "baseload_fleet": "other", "baseload_node": "n1"}}
    copied = FOREIGN | {"model_info": {"id": "a-copy", "baseload_fleet": "prod", "baseload_node": "n1"}}
    double.models = {one["model_info"]["id"]: one for one in (FOREIGN, theirs, copied)}
    router.keep([an_endpoint("n1"), an_endpoint("n2")])
    router.keep([an_endpoint("n2")])
    router.keep([])
    assert sorted(double.models) == ["a-copy", "baseload.other.n1", "someone-elses"]


def test_a_node_with_another_address_is_made_anew(double, router):
    router.keep([an_endpoint("n1")])
    router.keep([an_endpoint("n1", host="10.0.0.9")])
    assert [one["litellm_params"]["api_base"] for one in double.models.values()] == ["http://10.0.0.9:8000/v1"]
    assert [path for path, _ in double.told] == ["/model/new", "/model/delete", "/model/new"]


def test_a_node_whose_address_is_not_known_stays_as_it_is(double, router):
    router.keep([an_endpoint("n1"), an_endpoint("n2")])
    router.keep([an_endpoint("n2")], also=frozenset({"n1"}))
    assert len(double.models) == 2


def test_a_deployment_is_priced_as_the_others_of_its_model(double, router):
    double.models = {"someone-elses": FOREIGN}
    router.keep([an_endpoint("n1"), an_endpoint("n2", "other")])
    ours = double.models["baseload.prod.n1"]
    assert ours["litellm_params"]["output_cost_per_token"] == 9e-6
    assert ours["model_info"]["input_cost_per_token"] == 3e-6
    assert "input_cost_per_token" not in double.models["baseload.prod.n2"]["litellm_params"]


def test_a_change_is_done_once_the_proxy_shows_it(double, router, waits):
    double.lag = 3
    router.keep([an_endpoint("n1")])
    assert waits == [0.1, 0.2, 0.4]
    router.remove("n1")
    assert len(waits) == 6


def test_a_change_that_the_proxy_never_shows_is_not_done(double, router):
    double.loses_changes = True
    with pytest.raises(ServingError, match=r"baseload\.prod\.n1 is not there 5 s after it was told"):
        router.keep([an_endpoint("n1")])
    double.loses_changes = False
    router.keep([an_endpoint("n1")])
    double.loses_changes = True
    with pytest.raises(ServingError, match="is still there"):
        router.remove("n1")


def test_a_proxy_without_a_database_is_told_apart(double, router):
    double.has_database = False
    with pytest.raises(ServingError, match=r"/model/new: answered 500, for it has no database; expected one, or \[ro"):
        router.keep([an_endpoint("n1")])


@pytest.mark.parametrize(("status", "said"), [(401, "its master key is not accepted"), (502, "answered 502")])
def test_no_secret_is_in_what_is_said_of_a_refusal(double, router, status, said):
    double.status = status  # the double repeats the key it was sent
    with pytest.raises(ServingError, match=said) as raised:
        router.keep([an_endpoint("n1")])
    assert KEY not in str(raised.value) + repr(router) + repr(vars(router))


def test_the_key_of_model_servers_goes_to_the_proxy_only(double):
    router = LiteLlmRouter(double.url, master_key=SecretStr(KEY), fleet="prod", node_key=SecretStr("planted-node-key"))
    assert router._entry(an_endpoint("n1"), {})["litellm_params"]["api_key"] == "planted-node-key"
    router.close()


def test_a_served_name_is_what_the_node_is_asked_for(double):
    router = LiteLlmRouter(
        double.url, master_key=SecretStr(KEY), fleet="prod", served_names={"chat": "meta-llama/Llama-3.1-8B"}
    )
    router.keep([an_endpoint("n1")])
    router.close()
    (one,) = double.models.values()
    assert (one["model_name"], one["litellm_params"]["model"]) == ("chat", "openai/meta-llama/Llama-3.1-8B")
