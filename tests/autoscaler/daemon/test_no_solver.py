"""The daemon never solves: no solver is in its memory."""

import subprocess
import sys

MODULES = (
    "autoscaler.cli.autoscale.inputs",
    "autoscaler.daemon.start.build",
    "autoscaler.daemon.serve",
    "autoscaler.records",
    "planner.case",
)


def test_what_the_daemon_is_built_from_imports_no_solver() -> None:
    program = f"import sys, {', '.join(MODULES)}; print(*{{'pulp', 'highspy'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
