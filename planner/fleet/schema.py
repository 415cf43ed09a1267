"""The published JSON Schema of fleet.toml, made from the classes that read it."""

import json
from typing import ClassVar

from planner.fleet.faults import Table
from planner.fleet.value import FleetFile


def fleet_schema() -> Table:
    """The JSON Schema (2020-12) of fleet.toml, read as JSON: dates are strings, floats numbers."""
    from pydantic import TypeAdapter

    class Described(FleetFile):
        __pydantic_config__: ClassVar = {**FleetFile.__pydantic_config__, "use_attribute_docstrings": True}

    schema = TypeAdapter(Described).json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "fleet.toml",
        "description": "A fleet for `baseload plan`: models, owned servers, catalog settings, policy.",
        **{key: value for key, value in schema.items() if key not in ("title", "description")},
    }


def fleet_schema_text() -> str:
    """The published file docs/schemas/fleet.schema.json."""
    return json.dumps(fleet_schema(), indent=2, ensure_ascii=False) + "\n"
