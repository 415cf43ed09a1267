"""Builders shared by the tests of this folder."""

from pydantic import SecretStr

from autoscaler.providers.ovh.api import OvhApi
from autoscaler.providers.ovh.instances import OvhInstances
from autoscaler.providers.ovh.keys import OvhKeys
from autoscaler.providers.ovh.node_pools import OvhNodePools
from autoscaler.providers.provider import Order, Product
from tests.autoscaler.providers.ovh.cloud import IMAGE, PROJECT, REGION
from tests.autoscaler.providers.ovh.double import APPLICATION_KEY, APPLICATION_SECRET, CONSUMER_KEY, OvhDouble
from tests.autoscaler.providers.ovh.kube import CLUSTER

POOL = "ovh/b3-8"
MODEL = "llama-3.1-8b"
TOKEN = "join-token-0001"
PRODUCTS = (Product(pool=POOL, name="b3-8"), Product(pool="ovh/b3-64", name="b3-64"))
SECRETS = (APPLICATION_SECRET, CONSUMER_KEY, TOKEN)


def some_keys(**rest: str) -> OvhKeys:
    keys = {
        "application_key": APPLICATION_KEY,
        "application_secret": APPLICATION_SECRET,
        "consumer_key": CONSUMER_KEY,
        **rest,
    }
    return OvhKeys(**{name: SecretStr(text) for name, text in keys.items()})


def an_api(double: OvhDouble, **rest) -> OvhApi:
    defaults = {"keys": some_keys(), "project": PROJECT, "call_timeout_s": 5.0, "sleep": lambda _: None}
    return OvhApi(endpoint=double.url, **{**defaults, **rest})


def an_order(key: str = "k1", node_id: str | None = None, *, pool: str = POOL, model: str = MODEL, **rest) -> Order:
    return Order(key=key, node_id=node_id or f"node-{key}", fleet="prod", pool=pool, model=model, **rest)


def some_instances(api: OvhApi, double: OvhDouble, **rest) -> OvhInstances:
    defaults = {
        "fleet": "prod",
        "region": REGION,
        "image": IMAGE,
        "products": PRODUCTS,
        "user_data": lambda order: f"#!/bin/sh\njoin {order.node_id} {TOKEN}\n",
        "clock": double.now,
    }
    return OvhInstances(api=api, **{**defaults, **rest})


def some_node_pools(api: OvhApi, double: OvhDouble, **rest) -> OvhNodePools:
    defaults = {"fleet": "prod", "cluster": CLUSTER, "region": REGION, "products": PRODUCTS, "clock": double.now}
    return OvhNodePools(api=api, **{**defaults, **rest})
