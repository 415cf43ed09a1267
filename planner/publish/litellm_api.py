"""LiteLLM's HTTP API: one call and its answer, for whoever keeps deployments or prices there. Needs httpx.

Of a refusal nothing is told in the proxy's own words: they may repeat what it was sent, its key among it.
"""

import json
from typing import TYPE_CHECKING, Any

from planner.errors import PlannerError
from planner.measure.prometheus import without_user

if TYPE_CHECKING:
    from pydantic import SecretStr


class GatewayError(PlannerError):
    """The gateway cannot be reached, or refuses. Exit code 5."""


class LiteLlmApi:
    """One proxy. To be closed."""

    def __init__(self, url: str, *, key: "SecretStr", timeout_s: float, without_database: str) -> None:
        """`without_database`: what to do where it keeps no models itself, as the end of a sentence."""
        import httpx

        self.shown_url = without_user(url)
        self._without_database = without_database
        self._client = httpx.Client(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bearer {key.get_secret_value()}"},
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=False,
        )

    def close(self) -> None:
        """Closes its connections."""
        self._client.close()

    def listed(self) -> list[dict[str, Any]]:
        """The models it shows. Raises GatewayError."""
        document, _ = self.ask("GET", "/model/info")
        data = document.get("data")
        if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
            raise GatewayError(f"{self.shown_url}/model/info: answered without a list of models")
        return data

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[dict[str, Any], Any]:
        """The answer and its headers. Raises GatewayError for whatever is no JSON object with status 200."""
        import httpx

        where = f"{self.shown_url}{path}"
        try:
            response = self._client.request(method, path, json=body)
        except httpx.TimeoutException:
            raise GatewayError(f"{where}: no answer in time") from None
        except httpx.ConnectError:
            raise GatewayError(f"{where}: nothing answers there; expected the running proxy") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            said = str(error) or type(error).__name__
            raise GatewayError(f"{where}: the connection broke off ({said})") from None
        try:
            document = response.json()
        except (json.JSONDecodeError, UnicodeDecodeError):
            document = None
        if response.status_code != 200 or not isinstance(document, dict):
            raise GatewayError(
                f"{where}: answered {response.status_code}{self._reason(response.status_code, document)}"
            )
        return document, response.headers

    def _reason(self, status: int, document: Any) -> str:
        if "No DB Connected" in json.dumps(document):
            return f", for it has no database; expected one, or {self._without_database}"
        return ": its master key is not accepted" if status in (401, 403) else ""
