"""EC2's wire format: replies and faults as AWS sends them, held against the client library's model of the API."""

import uuid
from typing import Any
from xml.sax.saxutils import escape

from botocore.parsers import create_parser
from botocore.validate import ParamValidator
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model

Reply = tuple[int, dict[str, str], bytes]
EC2 = get_service_model("ec2")


def serialised(operation: str, result: dict[str, Any]) -> Reply:
    """The reply of an EC2 operation; a member that the API does not have, or of another type, is an error."""
    model = EC2.operation_model(operation)
    assert model.output_shape is not None
    report = ParamValidator().validate(result, model.output_shape)
    assert not report.has_errors(), report.generate_report()
    assert set(result) <= set(model.output_shape.members), f"{operation} has no {set(result)}"
    out = get_serializer_class("ec2", EC2.resolved_protocol)(operation_model=model).serialize(result)
    body = out["body"]
    return out["status_code"], dict(out["headers"]), body.encode() if isinstance(body, str) else body


def parsed(operation: str, reply: Reply) -> dict[str, Any]:
    """What a client reads in the reply."""
    status, headers, body = reply
    shape = EC2.operation_model(operation).output_shape
    found = create_parser("ec2").parse({"status_code": status, "headers": headers, "body": body}, shape)
    del found["ResponseMetadata"]
    return found


def fault(code: str, message: str, status: int = 400) -> Reply:
    """An error as EC2 sends it."""
    xml = (
        "<?xml version='1.0' encoding='UTF-8'?><Response><Errors><Error>"
        f"<Code>{code}</Code><Message>{escape(message)}</Message></Error></Errors>"
        f"<RequestID>{uuid.uuid4()}</RequestID></Response>"
    )
    return status, {"Content-Type": "text/xml;charset=UTF-8"}, xml.encode()


def json_fault(code: str, message: str, status: int = 400) -> Reply:
    """An error as SQS sends it."""
    body = f'{{"__type":"com.amazonaws.sqs#{code}","message":"{message}"}}'
    return status, {"Content-Type": "application/x-amz-json-1.0"}, body.encode()
