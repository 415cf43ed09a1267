"""LiteLLM by its API: one deployment per node, marked as our fleet's; what is not marked is never touched.

Only a proxy that keeps its models in a database can be told (`store_model_in_db`): one without is kept by a file
(`kind = "file"`, `format = "litellm"`). A change counts as done once the proxy shows it when it is asked again.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autoscaler.serving.plain.router import Endpoint
from autoscaler.serving.serving import ServingError
from planner.publish.litellm_api import GatewayError, LiteLlmApi

if TYPE_CHECKING:
    from pydantic import SecretStr

FLEET, NODE = "baseload_fleet", "baseload_node"
"""Keys of model_info that are our mark."""
COSTS = ("input_cost_per_token", "output_cost_per_token")
READ_BACK_S = 5.0
"""How long the proxy may take to show what it was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One entry of the proxy's that carries our mark."""

    id: str
    node_id: str
    model: str
    api_base: str


class LiteLlmRouter:
    """The proxy's list of deployments, our part of it."""

    def __init__(
        self,
        url: str,
        *,
        master_key: "SecretStr",
        fleet: str,
        served_names: Mapping[str, str] | None = None,
        node_key: "SecretStr | None" = None,
        timeout_s: float = 5.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`node_key`: what model servers ask for; the proxy keeps it encrypted."""
        self.fleet = fleet
        self._api = LiteLlmApi(
            url, key=master_key, timeout_s=timeout_s, without_database='[router] kind = "file" with format = "litellm"'
        )
        self.shown_url = self._api.shown_url
        self._served_names = served_names or {}
        self._node_key = node_key
        self._sleep = sleep

    def close(self) -> None:
        """Closes its connections."""
        self._api.close()

    def keep(self, endpoints: Sequence[Endpoint], *, also: frozenset[str] = frozenset()) -> None:
        """Our deployments are these, and those of the nodes in `also` as they are; read back."""
        listed = self._listed()
        held = self._ours(listed)
        wanted = {self._id_of(one.node_id): one for one in endpoints}
        gone = [one.id for one in held.values() if one.node_id not in also and not self._is_as_wanted(one, wanted)]
        new = [one for model_id, one in wanted.items() if model_id not in held or model_id in gone]
        if not gone and not new:
            return
        for model_id in gone:
            self._tell("/model/delete", {"id": model_id})
        costs = _costs(listed)
        for endpoint in new:
            self._tell("/model/new", self._entry(endpoint, costs.get(endpoint.model, {})))
        self._read_back(present={self._id_of(one.node_id): one for one in new}, absent=set(gone) - wanted.keys())

    def add(self, endpoint: Endpoint) -> None:
        """One more deployment, read back; done where it is there."""
        listed = self._listed()
        model_id = self._id_of(endpoint.node_id)
        held = self._ours(listed).get(model_id)
        if held is not None and self._is_as_wanted(held, {model_id: endpoint}):
            return
        if held is not None:
            self._tell("/model/delete", {"id": model_id})
        self._tell("/model/new", self._entry(endpoint, _costs(listed).get(endpoint.model, {})))
        self._read_back(present={model_id: endpoint}, absent=set())

    def remove(self, node_id: str) -> None:
        """The deployment of a node is gone, read back; done where there is none."""
        model_id = self._id_of(node_id)
        if model_id not in self._ours(self._listed()):
            return
        self._tell("/model/delete", {"id": model_id})
        self._read_back(present={}, absent={model_id})

    def _id_of(self, node_id: str) -> str:
        """The same for a node each time, so that asking twice makes one."""
        return f"baseload.{self.fleet}.{node_id}"

    def _is_as_wanted(self, held: Deployment, wanted: Mapping[str, Endpoint]) -> bool:
        endpoint = wanted.get(held.id)
        return endpoint is not None and (held.model, held.api_base) == (endpoint.model, endpoint.url)

    def _entry(self, endpoint: Endpoint, costs: Mapping[str, float]) -> dict[str, Any]:
        """Priced as the model's other deployments are: one without a price would be served for nothing."""
        key = "not-needed" if self._node_key is None else self._node_key.get_secret_value()
        return {
            "model_name": endpoint.model,
            "litellm_params": {
                "model": f"openai/{self._served_names.get(endpoint.model, endpoint.model)}",
                "api_base": endpoint.url,
                "api_key": key,
                **costs,
            },
            "model_info": {
                "id": self._id_of(endpoint.node_id),
                "mode": "chat",
                FLEET: self.fleet,
                NODE: endpoint.node_id,
                **costs,
            },
        }

    def _ours(self, listed: Sequence[Mapping[str, Any]]) -> dict[str, Deployment]:
        """By id, the entries with our mark and an id of ours: both, so that a copied mark claims nothing."""
        found = {}
        for one in listed:
            info = one.get("model_info") or {}
            node_id, model_id = info.get(NODE), info.get("id")
            if info.get(FLEET) == self.fleet and isinstance(node_id, str) and model_id == self._id_of(node_id):
                found[model_id] = Deployment(
                    id=model_id,
                    node_id=node_id,
                    model=str(one.get("model_name", "")),
                    api_base=str((one.get("litellm_params") or {}).get("api_base", "")),
                )
        return found

    def _read_back(self, *, present: Mapping[str, Endpoint], absent: set[str]) -> None:
        """Returns once the proxy shows what it was told. Raises ServingError where it does not in time."""
        pause_s, waited_s = 0.1, 0.0
        while True:
            held = self._ours(self._listed())
            unseen = [model_id for model_id, one in present.items() if not self._is_held(held.get(model_id), one)]
            left = sorted(absent & held.keys())
            if not unseen and not left:
                return
            if waited_s >= READ_BACK_S:
                what = f"{unseen[0]} is not there" if unseen else f"{left[0]} is still there"
                raise ServingError(f"{self.shown_url}: {what} {READ_BACK_S:g} s after it was told")
            self._sleep(pause_s)
            waited_s += pause_s
            pause_s *= 2

    def _is_held(self, held: Deployment | None, endpoint: Endpoint) -> bool:
        return held is not None and self._is_as_wanted(held, {held.id: endpoint})

    def _listed(self) -> list[dict[str, Any]]:
        try:
            return self._api.listed()
        except GatewayError as error:
            raise ServingError(str(error)) from None

    def _tell(self, path: str, body: dict[str, Any]) -> None:
        try:
            self._api.ask("POST", path, body)
        except GatewayError as error:
            raise ServingError(str(error)) from None


def _costs(listed: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """By model, what its deployments cost per token, where one says so."""
    costs: dict[str, dict[str, float]] = {}
    for one in listed:
        params = one.get("litellm_params") or {}
        found = {name: params[name] for name in COSTS if isinstance(params.get(name), int | float)}
        if found:
            costs.setdefault(str(one.get("model_name", "")), found)
    return costs
