"""What every command of the daemon begins with: the fleet, its database, and, to run, the catalog."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.errors import InputError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from autoscaler.daemon.clock import Clock
    from autoscaler.daemon.start.build import Given
    from autoscaler.records import Records
    from planner.fleet import Fleet

ConfigOption = Annotated[Path, typer.Option("-c", "--config", help="fleet.toml of the fleet.", show_default=False)]
WhyOption = Annotated[str, typer.Option("--why", help="Kept with it, for those who come after.")]


def fleet_of(config: Path) -> "Fleet":
    """The fleet of the file. Raises InputError."""
    from planner.fleet import read_fleet_file

    return read_fleet_file(config)


def given_of(config: Path, clock: "Clock", *, is_dry_run: bool) -> "Given":
    """All that a daemon is built from. Raises InputError."""
    from autoscaler.daemon.start.build import Given
    from autoscaler.report.status_json import status_text
    from planner.case import fleet_and_catalog
    from planner.cli.database import ledger_url

    fleet, catalog = fleet_and_catalog(fleet_of(config))
    return Given(
        fleet=fleet,
        catalog=catalog,
        database=ledger_url(config),
        environ=os.environ,
        clock=clock,
        render=status_text,
        is_dry_run=is_dry_run,
    )


def open_for(config: Path, fleet: "Fleet") -> "AbstractContextManager[Records]":
    """The fleet's records, to be entered. Raises InputError, StoreError."""
    from autoscaler.records import open_records
    from planner.cli.database import ledger_url

    return open_records(ledger_url(config), fleet=fleet.daemon.autoscale.fleet)


def model_of(fleet: "Fleet", name: str) -> str:
    """The name, if it is a model of the fleet. Raises InputError."""
    if name not in fleet.model_names:
        raise InputError(f"{name}: no model of {fleet.source}; expected one of {', '.join(fleet.model_names)}")
    return name
