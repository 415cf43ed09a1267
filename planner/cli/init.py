"""`baseload init`: a commented fleet.toml, and on request a forecast to try it with."""

from pathlib import Path
from typing import Annotated

import typer


def init(
    folder: Annotated[Path, typer.Argument(help="Folder to write into.")] = Path(),
    sample: Annotated[bool, typer.Option("--sample", help="Also write forecast.csv, real LLM traffic to try.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write a commented fleet.toml: the default fleet, every key explained.

    Example: baseload init --sample && baseload plan -f forecast.csv -c fleet.toml
    """
    from planner import files
    from planner.errors import InputError
    from planner.fleet import default_fleet_text, sample_forecast_text

    texts = {"fleet.toml": default_fleet_text()}
    if sample:
        texts["forecast.csv"] = sample_forecast_text()
    for name in texts:
        if (folder / name).exists() and not force:
            raise InputError(f"{folder / name}: is there already; expected a new file, or --force to replace it")
    for name, text in texts.items():
        files.write_atomic(folder / name, text)
        typer.echo(f"wrote {folder / name}")
