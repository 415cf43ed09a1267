"""Writes every published JSON Schema: `python -m autoscaler.report.schemas docs/schemas`, or `make schemas`."""

import sys
from pathlib import Path

from autoscaler.report.base_orders import base_orders_schema_text
from autoscaler.report.findings import check_schema_text
from autoscaler.report.replay_schema import replay_schema_text
from autoscaler.report.status_json import status_schema_text
from autoscaler.report.sweep import sweep_schema_text
from planner.report.schemas import SCHEMAS as PLANNING
from planner.report.schemas import write_schemas

SCHEMAS = {
    **PLANNING,
    "base-orders.schema.json": base_orders_schema_text,
    "replay.schema.json": replay_schema_text,
    "status.schema.json": status_schema_text,
    "check.schema.json": check_schema_text,
    "sweep.schema.json": sweep_schema_text,
}

if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]), SCHEMAS)
