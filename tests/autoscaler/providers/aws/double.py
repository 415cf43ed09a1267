"""A double of AWS: moto's server behind a layer that behaves as EC2 does where moto does not.

Stock and quota, ClientTokens, states that take time, lists that are late, spot prices with a history, and whatever a
test breaks. Every call is remembered; time is a clock that the test moves.
"""

import io
import json
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from ipaddress import IPv4Network
from typing import Any
from urllib.parse import parse_qsl, urlencode

from moto.ec2.models import amis, ec2_backends, instances, launch_templates
from moto.moto_api._internal.models import moto_api_backend
from moto.sqs.models import sqs_backends

from tests.autoscaler.providers.aws.life import Life
from tests.autoscaler.providers.aws.price_list import get_products
from tests.autoscaler.providers.aws.wire import Reply, fault, json_fault, parsed, serialised

ACCOUNT = "123456789012"
REGION = "us-east-1"
START = datetime.fromisoformat("2026-12-01T00:00:00+00:00")
ADVISOR = "the advisor's file"
"""What is broken where it cannot be read."""
ADVISOR_PATH = "/spot-advisor-data.json"
CLASSES = ("<5%", "5-10%", "10-15%", "15-20%", ">20%")
BUYS = ("RunInstances", "CreateFleet")
LAYERED = {
    "server error": fault("InternalError", "An internal error has occurred", 500),
    "rate limit": fault("RequestLimitExceeded", "Request limit exceeded.", 503),
    "auth": fault("AuthFailure", "AWS was not able to validate the provided access credentials", 401),
}
"""Faults that are answered in place of doing anything."""
PRICE_LIST = "awspricelistservice"
PRICE_LIST_FAULTS = {
    "server error": ("InternalErrorException", "An internal error has occurred", 500),
    "rate limit": ("ThrottlingException", "Rate exceeded", 400),
    "auth": ("AccessDeniedException", "User is not authorized to perform: pricing:GetProducts", 400),
}


class AwsDouble:
    """One account in one region."""

    def __init__(self, moto: Any) -> None:
        moto_api_backend.reset()
        self._moto = moto
        self._lock = threading.RLock()
        self.now = START
        backend = ec2_backends[ACCOUNT][REGION]
        self.life = Life(backend, lead_s=30, stopping_s=60, listed_s=3600)
        self.subnets = {one.availability_zone: one.id for one in backend.get_default_subnets().values()}
        self.image_id = next(one.id for one in backend.describe_images() if one.architecture == "x86_64")
        self.calls: list[tuple[str, dict[str, str]]] = []
        """(service:Action, parameters), oldest first."""
        self.denied: set[str] = set()
        """Actions that the account may not do."""
        self.stock: dict[tuple[str, str], int] = {}
        """Instances left by (type, zone); not there: no limit."""
        self.prices: dict[tuple[str, str], list[tuple[datetime, Decimal]]] = {}
        """Spot prices by (type, zone), oldest first."""
        self.on_demand: dict[str, Decimal] = {}
        """On-demand prices by type, as the Price List service has them."""
        self.advice: dict[str, str] = {}
        """Class of the Spot Instance Advisor by type."""
        self.price_page = 1000
        self.quota: int | None = None
        self.fleet_error: tuple[str, str] | None = None
        """What the next fleets say in Errors instead of making anything."""
        self._broken: dict[str, str] = {}
        self._tokens: dict[tuple[str, str], tuple[str, Reply, list[str]]] = {}
        self.released = threading.Event()

    def clock(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        with self._lock:
            self.now += timedelta(seconds=seconds)
            self.life.go_to(self.now)

    def move_subnets(self, prefix: str) -> None:
        """Gives the subnets addresses below `prefix`, such as 127.4: where a test can listen."""
        backend = ec2_backends[ACCOUNT][REGION]
        for number, subnet in enumerate(sorted(backend.get_default_subnets().values(), key=lambda one: one.id)):
            subnet.cidr = IPv4Network(f"{prefix}.{number}.0/24")
            subnet.cidr_block = str(subnet.cidr)
            free = subnet.cidr.hosts()
            subnet._base_avail_ip_iterator = partial(iter, free)  # type: ignore[assignment]  # one iterator, as moto keeps

    # --- what a test does to it

    def break_(self, what: str, *actions: str) -> None:
        """Breaks these actions until `mend`."""
        self._broken |= dict.fromkeys(actions, what)

    def mend(self) -> None:
        self._broken.clear()
        self.released.set()
        self.quota = self.fleet_error = None
        self.stock.clear()

    def sell_out(self, *pools: tuple[str, str]) -> None:
        self.stock |= dict.fromkeys(pools, 0)

    def forget_tokens(self) -> None:
        """As AWS does after a time."""
        self._tokens.clear()

    def show_messages_again(self) -> None:
        """Ends the visibility timeout of every message that was received and not deleted."""
        for queue in sqs_backends[ACCOUNT][REGION].queues.values():
            for message in queue._messages:
                message.visible_at = 0.0

    def add_foreign(self, **tags: str) -> str:
        """A running instance that somebody else started in the account."""
        backend = ec2_backends[ACCOUNT][REGION]
        with self._lock:
            reservation = backend.run_instances(
                self.image_id,
                1,
                None,
                [],
                instance_type="t3.micro",
                is_instance_type_default=False,
                tags={"instance": {"owner": "somebody"} | tags},
                region_name=REGION,
            )
            (one,) = reservation.instances
            self.life.go_to(self.now)
            self.life.run_at_once(one.id, self.now)
        return str(one.id)

    def state_of(self, instance_id: str) -> str:
        (state,) = (one._state.name for one in self.life.instances() if one.id == instance_id)
        return str(state)

    def made(self, tag: str, value: str) -> list[Any]:
        """Instances with that tag, as they are, listed or not."""
        return [one for one in self.life.instances() if value == tags_of(one).get(tag)]

    def templates(self) -> list[str]:
        return [one.name for one in ec2_backends[ACCOUNT][REGION].launch_templates.values()]

    def counted(self) -> Counter[str]:
        return Counter(action for action, _ in self.calls)

    # --- the wire

    def __call__(self, env: dict[str, Any], start: Any) -> Iterable[bytes]:
        if env["PATH_INFO"] == ADVISOR_PATH:
            return self._advised(start)
        raw = env["wsgi.input"].read(int(env.get("CONTENT_LENGTH") or 0))
        service, action, form = asked(env, raw)
        with self._lock:
            self.calls.append((f"{service}:{action}", form))
            broken = self._broken_by(action, form)
        if broken == "hang":
            self.released.wait(30)
            broken = "timeout before"
        with self._lock:
            reply = self._answer(env, raw, service, action, form, broken)
        if reply is None:
            start("500 nobody reads this", [])
            env["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return []
        status, headers, body = reply
        kept = [(key, value) for key, value in headers.items() if key.lower() != "content-length"]
        start(f"{status} {status}", [*kept, ("Content-Length", str(len(body)))])
        return [body]

    def _advised(self, start: Any) -> list[bytes]:
        """The Spot Instance Advisor's public file, which asks for no credentials."""
        with self._lock:
            self.calls.append(("advisor:GET", {}))
            broken = self._broken.get(ADVISOR)
            rows = {kind: {"s": 60, "r": CLASSES.index(label)} for kind, label in self.advice.items()}
        ranges = [{"index": number, "label": label, "dots": number} for number, label in enumerate(CLASSES)]
        systems = {"Linux": rows, "Windows": {kind: {"s": 10, "r": 4} for kind in rows}}
        body = json.dumps({"global_rate": "<10%", "ranges": ranges, "spot_advisor": {REGION: systems}}).encode()
        status = "200 OK" if broken is None else "500 Internal Server Error"
        start(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _broken_by(self, action: str, form: dict[str, str]) -> str | None:
        what = self._broken.get(action)
        return None if what == "broken page" and "NextToken" not in form else what

    def _answer(
        self, env: dict[str, Any], raw: bytes, service: str, action: str, form: dict[str, str], broken: str | None
    ) -> Reply | None:
        """The reply; None: the connection breaks off."""
        if broken == "timeout before":
            return None
        if broken == "nonsense":
            return 200, {"Content-Type": "text/html"}, b"<html>it works!"
        if broken is not None and broken != "timeout after":
            if service == "sqs":
                return json_fault(*SQS_FAULTS[broken])
            if service == PRICE_LIST:
                return json_fault(*PRICE_LIST_FAULTS[broken])
            return LAYERED["server error" if broken == "broken page" else broken]
        if action in self.denied:
            return fault("UnauthorizedOperation", f"You are not authorized to perform this operation: {action}.", 403)
        if service == PRICE_LIST:
            return get_products(form["body"], self.on_demand, region=REGION, page=self.price_page)
        self.life.go_to(self.now)
        reply = self._strict(env, raw, action, form) if service == "ec2" else self._forward(env, raw)
        self.life.go_to(self.now)
        return None if broken == "timeout after" else reply

    def _forward(self, env: dict[str, Any], raw: bytes) -> Reply:
        got: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            got["status"], got["headers"] = int(status.split(maxsplit=1)[0]), dict(headers)

        inner = env | {"wsgi.input": io.BytesIO(raw), "CONTENT_LENGTH": str(len(raw))}
        body = b"".join(self._moto(inner, start))
        return got["status"], got["headers"], body

    # --- EC2 as it is

    def _strict(self, env: dict[str, Any], raw: bytes, action: str, form: dict[str, str]) -> Reply:
        if action in BUYS:
            return self._bought(env, raw, action, form)
        if action == "DescribeSpotPriceHistory":
            return self._spot_prices(form)
        if action == "DescribeInstances" and "MaxResults" in form and not 5 <= int(form["MaxResults"]) <= 1000:
            return fault("InvalidParameterValue", "maxResults must be between 5 and 1000")
        for instance_id in (value for key, value in form.items() if key.startswith("InstanceId.")):
            if not re.fullmatch(r"i-[0-9a-f]{8,17}", instance_id):
                return fault("InvalidInstanceID.Malformed", f'Invalid id: "{instance_id}"')
        if action in ("DescribeInstances", "TerminateInstances"):
            with self.life.as_listed(self.now):
                return self._forward(env, raw)
        return self._forward(env, raw)

    def _bought(self, env: dict[str, Any], raw: bytes, action: str, form: dict[str, str]) -> Reply:
        """A launch, once per token: an error uses up none, an answer does, also one that made nothing."""
        token = form.get("ClientToken", "")
        if form.get("DryRun") == "true" or not token:
            return self._forward(env, raw)
        if len(token) > 64:
            return fault("InvalidParameterValue", "Value for parameter clientToken is invalid")
        asked_for = json.dumps(sorted(form.items()))
        known = self._tokens.get((action, token))
        if known is not None:
            before, reply, made = known
            if before != asked_for:
                return fault("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent")
            if action == "RunInstances" and any(self.life.is_ended(instance_id) for instance_id in made):
                return fault("IdempotentInstanceTerminated", "The instance of this client token has been terminated")
            return reply
        reply = self._run(env, raw, form) if action == "RunInstances" else self._fleet(env, form)
        if reply[0] == 200:
            made = re.findall(r"<(?:instanceId|item)>(i-[0-9a-f]+)<", reply[2].decode())
            self._tokens[action, token] = (asked_for, reply, made)
        return reply

    def _run(self, env: dict[str, Any], raw: bytes, form: dict[str, str]) -> Reply:
        is_spot = form.get("InstanceMarketOptions.MarketType") == "spot"
        zone = self._zone(form.get("SubnetId"), form.get("Placement.AvailabilityZone"))
        refusal = self._refusal(form["InstanceType"], zone, is_spot=is_spot)
        if refusal is not None:
            code, message, status = refusal
            return fault(code, message, status)
        self._take(form["InstanceType"], zone)
        return self._forward(env, raw)

    def _fleet(self, env: dict[str, Any], form: dict[str, str]) -> Reply:
        """One machine in the cheapest place that has one; the places that refused are told beside it."""
        is_spot = form["TargetCapacitySpecification.DefaultTargetCapacityType"] == "spot"
        prefix = "LaunchTemplateConfigs.1.Overrides."
        numbers = sorted({key.removeprefix(prefix).split(".")[0] for key in form if key.startswith(prefix)}, key=int)
        errors = []
        able: list[tuple[Decimal, str, str, str]] = []
        for number in numbers:
            kind, subnet = form[f"{prefix}{number}.InstanceType"], form.get(f"{prefix}{number}.SubnetId")
            zone = self._zone(subnet, form.get(f"{prefix}{number}.AvailabilityZone"))
            refusal = self.fleet_error or self._refusal(kind, zone, is_spot=is_spot)
            if refusal is None:
                able.append((self._price(kind, zone), number, kind, zone))
                continue
            place = {"Overrides": {"InstanceType": kind, "SubnetId": subnet, "AvailabilityZone": zone}}
            errors.append(
                {
                    "LaunchTemplateAndOverrides": place,
                    "Lifecycle": "spot" if is_spot else "on-demand",
                    "ErrorCode": refusal[0],
                    "ErrorMessage": refusal[1],
                }
            )
        if not able:
            return serialised("CreateFleet", {"FleetId": "fleet-none", "Errors": errors, "Instances": []})
        _, number, kind, zone = min(able)
        self._take(kind, zone)
        only = {k: v for k, v in form.items() if not k.startswith(prefix) or k.startswith(f"{prefix}{number}.")}
        renumbered = {k.replace(f"{prefix}{number}.", f"{prefix}1."): v for k, v in only.items()}
        reply = self._forward(env, urlencode(renumbered).encode())
        if reply[0] != 200 or not errors:
            return reply
        return serialised("CreateFleet", parsed("CreateFleet", reply) | {"Errors": errors})

    def _refusal(self, kind: str, zone: str, *, is_spot: bool) -> tuple[str, str, int] | None:
        if self.quota is not None and self.life.held() >= self.quota:
            if is_spot:
                return "MaxSpotInstanceCountExceeded", "Max spot instance count exceeded", 400
            return "VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit", 400
        if self.stock.get((kind, zone), 1) <= 0:
            return "InsufficientInstanceCapacity", f"We currently do not have sufficient {kind} capacity in {zone}", 500
        return None

    def _take(self, kind: str, zone: str) -> None:
        if (kind, zone) in self.stock:
            self.stock[kind, zone] -= 1

    def _zone(self, subnet: str | None, zone: str | None) -> str:
        return zone or next((name for name, one in self.subnets.items() if one == subnet), "us-east-1a")

    def _price(self, kind: str, zone: str) -> Decimal:
        known = [price for at, price in self.prices.get((kind, zone), []) if at <= self.now]
        return known[-1] if known else Decimal(1)

    def _spot_prices(self, form: dict[str, str]) -> Reply:
        """Records from StartTime on, and of each type and zone the one in force then; newest first."""
        kinds = {value for key, value in form.items() if key.startswith("InstanceType.")}
        start, end = (
            datetime.fromisoformat(form[name]) if name in form else self.now for name in ("StartTime", "EndTime")
        )
        rows: list[dict[str, Any]] = []
        for (kind, zone), history in self.prices.items():
            if kinds and kind not in kinds:
                continue
            before = [one for one in history if one[0] < start][-1:]
            for at, price in before + [one for one in history if start <= one[0] <= end]:
                row = {"AvailabilityZone": zone, "InstanceType": kind, "Timestamp": at, "SpotPrice": str(price)}
                rows.append(row | {"ProductDescription": "Linux/UNIX"})
        rows.sort(key=lambda row: row["Timestamp"], reverse=True)
        first = int(form.get("NextToken") or 0)
        last = first + self.price_page
        more = str(last) if last < len(rows) else ""
        return serialised("DescribeSpotPriceHistory", {"SpotPriceHistory": rows[first:last], "NextToken": more})


SQS_FAULTS = {
    "server error": ("InternalError", "internal", 500),
    "rate limit": ("RequestThrottled", "throttled", 400),
    "auth": ("InvalidClientTokenId", "The security token included in the request is invalid.", 403),
}


def tags_of(instance: Any) -> dict[str, str]:
    """Tags as moto keeps them, which spells their keys in two ways."""
    rows = [{key.lower(): value for key, value in row.items()} for row in instance.get_tags()]
    return {row["key"]: row["value"] for row in rows}


def asked(env: dict[str, Any], raw: bytes) -> tuple[str, str, dict[str, str]]:
    """Service, action and parameters of a request; those of a JSON service as they are, in one text."""
    target = env.get("HTTP_X_AMZ_TARGET", "")
    if target:
        service, action = target.split(".")
        return service.removeprefix("Amazon").lower(), action, {"body": raw.decode()}
    form = dict(parse_qsl(raw.decode(), keep_blank_values=True))
    scope = re.search(r"/([a-z0-9]+)/aws4_request", env.get("HTTP_AUTHORIZATION", ""))
    return (scope.group(1) if scope else "unsigned"), form.get("Action", "?"), form


def two_images() -> list[dict[str, Any]]:
    """An x86_64 and an arm64 image: moto makes all of its 1,300 anew for every account."""
    (intel,) = [one for one in amis.AMIS if one["architecture"] == "x86_64"][:1]
    return [dict(intel), intel | {"ami_id": "ami-0a0a0a0a0a0a0a0a0", "architecture": "arm64"}]


TWO_IMAGES = two_images()


def double_of(moto: Any, patch: Any, kind: type[AwsDouble] = AwsDouble) -> AwsDouble:
    """A new account; moto makes images, instances and templates as `patch` (a MonkeyPatch) tells it for the while."""
    patch.setattr(amis, "AMIS", TWO_IMAGES)
    patch.setattr(amis, "environ", {"MOTO_AMIS_PATH": "as patched"})  # moto loads no others then
    double = kind(moto)
    patch.setattr(instances, "utcnow", double.clock)
    patch.setattr(launch_templates, "utcnow", double.clock)
    return double
