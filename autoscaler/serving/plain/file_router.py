"""A static file of endpoints, which another router reads: written as a whole or not at all, and only when it changes.

`endpoints`: JSON of model -> endpoints, each with `node`, `pool` and `url`; a model without any has an empty list.
`litellm`: a `model_list` as LiteLLM's config.yaml takes it by `include:` (JSON is YAML). A proxy without a database
reads it when it starts: `reload_command` restarts it.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from autoscaler.serving.plain.router import Endpoint
from autoscaler.serving.serving import ServingError
from planner.errors import InputError
from planner.files import write_atomic

RELOAD_TIMEOUT_S = 20.0


@dataclass(slots=True, kw_only=True)
class FileRouter:
    """The file, and what is done once it has changed."""

    path: Path
    models: Sequence[str]
    """Those that are listed also where no node serves them."""
    served_names: Mapping[str, str] = field(default_factory=dict)
    format: Literal["endpoints", "litellm"] = "endpoints"
    reload_command: tuple[str, ...] = ()
    has_node_key: bool = False
    """Whether servers ask for a key: LiteLLM reads it from its own environment, as BASELOAD_NODE_KEY."""

    def keep(self, endpoints: Sequence[Endpoint], *, also: frozenset[str] = frozenset()) -> None:
        """The file with these endpoints, and what it has of the nodes in `also`."""
        held = {node_id: one for node_id, one in self._read(is_strict=False).items() if node_id in also}
        self._write(held | {one.node_id: one for one in endpoints})

    def add(self, endpoint: Endpoint) -> None:
        """The file with one more."""
        self._write(self._read(is_strict=True) | {endpoint.node_id: endpoint})

    def remove(self, node_id: str) -> None:
        """The file without a node."""
        self._write({known: one for known, one in self._read(is_strict=True).items() if known != node_id})

    def close(self) -> None:
        """Nothing is held open."""

    def _read(self, *, is_strict: bool) -> dict[str, Endpoint]:
        """By node, what the file has; one that cannot be understood is an error, or nothing where it is not strict."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ServingError(f"endpoints_file {self.path}: cannot be read ({error.strerror})") from None
        try:
            document = json.loads(text)
            found = _from_litellm(document) if self.format == "litellm" else _from_endpoints(document)
            return {one.node_id: one for one in found}
        except (ValueError, KeyError, TypeError, AttributeError):
            if is_strict:
                raise ServingError(f"endpoints_file {self.path}: is not what was written there") from None
            return {}

    def _write(self, endpoints: Mapping[str, Endpoint]) -> None:
        in_order = sorted(endpoints.values(), key=lambda one: (one.model, one.node_id))
        document = self._litellm(in_order) if self.format == "litellm" else self._endpoints(in_order)
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        if not self.reload_command:
            write_where_changed(self.path, text, what="endpoints_file")
            return
        due = self.path.with_name(f".{self.path.name}.reload")
        if not _holds(self.path, text):
            write_where_changed(due, "", what="endpoints_file")  # before the file: a crash in between reloads in vain
            write_where_changed(self.path, text, what="endpoints_file")
        if due.exists():
            _reload(self.reload_command)
            due.unlink(missing_ok=True)

    def _endpoints(self, in_order: Sequence[Endpoint]) -> dict[str, Any]:
        document: dict[str, Any] = {model: [] for model in sorted({*self.models, *(one.model for one in in_order)})}
        for one in in_order:
            document[one.model].append({"node": one.node_id, "pool": one.pool, "url": one.url})
        return document

    def _litellm(self, in_order: Sequence[Endpoint]) -> dict[str, Any]:
        key = "os.environ/BASELOAD_NODE_KEY" if self.has_node_key else "not-needed"
        return {
            "model_list": [
                {
                    "model_name": one.model,
                    "litellm_params": {
                        "model": f"openai/{self.served_names.get(one.model, one.model)}",
                        "api_base": one.url,
                        "api_key": key,
                    },
                    "model_info": {"baseload_node": one.node_id, "baseload_pool": one.pool},
                }
                for one in in_order
            ]
        }


def write_where_changed(path: Path, text: str, *, what: str) -> bool:
    """Whether the file was written: not where it holds the text already. Raises ServingError."""
    if _holds(path, text):
        return False
    try:
        write_atomic(path, text)
    except InputError as error:
        raise ServingError(f"{what} {error}") from None
    return True


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False  # not there, or not ours to understand: writing says what is wrong


def _from_endpoints(document: Mapping[str, Any]) -> list[Endpoint]:
    return [
        Endpoint(node_id=one["node"], model=model, pool=one["pool"], host_port=_host_port(one["url"]))
        for model, found in document.items()
        for one in found
    ]


def _from_litellm(document: Mapping[str, Any]) -> list[Endpoint]:
    return [
        Endpoint(
            node_id=one["model_info"]["baseload_node"],
            model=one["model_name"],
            pool=one["model_info"]["baseload_pool"],
            host_port=_host_port(one["litellm_params"]["api_base"]),
        )
        for one in document["model_list"]
    ]


def _host_port(url: str) -> str:
    return url.removeprefix("http://").removesuffix("/v1")


def _reload(command: tuple[str, ...]) -> None:
    said = f"reload_command {command[0]}"
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command, without a shell
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=RELOAD_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise ServingError(f"{said}: did not end within {RELOAD_TIMEOUT_S:g} s") from None
    except OSError as error:
        raise ServingError(f"{said}: cannot be run ({error.strerror})") from None
    if done.returncode != 0:
        raise ServingError(f"{said}: ended with {done.returncode}")
