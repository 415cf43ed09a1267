"""A LiteLLM proxy by its API: what it lists, what it is told, what it charges. Needs httpx (the extra `publish`).

A change counts once the proxy shows it when asked again: it answered 200 to an update and went on to charge the old
price for a while (LiteLLM 1.106).
"""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from planner.publish.entry import COSTS, OURS, Change, Entry, Kind, published_cost
from planner.publish.litellm_api import GatewayError, LiteLlmApi
from planner.publish.outcome import Probe

if TYPE_CHECKING:
    from pydantic import SecretStr

READ_BACK_S = 10.0
"""How long the proxy may take to show what it was told."""
PROBE_TOKENS = 8
COST_HEADER = "x-litellm-response-cost"


class Proxy:
    """One proxy. Close it, or use it in `with`."""

    def __init__(
        self, url: str, *, key: "SecretStr", timeout_s: float = 60.0, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._api = LiteLlmApi(url, key=key, timeout_s=timeout_s, without_database="config_file in [publish]")
        self.shown_url = self._api.shown_url
        self._sleep = sleep

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self._api.close()

    def entries(self) -> list[Entry]:
        """What it lists. Raises GatewayError."""
        return self._api.listed()

    def wait(self, seconds: float) -> None:
        """Returns once it answers, for it may have been restarted. Raises GatewayError where it does not in time."""
        waited_s = 0.0
        while True:
            try:
                self.entries()
            except GatewayError:
                if waited_s >= seconds:
                    raise
                self._sleep(1.0)
                waited_s += 1.0
            else:
                return

    def tell(self, change: Change) -> None:
        """Makes the change, where there is one. Raises GatewayError."""
        if change.kind is Kind.CREATED:
            self._api.ask("POST", "/model/new", change.after)
        elif change.kind is Kind.UPDATED:
            model_id = _id(change.after)
            if model_id is None:
                raise GatewayError(f"{self.shown_url}: {change.name} has no id, so it cannot be changed")
            params = change.after["litellm_params"]
            costs = {cost: params[cost] for cost in COSTS if cost in params}
            info = {key: change.after["model_info"][key] for key in OURS if key in change.after["model_info"]}
            self._api.ask(
                "PATCH", f"/model/{model_id}/update", {"litellm_params": costs, "model_info": {**info, **costs}}
            )

    def read_back(self, change: Change) -> None:
        """Returns once the proxy shows the price it was told. Raises GatewayError where it does not in time."""
        pause_s, waited_s = 0.2, 0.0
        wanted = [published_cost(change.after, cost) for cost in COSTS]
        while True:
            shown = [one for one in self.entries() if one.get("model_name") == change.name]
            if change.place is not None:
                shown = [one for one in shown if _id(one) == _id(change.after)] or shown
            if shown and all([published_cost(one, cost) for cost in COSTS] == wanted for one in shown):
                return
            if waited_s >= READ_BACK_S:
                said = "does not list it" if not shown else "shows another price"
                raise GatewayError(f"{self.shown_url}: {change.name}: {said} {READ_BACK_S:g} s after it was told")
            self._sleep(pause_s)
            waited_s += pause_s
            pause_s *= 2

    def probe(self, change: Change) -> Probe:
        """Sends a chat request of a few tokens, and says what it was charged. Raises GatewayError."""
        body = {
            "model": change.name,
            "messages": [{"role": "user", "content": "How many days has a week?"}],
            "max_tokens": PROBE_TOKENS,
        }
        document, headers = self._api.ask("POST", "/v1/chat/completions", body)
        usage = document.get("usage") or {}
        prompt, output = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if not isinstance(prompt, int) or not isinstance(output, int):
            raise GatewayError(f"{self.shown_url}: {change.name}: a chat answer without usage")
        low, high = (published_cost(change.after, cost) or Decimal(0) for cost in COSTS)
        return Probe(
            name=change.name,
            input_tokens=prompt,
            output_tokens=output,
            charged_usd=_decimal(headers.get(COST_HEADER)),
            expected_usd=low * prompt + high * output,
        )


def _id(entry: Entry) -> str | None:
    found = (entry.get("model_info") or {}).get("id")
    return found if isinstance(found, str) else None


def _decimal(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except ArithmeticError:
        return None
