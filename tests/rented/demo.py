"""The rented world shown to a person in two minutes: `make demo-daemon`.

A real Prometheus and the daemon as a real process, on a clock sixty times as fast as the wall's; clouds and model
servers are the doubles of the tests. The journey beside it holds what is shown here, and more, as claims. Writes
out/daemon.log and out/daemon-report.html. Ends with 0 where the report and the clouds' own books agree, 1 where they
do not or something did not come about, 2 without Prometheus, 130 at Ctrl-C.
"""

import json
import os
import shlex
import shutil
import signal
import socketserver
import sys
import textwrap
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

from autoscaler.report.status_json import read_status
from autoscaler.report.status_tables import render_status
from planner.report.screen import Screen
from tests.rented.day import longest_tick, slack_of
from tests.rented.test_journey import BUSY, QUIET, by_the_hour, interrupt, kill_and_start_again
from tests.rented.world import MODEL, PRICES, ROOT, START, World, rented_world

OUT = ROOT / "out"
WIDTH = 79
ROW_EVERY_S = 3.0
LOOK_EVERY_S = 0.2
MONTH = f"{START:%Y-%m}"
COLUMNS = {"hcloud": "hetzner-cloud/cx33", "ovh": "ovh/b3-8", "spot": "aws/r7a.4xlarge/spot", "aws": "aws/r7a.4xlarge"}
"""Of the table: a pool's short name, and the pool."""
HEAD = (
    "      traffic   work  nodes         nodes of                     money, USD\n"
    " time   req/s  nodes  ready coming  " + " ".join(f"{name:>6}" for name in COLUMNS) + "   per h   month"
)
INTRODUCTION = """\
A rented world on this machine. Real: the daemon, Prometheus, the database, the
clouds' client libraries. Doubles: EC2, OVHcloud, Hetzner Cloud, model servers.
A second here is a minute there. Rows say what is so; lines with > are what the
daemon does, from its log, and why. It takes about two minutes."""
ACTIONS = ("launch", "drain", "undrain", "terminate")
LIFE = {"starts": "starts", "leads": "leads: from now on it acts", "ended": "has ended"}


def say(text: str = "") -> None:
    print(text, flush=True)


def tell(text: str) -> None:
    """What happens, in the words of who watches; the head of the table comes anew below it."""
    say()
    say(textwrap.fill(text, WIDTH, initial_indent="── ", subsequent_indent="   "))
    say()
    say(HEAD)


class Watch:
    """What a person sees while they wait: a row every few seconds, and the daemon's deeds as they come."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._read = 0
        self._row_at = 0.0
        self._pools: dict[str, str] = {}
        self._problems: set[str] = set()

    def until(self, holds: Callable[[], bool], within_s: float, what: str) -> None:
        """Watches until it is so. Raises AssertionError where it takes longer than `within_s` on the wall."""
        deadline = time.monotonic() + within_s
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} within {within_s:g} s")
            for process in self._world.spawned[-1:]:
                if process.poll() is not None:
                    raise AssertionError(f"the daemon ended by itself, with exit code {process.returncode}")
            self.look()
            time.sleep(LOOK_EVERY_S)
        self.look()

    def look(self, *, with_row: bool = True) -> None:
        """Tells what the log has new, and where it is time a row of the table."""
        text = self._world.log
        new = text[self._read : text.rfind("\n") + 1]
        self._read += len(new)
        said = [
            dict(w.partition("=")[::2] for w in shlex.split(line)) for line in new.splitlines() if " event=" in line
        ]
        for (at, event, words), group in groupby(filter(None, map(self._deed, said)), key=lambda deed: deed[:3]):
            counts = Counter(pool for *_, pool in group if pool)
            pools = ", ".join(f"{n} × {pool}" if n > 1 else pool for pool, n in counts.items())
            about = f"{pools}: {words}" if pools else words
            say(textwrap.fill(f"{at}  > {event:9} {about}", WIDTH, subsequent_indent=" " * 19))
        if with_row and time.monotonic() >= self._row_at:
            self._row_at = time.monotonic() + ROW_EVERY_S
            say(self._row())

    def _row(self) -> str:
        traffic = f"{self._world.fast():%H:%M} {self._world.traffic.arrivals_per_s:7.1f}"
        status = status_of(self._world)
        if status is None:
            return f"{traffic}      –  no daemon answers"
        if not status["models"]:
            return f"{traffic}      –  waits for the lease of the daemon before it to end"
        (model,) = status["models"]
        nodes: dict[str, int] = defaultdict(int)
        for pool in status["pools"]:
            nodes[pool["pool"]] += sum(pool["nodes"].values())
        by_pool = " ".join(f"{nodes[pool] or '·':>6}" for pool in COLUMNS.values())
        spend = status["spend"]
        return (
            f"{traffic} {known(model['work_nodes'], 6)} {model['ready']:6} {model['coming'] or '·':>6}  {by_pool}  "
            f"{known(spend['usd_hour'], 6)} {known(spend['month_usd'], 7)}"
        )

    def _deed(self, said: dict[str, str]) -> tuple[str, str, str, str] | None:
        """Time, what, why and pool of a line of the log that a person wants to see; a problem once."""
        at, event = said["at"][11:16], said["event"]
        if event in LIFE:
            return at, "daemon", LIFE[event], ""
        if event == "problem" and said["what"] not in self._problems:
            self._problems.add(said["what"])
            return at, event, said["what"], ""
        if event not in ACTIONS:
            return None
        self._pools.setdefault(said["node"], said.get("pool", ""))
        result = "" if said["result"] == "done" else f" ({said['result']}; {said.get('detail', '')})"
        return at, event, f"{said['reason']}{result}", self._pools[said["node"]]


def known(value: Any, width: int) -> str:
    """A number, or a dash where it is not known."""
    return f"{'–':>{width}}" if value is None else f"{float(value):{width}.2f}"


def status_of(world: World) -> dict[str, Any] | None:
    """What the daemon tells on its port; None: nobody answers there."""
    try:
        with urlopen(f"http://127.0.0.1:{world.port}/status", timeout=2) as answer:
            found: dict[str, Any] = json.load(answer)
    except (OSError, ValueError):
        return None
    return found


def story(world: World) -> None:
    """What happens to the daemon."""
    watch = Watch(world)
    tell("The daemon begins with nothing. The policy wants one node at least.")
    world.start()
    watch.until(lambda: work_of(world) is not None, 60, "no first node that serves and is measured")
    tell(f"Traffic rises to five times as much: {BUSY:g} requests a second, 3 nodes of work. 75 % busy is wanted: 4.")
    world.traffic.arrivals_per_s = BUSY
    watch.until(lambda: len(world.nodes.served) >= 4 and serves_spot(world), 90, "no four nodes with a spot node")
    tell("EC2 says that it takes the spot node back in two minutes.")
    taken = interrupt(world)
    watch.until(lambda: " event=drain " in world.log, 30, "the daemon did not hear of it")
    tell(
        "kill -9: the daemon is ended in the middle of it, and started again. It may act when the lease of the one "
        "before has ended, ten minutes after it was renewed. The nodes go on serving."
    )
    kill_and_start_again(world)
    watch.until(lambda: is_replaced(world, taken), 90, "no node for the one that was taken back")
    tell(
        "Traffic falls to what it was. Nodes of AWS are paid by the second and go at once; those of Hetzner and OVH "
        "are paid by the hour, and stay until shortly before theirs is over."
    )
    world.traffic.arrivals_per_s = QUIET
    watch.until(lambda: bool(by_the_hour(world)), 150, "no node at the end of its paid hour")
    say(f"\n── What `baseload autoscale status` says now:\n\n{status_shown(world)}")
    tell(f"The operator wants to end it all: baseload autoscale ceiling {MODEL} 0. Hours that are paid are used first.")
    world.command("autoscale", "ceiling", MODEL, "0", "-c", str(world.fleet), "--why", "the demo ends")
    watch.until(lambda: not world.running() and not told_nodes(world), 120, "nodes are left")
    (daemon,) = world.spawned
    daemon.terminate()
    daemon.wait(30)
    watch.look(with_row=False)


def work_of(world: World) -> float | None:
    """Work as the daemon measured it."""
    status = status_of(world)
    return None if not status or not status["models"] else status["models"][0]["work_nodes"]


def serves_spot(world: World) -> bool:
    return any(one.is_spot and one.id in world.nodes.served for one in world.running())


def is_replaced(world: World, taken: str) -> bool:
    """Whether enough serve without it, and the daemon that was started anew has seen it."""
    return taken not in world.nodes.served and len(world.nodes.served) >= 4 and work_of(world) is not None


def told_nodes(world: World) -> bool:
    status = status_of(world)
    return status is None or bool(status["leases"])


def status_shown(world: World) -> str:
    """The status as the command renders it, by the fast clock and in the width of this demo."""
    status = read_status(json.dumps(status_of(world)), source="/status")
    shown = render_status(status, world.fast(), told_by=f"127.0.0.1:{world.port}", screen=Screen(width=WIDTH))
    return "\n".join(
        line if len(line) <= WIDTH else textwrap.fill(line, WIDTH, subsequent_indent="  ")
        for line in shown.splitlines()
    )


def books(world: World) -> bool:
    """Shows the report of the month beside the clouds' own books; whether the two agree."""
    asked = ("report", "-q", "-c", str(world.fleet), "--month", MONTH)
    world.command(*asked, "--format", "html", "-o", str(world.folder))
    shutil.copy(world.folder / f"capacity-report-{MONTH}.html", OUT / "daemon-report.html")
    report = json.loads(world.command(*asked, "--json"))
    ours = {line["what"]: Decimal(line["amount_usd"]) for line in report["bill"]}
    now = world.fast()
    theirs: dict[str, list[Decimal]] = defaultdict(list)
    for one in world.clouds.machines():
        theirs[one.offer].append(one.charge_usd(PRICES, now))
    say(f"\n── The report of {MONTH} beside the clouds' own books, in USD:\n")
    say(f"{'':24} {'machines':>8} {'books':>9} {'report':>9}")
    for offer in sorted(theirs.keys() | ours.keys()):
        charges = theirs[offer]
        say(f"{offer:24} {len(charges):8} {sum(charges):9.4f} {ours.get(offer, Decimal(0)):9.4f}")
    bill, owed, slack = (
        Decimal(report["bill_usd"]),
        world.bill_usd(),
        slack_of(world.clouds.machines(), longest_tick(world.log)),
    )
    agree = abs(bill - owed) <= slack
    say(f"{'sum':24} {len(world.clouds.machines()):8} {owed:9.4f} {bill:9.4f}\n")
    say(
        textwrap.fill(
            f"They {'agree' if agree else 'DO NOT agree'} within {slack:.4f} USD: to the cent where hours are charged; "
            "where seconds are, half a second of the wall's between call and record is half a minute here.",
            WIDTH,
        )
    )
    return agree


def quiet(_: Any, request: Any, address: Any) -> None:
    """Of servers of the world: a daemon that is killed hangs up, and that is no news."""
    error = sys.exc_info()[1]
    if not isinstance(error, ConnectionError):
        say(f"a double failed: {error!r}")


def shown(folder: Path) -> int:
    """Runs the world and its story in `folder`; the exit code."""
    with rented_world(folder) as world:
        os.utime(folder / "plan.json", (START.timestamp(), START.timestamp()))  # on the fast clock
        try:
            story(world)
            agree = books(world)
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # so that all of it is ended
            say("\nEnding …")
            return 130
    say("Left behind: out/daemon-report.html, out/daemon.log.")
    return 0 if agree else 1


def main() -> int:
    """Shows it; the exit code."""
    if shutil.which("prometheus") is None:
        say("demo-daemon: prometheus is not installed; on Debian: sudo apt-get install prometheus")
        return 2
    OUT.mkdir(exist_ok=True)
    socketserver.BaseServer.handle_error = quiet  # type: ignore[assignment]
    with TemporaryDirectory(prefix="baseload-demo-") as name:
        folder = Path(name)
        try:
            say(INTRODUCTION)
            return shown(folder)
        except AssertionError as error:
            say(f"\ndemo-daemon: {error}; out/daemon.log says what the daemon did")
            return 1
        except KeyboardInterrupt:
            return 130
        finally:
            with suppress(FileNotFoundError):
                shutil.copy(folder / "daemon.log", OUT / "daemon.log")


if __name__ == "__main__":
    sys.exit(main())
