"""The image: what it installs is what was tested, it copies what is there, and it runs without rights."""

import fnmatch
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "infra" / "docker" / "Dockerfile").read_text(encoding="utf-8")
EXTRAS = ("boto3", "hcloud", "httpx", "kubernetes", "ovh", "prometheus-client", "psycopg", "structlog")
"""What the daemon imports that the base install does not have."""


def locked(name: str) -> dict[str, str]:
    """Package -> version of a lock."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", text, flags=re.MULTILINE))


def test_the_image_has_the_versions_that_the_tests_ran_with() -> None:
    image, tested = locked("requirements-image.txt"), locked("requirements-dev.txt")
    assert {name: image[name] for name in EXTRAS} == {name: tested[name] for name in EXTRAS}
    assert {name for name, version in image.items() if tested.get(name) != version} == set()
    assert "pytest" not in image


def copied() -> list[str]:
    """What the image copies of the checkout."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, flags=re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def test_everything_it_copies_is_there_and_sent_to_the_builder() -> None:
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert rules[0] == "*"  # what is not named is not sent: no .env, no ledger, no key
    for source in copied():
        assert (ROOT / source).exists()
        assert any(fnmatch.fnmatch(source, rule[1:]) for rule in rules if rule.startswith("!"))
    for package in ("autoscaler", "planner", "policies"):
        assert package in copied()


def test_it_runs_as_a_user_without_rights_and_installs_by_hash() -> None:
    last = DOCKERFILE.rsplit("\nFROM ", 1)[1]
    (user,) = re.findall(r"^USER (\d+):(\d+)$", last, flags=re.MULTILINE)
    assert user == ("10001", "10001")
    assert "--require-hashes -r requirements-image.txt" in DOCKERFILE
    assert "--no-build-isolation" in DOCKERFILE  # nothing unlocked is fetched to build the wheel
    assert re.search(r'^ENTRYPOINT \["baseload"\]$', last, flags=re.MULTILINE)
