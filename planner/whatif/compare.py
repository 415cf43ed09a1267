"""Before and after: a case and its changes planned, the figures side by side. Opens nothing, rounds nothing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from planner.case import Case
from planner.catalog.offer import Catalog
from planner.errors import InputError
from planner.optimize.prepare import OWNED
from planner.plan import Plan
from planner.whatif.causes import Cause, Side, causes
from planner.whatif.change import Change, changed
from planner.whatif.planned import Figures, NamedCase, PlannedCase, plan_cases

Plans = Callable[[Sequence[NamedCase]], Sequence[PlannedCase]]
"""Plans cases, in their order."""
BEFORE = "before"
AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a change comes to."""

    change: Change
    plan: Plan
    figures: Figures
    causes: tuple[Cause, ...]
    """The inputs that differ and matter to what is rented."""
    touched: frozenset[str]
    """Ids of the offers that the change takes away or alters, rented or not."""

    @property
    def name(self) -> str:
        """The scenario's name, or `after`."""
        return self.change.name or AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The plan of a case, and those of its changes in their order."""

    plan: Plan
    """Before."""
    before: Figures
    after: tuple[Outcome, ...]


def compare(case: Case, changes: Sequence[Change], plans: Plans = plan_cases) -> Comparison:
    """The plans of the case and of each change; all changes are made before the first plan is.

    A change that is wrong, or that nothing can serve, is an InputError naming its scenario.
    """
    made = [case]
    for change in changes:
        with _naming(change):
            made.append(changed(case, change))
    names = ["", *(change.name for change in changes)]
    first, *others = plans([NamedCase(name=name, case=one) for name, one in zip(names, made, strict=True)])
    return Comparison(
        plan=first.plan,
        before=first.figures,
        after=tuple(
            _outcome(change, (case, first), (after, found))
            for change, after, found in zip(changes, made[1:], others, strict=True)
        ),
    )


def _outcome(change: Change, before: tuple[Case, PlannedCase], after: tuple[Case, PlannedCase]) -> Outcome:
    shown = after[1].figures
    if not _same_demand(before[0], after[0]):
        shown = replace(shown, demand=replace(shown.demand, is_moved=True))
    return Outcome(
        change=change,
        plan=after[1].plan,
        figures=shown,
        causes=causes(_side(before[0], before[1].plan, before[1].figures), _side(after[0], after[1].plan, shown)),
        touched=_touched(before[0].catalog, after[0].catalog),
    )


def uses(shown: Figures, offers: frozenset[str]) -> bool:
    """Whether any of these offers, as ids, is rented; owned servers of an offer count."""
    return any(key.partition(OWNED)[0] in offers for key in shown.rented)


def _side(case: Case, plan: Plan, shown: Figures) -> Side:
    return Side(plan=plan, catalog=case.catalog, rented=shown.rented, demand=shown.demand)


def _same_demand(one: Case, other: Case) -> bool:
    a, b = one.forecast, other.forecast
    return np.array_equal(a.input_tok_s, b.input_tok_s) and np.array_equal(a.output_tok_s, b.output_tok_s)


def _touched(before: Catalog, after: Catalog) -> frozenset[str]:
    return frozenset(one.id for one in before if one.id not in after or after[one.id] != one)


@contextmanager
def _naming(change: Change) -> Iterator[None]:
    """Errors of a named scenario say its name."""
    try:
        yield
    except InputError as error:
        if not change.name:
            raise
        raise InputError(f"scenario {change.name!r}: {error}") from error
