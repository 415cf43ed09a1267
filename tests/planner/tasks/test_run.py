"""Tasks are done once each, in order of the results, by whoever is asked; what is kept is not done again."""

import logging
import os
from pathlib import Path

import pytest

from planner.errors import InputError
from planner.tasks import Checkpoint, Engine, EngineError, Task, engine_of, run_tasks
from planner.tasks import run as module
from planner.tasks.engine import Kind, backend
from planner.tasks.run import Share

HERE = Engine(workers=1)
called: list[int] = []


def squared(number: int, share: Share) -> int:
    called.append(number)
    share(0.5)
    if number == 13:
        raise InputError("thirteen")
    return number * number


@pytest.fixture(autouse=True)
def _nothing_called() -> None:
    called.clear()


def tasks(*numbers: int) -> list[Task[int]]:
    return [Task(label=f"the square of {number}", given=number) for number in numbers]


def test_results_come_in_the_order_of_the_tasks() -> None:
    assert run_tasks(squared, tasks(3, 1, 2), engine=HERE) == [9, 1, 4]


def test_no_tasks_have_no_results() -> None:
    assert run_tasks(squared, [], engine=HERE) == []


def test_what_is_in_the_checkpoint_is_not_done_again(tmp_path: Path) -> None:
    with Checkpoint(tmp_path / "run") as kept:
        assert run_tasks(squared, tasks(1, 2), engine=HERE, checkpoint=kept) == [1, 4]
    called.clear()
    with Checkpoint(tmp_path / "run") as kept:
        assert run_tasks(squared, tasks(3, 2, 1), engine=HERE, checkpoint=kept) == [9, 4, 1]
        assert kept.taken == 2
    assert called == [3]


def test_another_version_of_the_program_does_everything_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Checkpoint(tmp_path / "run") as kept:
        run_tasks(squared, tasks(1, 2), engine=HERE, checkpoint=kept)
    monkeypatch.setattr(module, "code_version", lambda: "0.2.0+another")
    called.clear()
    with Checkpoint(tmp_path / "run") as kept:
        run_tasks(squared, tasks(1, 2), engine=HERE, checkpoint=kept)
    assert called == [1, 2]


def test_what_was_finished_before_an_error_is_kept(tmp_path: Path) -> None:
    with Checkpoint(tmp_path / "run") as kept, pytest.raises(InputError, match="thirteen"):
        run_tasks(squared, tasks(1, 2, 13, 4), engine=HERE, checkpoint=kept)
    called.clear()
    with Checkpoint(tmp_path / "run") as kept:
        run_tasks(squared, tasks(1, 2, 4), engine=HERE, checkpoint=kept)
    assert called == [4]


def test_progress_never_goes_back_and_ends_at_one(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    with Checkpoint(tmp_path / "run") as kept:
        run_tasks(squared, tasks(1, 2), engine=HERE, checkpoint=kept)
        run_tasks(squared, tasks(1, 2, 3, 4), engine=HERE, checkpoint=kept, on_progress=lambda *one: told.append(one))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[0] == 0.5
    assert told[-1] == ("the square of 4", 1.0)


def test_short_work_is_done_here_and_long_work_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[int] = []

    def elsewhere(function, given, left, engine):
        handed.extend(left)
        return ((at, given[at].given ** 2) for at in left)

    monkeypatch.setattr(module, "_elsewhere", elsewhere)
    monkeypatch.setattr(module, "cores", lambda: 2)
    seconds = iter([0.0, 0.5, 1.5, 2.5])  # begun, then before each task
    assert run_tasks(squared, tasks(1, 2, 3, 4), clock=lambda: next(seconds)) == [1, 4, 9, 16]
    assert handed == [2, 3]
    assert run_tasks(squared, tasks(1, 2, 3), clock=lambda: 0.0) == [1, 4, 9]
    assert handed == [2, 3]


def ends_its_process(number: int, share: Share) -> int:
    os._exit(number)


def test_a_process_that_is_killed_ends_the_run_in_words() -> None:
    with pytest.raises(EngineError, match="--engine loky: broke down"):
        run_tasks(ends_its_process, tasks(9, 9), engine=Engine(workers=2))


def finds_the_disk_full(number: int, share: Share) -> int:
    raise OSError(number, "No space left on device", "notes.csv")


@pytest.mark.parametrize("workers", [1, 2])
def test_what_the_system_refuses_a_task_is_told_as_that_whoever_does_it(workers: int) -> None:
    with pytest.raises(OSError, match="No space left on device") as told:
        run_tasks(finds_the_disk_full, tasks(28, 28), engine=Engine(workers=workers))
    assert (told.value.errno, told.value.filename) == (28, "notes.csv")


def test_a_worker_with_another_program_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "code_version", lambda: "0.2.0+another")
    with pytest.raises(EngineError, match=r"a worker runs Baseload .+, this is 0\.2\.0\+another; expected the same"):
        run_tasks(squared, tasks(1, 2), engine=Engine(workers=2))


@pytest.mark.parametrize(
    ("written", "kind", "address"),
    [
        ("loky", Kind.LOKY, None),
        ("dask", Kind.DASK, None),
        (" tcp://scheduler:8786 ", Kind.DASK, "tcp://scheduler:8786"),
        ("tls://10.0.0.5:8786", Kind.DASK, "tls://10.0.0.5:8786"),
    ],
)
def test_an_engine_is_a_word_or_an_address(written: str, kind: Kind, address: str | None) -> None:
    assert engine_of(written) == Engine(kind=kind, address=address)


@pytest.mark.parametrize("written", ["", "ray", "tcp://", "tcp://host", "host:8786", "http://host:8786"])
def test_any_other_is_refused(written: str) -> None:
    with pytest.raises(InputError, match=r"expected loky, dask, or a scheduler's address"):
        engine_of(written)


@pytest.mark.parametrize("name", ["distributed.batched", "distributed.client", "distributed.comm.core"])
def test_a_cluster_that_dies_says_nothing_beside_our_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import distributed

    monkeypatch.setattr(distributed, "Client", refusing)
    address = "tcp://127.0.0.1:1"
    with pytest.raises(EngineError, match="no Dask scheduler answers"), backend(engine_of(address)):
        pass
    assert not logging.getLogger(name).isEnabledFor(logging.CRITICAL)


def refusing(*_: object, **__: object) -> None:
    raise OSError("refused")


def test_a_cluster_has_its_own_workers() -> None:
    with pytest.raises(InputError, match="has its own workers"):
        engine_of("tcp://h:1", workers=2)
