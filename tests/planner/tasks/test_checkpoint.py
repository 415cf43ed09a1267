"""A checkpoint keeps what is finished, whatever interrupts the run."""

from pathlib import Path

import pytest

from planner.errors import InputError
from planner.tasks import Checkpoint


def test_what_was_kept_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with Checkpoint(path) as first:
        assert "k1" not in first
        first.keep("k1", "one", {"a": 0.1})
    with Checkpoint(path) as second:
        assert "k1" in second
        assert second.take("k1") == {"a": 0.1}
        assert second.taken == 1
    assert path.read_text().splitlines()[0] == '{"schema": "baseload.checkpoint/1"}'


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_line_cut_short_is_taken_away_and_written_anew(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "run"
    with Checkpoint(path) as first:
        first.keep("k1", "one", 1)
        first.keep("k2", "two", 2)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with Checkpoint(path) as second:
        assert ("k1" in second, "k2" in second) == (True, False)
        second.keep("k2", "two", 2)
    assert path.read_bytes() == whole


def test_a_file_cut_in_its_first_line_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_text('{"schema": "base')
    with Checkpoint(path) as made:
        made.keep("k", "one", 1)
    with Checkpoint(path) as again:
        assert again.take("k") == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("notes of mine", "is no checkpoint"),
        ("notes of mine\n", "is no checkpoint"),
        ('{"schema": "baseload.plan/1"}\n', "is no checkpoint"),
        ('{"schema": "baseload.checkpoint/1"}\n{"key": 1}\n', "row 2: expected a key and a result"),
        ('{"schema": "baseload.checkpoint/1"}\nx\n', "row 2: expected a key and a result"),
    ],
)
def test_another_file_is_refused_and_left_as_it_is(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "notes"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        Checkpoint(path)
    assert path.read_text() == text


def test_two_runs_do_not_share_a_file(tmp_path: Path) -> None:
    with Checkpoint(tmp_path / "run"), pytest.raises(InputError, match="in use by another run"):
        Checkpoint(tmp_path / "run")
    Checkpoint(tmp_path / "run").__exit__(None, None, None)


def test_a_result_that_somebody_wrote_by_hand_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_text('{"schema": "baseload.checkpoint/1"}\n{"key": "k", "result": "!"}\n')
    with Checkpoint(path) as made, pytest.raises(InputError, match="expected plain data"):
        made.take("k")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        Checkpoint(tmp_path / "no" / "run")
