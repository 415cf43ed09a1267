"""`baseload db`: the ledger's database, made, brought up to date, backed up, restored and checked."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.database import ledger_url
from planner.cli.options import FleetOption, JsonOption, say, screen

if TYPE_CHECKING:
    from planner.report.database import Done

db_app = typer.Typer(no_args_is_help=True)

FAILED = 5


@db_app.callback()
def db() -> None:
    """The ledger's database: SQLite in the user's data folder, or what BASELOAD_DATABASE_URL names."""


@db_app.command("upgrade")
def upgrade(config: FleetOption = None, as_json: JsonOption = False) -> None:
    """Bring the ledger up to date with this version, or make one; all of it or nothing.

    Example: baseload db backup before.gz && baseload db upgrade
    """
    from planner.report.database import Done
    from planner.store.address import shown_url
    from planner.store.check import upgrade_database

    url = ledger_url(config)
    before, after = upgrade_database(url)
    if before is None:
        what = f"made a ledger, revision {after}"
    elif before == after:
        what = f"up to date already, revision {after}"
    else:
        what = f"upgraded from revision {before} to {after}"
    print_done(Done(action="upgrade", address=shown_url(url), revision=after, what=what), as_json=as_json)


@db_app.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write it; replaced whole if it is there.")],
    config: FleetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the whole ledger to one file, which restores into SQLite and PostgreSQL alike.

    Example: baseload db backup ledger-2026-11.gz
    """
    from planner.files import check_writable, write_atomic
    from planner.report.database import Done
    from planner.store.backup import backup as backed_up
    from planner.store.engine import sqlite_path

    url = ledger_url(config)
    refuse_ledger_itself(file, sqlite_path(url))
    check_writable(file)
    data, made = backed_up(url)
    write_atomic(file, data)
    what = f"{sum(made.rows.values())} rows in {file}, {len(data)} bytes"
    done = Done(
        action="backup",
        address=made.address,
        revision=made.revision,
        what=what,
        rows=made.rows,
        sha256=made.sha256,
        file=str(file),
    )
    print_done(done, as_json=as_json)


@db_app.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(help="A file of `baseload db backup`.")],
    config: FleetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup where no ledger is yet; its checksum is held first. A ledger that is there is never overwritten.

    Example: BASELOAD_DATABASE_URL=new.sqlite baseload db restore ledger-2026-11.gz
    """
    from planner.files import read_bytes
    from planner.report.database import Done
    from planner.store.backup import MAX_BYTES
    from planner.store.backup import restore as restored

    made = restored(ledger_url(config), read_bytes(file, max_bytes=MAX_BYTES), source=str(file))
    done = Done(
        action="restore",
        address=made.address,
        revision=made.revision,
        what=f"{sum(made.rows.values())} rows from {file}",
        rows=made.rows,
        sha256=made.sha256,
        file=str(file),
    )
    print_done(done, as_json=as_json)


@db_app.command("check")
def check(context: typer.Context, config: FleetOption = None, as_json: JsonOption = False) -> None:
    """Look for what is wrong with the ledger's database, and say what is newest in it. Exit code 5 if anything is.

    Example: baseload db check
    """
    from planner.report.database import health_document, render_health
    from planner.store.check import check as checked

    health = checked(ledger_url(config))
    if as_json:
        typer.echo(json.dumps(health_document(health), indent=2, ensure_ascii=False))
    else:
        typer.echo(render_health(health, screen=screen()), nl=False)
    if not health.is_ok:
        say(context, ["something is wrong with the ledger; restore a backup into a new place and compare"])
        raise typer.Exit(FAILED)


def print_done(done: "Done", *, as_json: bool) -> None:
    """What was done, on stdout: a line for people or the JSON document."""
    from planner.report.database import done_document

    if as_json:
        typer.echo(json.dumps(done_document(done), indent=2, ensure_ascii=False))
    else:
        typer.echo(f"{done.address}: {done.what}")


def refuse_ledger_itself(file: Path, ledger: Path | None) -> None:
    """Raises InputError where a backup would be written over the ledger's file; None: it has none."""
    from planner.errors import InputError

    if ledger is not None and file.resolve() == ledger.resolve():
        raise InputError(f"{file}: is the ledger itself; expected another file")
