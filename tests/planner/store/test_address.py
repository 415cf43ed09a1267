"""Where the ledger is, and that a password is never shown, whatever goes wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from planner.errors import InputError, StoreError
from planner.store import open_ledger
from planner.store.address import database_url, default_path, read_url, secrets_of, shown_url

SECRET = "hunter2 %/@:"
QUOTED = "hunter2%20%25%2F%40%3A"


@pytest.mark.parametrize(
    ("written", "driver", "shown"),
    [
        ("ledger.sqlite", "sqlite", "ledger.sqlite"),
        ("/var/lib/ledger.sqlite", "sqlite", "/var/lib/ledger.sqlite"),
        ("sqlite:////var/lib/ledger.sqlite", "sqlite", "/var/lib/ledger.sqlite"),
        ("sqlite:///ledger.sqlite", "sqlite", "ledger.sqlite"),
        ("postgresql://db/money", "postgresql+psycopg", "postgresql://db/money"),
        ("postgres://me@db:5433/money", "postgresql+psycopg", "postgresql://me@db:5433/money"),
        (f"postgresql+psycopg://me:{QUOTED}@db/money", "postgresql+psycopg", "postgresql://me:***@db/money"),
        (
            f"postgresql://db/money?user=me&password={QUOTED}",
            "postgresql+psycopg",
            "postgresql://db/money?password=***&user=me",
        ),
    ],
)
def test_a_path_or_a_url_names_the_database(written: str, driver: str, shown: str) -> None:
    url = read_url(written, source="test")
    assert (url.drivername, shown_url(url)) == (driver, shown)
    assert secrets_of(url) == ((SECRET,) if "hunter2" in written else ())


@pytest.mark.parametrize(
    "written",
    [
        f"mysql://me:{QUOTED}@db/money",
        f"postgresql://me:{QUOTED}@db",
        f"postgresql://me:{QUOTED}@db:port/money",
        f"://me:{QUOTED}@",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:x",
        "",
    ],
)
def test_what_is_no_database_is_refused_without_being_repeated(written: str) -> None:
    with pytest.raises(
        InputError, match=r"^TEST: .*expected a path, sqlite:///PATH or postgresql://HOST/DATABASE"
    ) as error:
        read_url(written, source="TEST")
    assert "hunter2" not in str(error.value)


def test_the_environment_goes_before_the_fleet_and_the_fleet_before_the_default() -> None:
    assert database_url({"BASELOAD_DATABASE_URL": "a.sqlite"}, "b.sqlite").database == "a.sqlite"
    assert database_url({"BASELOAD_DATABASE_URL": " "}, "b.sqlite").database == "b.sqlite"
    assert database_url({}).database == str(default_path())
    assert default_path().name == "ledger.sqlite"


def test_a_server_that_does_not_answer_is_no_bad_input_and_shows_no_password() -> None:
    url = f"postgresql://me:{QUOTED}@127.0.0.1:1/money?connect_timeout=2"
    with pytest.raises(StoreError, match=r"^postgresql://me:\*\*\*@127.0.0.1:1/money") as error, open_ledger(url):
        pass
    assert "hunter2" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_wrong_password_is_not_repeated(server: str) -> None:
    url = server.replace("postgres@", f"nobody:{QUOTED}@")
    with pytest.raises(StoreError, match="nobody") as error, open_ledger(url):
        pass
    assert "hunter2" not in str(error.value)
    assert SECRET not in str(error.value)


def test_without_the_driver_one_line_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from autoscaler.cli import baseload, run\n"
        "sys.exit(run(baseload(), ['ledger', 'list']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"BASELOAD_DATABASE_URL": f"postgresql://me:{QUOTED}@db/money", "PATH": ""},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "baseload: postgresql://me:***@db/money: PostgreSQL needs the driver psycopg; install it with"
        " pip install 'baseload[postgres]'\n"
    )


def test_a_folder_or_a_file_one_may_not_write_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"), open_ledger(str(tmp_path)):
        pass
