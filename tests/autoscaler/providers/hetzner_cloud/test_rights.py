"""infra/hetzner/calls.json against what is really called: a token has no finer rights than its project."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from autoscaler.providers.hetzner_cloud.check import check_hetzner_cloud
from autoscaler.providers.provider import NodeNotFound, Product, Temporary
from planner.catalog.sources.hetzner_cloud import HetznerCloudPrices
from planner.catalog.sources.source import PoolAsked
from planner.fleet.daemon.hetzner_cloud import HetznerCloudSettings
from tests.autoscaler.providers.hetzner_cloud.clouds import POOL, a_cloud, an_order
from tests.autoscaler.providers.hetzner_cloud.double import TOKEN, Project

CALLS = json.loads((Path(__file__).parents[4] / "infra" / "hetzner" / "calls.json").read_text(encoding="utf-8"))


def test_a_token_is_used_for_these_calls_and_no_others(project: Project) -> None:
    cloud = a_cloud(project)
    machine = cloud.launch(an_order("k1"))
    cloud.launch(an_order("k1"))  # known: looked at
    a_cloud(project).launch(an_order("k1"))  # by another process: found by its name
    cloud.machines()
    cloud.terminate(machine.id)
    project.fault("POST", "/servers", 503, "unavailable")
    with pytest.raises(Temporary):
        cloud.launch(an_order("k2"))
    with pytest.raises(NodeNotFound):
        cloud.terminate("1")
    settings = HetznerCloudSettings(location="fsn1", endpoint_url=project.http.url, networks=(456,), ssh_keys=("ops",))
    check_hetzner_cloud(cloud.api, settings, {POOL: Product(pool=POOL, name="cx33")})
    prices = HetznerCloudPrices(
        token=SecretStr(TOKEN), location="fsn1", usd_per_eur=None, clock=project.clock, endpoint_url=project.http.url
    )
    prices.now([PoolAsked(pool=POOL, product="cx33")])
    called = {f"{one.method} {one.template}" for one in project.http.requests}
    assert sorted(called) == CALLS["hetzner-cloud"]


def test_nothing_but_servers_is_ever_changed() -> None:
    changes = [one for one in CALLS["hetzner-cloud"] if not one.startswith("GET ")]
    assert changes == ["DELETE /servers/{id}", "POST /servers"]
