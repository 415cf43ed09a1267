import pytest

from tests.autoscaler.providers.hetzner.double import Account


@pytest.fixture
def account():
    """An account whose every request and answer is as described, and which nobody changed, or the test fails."""
    with Account() as account:
        yield account
    assert account.http.violations == []
    assert account.changes == []
