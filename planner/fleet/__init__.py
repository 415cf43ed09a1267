"""Fleet: what a fleet.toml says (models, owned servers, catalog settings, policy), and the door that reads it."""

from planner.fleet.read import (
    default_fleet,
    default_fleet_text,
    planning_preset,
    pricing_preset,
    read_fleet,
    read_fleet_file,
    read_policy,
    read_policy_file,
    sample_forecast_text,
    scaling_preset,
    with_policy,
)
from planner.fleet.schema import fleet_schema, fleet_schema_text
from planner.fleet.settings import apply_set, known_set_keys
from planner.fleet.value import (
    DEFAULT_SOURCE,
    PRESETS,
    CatalogSettings,
    DatabaseSettings,
    Fleet,
    FleetFile,
    Owned,
    PolicyTable,
    ProfileSettings,
    ReportSettings,
)

__all__ = [
    "DEFAULT_SOURCE",
    "PRESETS",
    "CatalogSettings",
    "DatabaseSettings",
    "Fleet",
    "FleetFile",
    "Owned",
    "PolicyTable",
    "ProfileSettings",
    "ReportSettings",
    "apply_set",
    "default_fleet",
    "default_fleet_text",
    "fleet_schema",
    "fleet_schema_text",
    "known_set_keys",
    "planning_preset",
    "pricing_preset",
    "read_fleet",
    "read_fleet_file",
    "read_policy",
    "read_policy_file",
    "sample_forecast_text",
    "scaling_preset",
    "with_policy",
]
