"""Planning commands of `baseload`. Heavy modules are imported by the commands that use them, so `--help` is quick."""

import typer

from planner.cli.bench import bench
from planner.cli.catalog import catalog_app
from planner.cli.db import db_app
from planner.cli.init import init
from planner.cli.ledger import ledger_app
from planner.cli.licences import licences
from planner.cli.months import months
from planner.cli.plan import plan
from planner.cli.price.command import price
from planner.cli.profile import profile_app
from planner.cli.publish import publish_app
from planner.cli.report import report
from planner.cli.sensitivity import sensitivity
from planner.cli.whatif import whatif

app = typer.Typer()
app.command("init")(init)
app.command("plan")(plan)
app.command("whatif")(whatif)
app.command("sensitivity")(sensitivity)
app.command("months")(months)
app.command("price")(price)
app.command("report")(report)
app.command("bench")(bench)
app.command("licences")(licences)
app.add_typer(catalog_app, name="catalog", help="What can be rented, with price, date and source.")
app.add_typer(profile_app, name="profile", help="Throughput of a model on each offer: curves, rated points, P and G.")
app.add_typer(publish_app, name="publish", help="Prices at a gateway: written, read back, tried.")
app.add_typer(ledger_app, name="ledger", help="Facts: what was rented, served and invoiced, and which plans were made.")
app.add_typer(db_app, name="db", help="The ledger's database: upgrade, backup, restore, check.")
