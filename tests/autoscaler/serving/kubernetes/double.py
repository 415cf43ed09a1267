"""A strict double of an API server of today, for what the real one of the cluster tests cannot show.

That one is 1.20 and knows policy/v1beta1; this one speaks policy/v1 alone. It holds every request, and its own answers,
to Kubernetes' published description, an unknown field included, and fails on request: budgets, 410, 500, silence,
streams that break. It does no controller's work: what is drained and deleted for real is shown in `tests/cluster`.
"""

import json
import re
import threading
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from jsonschema import Draft4Validator

from autoscaler.cluster.api import ClusterApi, api_of

Json = dict[str, Any]
CONTRACT: Json = json.loads((Path(__file__).parents[3] / "contracts" / "kubernetes.swagger.json").read_text())
ROUTES = [(re.compile(re.sub(r"\{\w+\}", "([^/]+)", path)), path) for path in CONTRACT["paths"]]
MERGE = "application/strategic-merge-patch+json"


def strict(definitions: Json) -> Json:
    """The definitions with every unknown field refused, which the API server does for no one by itself."""
    found = deepcopy(definitions)
    for one in found.values():
        if "properties" in one:
            one.setdefault("additionalProperties", False)
    return found


DEFINITIONS = strict(CONTRACT["definitions"])


def wrong(schema: Json, value: object) -> list[str]:
    judge = Draft4Validator({**schema, "definitions": DEFINITIONS})
    return [f"{'.'.join(map(str, error.path))}: {error.message[:160]}" for error in judge.iter_errors(value)]


def without_none(value: Any) -> Any:
    """A merge patch as what it sets; None takes a field out."""
    if isinstance(value, dict):
        return {key: without_none(one) for key, one in value.items() if one is not None}
    return value


def merged(target: Json, patch: Json) -> Json:
    found = dict(target)
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict):
            found[key] = merged(found.get(key) or {}, value)
        else:
            found[key] = value
    return found


@dataclass
class Double:
    """One API server, empty at first."""

    nodes: dict[str, Json] = field(default_factory=dict)
    pods: dict[str, Json] = field(default_factory=dict)
    """By namespace/name."""
    budgets: set[str] = field(default_factory=set)
    """Pods whose budget allows no eviction now."""
    version: int = 100
    events: list[tuple[int, str, str, Json]] = field(default_factory=list)
    """Version, path of the list, type, object."""
    oldest: int = 0
    """Changes before this version are forgotten: a watch from there is answered 410."""
    faults: list[tuple[str, str, int | str]] = field(default_factory=list)
    """Method, pattern of the path, and a status, `hang`, `cut` or `garbage`: of the next such request, once."""
    requests: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[Json] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    before: Callable[[str, str], None] = lambda method, path: None
    """Called before a request is answered: what somebody else does meanwhile."""
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def log_message(self, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                double.serve(self)

            def do_POST(self) -> None:
                double.serve(self)

            def do_PUT(self) -> None:
                double.serve(self)

            def do_PATCH(self) -> None:
                double.serve(self)

            def do_DELETE(self) -> None:
                double.serve(self)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
        assert self.violations == []

    def api(self, *, timeout_s: float = 10.0) -> ClusterApi:
        from kubernetes.client import Configuration

        configuration = Configuration()
        configuration.host = f"http://127.0.0.1:{self.server.server_port}"
        return api_of(configuration, timeout_s=timeout_s)

    # --- what there is

    def add_node(self, name: str, *, labels: dict[str, str], provider_id: str | None = None) -> None:
        node: Json = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "uid": f"uid-{name}", "labels": labels},
            "spec": {"providerID": provider_id} if provider_id else {},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        }
        self.nodes[name] = node
        self.happened("/api/v1/nodes", "ADDED", node)

    def add_pod(self, name: str, *, node: str, labels: dict[str, str], owner: str = "ReplicaSet") -> None:
        pod: Json = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": "default",
                "uid": f"uid-{name}",
                "labels": labels,
                "ownerReferences": [
                    {"apiVersion": "apps/v1", "kind": owner, "name": "o", "uid": "u", "controller": True}
                ],
            },
            "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i"}]},
            "status": {"phase": "Running", "podIP": "10.1.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
        }
        self.pods[f"default/{name}"] = pod
        self.happened("/api/v1/pods", "ADDED", pod)

    def happened(self, path: str, kind: str, item: Json) -> None:
        self.version += 1
        item["metadata"]["resourceVersion"] = str(self.version)
        self.events.append((self.version, path, kind, deepcopy(item)))

    def asked(self, method: str, pattern: str) -> list[str]:
        return [path for verb, path in self.requests if verb == method and re.fullmatch(pattern, path)]

    # --- HTTP

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        url = urlsplit(handler.path)
        length = int(handler.headers.get("Content-Length") or 0)
        text = handler.rfile.read(length)
        body = json.loads(text) if text else None
        method, query = handler.command, {key: values[0] for key, values in parse_qs(url.query).items()}
        self.requests.append((method, url.path))
        if body is not None:
            self.bodies.append(body)
        self.before(method, url.path)
        fault = self._fault(method, url.path)
        if fault == "hang":
            self.over.wait(30)
        if fault in ("hang", "cut"):
            handler.close_connection = True
        elif fault == "garbage":
            self.reply(handler, 200, b"<html>a proxy says hello</html>")
        elif isinstance(fault, int):
            self.reply(handler, fault, refusal(fault, "Unknown", "as told"))
        elif url.path == "/api/v1":
            resource = {"name": "pods/eviction", "group": "policy", "version": "v1", "kind": "Eviction"}
            self.reply(handler, 200, {"kind": "APIResourceList", "resources": [resource]})
        else:
            self.route(handler, url.path, query, body)

    def route(self, handler: BaseHTTPRequestHandler, path: str, query: dict[str, str], body: Json | None) -> None:
        method = handler.command
        for pattern, template in ROUTES:
            found = pattern.fullmatch(path)
            if found and method.lower() in CONTRACT["paths"][template]:
                break
        else:
            self.violations.append(f"{method} {path} is not described")
            return self.reply(handler, *refusal_of(404, "NotFound", "no such path"))
        self._check(method, template, query, body, handler.headers.get("Content-Type"))
        if "watch" in query:
            return self.watch(handler, path, query)
        status, answer = self.answer(method, template, found.groups(), query, body or {})
        if status < 300 and answer.get("kind") != "Status":
            schema = CONTRACT["paths"][template][method.lower()]["responses"]["200"]["schema"]
            self.violations += [f"answer to {method} {path}: {one}" for one in wrong(schema, answer)]
        return self.reply(handler, status, answer)

    def _fault(self, method: str, path: str) -> int | str | None:
        for number, (verb, pattern, what) in enumerate(self.faults):
            if verb == method and re.fullmatch(pattern, path):
                del self.faults[number]
                return what
        return None

    def _check(self, method: str, template: str, query: dict[str, str], body: Json | None, kind: str | None) -> None:
        described = CONTRACT["paths"][template][method.lower()]["parameters"]
        known = {one["name"] for one in described if one["in"] == "query"}
        found = [f"query {name} is not described" for name in query if name not in known]
        schema = next((one["schema"] for one in described if one["in"] == "body"), None)
        if method == "PATCH":
            if kind != MERGE:
                found.append(f"content type {kind}")
            schema = {"$ref": "#/definitions/io.k8s.api.core.v1.Node"}
        if body is not None and schema is not None:
            found += wrong(schema, without_none(body))
        self.violations += [f"{method} {template}: {one}" for one in found]

    def reply(self, handler: BaseHTTPRequestHandler, status: int, answer: Json | bytes) -> None:
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    def watch(self, handler: BaseHTTPRequestHandler, path: str, query: dict[str, str]) -> None:
        since = int(query["resourceVersion"])
        fault = self._fault("WATCH", path)
        if isinstance(fault, int):
            return self.reply(handler, fault, refusal(fault, "Unknown", "as told"))
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        if since < self.oldest:
            self._event(handler, "ERROR", refusal(410, "Expired", "too old resource version"))
            handler.wfile.write(b"0\r\n\r\n")  # the stream ends as it should: nothing but the event tells
        elif fault != "cut":
            for version, where, kind, item in self.events:
                if where == path and version > since:
                    self._event(handler, kind, item)
        if fault == "cut":
            handler.wfile.write(b"40\r\n{")  # announces 64 bytes, and breaks off
            handler.wfile.flush()
            handler.close_connection = True
            return None
        handler.wfile.flush()
        if fault is None and since >= self.oldest:
            self.over.wait(30)  # until the caller hangs up, or the test is over
        handler.close_connection = True
        return None

    def _event(self, handler: BaseHTTPRequestHandler, kind: str, item: Json) -> None:
        line = json.dumps({"type": kind, "object": item}).encode() + b"\n"
        handler.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")

    # --- answers

    def answer(
        self, method: str, template: str, values: tuple[str, ...], query: dict[str, str], body: Json
    ) -> tuple[int, Json]:
        match method, template:
            case "GET", "/api/v1/nodes":
                return 200, self.listed("Node", list(self.nodes.values()), query)
            case "GET", "/api/v1/pods":
                name = query.get("fieldSelector", "").removeprefix("spec.nodeName=")
                label = query.get("labelSelector")
                pods = [pod for pod in self.pods.values() if not name or pod["spec"]["nodeName"] == name]
                pods = [pod for pod in pods if label is None or label in pod["metadata"]["labels"]]
                return 200, self.listed("Pod", pods, query)
            case "GET" | "PATCH" | "DELETE", "/api/v1/nodes/{name}":
                return self.of_node(method, values[0], body)
            case ("DELETE", _) | ("POST", "/api/v1/namespaces/{namespace}/pods/{name}/eviction"):
                return self.of_pod(method, "/".join(values), body)
        return refusal_of(501, "NotImplemented", f"{method} {template}")

    def listed(self, kind: str, items: list[Json], query: dict[str, str]) -> Json:
        meta = {"resourceVersion": str(self.version)}
        limit, start = int(query.get("limit", 0)), int(query.get("continue", 0))
        if limit and len(items) > start + limit:
            meta["continue"] = str(start + limit)
        page = items[start : start + limit] if limit else items
        return {"apiVersion": "v1", "kind": f"{kind}List", "metadata": meta, "items": page}

    def of_node(self, method: str, name: str, body: Json) -> tuple[int, Json]:
        node = self.nodes.get(name)
        if node is None:
            return refusal_of(404, "NotFound", f'nodes "{name}" not found')
        if method == "GET":
            return 200, node
        asked = (body.get("metadata") or body.get("preconditions") or {}).get("resourceVersion")
        if asked is not None and asked != node["metadata"]["resourceVersion"]:
            return refusal_of(409, "Conflict", "the object has been modified")
        if method == "PATCH":
            node = self.nodes[name] = merged(node, body)
            self.happened("/api/v1/nodes", "MODIFIED", node)
            return 200, node
        del self.nodes[name]
        self.happened("/api/v1/nodes", "DELETED", node)
        return 200, {"kind": "Status", "status": "Success"}

    def of_pod(self, method: str, key: str, body: Json) -> tuple[int, Json]:
        pod = self.pods.get(key)
        if pod is None:
            return refusal_of(404, "NotFound", f'pods "{key}" not found')
        options = body if method == "DELETE" else body.get("deleteOptions") or {}
        uid = (options.get("preconditions") or {}).get("uid")
        if uid not in (None, pod["metadata"]["uid"]):
            return refusal_of(409, "Conflict", "the UID in the precondition does not match")
        if method == "POST" and body.get("apiVersion") != "policy/v1":
            return refusal_of(400, "BadRequest", f'no kind "Eviction" is registered for version "{body["apiVersion"]}"')
        if method == "POST" and key in self.budgets:
            message = "Cannot evict pod as it would violate the pod's disruption budget."
            return refusal_of(429, "TooManyRequests", message)
        del self.pods[key]
        self.happened("/api/v1/pods", "DELETED", pod)
        return (201, {"kind": "Status", "status": "Success"}) if method == "POST" else (200, pod)


def refusal(status: int, reason: str, message: str) -> Json:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": status,
    }


def refusal_of(status: int, reason: str, message: str) -> tuple[int, Json]:
    return status, refusal(status, reason, message)
