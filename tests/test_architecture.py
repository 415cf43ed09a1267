"""What the import contracts of pyproject.toml cannot say of themselves."""

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("autoscaler", "planner", "policies")
POLICIES_MAY_USE = {
    "policies",
    "collections",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "functools",
    "math",
    "typing",
}


def project() -> dict[str, Any]:
    """pyproject.toml as it is."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def modules() -> list[Path]:
    """Every module that is shipped."""
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Top-level names of all that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.add(node.module.split(".")[0])
    return names


def test_policies_stand_on_values_of_the_standard_library_alone() -> None:
    used = {path.name: imported(path) for path in (ROOT / "policies").rglob("*.py")}
    assert used["billing.py"], "billing imports Decimal at least"
    assert {name: names - POLICIES_MAY_USE for name, names in used.items() if names - POLICIES_MAY_USE} == {}


def test_whatever_is_imported_is_declared() -> None:
    extras = project()["project"]["optional-dependencies"]
    declared = [*project()["project"]["dependencies"], *(name for extra in extras.values() for name in extra)]
    known = (
        {requirement.split(">")[0].replace("-", "_") for requirement in declared}
        | set(PACKAGES)
        | sys.stdlib_module_names
    )
    assert "numpy" in known
    known |= {"botocore", "mypy_boto3_ec2", "mypy_boto3_sqs", "mypy_boto3_sts"}  # come with boto3 and its stubs
    known |= {"ruamel"}  # the namespace of ruamel.yaml
    undeclared = {str(path.relative_to(ROOT)): imported(path) - known for path in modules()}
    assert {path: names for path, names in undeclared.items() if names} == {}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_opens_with_its_job(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def is_held_to_be_pure(module: str) -> bool:
    """Whether the contract of the core covers the module."""
    contracts = project()["tool"]["importlinter"]["contracts"]
    core = next(one for one in contracts if one["name"] == "the core touches nothing outside itself")
    return any(f"{module}.".startswith(f"{named.rstrip('.*')}.") for named in core["source_modules"])


def test_what_says_that_it_is_pure_in_the_autoscaler_is_held_to_it() -> None:
    pure = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in modules()
        if path.is_relative_to(ROOT / "autoscaler")
        and re.search(r"\bPure\b", ast.get_docstring(ast.parse(path.read_text())) or "")
    ]
    assert "autoscaler.decide.decision" in pure
    assert [module for module in pure if not is_held_to_be_pure(module)] == []


def test_every_package_contract_is_exhaustive() -> None:
    contracts = project()["tool"]["importlinter"]["contracts"]
    inside = [contract for contract in contracts if "containers" in contract]
    assert {name for contract in inside for name in contract["containers"]} >= set(PACKAGES)
    assert all(contract["exhaustive"] for contract in inside)


@pytest.mark.parametrize("lock", ["requirements-dev.txt", "requirements-bench.txt"])
def test_a_lock_holds_hashes_and_neither_addresses_nor_paths(lock: str) -> None:
    text = (ROOT / lock).read_text()
    pinned = [line for line in text.splitlines() if line[:1].isalnum()]
    assert len(pinned) > 10
    assert all("==" in line and line.endswith("\\") for line in pinned)
    assert not any(mark in text for mark in ("://", "--index-url", "--find-links", " @ "))
    assert not re.search(r"(^|[\s=])/", text, re.MULTILINE), "a path of this machine"
