"""`baseload publish`: prices at a gateway, read back and tried; and what was published when, and why."""

import typer

from planner.cli.publish.command import litellm
from planner.cli.publish.log import log

publish_app = typer.Typer(no_args_is_help=True)
publish_app.command("litellm")(litellm)
publish_app.command("log")(log)


@publish_app.callback()
def publish() -> None:
    """Prices at a gateway."""
