"""AWS' Price List service as far as prices of instances go: rows with attributes, chosen by a request's filters."""

import json
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from tests.autoscaler.providers.aws.wire import Reply

PRICING = botocore.session.get_session().get_service_model("pricing")
KINDS = (
    {"operatingSystem": "Linux", "tenancy": "Shared", "capacitystatus": "Used"},
    {"operatingSystem": "Windows", "tenancy": "Shared", "capacitystatus": "Used"},
    {"operatingSystem": "Linux", "tenancy": "Dedicated", "capacitystatus": "Used"},
    {"operatingSystem": "Linux", "tenancy": "Shared", "capacitystatus": "UnusedCapacityReservation"},
)
"""Products of a type beside the one that is meant, each a tenth dearer than the one before."""


def get_products(body: str, usd_hour: Mapping[str, Decimal], *, region: str, page: int) -> Reply:
    """The answer to GetProducts; a request or an answer that the API does not know is an error of the test."""
    asked = json.loads(body)
    model = PRICING.operation_model("GetProducts")
    assert model.input_shape is not None
    assert model.output_shape is not None
    report = ParamValidator().validate(asked, model.input_shape)
    assert not report.has_errors(), report.generate_report()
    assert asked["ServiceCode"] == "AmazonEC2"
    wanted = {one["Field"]: one["Value"] for one in asked["Filters"] if one["Type"] == "TERM_MATCH"}
    meant = {one: usd for one, usd in usd_hour.items() if one == wanted.get("instanceType", one)}
    rows = [row for kind, usd in sorted(meant.items()) for row in _rows(kind, usd, region)]
    assert wanted.keys() <= rows[0]["product"]["attributes"].keys() if rows else True
    matching = [row for row in rows if wanted.items() <= row["product"]["attributes"].items()]
    first = int(asked.get("NextToken", "0"))
    answer: dict[str, Any] = {
        "FormatVersion": "aws_v1",
        "PriceList": [json.dumps(row) for row in matching[first : first + page]],
    }
    if first + page < len(matching):
        answer["NextToken"] = str(first + page)
    assert not ParamValidator().validate(answer, model.output_shape).has_errors()
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()


def _rows(kind: str, usd: Decimal, region: str) -> list[dict[str, Any]]:
    return [
        a_row(kind, usd * (10 + number) / 10, regionCode=region, **attributes)
        for number, attributes in enumerate(KINDS)
    ]


def a_row(kind: str, usd: Decimal, *, unit: str = "Hrs", **attributes: str) -> dict[str, Any]:
    """One product with its on-demand term, as the service writes it."""
    sku = sha256(json.dumps([kind, attributes], sort_keys=True).encode()).hexdigest()[:16].upper()
    common = {"instanceType": kind, "preInstalledSw": "NA", "marketoption": "OnDemand", "servicecode": "AmazonEC2"}
    dimension = {
        "unit": unit,
        "endRange": "Inf",
        "description": f"${usd} per On Demand instance hour",
        "appliesTo": [],
        "rateCode": f"{sku}.JRTCKXETXF.6YS6EN2CT7",
        "beginRange": "0",
        "pricePerUnit": {"USD": f"{usd:.10f}"},
    }
    term = {
        "priceDimensions": {dimension["rateCode"]: dimension},
        "sku": sku,
        "effectiveDate": "2026-11-01T00:00:00Z",
        "offerTermCode": "JRTCKXETXF",
        "termAttributes": {},
    }
    return {
        "product": {"productFamily": "Compute Instance", "attributes": {**common, **attributes}, "sku": sku},
        "serviceCode": "AmazonEC2",
        "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": term}},
        "version": "20261101000000",
        "publicationDate": "2026-11-01T00:00:00Z",
    }
