"""The door to the disk: whole files or one line of complaint."""

import gzip
import os
import stat
from pathlib import Path

import pytest

from planner.errors import InputError
from planner.files import check_writable, packaged_text, read_bytes, read_text, write_atomic


def test_gzip_is_told_by_its_content_not_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(gzip.compress(b"x\n"))
    (tmp_path / "b.csv.gz").write_bytes(b"y\n")
    assert read_text(tmp_path / "a.csv") == "x\n"
    assert read_text(tmp_path / "b.csv.gz") == "y\n"


def test_the_byte_order_mark_is_not_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfx")
    assert read_text(tmp_path / "a") == "x"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(gzip.compress(bytes(range(256)) * 40)[:-20], "the gzip file is cut short", id="truncated gzip"),
        pytest.param(gzip.compress(b"")[:4], "the gzip file is cut short", id="gzip of four bytes"),
        pytest.param(gzip.compress(b"x" * 99)[:-8] + b"\0" * 8, "the gzip file is damaged", id="wrong checksum"),
        pytest.param(b"\x1f\x8b\x08\0" + b"\xff" * 50, "the gzip file", id="garbage after the magic number"),
        pytest.param(b"ok\nab\xe9\n", "row 2: byte 0xe9 is not UTF-8", id="latin-1"),
        pytest.param("x".encode("utf-16"), "looks like UTF-16; expected UTF-8", id="UTF-16"),
    ],
)
def test_a_file_that_is_not_text_is_named_with_its_fault(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_text(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file$"):
        read_bytes(tmp_path / "none.csv")
    with pytest.raises(InputError, match=r"is a directory; expected a file$"):
        read_bytes(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_bytes("a\0b")


def test_a_small_gzip_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(5000)))
    with pytest.raises(InputError, match="expected a smaller file"):
        read_bytes(path, max_bytes=4999)
    assert read_bytes(path, max_bytes=5000) == bytes(5000)


def test_a_write_replaces_the_whole_file_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old")
    path.chmod(0o640)
    write_atomic(path, "neu: ü")
    assert path.read_text(encoding="utf-8") == "neu: ü"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [one.name for one in tmp_path.iterdir()] == ["plan.json"]


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("")
    write_atomic(tmp_path / "ours", b"\x00")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert (tmp_path / "ours").read_bytes() == b"\x00"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"plan.json: cannot be written \(No space left on device\)"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["plan.json"]


def test_a_write_follows_a_link_instead_of_replacing_it(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_atomic(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_device_is_written_to_not_replaced() -> None:
    write_atomic("/dev/null", "gone")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_write_to_nowhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a directory; expected a file to write"):
        write_atomic(tmp_path, "x")
    with pytest.raises(InputError, match=r"the folder .* does not exist"):
        write_atomic(tmp_path / "no" / "plan.json", "x")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_atomic(tmp_path / "file" / "plan.json", "x")


def test_a_database_is_never_written_over(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    kept = b"SQLite format 3\x00 and pages"
    ledger.write_bytes(kept)
    (tmp_path / "link").symlink_to(ledger)
    for path in (ledger, tmp_path / "link"):
        with pytest.raises(InputError, match="is a SQLite database, such as the ledger; expected another file"):
            check_writable(path)
        with pytest.raises(InputError, match="is a SQLite database"):
            write_atomic(path, "x")
    assert ledger.read_bytes() == kept


def test_packaged_text_comes_from_the_package() -> None:
    assert packaged_text("defaults/forecast.csv").startswith("timestamp,input_tokens_per_s,output_tokens_per_s\n")
