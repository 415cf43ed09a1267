"""Licences: everything that is needed and installed is listed, with the package's own words."""

from email.message import Message
from importlib.metadata import Distribution, PackageNotFoundError

from planner.licences import licences


class Installed(Distribution):
    """A distribution that is not on the disk."""

    def __init__(self, name: str, *requires: str, extras: tuple[str, ...] = (), **fields: str) -> None:
        self._metadata = Message()
        for key, value in {"Name": name, "Version": "1.0", **fields}.items():
            self._metadata[key.replace("_", "-")] = value
        for one in extras:
            self._metadata["Provides-Extra"] = one
        for one in requires:
            self._metadata["Requires-Dist"] = one

    @property
    def metadata(self) -> Message:  # type: ignore[override]
        return self._metadata

    def read_text(self, filename: str) -> None:
        return None

    def locate_file(self, path: object) -> None:  # type: ignore[override]
        raise NotImplementedError


def finder(*installed: Installed):
    by_name = {str(one.metadata["Name"]): one for one in installed}

    def find(name: str) -> Distribution:
        if name not in by_name:
            raise PackageNotFoundError(name)
        return by_name[name]

    return find


def test_what_is_needed_by_what_is_needed_is_listed_and_what_is_not_installed_is_not() -> None:
    find = finder(
        Installed("root", "one>=1", "cloud; extra == 'cloud'", "gone; extra == 'gone'", extras=("cloud", "gone")),
        Installed("one", "two", "tests; extra == 'tests'", extras=("tests",)),
        Installed("two", "one", "windows; sys_platform == 'win32'"),
        Installed("cloud", "two[fast]"),
        Installed("fast"),
        Installed("tests"),
        Installed("windows"),
    )
    assert [(one.package, one.needed_by) for one in licences("root", find=find)] == [
        ("cloud", ("root",)),
        ("one", ("root", "two")),
        ("two", ("cloud", "one")),
    ]


def test_the_expression_goes_before_the_classifier_and_that_before_the_field() -> None:
    osi = "License :: OSI Approved :: MIT License"
    find = finder(
        Installed("root", "a", "b", "c", "d"),
        Installed("a", License_Expression="MIT AND 0BSD", Classifier=osi, License="see file"),
        Installed("b", Classifier=osi, License="see file"),
        Installed("c", License="BSD"),
        Installed("d", License="Permission is hereby granted, free of charge, to any person obtaining a copy of this"),
    )
    assert [one.licence for one in licences("root", find=find)] == ["MIT AND 0BSD", "MIT License", "BSD", None]


def test_what_baseload_itself_needs_is_listed_with_its_licence() -> None:
    found = {one.package: one for one in licences()}
    assert found["pulp"].licence == "MIT"
    assert found["botocore"].needed_by == ("boto3", "s3transfer")
    assert "pytest" not in found  # development is not use
    assert "baseload" not in found
