"""Holds requests and responses against OVH's own schema (tests/contracts/ovh)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[3] / "contracts" / "ovh"
SIMPLE: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "text": (str,),
    "uuid": (str,),
    "ip": (str,),
    "ipBlock": (str,),
    "ipv4Block": (str,),
    "datetime": (str,),
    "duration": (str,),
    "password": (str,),
    "boolean": (bool,),
    "long": (int,),
    "double": (int, float),
}


@dataclass(frozen=True)
class Operation:
    path: str
    """As in the schema, with {names}."""
    method: str
    response: str
    body: str | None
    query: Mapping[str, str]
    is_signed: bool
    pattern: re.Pattern


class Schema:
    def __init__(self) -> None:
        self.models: dict[str, Any] = {}
        self.operations: list[Operation] = []
        for path in sorted(FOLDER.glob("*.json")):
            document = json.loads(path.read_text())
            self.models |= document["models"]
            self.operations += [_operation(api["path"], one) for api in document["apis"] for one in api["operations"]]

    def find(self, method: str, path: str) -> Operation | None:
        """The operation of a request; the path with the fewest names wins."""
        fitting = [one for one in self.operations if one.method == method and one.pattern.fullmatch(path)]
        return min(fitting, key=lambda one: one.path.count("{"), default=None)

    def faults(self, value: Any, kind: str, where: str, *, may_be_null: bool = False) -> list[str]:
        """What is wrong with a value of that type; empty: nothing."""
        if value is None:
            return [] if may_be_null or kind == "void" else [f"{where}: null"]
        if kind.endswith("[]"):
            if not isinstance(value, list):
                return [f"{where}: no list"]
            return [fault for at, one in enumerate(value) for fault in self.faults(one, kind[:-2], f"{where}[{at}]")]
        if kind.startswith("map[string]"):
            return [fault for key, one in value.items() for fault in self.faults(one, kind[11:], f"{where}.{key}")]
        if kind in SIMPLE:
            is_right = isinstance(value, SIMPLE[kind]) and (kind == "boolean" or not isinstance(value, bool))
            return [] if is_right else [f"{where}: {value!r} is no {kind}"]
        if kind not in self.models:
            return [f"{where}: the schema has no {kind}"]
        return self._faults_of_model(value, self.models[kind], kind, where)

    def _faults_of_model(self, value: Any, model: Any, kind: str, where: str) -> list[str]:
        if "enum" in model:
            return [] if value in model["enum"] else [f"{where}: {value!r} is no {kind}"]
        if not isinstance(value, dict):
            return [f"{where}: no {kind}"]
        known = model["properties"]
        faults = [f"{where}: {kind} has no {key}" for key in value if key not in known]
        for key, one in known.items():
            if key in value:
                kept = one.get("canBeNull", False)
                faults += self.faults(
                    value[key], one.get("fullType") or one["type"], f"{where}.{key}", may_be_null=kept
                )
            elif one.get("required"):
                faults.append(f"{where}: {key} is missing")
        return faults


def _operation(path: str, operation: Any) -> Operation:
    def kinds(where: str) -> dict[str, str]:
        found = [one for one in operation["parameters"] if one["paramType"] == where]
        return {one.get("name", ""): one.get("fullType") or one["dataType"] for one in found}

    return Operation(
        path=path,
        method=operation["httpMethod"],
        response=operation["responseType"],
        body=next(iter(kinds("body").values()), None),
        query=kinds("query"),
        is_signed=not operation["noAuthentication"],
        pattern=re.compile(re.sub(r"\{\w+\}", "[^/]+", path)),
    )
