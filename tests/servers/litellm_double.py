"""A strict loopback double of the LiteLLM proxy's model endpoints, as far as the router uses them.

What it insists on is what a real proxy was seen to do (LiteLLM 1.106): a bearer key on each call, `litellm_params` in a
new model, an id that is there to delete, 500 "No DB Connected" without a database, and extra keys of `model_info` kept
as they are. What it shows may lag behind what it was told, as it does there.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-planted-master-key"


@dataclass(kw_only=True)
class LiteLlmDouble:
    """Its models, and what it was told."""

    url: str = ""
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)
    """Path and model id of each change."""
    lag: int = 0
    """Lists that still show the old state after a change."""
    has_database: bool = True
    charges: float | None = None
    """USD for any chat request; None: the model's price."""
    loses_changes: bool = False
    status: int = 0
    """Instead of any answer; 0: it answers."""
    _shown: list[dict[str, Any]] = field(default_factory=list)
    _left: int = 0

    def listed(self) -> list[dict[str, Any]]:
        """What it shows."""
        if self._left > 0:
            self._left -= 1
            return self._shown
        return list(self.models.values())

    def changed(self, path: str, model_id: str, before: list[dict[str, Any]]) -> None:
        """Remembers a change."""
        self.told.append((path, model_id))
        self._shown, self._left = before, self.lag


@contextmanager
def litellm_double() -> Iterator[LiteLlmDouble]:
    """The double, listening on a port of its own while the block runs."""
    double = LiteLlmDouble()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"double": double}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    double.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield double
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    double: LiteLlmDouble

    def do_GET(self) -> None:
        if self._is_let_in():
            known = self.path == "/model/info"
            self._send(200 if known else 404, {"data": self.double.listed()} if known else {"detail": "Not Found"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._is_let_in():
            return
        if not self.double.has_database:
            self._send(500, {"error": {"message": "{'error': 'No DB Connected'}", "code": "500"}})
        elif self.path == "/model/new":
            self._new(body)
        elif self.path == "/model/delete":
            self._delete(body)
        elif self.path == "/v1/chat/completions":
            self._chat(body)
        else:
            self._send(404, {"detail": "Not Found"})

    def _new(self, body: dict[str, Any]) -> None:
        params, info = body.get("litellm_params"), body.get("model_info") or {}
        if not body.get("model_name") or not isinstance(params, dict) or not params.get("model"):
            self._send(422, {"detail": [{"msg": "Field required"}]})
            return
        if info.get("id") in self.double.models:
            self._send(400, {"error": {"message": "Unique constraint failed on model_id"}})
            return
        before = list(self.double.models.values())
        shown = {name: value for name, value in params.items() if name != "api_key"}
        if not self.double.loses_changes:
            self.double.models[info["id"]] = {
                "model_name": body["model_name"],
                "litellm_params": shown,
                "model_info": info | {"db_model": True},
            }
        self.double.changed(self.path, info["id"], before)
        self._send(200, {"model_id": info["id"]})

    def do_PATCH(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._is_let_in():
            return
        _, _, model_id, _ = self.path.split("/")
        if model_id not in self.double.models:
            self._send(404, {"error": {"message": f"Model with id={model_id} not found in db"}})
            return
        before = [json.loads(json.dumps(one)) for one in self.double.models.values()]
        if not self.double.loses_changes:
            for part in ("litellm_params", "model_info"):
                self.double.models[model_id][part].update(body.get(part, {}))
        self.double.changed("/model/update", model_id, before)
        self._send(200, {"model_id": model_id})

    def _chat(self, body: dict[str, Any]) -> None:
        """Charged at the price in litellm_params, as floats; `charges` says otherwise."""
        held = next((one for one in self.double.models.values() if one["model_name"] == body["model"]), None)
        if held is None:
            self._send(400, {"error": {"message": "Invalid model name"}})
            return
        usage = {"prompt_tokens": 18, "completion_tokens": body["max_tokens"]}
        low, high = (held["litellm_params"].get(f"{kind}_cost_per_token", 0.0) for kind in ("input", "output"))
        cost = low * 18 + high * body["max_tokens"] if self.double.charges is None else self.double.charges
        self._send(200, {"usage": usage, "choices": []}, {"x-litellm-response-cost": str(cost)})

    def _delete(self, body: dict[str, Any]) -> None:
        if body.get("id") not in self.double.models:
            self._send(400, {"error": {"message": f"Model with id={body.get('id')} not found in db"}})
            return
        before = list(self.double.models.values())
        if not self.double.loses_changes:
            del self.double.models[body["id"]]
        self.double.changed(self.path, body["id"], before)
        self._send(200, {"message": "Model deleted successfully"})

    def _is_let_in(self) -> bool:
        if self.double.status:
            self._send(self.double.status, {"error": {"message": f"you sent {self.headers.get('Authorization')}"}})
            return False
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            self._send(401, {"error": {"message": "Authentication Error"}})
            return False
        return True

    def _send(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
