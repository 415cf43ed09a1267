"""Tasks: many independent pieces of work, done here, on every core, or on a Dask cluster; resumable.

`run_tasks` does them; `engine_of` reads who is to; a `Checkpoint` keeps what is done, so that a run that was killed
goes on where it ended. The answers depend on the tasks alone, never on who did them.
"""

from planner.tasks.checkpoint import Checkpoint
from planner.tasks.engine import Engine, EngineError, engine_of
from planner.tasks.run import Task, run_tasks

__all__ = ["Checkpoint", "Engine", "EngineError", "Task", "engine_of", "run_tasks"]
