"""Errors of the planner, sorted by what the caller does next. Pure."""


class PlannerError(Exception):
    """Base class."""


class InputError(PlannerError):
    """The user's input is wrong: one line with file, row or key, and what was expected. Exit code 2."""


class SolverError(PlannerError):
    """The solver failed or returned something that cannot be trusted. Exit code 5."""


class StoreError(PlannerError):
    """The ledger's database cannot be reached, is busy, or failed. Exit code 5."""
