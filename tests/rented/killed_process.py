"""`baseload` in processes that end by SIGKILL at a step that is told: `python -m tests.rented.killed_process`.

Each line on stdin asks for one command, and one process is forked for it from this one, which has imported everything
and done nothing. A step is what lasts of a process: a transaction about to be committed and one that is, a call that
changed something at a cloud, a file that was written. What lies between two steps is lost with the process either way.
"""

import importlib
import json
import os
import pkgutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import alembic.command
import boto3
import botocore.httpsession
import hcloud
import httpx
import kubernetes.client
import ovh
import requests
import sqlalchemy.dialects.postgresql.psycopg
import sqlalchemy.dialects.sqlite

import autoscaler
import planner
import policies
from autoscaler.cli import baseload, run
from autoscaler.daemon import clock
from autoscaler.providers.aws import provider as aws
from autoscaler.records.journal import DatabaseJournal
from autoscaler.serving.plain import file_router
from planner.store import leader
from planner.store.kept import KeptConnection

WARM = (alembic.command, boto3, hcloud, httpx, ovh, sqlalchemy.dialects.sqlite, sqlalchemy.dialects.postgresql.psycopg)
"""Imported here so that no process has to."""
READS = ("Describe", "Get", "List", "Receive")

T = TypeVar("T")


class StandingClock:
    """It is as late as was told last; whoever sleeps says so, and is told how late it is then, or to end."""

    def __init__(self, at: datetime, talk: "Talk") -> None:
        self._began = self._at = at
        self._talk = talk

    def now(self) -> datetime:
        return self._at

    def monotonic_s(self) -> float:
        return (self._at - self._began).total_seconds()

    def sleep_until(self, _monotonic_s: float) -> None:
        said = self._talk.ask("sleeps")
        if said == "end":
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            self._at = datetime.fromisoformat(said)

    def wake(self) -> None:
        """It does not sleep."""

    def close(self) -> None:
        """It holds nothing open."""


class Talk:
    """Lines to and from who asks for processes; nothing is read ahead, for the process to come reads on here."""

    def __init__(self, heard: int, said: int) -> None:
        self._heard, self._said = heard, said

    def hear(self) -> str:
        line = b""
        while not line.endswith(b"\n"):
            found = os.read(self._heard, 1)
            if not found:
                break
            line += found
        return line.decode().strip()

    def say(self, line: str) -> None:
        os.write(self._said, f"{line}\n".encode())

    def ask(self, line: str) -> str:
        self.say(line)
        return self.hear()


@dataclass
class Fuse:
    """Counts the steps of a process and ends it at one."""

    steps_file: int
    ends_at: int | None
    steps: int = 0

    def step(self, what: str) -> None:
        os.write(self.steps_file, f"{what}\n".encode())
        if self.steps == self.ends_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.steps += 1


def install(fuse: Fuse, *, is_of_all: bool) -> None:
    """Lets the fuse burn at each step of this process; `is_of_all`: lease, status and served hours are steps too."""
    if is_of_all:
        count_transactions(KeptConnection, "writing", fuse)
    else:
        count_transactions(DatabaseJournal, "_writing", fuse)

    def counted(function: Callable[..., T], what: Callable[..., str | None]) -> Callable[..., T]:
        def call(*arguments: Any, **named: Any) -> T:
            try:
                return function(*arguments, **named)
            finally:  # also where the answer is lost: what was asked for may have happened
                if (said := what(*arguments, **named)) is not None:
                    fuse.step(said)

        return call

    aws_session = botocore.httpsession.URLLib3Session
    aws_session.send = counted(aws_session.send, asked_of_aws)  # type: ignore[method-assign]
    requests.Session.send = counted(requests.Session.send, asked_of_others)  # type: ignore[method-assign]
    cluster = kubernetes.client.rest.RESTClientObject
    cluster.request = counted(cluster.request, partial(asked_of_cluster, is_of_all))
    names = vars(file_router)
    names["write_atomic"] = counted(names["write_atomic"], lambda path, _: f"wrote {path.name}")


def count_transactions(kind: Any, name: str, fuse: Fuse) -> None:
    """Each that writes is two steps: about to be committed, and committed."""
    writing = getattr(kind, name)

    @contextmanager
    def counted_writing(self: Any) -> Iterator[Any]:
        with writing(self) as connection:
            yield connection
            fuse.step("about to commit")
        fuse.step("committed")

    setattr(kind, name, counted_writing)


def asked_of_aws(_: object, request: Any, **_rest: object) -> str | None:
    """What a request to AWS changed; None: it only read."""
    target = request.headers.get("X-Amz-Target")
    if target is None:
        body = request.body.decode() if isinstance(request.body, bytes) else request.body or ""
        action = parse_qs(body).get("Action", [""])[0]
    else:
        action = (target.decode() if isinstance(target, bytes) else target).partition(".")[2]
    return None if action.startswith(READS) else f"aws {action}"


def asked_of_others(_: object, request: Any, **_rest: object) -> str | None:
    """The same of OVH and Hetzner."""
    return None if request.method == "GET" else f"{request.method} {request.path_url}"


def asked_of_cluster(is_of_all: bool, _: object, method: str, url: str, **_rest: object) -> str | None:
    """The same of the cluster; its Lease is kept beside the journal."""
    path = urlsplit(url).path
    is_counted = method != "GET" and (is_of_all or "/leases" not in path)
    return f"cluster {method} {path}" if is_counted else None


def live(asked: dict[str, Any], talk: Talk) -> int:
    """One process's life; its exit code."""
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    steps = os.open(asked["steps"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    install(Fuse(steps_file=steps, ends_at=asked["ends_at"]), is_of_all=asked["is_of_all"])
    at = datetime.fromisoformat(asked["at"])
    standing = StandingClock(at, talk)
    clock.SystemClock = lambda: standing  # type: ignore[assignment,misc,return-value]
    leader.clock_of = lambda _: standing.now()  # type: ignore[assignment]  # a server's clock, which is the wall's, is far from this one
    defaults = aws.AwsProvider.__init__.__kwdefaults__
    assert defaults is not None
    defaults["queue_wait_s"] = 0
    return run(baseload(), asked["words"])


def warm() -> None:
    """Imports all there is, so that no process has to."""
    for package in (autoscaler, planner, policies):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" not in module.name:  # they run as they are imported
                importlib.import_module(module.name)


def main() -> None:
    """A process for each line, one after the other; says how it ended."""
    warm()
    talk = Talk(0, os.dup(1))
    while line := talk.hear():
        child = os.fork()
        if child == 0:
            code = 99
            try:
                code = live(json.loads(line), talk)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        talk.say(f"ended {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main()
