"""Whoever does the tasks, and whatever dies on the way: the same bytes. On a real Dask cluster of several processes.

A scheduler and three workers run on loopback, each a process of its own without a nanny that would start it again. A
worker is killed while it works, then the client is, and a second client goes on from the checkpoint.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from planner.fleet import sample_forecast_text
from tests.journeys.test_forecast import past_csv
from tests.journeys.test_replay import WORLD, a_series, waves

ROOT = Path(__file__).parents[2]
WAIT_S = 120.0
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "LOKY_MAX_CPU_COUNT": "2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A scheduler and its workers, as on other machines."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]

    def add(self) -> None:
        program = [*DASK, "worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
        local = ["--host", "127.0.0.1", "--death-timeout", "60"]
        self.workers.append(started([*program, *local]))


DASK = (sys.executable, "-m", "dask")


def started(program: Sequence[str]) -> subprocess.Popen[bytes]:
    kept = {**os.environ, **ONE_THREAD}
    return subprocess.Popen(program, cwd=ROOT, env=kept, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for(what: Callable[[], bool], of: subprocess.Popen[Any] | None = None) -> None:
    """Until it is so, for two minutes at most; `of` must run as long."""
    until = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < until, "waited for too long"
        assert of is None or of.poll() is None, "ended before it was expected to"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    yield from running(tmp_path_factory, 3)


@pytest.fixture
def one_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    yield from running(tmp_path_factory, 1)


def running(tmp_path_factory: pytest.TempPathFactory, workers: int) -> Iterator[Cluster]:
    """A cluster while the test runs."""
    place = tmp_path_factory.mktemp("dask") / "scheduler.json"
    program = [*DASK, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show"]
    scheduler = started([*program, "--scheduler-file", str(place)])
    made: Cluster | None = None
    try:
        wait_for(lambda: place.exists() and '"address"' in place.read_text(), scheduler)
        address = place.read_text().split('"address": "')[1].split('"')[0]
        made = Cluster(address=address, scheduler=scheduler, workers=[])
        for _ in range(workers):
            made.add()
        yield made
    finally:
        for process in [*(made.workers if made is not None else ()), scheduler]:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """A sweep of 20 replays of three hours, some seconds of one core."""
    folder = tmp_path_factory.mktemp("given")
    (folder / "small.toml").write_text(WORLD)
    given = ("--traffic", str(a_series(folder / "waves.csv", waves(3))), "--world", str(folder / "small.toml"))
    swept = ("--sweep", "seed=0..4", "--sweep", "target_utilization=0.6,0.7,0.8,0.9", "--no-bound")
    return (str(Path(sys.executable).with_name("baseload")), "replay", *given, *swept, "--json", "--faults", "storm")


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """A sweep of 19 plans of a day beside the one as given."""
    path = tmp_path_factory.mktemp("given") / "day.csv"
    path.write_text("\n".join(sample_forecast_text().splitlines()[:25]) + "\n")
    swept = ("--sweep", "demand=*0.2..*2:0.1")
    return (str(Path(sys.executable).with_name("baseload")), "whatif", "-f", str(path), *swept, "--json")


@pytest.fixture(scope="module")
def forecasts(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """A back-test of twelve weeks: 16 origins of three methods."""
    past = past_csv(tmp_path_factory.mktemp("given") / "past.csv", 84)
    judged = ("--horizon", "7d", "--backtest", "--origins", "16")
    return (str(Path(sys.executable).with_name("baseload")), "forecast", str(past), *judged, "--json")


@pytest.fixture(scope="module")
def alone(command: Sequence[str]) -> str:
    """What one process alone prints."""
    return finished(begun(command, "--workers", "1"))[0]


def begun(command: Sequence[str], *more: str) -> subprocess.Popen[str]:
    kept = {**os.environ, **ONE_THREAD}
    return subprocess.Popen(
        [*command, *more], cwd=ROOT, env=kept, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished(process: subprocess.Popen[str]) -> tuple[str, str]:
    out, err = process.communicate(timeout=240)
    assert process.returncode in {0, 3}, err
    return out, err


def killed(client: subprocess.Popen[str]) -> None:
    """Killed at once, without a goodbye; its own processes hold the other ends of its pipes a while longer."""
    client.kill()
    assert client.wait() == -signal.SIGKILL
    for pipe in (client.stdout, client.stderr):
        assert pipe is not None
        pipe.close()


def kept(path: Path) -> int:
    """Results in a checkpoint."""
    return max(path.read_bytes().count(b"\n") - 1, 0) if path.exists() else 0


@pytest.mark.parametrize(("what", "tasks"), [("plans", 20), ("command", 20), ("forecasts", 48)])
def test_a_worker_killed_half_way_changes_nothing(
    cluster: Cluster, what: str, tasks: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    asked = request.getfixturevalue(what)
    run = tmp_path / "run"
    client = begun(asked, "--engine", cluster.address, "--checkpoint", str(run))
    wait_for(lambda: kept(run) >= 3, client)
    died = cluster.workers.pop(0)
    died.send_signal(signal.SIGKILL)
    assert died.wait() == -signal.SIGKILL
    at_death = kept(run)
    out, _ = finished(client)
    assert at_death < tasks
    assert kept(run) == tasks
    assert out == finished(begun(asked, "--workers", "1"))[0]
    cluster.add()


WHERE = """
import os, sys
from planner.tasks import Task, engine_of, run_tasks

def where(number, share):
    return os.getpid()

if __name__ == "__main__":
    found = run_tasks(where, [Task(label=str(n), given=n) for n in range(3)], engine=engine_of(sys.argv[1]))
    assert os.getpid() not in found, found
    print(len(set(found)))
"""


def test_a_cluster_of_one_worker_does_the_tasks_there(one_worker: Cluster) -> None:
    program = [sys.executable, "-c", WHERE, one_worker.address]
    ended = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert (ended.returncode, ended.stdout) == (0, "1\n"), ended.stderr


def test_a_scheduler_killed_half_way_is_one_line_and_exit_code_5_and_what_is_done_is_kept(
    plans: Sequence[str], one_worker: Cluster, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    client = begun(plans, "--engine", one_worker.address, "--checkpoint", str(run))
    wait_for(lambda: kept(run) >= 2, client)
    one_worker.scheduler.kill()
    out, err = client.communicate(timeout=120)
    assert (client.returncode, out) == (5, ""), err
    assert err.startswith(f"baseload: --engine {one_worker.address}: broke down")
    assert err.count("\n") == 1
    assert 2 <= kept(run) < 20


def test_a_client_killed_half_way_goes_on_from_its_checkpoint(
    cluster: Cluster, command: Sequence[str], alone: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    client = begun(command, "--engine", cluster.address, "--checkpoint", str(run))
    wait_for(lambda: kept(run) >= 3, client)
    killed(client)
    held = kept(run)
    assert 3 <= held < 20
    out, err = finished(begun(command, "--engine", cluster.address, "--checkpoint", str(run)))
    assert f"{held} results were taken from {run}" in err
    assert kept(run) == 20
    assert out == alone


def test_every_core_gives_the_same_bytes_and_a_run_killed_there_goes_on_in_one_process(
    command: Sequence[str], alone: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    client = begun(command, "--workers", "2", "--checkpoint", str(run))
    wait_for(lambda: kept(run) >= 3, client)
    killed(client)
    held = kept(run)
    assert 3 <= held < 20
    out, err = finished(begun(command, "--workers", "1", "--checkpoint", str(run)))
    assert f"{held} results were taken" in err
    assert out == alone
    assert finished(begun(command))[0] == alone
