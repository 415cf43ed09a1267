"""Builders shared by the tests of this folder."""

from typing import Any

from pydantic import SecretStr

from autoscaler.providers.ovh.api import OvhApi
from autoscaler.providers.ovh.instances import OvhInstances
from autoscaler.providers.ovh.keys import OvhKeys
from autoscaler.providers.ovh.node_pools import OvhNodePools
from autoscaler.providers.provider import Order, Product
from planner.fleet.daemon.ovh import OvhSettings
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


def an_order(key: str = "k1", node_id: str | None = None, **rest) -> Order:
    return Order(key=key, node_id=node_id or f"node-{key}", **{"fleet": "prod", "pool": POOL, "model": MODEL, **rest})


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


def some_settings(double: OvhDouble, **rest) -> OvhSettings:
    defaults = {"project": PROJECT, "region": REGION, "image": IMAGE, "cluster": CLUSTER, "endpoint": double.url}
    return OvhSettings(**{**defaults, **rest})


def an_addon(code: str, price: int, *, unit: str = "hour", **rest) -> dict[str, Any]:
    """A plan of the public catalogue with one price."""
    return {
        "planCode": code,
        "invoiceName": code,
        "product": "publiccloud-instance",
        "pricingType": "consumption",
        "family": None,
        "addonFamilies": [],
        "blobs": None,
        "configurations": [],
        "consumptionConfiguration": None,
        "pricings": [a_pricing(price, unit=unit, **rest)],
    }


def a_pricing(price: int, *, unit: str = "hour", **rest) -> dict[str, Any]:
    defaults = {
        "capacities": ["consumption"],
        "commitment": 0,
        "description": "per hour",
        "engagementConfiguration": None,
        "interval": 1,
        "intervalUnit": unit,
        "mode": "default",
        "mustBeCompleted": False,
        "phase": 1,
        "price": price,
        "promotions": [],
        "quantity": {"min": 1, "max": None},
        "repeat": {"min": 1, "max": None},
        "strategy": "tiered",
        "tax": 0,
        "type": "consumption",
    }
    return {**defaults, **rest}


def a_catalog(*addons: dict[str, Any], currency: str = "EUR") -> dict[str, Any]:
    """OVH's public catalogue; b3-8 at 0.0512 and b3-64 at 0.4092 an hour unless told otherwise."""
    some = addons or (an_addon("b3-8.consumption", 5120000), an_addon("b3-64.consumption", 40920000))
    return {
        "catalogId": 1,
        "locale": {"currencyCode": currency, "subsidiary": "FR", "taxRate": 20.0},
        "plans": [],
        "planFamilies": [],
        "products": [],
        "addons": list(some),
    }
