"""The wheel: built, installed into an environment of its own, used in an empty folder. Downloads nothing."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("autoscaler", "planner", "policies")
BUILD = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"


def done(*command: object, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """The finished process; a failure shows what it said."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    finished = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**clean, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished


def has_uv() -> bool:
    """Whether `uv` is there and runs: a name on the PATH may be a shim of one that is not installed."""
    found = shutil.which("uv")
    return found is not None and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    folder = tmp_path_factory.mktemp("dist")
    done(sys.executable, "-c", BUILD, folder, folder=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts' folder of a new environment with the wheel, which sees this one's dependencies."""
    environment = tmp_path_factory.mktemp("environment") / "venv"
    python = environment / "bin" / "python"
    if has_uv():  # much quicker than a venv with pip
        done("uv", "venv", "--quiet", "--offline", "--python", sys.executable, environment)
        done("uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, wheel)
    else:
        done(sys.executable, "-m", "venv", environment)
        done(python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel)
    (site,) = (environment / "lib").glob("python*/site-packages")
    seen = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    (site / "dependencies.pth").write_text("\n".join(seen), encoding="utf-8")  # after the wheel's own folder
    return environment / "bin"


def test_the_wheel_holds_every_file_of_the_packages_and_no_tests(wheel: Path) -> None:
    wanted = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        licences = [name for name in archive.namelist() if name.endswith("/licenses/LICENSE")]
    assert held == wanted
    assert len(licences) == 1
    assert {"planner/defaults/fleet.toml", "planner/profile/data/sparecores/LICENSE-NOTICE.md"} <= held


def test_the_installed_packages_are_the_wheels(installed: Path) -> None:
    program = f"import {', '.join(PACKAGES)}; print({', '.join(f'{name}.__file__' for name in PACKAGES)}, sep='\\n')"
    said = done(installed / "python", "-c", program, folder=installed.parent)
    found = [Path(line) for line in said.stdout.splitlines()]
    assert all(installed.parent in path.parents for path in found), found


def test_an_installed_wheel_plans_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    command = installed / "baseload"
    done(command, "init", "--sample", folder=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"fleet.toml", "forecast.csv"}
    planned = done(command, "plan", "-f", "forecast.csv", folder=tmp_path, NO_COLOR="1")
    assert planned.stdout.startswith("Plan for llama-7b-q4, ")
    assert "Bill USD " in planned.stdout
    assert "Traceback" not in planned.stderr


def test_an_installed_wheel_makes_a_ledger(installed: Path, tmp_path: Path) -> None:
    said = done(installed / "baseload", "db", "upgrade", folder=tmp_path, BASELOAD_DATABASE_URL="ledger.sqlite")
    assert said.stdout.startswith("ledger.sqlite: made a ledger, revision ")


@pytest.mark.parametrize("arguments", [("catalog", "list"), ("profile", "show", "llama-3.1-8b"), ("--version",)])
def test_an_installed_wheel_finds_its_data(installed: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert done(installed / "baseload", *arguments, folder=tmp_path).stdout
