"""An OpenAPI 3.0 document as a judge: whether a request or an answer is as the document says."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator

FOLDER = Path(__file__).parent
JSON = "application/json"

Json = Any


class Contract:
    """One API's description."""

    def __init__(self, name: str) -> None:
        self.document: dict[str, Json] = json.loads((FOLDER / f"{name}.openapi.json").read_text())
        self._components = self.document["components"]
        self._judges: dict[tuple[int, Any], Any] = {}
        """By schema, which lives as long as the document; making one takes longer than judging."""
        self._routes = [(re.compile(re.sub(r"\{[\w-]+\}", "([^/]+)", path)), path) for path in self.document["paths"]]

    def route(self, method: str, path: str) -> tuple[str, tuple[str, ...]] | None:
        """The described path of a request and what stands in its braces; None: there is none with this method."""
        for pattern, template in sorted(self._routes, key=lambda one: one[1].count("{")):
            found = pattern.fullmatch(path)
            if found and method.lower() in self.document["paths"][template]:
                return template, found.groups()
        return None

    def of_request(self, method: str, template: str, *, query: str, content_type: str, body: bytes) -> list[str]:
        """What of a request is not as described."""
        operation = self.document["paths"][template][method.lower()]
        parameters = [self._resolved(one) for one in operation.get("parameters", [])]
        return [
            *_of_query(parameters, parse_qs(query, keep_blank_values=True), self._schema),
            *self._of_body(operation, content_type, body),
        ]

    def of_answer(self, method: str, template: str, status: int, answer: Json) -> list[str]:
        """What of an answer is not as described."""
        responses = self.document["paths"][template][method.lower()]["responses"]
        response = responses.get(str(status)) or responses.get(f"{status // 100}xx") or responses.get("default")
        if response is None:
            return [f"status {status} is not described"]
        content = self._resolved(response).get("content", {}).get(JSON)
        return [] if content is None else self._errors(content["schema"], answer, OAS30ReadValidator)

    def _of_body(self, operation: Json, content_type: str, body: bytes) -> list[str]:
        described = operation.get("requestBody")
        if described is None:
            return ["a body where none is described"] if body else []
        kind = content_type.split(";", maxsplit=1)[0]
        if kind not in described["content"]:
            return [f"content type is {kind!r}; expected {' or '.join(described['content'])}"]
        schema = described["content"][kind]["schema"]
        value = json.loads(body) if kind == JSON else self._form(schema, body.decode())
        return self._errors(schema, value, OAS30WriteValidator)

    def _form(self, schema: Json, text: str) -> Json:
        """The fields of a form; an array where the description says so."""
        properties = self._resolved(schema)["properties"]
        fields = parse_qs(text, keep_blank_values=True)
        return {
            name: values if properties.get(name, {}).get("type") == "array" or len(values) > 1 else values[0]
            for name, values in fields.items()
        }

    def _resolved(self, node: Json) -> Json:
        if "$ref" not in node:
            return node
        _, *keys = node["$ref"].split("/")
        found = self.document
        for key in keys:
            found = found[key]
        return found

    def _schema(self, schema: Json, value: Json) -> list[str]:
        return self._errors(schema, value, OAS30WriteValidator)

    def _errors(self, schema: Json, value: Json, validator: Any) -> list[str]:
        judge = self._judges.get((id(schema), validator))
        if judge is None:
            judge = self._judges[id(schema), validator] = validator({**schema, "components": self._components})
        return [
            f"{'.'.join(str(part) for part in error.path) or 'the whole'}: {error.message[:160]}"
            for error in judge.iter_errors(value)
        ]


@cache
def contract(name: str) -> Contract:
    """The description in NAME.openapi.json, read once."""
    return Contract(name)


def _of_query(parameters: list[Json], query: dict[str, list[str]], errors: Any) -> list[str]:
    known = {one["name"]: one["schema"] for one in parameters if one["in"] == "query"}
    wrong = [f"query {name} is not described" for name in query if name not in known]
    wrong += [
        f"query {one['name']} is missing"
        for one in parameters
        if one["in"] == "query" and one.get("required") and one["name"] not in query
    ]
    for name, values in query.items():
        schema = known.get(name, {})
        is_list = schema.get("type") == "array"
        item = schema.get("items", {}) if is_list else schema
        read = [
            int(value) if item.get("type") == "integer" and value.lstrip("-").isdigit() else value for value in values
        ]
        wrong += [f"query {name}: {error}" for error in errors(schema, read if is_list or len(read) > 1 else read[0])]
    return wrong
