from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from planner.errors import InputError
from planner.ledger import ServedHours
from planner.measure.from_ledger import history_of_served

START = datetime(2026, 11, 1, tzinfo=UTC)


def usage(
    rows: list[tuple[int, int, int, int]], *, gaps: Sequence[int] = (), unserved: list[int] | None = None
) -> ServedHours:
    hour, model, came, made = (np.array(column) for column in zip(*rows, strict=True)) if rows else [np.array([])] * 4
    return ServedHours(
        start=START,
        hours=3,
        models=("a", "b")[: int(model.max()) + 1] if rows else (),
        tags=((),),
        hour=hour.astype(np.int32),
        model=model.astype(np.int32),
        tag=np.zeros(len(rows), dtype=np.int32),
        input_tokens=came.astype(np.int64),
        output_tokens=made.astype(np.int64),
        unserved_tokens=None if unserved is None else np.array(unserved),
        gaps=frozenset(gaps),
    )


def test_teams_add_up_and_an_hour_without_rows_is_zero_but_one_without_collector_unknown():
    history = history_of_served(usage([(0, 0, 3600, 360), (0, 0, 7200, 0), (2, 1, 36, 0)], gaps=[1]), source="ledger")

    assert history.models == ("a", "b")
    np.testing.assert_equal(history.input_tok_s, [[3, np.nan, 0], [0, np.nan, 0.01]])
    np.testing.assert_equal(history.output_tok_s, [[0.1, np.nan, 0], [0, np.nan, 0]])
    assert history.remarks == ("ledger: 1 of 3 hours were not measured",)


def test_what_was_not_served_was_asked_for_too_at_the_mix_of_its_hour():
    history = history_of_served(
        usage([(0, 0, 2700, 900), (1, 0, 0, 0), (2, 0, 900, 900)], unserved=[3600, 3600, 0]), source="ledger"
    )

    # Hour 0 is 3:1, so 3,600 unserved are 2,700 and 900; hour 1 served nothing: the model's own mix is 2:1.
    np.testing.assert_allclose(history.input_tok_s, [[1.5, 2 / 3, 0.25]])
    np.testing.assert_allclose(history.output_tok_s, [[0.5, 1 / 3, 0.25]])
    assert history.remarks == ("ledger: demand is what was served and what was not, 57.14% of it",)


@pytest.mark.parametrize("nothing", [usage([]), usage([(0, 0, 1, 1)], gaps=[0, 1, 2])], ids=["no rows", "all gaps"])
def test_a_ledger_without_usage_is_refused(nothing):
    with pytest.raises(InputError, match="no usage is recorded"):
        history_of_served(nothing, source="ledger")
