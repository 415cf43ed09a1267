"""Builders with sane defaults, shared by the tests of this folder."""

from typing import Any

from autoscaler.providers.aws.provider import AwsProvider
from autoscaler.providers.provider import Order, Product
from planner.fleet.daemon.aws import AwsSettings
from tests.autoscaler.providers.aws.double import REGION, AwsDouble

FLEET = "blue"
JOIN_TOKEN = "K10-join-token-of-the-cluster"
SPOT_A = "aws/r7a.4xlarge@us-east-1a/spot"
SPOT = "aws/r7a.4xlarge/spot"
ON_DEMAND = "aws/r7a.4xlarge"
ON_DEMAND_B = "aws/r7a.4xlarge@us-east-1b"
PRODUCTS = {
    pool: Product(pool=pool, name="r7a.4xlarge", zone=zone, is_spot=is_spot)
    for pool, zone, is_spot in (
        (SPOT_A, "us-east-1a", True),
        (SPOT, None, True),
        (ON_DEMAND, None, False),
        (ON_DEMAND_B, "us-east-1b", False),
    )
}


def an_order(key: str = "k1", *, node_id: str | None = None, pool: str = SPOT_A, model: str = "chat") -> Order:
    return Order(key=key, node_id=node_id or f"node-{key}", fleet=FLEET, pool=pool, model=model)


def some_settings(server: Any, double: AwsDouble, **rest: Any) -> AwsSettings:
    zones = ("us-east-1a", "us-east-1b", "us-east-1c")
    defaults: dict[str, Any] = {
        "region": REGION,
        "image_id": double.image_id,
        "subnets": {zone: double.subnets[zone] for zone in zones},
        "endpoint_url": server.url,
    }
    return AwsSettings(**defaults | rest)


def a_script(order: Order) -> str:
    return f"#!/bin/sh\njoin --token {JOIN_TOKEN} --name {order.node_id}\n"


def a_provider(
    server: Any, double: AwsDouble, session: Any, *, settings: AwsSettings | None = None, **rest: Any
) -> AwsProvider:
    defaults: dict[str, Any] = {
        "fleet": FLEET,
        "products": PRODUCTS,
        "user_data": a_script,
        "clock": double.clock,
        "timeout_s": 200.0,  # a busy machine takes seconds where a client waits for a tenth of this
        "session": session,
        "page_size": 5,
        "queue_wait_s": 0,
    }
    return AwsProvider(settings or some_settings(server, double), **defaults | rest)
