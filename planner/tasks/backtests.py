"""The runs of back-tests as tasks: forecasts from many origins of many series, on any engine, from a checkpoint."""

from collections.abc import Sequence

from planner.demand.backtest import Run
from planner.demand.backtest.run import Asked, Runs, run_of
from planner.tasks.checkpoint import Checkpoint
from planner.tasks.engine import Engine
from planner.tasks.run import Report, Share, Task, run_tasks


def runs_on(
    engine: Engine | None = None, *, checkpoint: Checkpoint | None = None, on_progress: Report | None = None
) -> Runs:
    """What does the runs of a back-test with that engine; the scores are the same whoever does."""

    def runs(asked: Sequence[Asked]) -> list[Run]:
        tasks = [Task(label=f"back-test of {one.method} from hour {one.first}", given=one) for one in asked]
        return run_tasks(_run, tasks, engine=engine, checkpoint=checkpoint, on_progress=on_progress)

    return runs


def _run(asked: Asked, share: Share) -> Run:
    del share  # a forecast does not tell how far it is
    return run_of(asked)
