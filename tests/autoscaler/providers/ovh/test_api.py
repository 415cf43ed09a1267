"""Time-outs, repeats and clocks of calls to OVH."""

import time
from typing import Any

import pytest

from autoscaler.providers.ovh.api import CLOCKS_COMPARED_EVERY_S, OvhApi, Refused
from autoscaler.providers.provider import Permanent, Temporary
from tests.autoscaler.providers.ovh.double import OvhDouble
from tests.autoscaler.providers.ovh.projects import an_api, some_keys


class Watch:
    """Time as the API sees it: it passes while it sleeps."""

    def __init__(self) -> None:
        self.at_s = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.at_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at_s += seconds


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def watched(double, watch):
    made = an_api(double, monotonic=watch, sleep=watch.sleep)
    yield made
    made.close()


def read(api: OvhApi) -> Any:
    errand = api.errand()
    return errand.get(errand.of_project("instance"))


def asked(double: OvhDouble, method: str = "GET", path: str = "/cloud/project/{serviceName}/instance") -> int:
    return double.calls.count((method, path))


@pytest.mark.parametrize("fault", ["server error", "rate limit", "timeout before"])
def test_a_read_is_asked_three_times(double, watched, watch, fault):
    double.broken[("GET", "/instance")] = fault
    with pytest.raises(Refused):
        read(watched)
    assert asked(double) == 3
    assert watch.slept == [0.5, 1.0]


def test_a_read_that_is_refused_is_asked_once(double, watched):
    double.broken[("GET", "/instance")] = "auth"
    with pytest.raises(Refused):
        read(watched)
    assert asked(double) == 1


def test_a_change_is_asked_once(double, watched):
    double.broken[("DELETE", "/{instanceId}")] = "server error"
    errand = watched.errand()
    with pytest.raises(Refused):
        errand.send("DELETE", errand.of_project("instance", "i"))
    assert asked(double, "DELETE", "/cloud/project/{serviceName}/instance/{instanceId}") == 1


def test_reads_are_not_repeated_beyond_the_time_of_the_errand(double, watch):
    api = an_api(double, monotonic=watch, sleep=watch.sleep, call_timeout_s=1.0)
    double.broken[("GET", "/instance")] = "server error"
    with pytest.raises(Refused):
        read(api)
    api.close()
    assert (asked(double), watch.slept) == (1, [])


def test_without_time_left_nothing_is_asked(double, watched, watch):
    errand = watched.errand()
    watch.at_s += 5.0
    with pytest.raises(Temporary, match=r"ovh: DELETE .*: no time left of 5 s"):
        errand.send("DELETE", errand.of_project("instance", "i"))
    assert double.calls == []


def test_each_call_gets_the_time_that_its_errand_has_left(watched, watch, monkeypatch):
    read(watched)  # compares the clocks, once
    given, call = [], watched._client.call

    def noted(*arguments):
        given.append(watched._client._timeout)
        return call(*arguments)

    monkeypatch.setattr(watched._client, "call", noted)
    errand = watched.errand()
    errand.get(errand.of_project("instance"))
    watch.at_s += 3.0
    errand.get(errand.of_project("instance"))
    assert given == [5.0, 2.0]


def test_a_server_that_hangs_costs_the_time_of_the_errand_and_no_more(double):
    api = an_api(double, call_timeout_s=1.5)  # which a busy machine takes to be told the time, too
    double.broken[("GET", "/instance")] = "hang"
    with pytest.raises(Refused, match=r"no answer \(ReadTimeout\)"):
        read(api)
    api.close()


@pytest.mark.parametrize("skew_s", [-3600, 7, 86400])
def test_a_clock_that_is_off_signs_all_the_same(double, api, skew_s):
    double.skew_s = skew_s
    assert read(api) == []


def test_clocks_that_drifted_apart_are_compared_again_and_the_call_is_made(double, api):
    assert read(api) == []
    double.skew_s = 300
    assert read(api) == []
    assert double.time_asked == 2


def test_a_change_is_signed_anew_when_the_clocks_drifted_apart(double, api):
    made = double.cloud.add("web-1")
    read(api)
    double.skew_s = 300
    errand = api.errand()
    errand.send("DELETE", errand.of_project("instance", made.id))
    assert made.end_asked_at is not None


def test_clocks_are_compared_every_hour(double, watched, watch):
    read(watched)
    watch.at_s += CLOCKS_COMPARED_EVERY_S - 1
    read(watched)
    assert double.time_asked == 1
    watch.at_s += 1
    read(watched)
    assert double.time_asked == 2


def test_a_wrong_secret_is_refused_for_good_after_one_look_at_the_clock(double):
    api = an_api(double, keys=some_keys(application_secret="another-secret"))
    with pytest.raises(Refused) as raised:
        read(api)
    api.close()
    assert isinstance(raised.value.sorted(), Permanent)
    assert double.time_asked == 2
    assert "another-secret" not in str(raised.value.sorted())


def test_an_unknown_endpoint_is_said():
    with pytest.raises(Permanent, match="ovh: endpoint 'ovh-mars': expected ovh-eu, ovh-ca, ovh-us or a URL"):
        OvhApi(endpoint="ovh-mars", keys=some_keys(), project="p", call_timeout_s=5.0)


def test_without_ovhs_time_nothing_is_signed_or_asked(double, watched):
    double.broken[("GET", "/auth/time")] = "server error"
    errand = watched.errand()
    with pytest.raises(Temporary, match="nothing was asked, for OVH's clock cannot be read"):
        errand.send("DELETE", errand.of_project("instance", "i"))
    assert double.calls == []
    double.broken.clear()
    assert read(watched) == []


def test_a_clock_that_hangs_costs_no_more_than_the_errand(double):
    api = an_api(double, call_timeout_s=0.4)
    double.broken[("GET", "/auth/time")] = "hang"
    begun = time.monotonic()
    with pytest.raises(Temporary, match="clock cannot be read"):
        read(api)
    assert time.monotonic() - begun < 5  # of the client's 180
    api.close()
