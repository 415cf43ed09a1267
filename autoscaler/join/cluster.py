"""Joining a Kubernetes cluster at boot: `k3s agent`, or `kubeadm join`. Pure: settings and an order in, text out.

The join token is the only secret in it, read anew for every launch; user data can be read on the node and is kept by
the provider, so the token should be short-lived. The scripts hold no value of ours: what varies is in
files beside them.
"""

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from autoscaler.cluster.labels import FLEET, INSTANCE_TYPE, MODEL, NODE, POOL, label_value
from autoscaler.join.cloud_init import File, cloud_config
from autoscaler.providers.provider import Order, Permanent
from planner.catalog.offer_id import OfferId
from planner.errors import InputError
from planner.fleet.daemon import ClusterSettings, Taint

if TYPE_CHECKING:
    from pydantic import SecretStr

FOLDER = "/etc/baseload"
PLACE = "@PROVIDER_ID@"
KUBEADM_TOKEN = re.compile(r"[a-z0-9]{6}\.[a-z0-9]{16}")
PROVIDER_IDS = {"aws": "aws:///$zone/$id", "hetzner-cloud": "hcloud://$id", "ovh": "openstack:///$id"}
"""What the cloud's own controllers call a machine, from what cloud-init knows of it at boot."""
WHO_AM_I = """\
#!/bin/sh
# Prints the provider id of this machine, or nothing where cloud-init does not know it.
id=$(cloud-init query instance_id 2>/dev/null) || exit 0
zone=$(cloud-init query availability_zone 2>/dev/null) || zone=
case $id$zone in *[!A-Za-z0-9-]*) exit 0 ;; esac
[ -n "$id" ] || exit 0
"""
K3S = f"""\
#!/bin/sh
set -eu
if [ -f {FOLDER}/install.sh ] && ! command -v k3s >/dev/null; then sh {FOLDER}/install.sh; fi
provider_id=$(sh {FOLDER}/provider-id.sh)
if [ -n "$provider_id" ]; then
    mkdir -p /etc/rancher/k3s/config.yaml.d
    printf 'kubelet-arg+:\\n  - "provider-id=%s"\\n' "$provider_id" >/etc/rancher/k3s/config.yaml.d/10-baseload.yaml
fi
[ -f /etc/systemd/system/k3s-agent.service ] || cp {FOLDER}/k3s-agent.service /etc/systemd/system/k3s-agent.service
systemctl daemon-reload
systemctl enable k3s-agent
systemctl restart k3s-agent
"""
K3S_UNIT = """\
[Unit]
Description=k3s agent
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStartPre=-/sbin/modprobe br_netfilter
ExecStartPre=-/sbin/modprobe overlay
ExecStart=/bin/sh -c 'exec k3s agent'
KillMode=process
Delegate=yes
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
TimeoutStartSec=0
Restart=always
RestartSec=5s

[Install]
WantedBy=multi-user.target
"""
KUBEADM = f"""\
#!/bin/sh
set -eu
if [ -f {FOLDER}/install.sh ] && ! command -v kubeadm >/dev/null; then sh {FOLDER}/install.sh; fi
provider_id=$(sh {FOLDER}/provider-id.sh)
if [ -n "$provider_id" ]; then
    sed -i "s|{PLACE}|$provider_id|" {FOLDER}/kubeadm.yaml
else
    sed -i '/{PLACE}/d' {FOLDER}/kubeadm.yaml
fi
kubeadm join --config {FOLDER}/kubeadm.yaml
rm -f {FOLDER}/kubeadm.yaml
"""


class ClusterJoin:
    """The user data of an order (`UserData`)."""

    def __init__(self, settings: ClusterSettings, *, token: "Callable[[], SecretStr]") -> None:
        """`token`: reads the join token, for every launch. Raises InputError where the settings do not suffice."""
        if settings.server_url is None:
            raise InputError("[cluster] server_url is not set; expected the API server as a node reaches it")
        if settings.join == "kubeadm" and settings.ca_hash is None:
            raise InputError("[cluster] ca_hash is not set; kubeadm pins the cluster's CA: sha256:…")
        self._settings = settings
        self._server_url = settings.server_url
        self._token = token

    def __call__(self, order: Order) -> str:
        """The cloud-config by which the order's machine joins. Raises Permanent: nothing was launched."""
        try:
            token = self._token().get_secret_value()
        except InputError as error:
            raise Permanent(f"no join token: {error}") from None
        if self._settings.join == "kubeadm" and not KUBEADM_TOKEN.fullmatch(token):
            raise Permanent("the join token is none of kubeadm's; expected 6 and 16 of a-z and 0-9, a dot between")
        provider = OfferId.of(order.pool).provider
        kind = self._k3s(order, token) if self._settings.join == "k3s" else self._kubeadm(order, token)
        files = [*kind, File(path=f"{FOLDER}/provider-id.sh", content=who_am_i(provider), is_program=True)]
        if self._settings.install is not None:
            files.append(File(path=f"{FOLDER}/install.sh", content=f"{self._settings.install}\n", is_program=True))
        return cloud_config(files, [["sh", f"{FOLDER}/join.sh"]], provider=provider)

    def _k3s(self, order: Order, token: str) -> list[File]:
        config = {
            "server": self._server_url,
            "token-file": f"{FOLDER}/join-token",
            "node-name": order.node_id,
            "node-label": [f"{key}={value}" for key, value in self._labels(order).items()],
            "node-taint": list(self._settings.taints),
        }
        return [
            File(path="/etc/rancher/k3s/config.yaml", content=json.dumps(config, indent=1)),
            File(path=f"{FOLDER}/join-token", content=f"{token}\n"),
            File(path=f"{FOLDER}/k3s-agent.service", content=K3S_UNIT),
            File(path=f"{FOLDER}/join.sh", content=K3S, is_program=True),
        ]

    def _kubeadm(self, order: Order, token: str) -> list[File]:
        labels = ",".join(f"{key}={value}" for key, value in self._labels(order).items())
        config = {
            "apiVersion": "kubeadm.k8s.io/v1beta3",
            "kind": "JoinConfiguration",
            "discovery": {
                "bootstrapToken": {
                    "apiServerEndpoint": self._server_url.removeprefix("https://").rstrip("/"),
                    "token": token,
                    "caCertHashes": [self._settings.ca_hash],
                }
            },
            "nodeRegistration": {
                "name": order.node_id,
                "kubeletExtraArgs": {"provider-id": PLACE, "node-labels": labels},
                "taints": [asdict(Taint.of(text)) for text in self._settings.taints],
            },
        }
        return [
            File(path=f"{FOLDER}/kubeadm.yaml", content=json.dumps(config, indent=1)),
            File(path=f"{FOLDER}/join.sh", content=KUBEADM, is_program=True),
        ]

    def _labels(self, order: Order) -> dict[str, str]:
        return {
            **self._settings.labels,
            INSTANCE_TYPE: label_value(OfferId.of(order.pool).product),
            NODE: label_value(order.node_id),
            MODEL: label_value(order.model),
            POOL: label_value(order.pool),
            FLEET: label_value(order.fleet),
        }


def who_am_i(provider: str) -> str:
    """The script that prints a machine's provider id; nothing on a cloud whose ids are not known."""
    known = PROVIDER_IDS.get(provider)
    return WHO_AM_I if known is None else f'{WHO_AM_I}printf "%s\\n" "{known}"\n'
