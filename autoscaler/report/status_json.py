"""A status as the JSON document `baseload.status/1`, and back; its published schema. Renders values.

The published copy of the schema is docs/schemas/status.schema.json.
"""

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from autoscaler.daemon.status import Status
from planner.errors import InputError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

STATUS_SCHEMA = "baseload.status/1"

Json = dict[str, Any]


def status_text(status: Status) -> str:
    """The document: money as decimal strings, moments as ISO 8601, unknown as null."""
    # Every tick writes one; json's own indent takes ten times as long.
    rest = _adapter().dump_json(status, indent=2).decode()
    return f'{{\n  "schema": "{STATUS_SCHEMA}",\n  "currency": "USD",{rest.removeprefix("{")}\n'


def read_status(text: str, *, source: str) -> Status:
    """The status of a document. Raises InputError where it is none."""
    from pydantic import ValidationError

    try:
        document = json.loads(text)
    except ValueError as error:
        raise InputError(f"{source}: not readable as JSON ({error}); expected a status of a daemon") from None
    schema = document.pop("schema", None) if isinstance(document, dict) else None
    if schema != STATUS_SCHEMA:
        raise InputError(f"{source}: schema is {schema!r}; expected {STATUS_SCHEMA!r}, of a daemon of this version")
    document.pop("currency", None)
    try:
        return _adapter().validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{source}: {key}: {first['msg']}; expected {STATUS_SCHEMA}") from None


def status_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what `autoscale status --json` prints and /status answers."""
    schema = _adapter().json_schema(mode="serialization")
    properties = {"schema": {"const": STATUS_SCHEMA}, "currency": {"const": "USD"}, **schema["properties"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:baseload:schema:status:1",
        "title": STATUS_SCHEMA,
        "description": "What a running daemon knows at the end of a tick. Money: USD net of VAT, decimal strings. "
        "Work and capacity in reference nodes. Unknown is null.",
        "type": "object",
        "properties": properties,
        "required": ["schema", "currency", *schema["required"]],
        "additionalProperties": False,
        "$defs": schema["$defs"],
    }


def status_schema_text() -> str:
    """The published file docs/schemas/status.schema.json."""
    return json.dumps(status_schema(), indent=2, ensure_ascii=False) + "\n"


@cache
def _adapter() -> "TypeAdapter[Status]":
    from pydantic import TypeAdapter

    return TypeAdapter(Status)
