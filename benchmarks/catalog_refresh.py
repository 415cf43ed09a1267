"""How long `baseload catalog refresh` takes: the lists of four clouds, as long as the real ones, read and recorded.

The lists come over HTTP from doubles in a process of their own on this machine, which is what is measured beside ours.

`python -m benchmarks.catalog_refresh` prints these rows alone; `make bench` has them among the others.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import MeasurementError, Row, Spread, command_seconds, in_child

PATIENCE_S = 300.0


def catalog_refresh_rows(runs: int) -> Iterator[Row]:
    """Every provider asked, compared and recorded, as a whole process."""
    found = in_child("refreshed", module="benchmarks.catalog_refresh", timeout_s=PATIENCE_S, runs=runs)
    if found is None:
        raise MeasurementError(f"catalog refresh did not end within {PATIENCE_S:g} s")
    yield Row(
        what=f"`baseload catalog refresh` of four catalogs, {found['offers']} offers, whole process",
        unit="s",
        measured=Spread.of(found["spent"]["wall_s"]),
        processor_s=median(found["spent"]["processor_s"]),
        at_most=10.0,
        note=f"{found['read']}; the doubles' own time is in it, the way to the real ones comes on top",
    )


def refreshed(runs: int) -> dict[str, Any]:
    """What the command took against the doubles, which live in this process."""
    from planner.catalog.read import shipped_catalog
    from tests.rented.price_lists import price_lists

    with price_lists(shipped_catalog()) as lists, tempfile.TemporaryDirectory() as folder:
        fleet = Path(folder) / "fleet.toml"
        fleet.write_text(lists.fleet, encoding="utf-8")
        os.environ |= lists.credentials | {"BASELOAD_DATABASE_URL": str(Path(folder) / "ledger.sqlite")}
        command = [str(Path(sys.executable).with_name("baseload")), "catalog", "refresh", "-c", str(fleet)]
        tried = subprocess.run([*command, "--dry-run", "--json"], capture_output=True, text=True, check=False)
        if tried.returncode != 0:
            raise MeasurementError(f"{' '.join(command)} ended with {tried.returncode}: {tried.stderr.strip()}")
        document = json.loads(tried.stdout)
        if len(document["offers"]) != document["asked"]:
            raise MeasurementError(f"{len(document['offers'])} of {document['asked']} offers were in a list")
        before = lists.aws.counted()
        spent = command_seconds(command, runs)
        calls = lists.aws.counted() - before
    said = [f"{count // (runs + 1)} {name.partition(':')[2]}" for name, count in sorted(calls.items())]
    return {
        "offers": len(document["offers"]),
        "read": f"AWS: {', '.join(said)}",
        "spent": asdict(spent),
    }


TASKS = {"refreshed": refreshed}


def main() -> None:
    """The rows alone where nothing is named, else what a task found, as JSON."""
    if len(sys.argv) > 1:
        print(json.dumps(TASKS[sys.argv[1]](**json.loads(sys.argv[2]))))
        return
    for row in catalog_refresh_rows(3):
        print(json.dumps(row.document(), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
