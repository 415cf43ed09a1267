import pytest

from tests.autoscaler.providers.ovh.double import Clock, OvhDouble
from tests.autoscaler.providers.ovh.projects import an_api


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def double(clock):
    with OvhDouble(now=clock) as served:
        yield served
    assert served.violations == []


@pytest.fixture
def api(double):
    made = an_api(double)
    yield made
    made.close()
