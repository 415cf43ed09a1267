"""The JSON Schemas of what planning prints and reads, by the name each is published under in docs/schemas."""

from collections.abc import Callable, Mapping
from pathlib import Path

from planner.files import write_atomic
from planner.fleet import fleet_schema_text
from planner.report.bench import bench_schema_text
from planner.report.charges_schema import charges_schema_text
from planner.report.forecast.schema import forecast_schema_text
from planner.report.ledger_schema import db_schema_text, ledger_schema_text
from planner.report.listing_schemas import catalog_schema_text, profile_schema_text
from planner.report.month_schema import month_schema_text
from planner.report.months import months_schema_text
from planner.report.plan_schema import plan_schema_text
from planner.report.price.registry import price_schema_text
from planner.report.price_changes import prices_schema_text
from planner.report.profile_fit import fit_schema_text
from planner.report.published import published_schema_text
from planner.report.published_log import log_schema_text
from planner.report.reconcile import reconcile_schema_text
from planner.report.sensitivity.base_map import map_schema_text
from planner.report.sensitivity.ranges import ranges_schema_text
from planner.report.sensitivity.tornado import tornado_schema_text
from planner.report.whatif_json import schema_text as whatif_schema_text
from planner.report.whatif_sweep import whatif_sweep_schema_text

SCHEMAS = {
    "plan.schema.json": plan_schema_text,
    "fleet.schema.json": fleet_schema_text,
    "catalog.schema.json": catalog_schema_text,
    "profile.schema.json": profile_schema_text,
    "bench.schema.json": bench_schema_text,
    "profile-fit.schema.json": fit_schema_text,
    "published.schema.json": published_schema_text,
    "published-log.schema.json": log_schema_text,
    "prices.schema.json": prices_schema_text,
    "forecast.schema.json": forecast_schema_text,
    "price.schema.json": price_schema_text,
    "charges.schema.json": charges_schema_text,
    "reconcile.schema.json": reconcile_schema_text,
    "month.schema.json": month_schema_text,
    "months.schema.json": months_schema_text,
    "ledger.schema.json": ledger_schema_text,
    "db.schema.json": db_schema_text,
    "whatif.schema.json": whatif_schema_text,
    "whatif-sweep.schema.json": whatif_sweep_schema_text,
    "tornado.schema.json": tornado_schema_text,
    "base-ranges.schema.json": ranges_schema_text,
    "base-map.schema.json": map_schema_text,
}


def write_schemas(folder: Path, schemas: Mapping[str, Callable[[], str]]) -> None:
    """Writes the schemas into the folder, each under its name."""
    for name, text in schemas.items():
        write_atomic(folder / name, text())
