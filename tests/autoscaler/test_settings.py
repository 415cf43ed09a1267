"""Secrets: from the environment or a file, never in what is said."""

from pathlib import Path

import pytest

from autoscaler.settings import Secrets
from planner.errors import InputError
from planner.fleet.daemon import AutoscaleSettings


def test_a_secret_comes_from_its_file_before_the_environment(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-the-file\n", encoding="utf-8")
    secrets = Secrets({"TOKEN": "from-the-environment"}, folder=str(tmp_path))
    in_file = secrets.need("TOKEN", "token", key="[providers.x] token_file")
    in_environment = secrets.need("TOKEN", None, key="[providers.x] token_file")
    assert in_file.get_secret_value() == "from-the-file"
    assert in_environment.get_secret_value() == "from-the-environment"


def test_a_secret_is_never_in_what_is_said() -> None:
    secrets = Secrets({"TOKEN": "hush-hush", "LONGER": "hush-hush-hush"})
    token, longer = (secrets.need(name, None, key="k") for name in ("TOKEN", "LONGER"))
    assert "hush" not in f"{token} {token!r} {longer}"
    assert secrets.hidden("401 for hush-hush-hush, then for hush-hush") == "401 for ***, then for ***"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory; expected a file with the secret"),
        (b"\xff\xfe\x00", "is no text; expected a file with the secret"),
        (b"abc\n", "holds 3 characters; expected a secret of 6 or more"),
    ],
)
def test_a_file_without_a_secret_is_named_with_its_key(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with pytest.raises(InputError) as error:
        Secrets({}, folder=str(tmp_path)).need("TOKEN", "token", key="[providers.x] token_file")
    assert str(error.value) == f"[providers.x] token_file {tmp_path / 'token'}: {said}"


def test_a_secret_that_is_not_there_says_where_it_is_expected() -> None:
    secrets = Secrets({"TOKEN": "  "})
    assert secrets.find("TOKEN", None, key="k") is None
    with pytest.raises(InputError, match="TOKEN is not set; expected it in the environment, or a file named by k"):
        secrets.need("TOKEN", None, key="k")


PAIR = ("HETZNER_ROBOT_USER", "HETZNER_ROBOT_PASSWORD")


def test_user_and_password_come_from_two_lines_of_a_file(tmp_path):
    (tmp_path / "robot").write_text("the-user\nthe-password\n")
    secrets = Secrets({}, folder=str(tmp_path))
    found = secrets.pair(PAIR, "robot", key="secret_file")
    assert found is not None
    assert [one.get_secret_value() for one in found] == ["the-user", "the-password"]
    assert secrets.hidden("the-user says the-password") == "*** says ***"


def test_user_and_password_come_from_the_environment():
    found = Secrets({PAIR[0]: "the-user", PAIR[1]: "the-password"}).pair(PAIR, None, key="secret_file")
    assert found is not None
    assert found[1].get_secret_value() == "the-password"
    assert Secrets({}).pair(PAIR, None, key="secret_file") is None


def test_a_user_without_a_password_is_refused(tmp_path):
    with pytest.raises(InputError, match="HETZNER_ROBOT_PASSWORD is not set"):
        Secrets({PAIR[0]: "the-user"}).pair(PAIR, None, key="secret_file")
    (tmp_path / "robot").write_text("only-a-user\n")
    with pytest.raises(InputError, match="holds 1 lines"):
        Secrets({}, folder=str(tmp_path)).pair(PAIR, "robot", key="secret_file")


def test_the_port_is_reached_from_this_machine_alone_unless_told_otherwise():
    assert AutoscaleSettings().listen.partition(":")[0] == "127.0.0.1"
