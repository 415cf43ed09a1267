"""A real PostgreSQL server for tests: started in a folder of its own, on a free port, stopped by its own pg_ctl."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

import psutil
from sqlalchemy import create_engine

from tests.needs import program
from tests.servers.process import free_port

_numbers = count(1)
BINARIES = "/usr/lib/postgresql/*/bin"


class Server:
    """A server that runs, and may be stopped and started."""

    def __init__(self, folder: Path) -> None:
        """Makes its data in the folder and starts it."""
        self._tools = Path(program("pg_ctl", "postgresql", BINARIES)).resolve().parent
        self._folder = folder
        self._data = folder / "data"
        self._port = free_port()
        made = ("-D", self._data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "--locale=C")
        run(self._tools / "initdb", *made)
        self.start()

    @property
    def url(self) -> str:
        """Of its own database."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Starts it and waits until it answers."""
        options = f"-p {self._port} -k {self._folder} -c listen_addresses=127.0.0.1"
        options += " -c fsync=off -c log_min_messages=fatal"
        log = self._folder / "log"
        run(self._tools / "pg_ctl", "-D", self._data, "-l", log, "-w", "-o", options, "start")

    def stop(self) -> None:
        """Stops it at once; what is connected is cut off."""
        run(self._tools / "pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")

    def signal(self, number: int) -> None:
        """Sends a signal to all of its processes."""
        first = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        whole = psutil.Process(first)
        for process in (whole, *whole.children(recursive=True)):
            process.send_signal(number)


@contextmanager
def running() -> Iterator[Server]:
    """A server, until the block ends."""
    folder = Path(mkdtemp(prefix="baseload-pg-"))  # short: the path of a socket has 107 characters at most
    try:
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(folder, "postgres")
        server = Server(folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def started() -> Iterator[str]:
    """The URL of the server's own database, postgresql://postgres@127.0.0.1:PORT/postgres, while the server runs."""
    with running() as server:
        yield server.url


def new_database(server: str) -> str:
    """The URL of an empty schema made on the server: as good as a database of its own, and quicker to make."""
    name = f"ledger{next(_numbers)}"
    engine = create_engine(server.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {name}")
    engine.dispose()
    return f"{server}?options=-csearch_path%3D{name}"


def run(*command: object) -> None:
    """Runs a program of the server, as user postgres where the tests run as root; a failure shows what it said."""
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = [program("runuser", "util-linux", "/usr/sbin", "/sbin"), "-u", "postgres", "--", *words]
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd="/",
    )
    assert done.returncode == 0, done.stdout
