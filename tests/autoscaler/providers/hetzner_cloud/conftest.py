import pytest

from tests.autoscaler.providers.hetzner_cloud.double import Project


@pytest.fixture
def project():
    """A project whose every request and answer is as described, or the test fails."""
    with Project() as project:
        yield project
    assert project.http.violations == []
