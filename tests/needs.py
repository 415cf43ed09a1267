"""What a test needs of the machine: a program's path, or a skip that says how to get it. In CI a lack is a failure."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def program(name: str, package: str, *folders: str) -> str:
    """The path of a program, looked for on the PATH and then in `folders` (globs below /)."""
    found = shutil.which(name)
    if found is not None:
        return found
    for folder in folders:
        for candidate in sorted(Path("/").glob(f"{folder.lstrip('/')}/{name}"), reverse=True):
            return str(candidate)
    return lacking(f"{name} is not installed; on Debian: apt-get install {package}")


def lacking(what: str) -> NoReturn:
    """Ends the test: skipped on a person's machine, failed in CI, where everything is installed."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)
