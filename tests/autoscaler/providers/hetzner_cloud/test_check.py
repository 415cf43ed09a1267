"""What is said of the settings before anything is ordered."""

import pytest

from autoscaler.providers.hetzner_cloud.check import check_hetzner_cloud
from autoscaler.providers.provider import Product
from planner.fleet.daemon.hetzner_cloud import HetznerCloudSettings
from tests.autoscaler.providers.hetzner_cloud.clouds import a_cloud
from tests.autoscaler.providers.hetzner_cloud.double import Project

PRODUCTS = {"hetzner-cloud/cx33": Product(pool="hetzner-cloud/cx33", name="cx33")}
CLEAN = {
    "token": True,
    "token may write": True,
    "location fsn1": True,
    "hetzner-cloud/cx33: server type cx33 in fsn1": True,
    "image debian-12": True,
}


def found(project: Project, *, token: str | None = None, products=None, **settings):
    settings = {"location": "fsn1", "endpoint_url": project.http.url, **settings}
    api = a_cloud(project, **({} if token is None else {"token": token})).api
    findings = check_hetzner_cloud(api, HetznerCloudSettings(**settings), products or PRODUCTS)
    return {one.what.removeprefix("hetzner-cloud: "): one.is_ok for one in findings}


def test_settings_that_fit_are_all_well(project):
    assert found(project) == CLEAN


def test_networks_and_keys_are_looked_for_by_id_or_name(project):
    assert found(project, networks=(456, 1), ssh_keys=("ops", "7", "gone")) == {
        **CLEAN,
        "network 456": True,
        "network 1": False,
        "ssh key ops": True,
        "ssh key 7": True,
        "ssh key gone": False,
    }


def test_a_wrong_token_is_all_that_is_said(project):
    assert found(project, token="wrong-token-123") == {"token": False}


def test_a_token_that_may_only_read_is_found_without_changing_anything(project):
    project.add_foreign()
    project.is_readonly = True
    assert found(project) == {**CLEAN, "token may write": False}
    project.is_readonly = False
    assert found(project) == CLEAN
    assert project.books == ["made theirs"]


def test_a_location_or_an_image_nobody_knows_is_wrong(project):
    assert found(project, location="fsn9", image="debian-1") == {
        "token": True,
        "token may write": True,
        "location fsn9": False,
        "hetzner-cloud/cx33: server type cx33 in fsn9": False,
        "image debian-1": False,
    }


def test_a_type_without_stock_works_in_a_lesser_way(project):
    project.stock["cx33", "fsn1"] = False
    assert found(project)["hetzner-cloud/cx33: server type cx33 in fsn1"] is None


def test_a_type_that_is_being_withdrawn_works_in_a_lesser_way(project, monkeypatch):
    row = project.server_type("cx33")
    row["locations"][0]["deprecation"] = {
        "unavailable_after": "2027-01-01T00:00:00Z",
        "announced": "2026-11-01T00:00:00Z",
    }
    monkeypatch.setattr(Project, "server_type", lambda *_: row)
    assert found(project)["hetzner-cloud/cx33: server type cx33 in fsn1"] is None


@pytest.mark.parametrize("name", ["ccx99", "ccx43"])
def test_a_type_that_is_not_there_or_not_in_the_location_is_wrong(project, name):
    del project.stock["ccx43", "fsn1"]
    products = {"p": Product(pool="p", name=name)}
    assert found(project, products=products)[f"p: server type {name} in fsn1"] is False


def test_a_part_that_cannot_be_asked_for_leaves_the_others(project):
    project.fault("GET", "/images", 503, "unavailable")
    expected = {key: ok for key, ok in CLEAN.items() if not key.startswith("image")}
    assert found(project) == {**expected, "API": None}
