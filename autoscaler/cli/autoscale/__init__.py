"""`baseload autoscale`: the daemon, and what is asked of it. What is heavy is imported by the commands."""

import typer

from autoscaler.cli.autoscale.check import check
from autoscaler.cli.autoscale.control import CountCommand, ceiling, floor, pause, resume
from autoscaler.cli.autoscale.run import once, run
from autoscaler.cli.autoscale.status import status

autoscale_app = typer.Typer()
autoscale_app.command("check")(check)
autoscale_app.command("run")(run)
autoscale_app.command("once")(once)
autoscale_app.command("status")(status)
autoscale_app.command("pause")(pause)
autoscale_app.command("resume")(resume)
autoscale_app.command("floor", cls=CountCommand)(floor)
autoscale_app.command("ceiling", cls=CountCommand)(ceiling)
