"""`baseload` on the fast clock: the same command, with what it asks for the time replaced, and nothing else."""

import sys

from autoscaler.cli import baseload, run
from autoscaler.daemon import clock
from autoscaler.providers.aws.provider import AwsProvider
from tests.rented.clock import FastClock, FastTime


def main() -> None:
    """Runs the command of this process's arguments."""
    fast = FastTime.told()
    # A long poll of a second would be a minute here.
    defaults = AwsProvider.__init__.__kwdefaults__
    assert defaults is not None
    defaults["queue_wait_s"] = 0
    clock.SystemClock = lambda: FastClock(fast)  # type: ignore[assignment,misc,return-value]
    sys.exit(run(baseload(), sys.argv[1:]))


if __name__ == "__main__":
    main()
