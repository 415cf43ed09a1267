"""The rights that are shipped are those that are used: recorded by the double, which refuses what is not granted."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from autoscaler.providers.ovh.check import check_ovh
from autoscaler.providers.ovh.make import ovh_provider
from autoscaler.providers.ovh.rights import OF_BACKEND, Right, missing, rights_of, superfluous
from autoscaler.providers.provider import NodeNotFound, Permanent
from planner.catalog.sources.ovh import OvhPrices
from planner.catalog.sources.source import PoolAsked
from tests.autoscaler.providers.ovh.cloud import REGION
from tests.autoscaler.providers.ovh.double import OvhDouble
from tests.autoscaler.providers.ovh.projects import POOL, PRODUCTS, a_catalog, an_api, an_order, some_settings

INFRA = Path(__file__).parents[4] / "infra" / "ovh"
BACKENDS = sorted(OF_BACKEND)


def shipped(backend: str) -> list[tuple[str, str]]:
    rules = json.loads((INFRA / f"{backend}.json").read_text())["accessRules"]
    return [(rule["method"], rule["path"]) for rule in rules]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_files_of_infra_hold_what_the_check_wants(backend):
    assert shipped(backend) == list(OF_BACKEND[backend])


def a_life(double: OvhDouble, clock: Any, backend: str) -> None:
    """Every call of the backend: check, stock, launch, list, a machine that the list lost, growth, end."""
    settings = some_settings(double, backend=backend, ssh_key="ops")
    double.catalog = a_catalog()
    double.rules = tuple({"method": one.method, "path": one.path} for one in rights_of(settings))
    api = an_api(double)
    findings = check_ovh(api, settings, PRODUCTS, now=clock())
    assert [finding for finding in findings if finding.is_ok is not True] == []
    prices = OvhPrices(
        read=api.read,
        project=settings.project,
        region=REGION,
        subsidiary="FR",
        usd_per_eur=None,
        clock=clock,
        endpoint=double.url,
    )
    prices.now([PoolAsked(pool=POOL, product="b3-8")])
    provider = ovh_provider(
        settings, api, fleet="prod", products=PRODUCTS, user_data=lambda order: "#!/bin/sh\n", clock=clock
    )
    machine = provider.launch(an_order())
    clock.wait(300)
    provider.machines()
    if backend == "instances":
        double.cloud.hidden.add(machine.id)
    else:
        pool = double.kube.pools[machine.id]
        pool.body |= {"desiredNodes": 2, "maxNodes": 2}
        double.kube.fill(pool)
        provider.terminate(f"{machine.id}/{pool.nodes[1].id}")
    assert machine.id in [one.id for one in provider.machines().machines]
    provider.terminate(machine.id)
    api.close()


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_shipped_rights_are_enough_and_none_is_superfluous(double, clock, backend):
    a_life(double, clock, backend)
    settings = some_settings(double, backend=backend)
    used = {Right(method=method, path=path) for method, path in double.paths}
    needed = rights_of(settings)
    assert missing(used, needed) == ()
    assert [right for right in needed if not any(right.covers(one) for one in used)] == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_any_one_right_something_fails(double, clock, backend):
    settings = some_settings(double, backend=backend, ssh_key="ops")
    for lost in rights_of(settings):
        double.rules = tuple({"method": one.method, "path": one.path} for one in rights_of(settings) if one != lost)
        api = an_api(double)
        findings = check_ovh(api, settings, PRODUCTS, now=clock())
        said = next((one for one in findings if one.what == "ovh: rights"), None)
        api.close()
        if lost.path == "/auth/currentCredential":
            assert said is None
        else:
            assert said is not None
            assert said.is_ok is False
            assert f"{lost.method} {lost.path}" in said.detail


def test_a_call_that_is_not_granted_is_refused_for_good(double, clock):
    settings = some_settings(double)
    rules = [one for one in rights_of(settings) if one.method != "DELETE"]
    double.rules = tuple({"method": one.method, "path": one.path} for one in rules)
    api = an_api(double)
    provider = ovh_provider(
        settings, api, fleet="prod", products=PRODUCTS, user_data=lambda order: "#!/bin/sh\n", clock=clock
    )
    machine = provider.launch(an_order())
    with pytest.raises(Permanent, match="has not been granted"):
        provider.terminate(machine.id)
    with suppress(NodeNotFound):
        provider.terminate("no-such-machine")
    api.close()


RULES = [
    ("/*", "/cloud/project/p/instance/i", True),
    ("/cloud/project/p/*", "/cloud/project/p/instance/*", True),
    ("/cloud/project/p/instance/*", "/cloud/project/p/*", False),
    ("/cloud/project/p/instance", "/cloud/project/p/instance", True),
    ("/cloud/project/p/instance", "/cloud/project/p/instance/i", False),
    ("/cloud/project/p/instance/*", "/cloud/project/p/instance", False),
    ("/cloud/*/instance", "/cloud/project/p/instance", True),
    ("/cloud/*/instance", "/cloud/project/p/image", False),
]


@pytest.mark.parametrize(("rule", "path", "does"), RULES)
def test_a_rule_covers_what_its_star_may_stand_for(rule, path, does):
    assert Right(method="GET", path=rule).covers(Right(method="GET", path=path)) is does
    assert not Right(method="POST", path=rule).covers(Right(method="GET", path=path))


def test_what_is_beyond_the_needed_is_told():
    needed = (Right(method="GET", path="/a"), Right(method="GET", path="/b/*"))
    given = (Right(method="GET", path="/a"), Right(method="GET", path="/b/c"), Right(method="GET", path="/*"))
    assert superfluous(needed, given) == (Right(method="GET", path="/*"),)
    assert missing(needed, given[:2]) == (Right(method="GET", path="/b/*"),)
