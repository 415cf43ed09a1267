"""A daemon reduced to what it writes, as a process of its own: does what each line says, and prints what came of it.

Run as `python -m tests.autoscaler.records.daemon_process URL NAME`; its clock is the number in each line.
"""

import sys

from autoscaler.journal import LostLeadership
from autoscaler.leadership import LeadershipError
from autoscaler.records import open_records
from tests.autoscaler.records.entries import an_intent, an_outcome, at


def main(url: str, name: str) -> None:
    """Reads commands until there are none."""
    epoch = 0
    with open_records(url, fleet="blue") as records:
        leadership = records.leadership(name, lease_s=60.0, checks_clock=False)
        for line in sys.stdin:
            word, _, rest = line.strip().partition(" ")
            try:
                if word == "lead":
                    term = leadership.lead(at(float(rest)))
                    epoch = epoch if term is None else term.epoch
                    said = "no" if term is None else f"epoch {term.epoch}"
                elif word == "intend":
                    records.journal.intend(an_intent(rest, epoch=epoch))
                    said = "written"
                elif word == "settle":
                    records.journal.settle(an_outcome(rest), epoch)
                    said = "written"
                else:
                    leadership.resign()
                    said = "resigned"
            except (LostLeadership, LeadershipError) as error:
                said = f"{type(error).__name__}: {error}"
            print(said, flush=True)  # noqa: T201 - how it answers


if __name__ == "__main__":
    main(*sys.argv[1:])
