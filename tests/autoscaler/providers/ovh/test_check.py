import pytest

from autoscaler.providers.check import Finding
from autoscaler.providers.ovh.api import OvhApi
from autoscaler.providers.ovh.check import check_ovh
from autoscaler.providers.ovh.products import memory_gb
from autoscaler.providers.ovh.rights import rights_of
from autoscaler.providers.provider import Product
from planner.fleet.daemon.ovh import OvhSettings
from tests.autoscaler.providers.ovh.double import OvhDouble
from tests.autoscaler.providers.ovh.projects import PRODUCTS, an_api, an_order, some_node_pools, some_settings


def found(api: OvhApi, double: OvhDouble, settings: OvhSettings | None = None, products=PRODUCTS) -> dict[str, Finding]:
    """By what was looked at, without the provider."""
    used = settings or some_settings(double)
    listed = check_ovh(api, used, products, now=double.now())
    return {finding.what.removeprefix("ovh: "): finding for finding in listed}


def grant(double: OvhDouble, settings: OvhSettings) -> None:
    double.rules = tuple({"method": one.method, "path": one.path} for one in rights_of(settings))


def test_a_project_that_is_as_it_should_be_is_all_well(api, double):
    settings = some_settings(double, ssh_key="ops")
    grant(double, settings)
    seen = found(api, double, settings)
    assert {what: finding.detail for what, finding in seen.items() if finding.is_ok} == {
        "credentials": "they are valid",
        "rights": "as needed, and no more",
        f"project {settings.project}": "it is ok",
        "region GRA11": "UP",
        "quota in GRA11": "20 of 20 instances and 320 vCPU are left",
        "image Debian 12": "there in GRA11",
        "SSH key ops": "there in GRA11",
        "flavor b3-8 in GRA11": "2 vCPU, 8 GB; 20 fit the quota",
        "flavor b3-64 in GRA11": "16 vCPU, 64 GB; 20 fit the quota",
    }
    assert all(finding.is_ok for finding in seen.values())


def test_a_cluster_that_is_as_it_should_be_is_all_well(api, double):
    settings = some_settings(double, backend="node-pools")
    grant(double, settings)
    seen = found(api, double, settings)
    assert all(finding.is_ok for finding in seen.values())
    assert seen[f"cluster {settings.cluster}"].detail == "it is READY in GRA11"
    assert seen["flavor b3-8"].detail == "2 vCPU, 8 GB, 0 cards; available"
    assert seen["node pools"].detail == "0 of 0 are ours"


def test_a_key_for_everything_is_said_to_be_more_than_is_needed(api, double):
    rights = found(api, double)["rights"]
    assert rights.is_ok is None
    assert rights.detail.startswith("allows more than is needed: GET /*, POST /*, PUT /* and 1 more;")


def test_refused_credentials_are_said_at_every_look_without_a_secret(api, double):
    double.broken[("GET", "")] = "auth"
    seen = found(api, double)
    assert all(finding.is_ok is False for finding in seen.values())
    assert "This credential is not valid" in seen["credentials"].detail


def test_a_cloud_that_does_not_answer_leaves_it_open(api, double):
    double.broken[("GET", "")] = "server error"
    assert {finding.is_ok for finding in found(api, double).values()} == {None}


def test_a_key_that_ends_soon_is_said(api, double):
    double.expiration = "2026-12-08T00:00:00Z"
    credentials = found(api, double)["credentials"]
    assert (credentials.is_ok, credentials.detail) == (None, "they are valid, and end on 2026-12-08 00:00 UTC")


def test_a_key_nobody_confirmed_is_said(api, double):
    double.credential_status = "pendingValidation"
    credentials = found(api, double)["credentials"]
    assert (credentials.is_ok, credentials.detail) == (
        False,
        "the consumer key is pendingValidation; expected a validated one",
    )


@pytest.mark.parametrize(
    ("settings", "what", "said"),
    [
        ({"image": "Debian 99"}, "image Debian 99", "none of that name in GRA11"),
        ({"ssh_key": "nobody"}, "SSH key nobody", "none of that name in GRA11"),
        ({"region": "SBG5"}, "region SBG5", "Region not found"),
        ({"backend": "node-pools", "cluster": "another"}, "cluster another", "Cluster not found"),
    ],
)
def test_a_wrong_name_is_told(api, double, settings, what, said):
    finding = found(api, double, some_settings(double, **settings))[what]
    assert finding.is_ok is False
    assert said in finding.detail


def test_a_project_of_another_id_is_told(double):
    api = an_api(double, project="another")
    assert found(api, double, some_settings(double, project="another"))["project another"].is_ok is False
    api.close()


@pytest.mark.parametrize("settings", [{}, {"backend": "node-pools"}])
def test_a_flavor_that_is_not_there_is_told(api, double, settings):
    seen = found(api, double, some_settings(double, **settings), [Product(pool="ovh/b9-9", name="b9-9")])
    (finding,) = [finding for what, finding in seen.items() if what.startswith("flavor b9-9")]
    assert finding.is_ok is False


def test_a_flavor_without_stock_may_come_back(api, double):
    double.cloud.flavors["b3-8"]["available"] = False
    finding = found(api, double)["flavor b3-8 in GRA11"]
    assert (finding.is_ok, finding.detail) == (None, "2 vCPU, 8 GB; out of stock")
    double.kube.sold_out.add("b3-8")
    assert found(api, double, some_settings(double, backend="node-pools"))["flavor b3-8"].is_ok is None


def test_a_full_quota_is_told(api, double):
    for number in range(20):
        double.cloud.add(f"web-{number}")
    quota = found(api, double)["quota in GRA11"]
    assert (quota.is_ok, quota.detail) == (False, "0 of 20 instances and 280 vCPU are left")


def test_a_pool_under_ovhs_own_autoscaling_is_told(api, double):
    machine = some_node_pools(api, double).launch(an_order())
    pool = double.kube.pools[machine.id]
    pool.body["autoscale"] = True
    finding = found(api, double, some_settings(double, backend="node-pools"))["node pools"]
    assert finding.is_ok is False
    assert finding.detail.startswith(
        "1 of 1 are ours; autoscaling is on, or more than one node is wanted, in baseload-"
    )


@pytest.mark.parametrize(
    ("flavor", "ram", "expected"),
    [
        pytest.param("b3-64", 64000, 64.0, id="as the live API answers: MB"),
        pytest.param("b3-64", 65536, 65.536, id="MiB"),
        pytest.param("b3-64", 64, 64.0, id="as the schema says: GB"),
        pytest.param("h100-1520", 1520, 1520.0, id="a large one in GB"),
        pytest.param("b3-64", 9, None, id="neither"),
        pytest.param("custom", 64000, None, id="no name to go by"),
    ],
)
def test_memory_is_in_the_unit_that_fits_the_flavors_name(flavor, ram, expected):
    assert memory_gb(flavor, ram) == expected
