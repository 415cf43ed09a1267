"""A real PostgreSQL server for tests: started in a folder of its own, on a free port, stopped by its own pg_ctl."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

from sqlalchemy import create_engine

from tests.needs import program

_numbers = count(1)
BINARIES = "/usr/lib/postgresql/*/bin"


@contextmanager
def started() -> Iterator[str]:
    """The URL of the server's own database, postgresql://postgres@127.0.0.1:PORT/postgres, while the server runs."""
    tools = Path(program("pg_ctl", "postgresql", BINARIES)).resolve().parent
    folder = Path(mkdtemp(prefix="baseload-pg-"))  # short: the path of a socket has 107 characters at most
    data, log = folder / "data", folder / "log"
    try:
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(folder, "postgres")
        run(tools / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "--locale=C")
        port = free_port()
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c log_min_messages=fatal"
        run(tools / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            run(tools / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
