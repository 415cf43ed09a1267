"""Which program this is: a digest of Baseload's own files and the versions of what its answers depend on."""

import hashlib
import platform
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("autoscaler", "planner", "policies")
LIBRARIES = ("numpy", "pulp", "highspy")


@cache
def code_version() -> str:
    """The version, with twelve digits that change with any file of the packages, any library, or Python itself."""
    made = hashlib.sha256(platform.python_version().encode())
    for library in LIBRARIES:
        made.update(f" {library} {version(library)}".encode())
    for path, name in _files():
        made.update(name.encode() + b"\0")
        made.update(hashlib.sha256(path.read_bytes()).digest())
    return f"{version('baseload')}+{made.hexdigest()[:12]}"


def _files() -> list[tuple[Path, str]]:
    """Every file of the packages that are installed, with its name among them, in order of names."""
    found = []
    for package in PACKAGES:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            found += [
                (path, f"{package}/{path.relative_to(folder).as_posix()}")
                for path in Path(folder).rglob("*")
                if path.is_file() and "__pycache__" not in path.parts
            ]
    return sorted(found, key=lambda one: one[1])
