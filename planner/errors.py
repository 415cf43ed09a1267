"""Errors of the planner, sorted by what the caller does next. Pure."""


class PlannerError(Exception):
    """Base class."""


class InputError(PlannerError):
    """The user's input is wrong: one line with file, row or key, and what was expected. Exit code 2."""


class SolverError(PlannerError):
    """The solver failed or returned something that cannot be trusted. Exit code 5."""
