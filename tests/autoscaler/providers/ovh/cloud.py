"""What a project of OVH holds, driven by a clock: instances that build, run and go, in the words of OVH's schema."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

PROJECT = "0123456789abcdef0123456789abcdef"
REGION = "GRA11"
IMAGE = "Debian 12"
FLAVORS = {"b3-8": (2, 8), "b3-64": (16, 64), "t2-45": (15, 45)}
"""Name -> vCPU, memory in GB."""


class Refusal(Exception):  # noqa: N818 - what it is in the words of OVH
    """A call that OVH does not do, with what it answers."""

    def __init__(self, status: int, message: str, **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"message": message, **more}


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def of_region(rows: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    return [row for row in rows if query.get("region", row["region"]) == row["region"]]


def check_region(name: str) -> None:
    if name != REGION:
        raise Refusal(404, "Region not found", **{"class": "Client::NotFound"})


@dataclass
class Instance:
    id: str
    body: dict[str, Any]
    """As it was asked for."""
    created_at: datetime
    visible_at: datetime
    active_at: datetime
    end_asked_at: datetime | None = None
    gone_at: datetime | None = None
    status: str | None = None
    """Other than what its age says."""


@dataclass
class OvhCloud:
    now: Callable[[], datetime]
    build_s: float = 90.0
    delete_s: float = 60.0
    late_s: float = 0.0
    """What is made from now on is in no list, and found by no id, for that long."""
    instances: dict[str, Instance] = field(default_factory=dict)
    """All that ever were, by id: the books."""
    flavors: dict[str, dict[str, Any]] = field(default_factory=dict)
    private_prefix: str = "10.0.0."
    hidden: set[str] = field(default_factory=set)
    """Ids that the list lacks although they are there."""

    def __post_init__(self) -> None:
        for name, (vcpus, ram) in FLAVORS.items():
            self.flavors[name] = {
                "id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
                "name": name,
                "region": REGION,
                "available": True,
                "quota": 20,
                "vcpus": vcpus,
                "ram": ram * 1000,  # the live API answers in MB, whatever its schema says
                "disk": 50,
                "osType": "linux",
                "type": "ovh.ssd.eg",
                "capabilities": [{"name": "resize", "enabled": True}],
                "inboundBandwidth": 250,
                "outboundBandwidth": 250,
                "planCodes": {"hourly": f"{name}.consumption", "monthly": None, "license": None},
            }

    def answers(self) -> dict[tuple[str, str], Any]:
        """By method and path below the project: what answers ids of the path, query and body."""
        return {
            ("GET", ""): lambda ids, query, body: self.project(),
            ("GET", "/instance"): lambda ids, query, body: self.listed(),
            ("POST", "/instance"): lambda ids, query, body: self.make(body),
            ("GET", "/instance/{instanceId}"): lambda ids, query, body: self.row(self.find(ids[0])),
            ("DELETE", "/instance/{instanceId}"): lambda ids, query, body: self.end(ids[0]),
            ("GET", "/flavor"): lambda ids, query, body: of_region(list(self.flavors.values()), query),
            ("GET", "/image"): lambda ids, query, body: of_region(self.images(), query),
            ("GET", "/sshkey"): lambda ids, query, body: self.ssh_keys(),
            ("GET", "/region/{regionName}"): lambda ids, query, body: self.region(ids[0]),
            ("GET", "/region/{regionName}/quota"): lambda ids, query, body: self.quota(ids[0]),
        }

    def project(self) -> dict[str, Any]:
        return {
            "project_id": PROJECT,
            "projectName": "tests",
            "description": "tests",
            "planCode": "project.2018",
            "status": "ok",
            "access": "full",
            "creationDate": "2026-01-01T00:00:00Z",
            "expiration": None,
            "manualQuota": False,
            "unleash": True,
            "orderId": None,
            "iam": None,
        }

    def images(self) -> list[dict[str, Any]]:
        return [
            {
                "id": str(uuid.uuid5(uuid.NAMESPACE_URL, IMAGE)),
                "name": IMAGE,
                "region": REGION,
                "visibility": "public",
                "type": "linux",
                "status": "active",
                "user": "debian",
                "minDisk": 0,
                "minRam": 0,
                "size": 2.0,
                "creationDate": "2026-01-01T00:00:00Z",
                "flavorType": None,
                "planCode": None,
                "tags": [],
            }
        ]

    def ssh_keys(self) -> list[dict[str, Any]]:
        return [{"id": "c3NoLWtleQ", "name": "ops", "publicKey": "ssh-ed25519 AAAA", "regions": [REGION]}]

    def region(self, name: str) -> dict[str, Any]:
        check_region(name)
        return {
            "name": REGION,
            "type": "region",
            "status": "UP",
            "continentCode": "EU",
            "countryCode": "fr",
            "datacenterLocation": "GRA",
            "availabilityZones": [],
            "ipCountries": [],
            "services": [{"name": "instance", "status": "UP", "endpoint": "https://compute.example"}],
        }

    def quota(self, region: str) -> dict[str, Any]:
        check_region(region)
        used = len([one for one in self.instances.values() if self.is_there(one)])
        return {
            "region": REGION,
            "instance": {
                "maxInstances": 20,
                "usedInstances": used,
                "maxCores": 320,
                "usedCores": 2 * used,
                "maxRam": 1280000,
                "usedRAM": 8000 * used,
            },
            "keypair": None,
            "volume": None,
            "network": None,
            "loadbalancer": None,
            "keymanager": None,
            "share": None,
        }

    def is_there(self, instance: Instance) -> bool:
        """Whether OVH has it, seen or not."""
        return instance.gone_at is None or self.now() < instance.gone_at

    def make(self, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request for an instance."""
        flavor = next((one for one in self.flavors.values() if one["id"] == body["flavorId"]), None)
        if flavor is None or body["region"] != REGION:
            raise Refusal(400, "Invalid flavor", **{"class": "Client::BadRequest"})
        if body.get("imageId") not in [one["id"] for one in self.images()]:
            raise Refusal(400, "Invalid image", **{"class": "Client::BadRequest"})
        now = self.now().replace(microsecond=0)
        made = Instance(
            id=str(uuid.uuid4()),
            body=body,
            created_at=now,
            visible_at=now + timedelta(seconds=self.late_s),
            active_at=now + timedelta(seconds=self.build_s),
        )
        self.instances[made.id] = made
        return self.row(made)

    def add(self, name: str, flavor: str = "b3-8") -> Instance:
        """An instance that somebody made in OVH's console, running."""
        row = self.make(
            {
                "name": name,
                "region": REGION,
                "flavorId": self.flavors[flavor]["id"],
                "imageId": self.images()[0]["id"],
            }
        )
        made = self.instances[row["id"]]
        made.active_at = made.visible_at = made.created_at
        return made

    def listed(self) -> list[dict[str, Any]]:
        """The list's rows."""
        return [self.row(one) for one in self.instances.values() if self.is_seen(one) and one.id not in self.hidden]

    def is_seen(self, instance: Instance) -> bool:
        return self.is_there(instance) and self.now() >= instance.visible_at

    def find(self, instance_id: str) -> Instance:
        found = self.instances.get(instance_id)
        if found is None or not self.is_seen(found):
            raise Refusal(404, "Instance not found", **{"class": "Client::NotFound"})
        return found

    def end(self, instance_id: str) -> None:
        """The answer to a request for an instance's end."""
        found = self.find(instance_id)
        if found.end_asked_at is None:
            found.end_asked_at = self.now()
            found.gone_at = self.now() + timedelta(seconds=self.delete_s)

    def row(self, instance: Instance) -> dict[str, Any]:
        body = instance.body
        flavor = next(one for one in self.flavors.values() if one["id"] == body["flavorId"])
        number = list(self.instances).index(instance.id) + 1 if instance.id in self.instances else 1
        addresses = [
            {
                "ip": f"203.0.113.{number}",
                "type": "public",
                "version": 4,
                "networkId": "ext",
                "gatewayIp": "203.0.113.254",
            }
        ]
        if body.get("networks"):
            addresses.append(
                {
                    "ip": f"{self.private_prefix}{number}",
                    "type": "private",
                    "version": 4,
                    "networkId": "net",
                    "gatewayIp": None,
                }
            )
        return {
            "id": instance.id,
            "name": body["name"],
            "region": body["region"],
            "flavorId": body["flavorId"],
            "imageId": body["imageId"],
            "sshKeyId": body.get("sshKeyId"),
            "created": stamp(instance.created_at),
            "status": self.status(instance),
            "ipAddresses": addresses if self.now() >= instance.active_at else [],
            "monthlyBilling": None,
            "planCode": flavor["planCodes"]["hourly"],
            "operationIds": [],
            "currentMonthOutgoingTraffic": None,
            "availabilityZone": None,
            "rescuePassword": None,
            "flavor": None,
            "image": None,
            "sshKey": None,
        }

    def status(self, instance: Instance) -> str:
        if instance.end_asked_at is not None:
            return "DELETING"
        if instance.status is not None:
            return instance.status
        return "ACTIVE" if self.now() >= instance.active_at else "BUILD"
