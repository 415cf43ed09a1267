import pytest

from autoscaler.providers.ovh.instances import OvhInstances
from autoscaler.providers.ovh.keys import VARIABLES, OvhKeys
from autoscaler.providers.ovh.make import ovh_api, ovh_provider
from autoscaler.providers.ovh.node_pools import OvhNodePools
from autoscaler.settings import Secrets
from planner.errors import InputError
from planner.fleet.daemon.ovh import OvhSettings
from tests.autoscaler.providers.ovh.double import APPLICATION_KEY, APPLICATION_SECRET, CONSUMER_KEY
from tests.autoscaler.providers.ovh.projects import PRODUCTS, an_order, some_keys, some_settings

FILE = f"""
[ovh-eu]
; made in November
application_key = {APPLICATION_KEY}
application_secret={APPLICATION_SECRET}
consumer_key   =  {CONSUMER_KEY}
endpoint = elsewhere
"""


@pytest.mark.parametrize(("backend", "kind"), [("instances", OvhInstances), ("node-pools", OvhNodePools)])
def test_the_settings_choose_the_backend(double, clock, backend, kind):
    settings = some_settings(double, backend=backend)
    api = ovh_api(settings, some_keys(), call_timeout_s=5.0)
    provider = ovh_provider(
        settings,
        api,
        fleet="prod",
        products=PRODUCTS,
        user_data=lambda order: "#!/bin/sh\n",
        clock=clock,
        labels={"team": "llm"},
        taints=["gpu=only:NoSchedule", "burst:NoExecute"],
    )
    assert isinstance(provider, kind)
    assert provider.launch(an_order()).node_id == "node-k1"
    api.close()


@pytest.mark.parametrize(
    ("given", "said"), [({"image": None}, "image is missing"), ({"backend": "node-pools"}, "cluster is missing")]
)
def test_a_backend_without_what_it_needs_is_refused(given, said):
    with pytest.raises(ValueError, match=said):
        OvhSettings(**{"project": "p", "region": "GRA11", "image": "Debian 12", **given})


def test_the_three_keys_come_from_lines_of_a_file(tmp_path):
    (tmp_path / "ovh.conf").write_text(FILE)
    secrets = Secrets({}, folder=str(tmp_path))
    keys = OvhKeys(**secrets.named(VARIABLES, "ovh.conf", key="providers.ovh.secret_file"))
    assert keys == some_keys()
    assert secrets.hidden(f"a {APPLICATION_SECRET} b {CONSUMER_KEY}") == "a *** b ***"
    assert APPLICATION_SECRET not in repr(keys)


def test_the_three_keys_come_from_the_environment():
    environ = dict(zip(VARIABLES.values(), (APPLICATION_KEY, APPLICATION_SECRET, CONSUMER_KEY), strict=True))
    assert OvhKeys(**Secrets(environ).named(VARIABLES, None, key="k")) == some_keys()


def test_a_key_that_is_missing_is_named_and_none_is_shown(tmp_path):
    (tmp_path / "ovh.conf").write_text(f"application_secret = {APPLICATION_SECRET}\nconsumer_key =\n")
    with pytest.raises(InputError, match=r"k ovh.conf: lacks application_key, consumer_key; expected a line") as raised:
        Secrets({}, folder=str(tmp_path)).named(VARIABLES, "ovh.conf", key="k")
    assert APPLICATION_SECRET not in str(raised.value)
    with pytest.raises(InputError, match="OVH_APPLICATION_SECRET is not set"):
        Secrets({"OVH_APPLICATION_KEY": APPLICATION_KEY}).named(VARIABLES, None, key="k")
