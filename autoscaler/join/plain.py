"""A node without a cluster: its model server is started at boot, by a command of the settings. Pure."""

import re

from autoscaler.join.cloud_init import File, cloud_config
from autoscaler.providers.provider import Order, Permanent
from planner.catalog.offer_id import OfferId
from planner.fleet.daemon import ServerSettings

FOLDER = "/etc/baseload"
PLAIN = re.compile(r"[A-Za-z0-9._:/@+~-]+")
UNIT = f"""\
[Unit]
Description=model server
Wants=network-online.target
After=network-online.target

[Service]
EnvironmentFile={FOLDER}/node.env
ExecStart=/bin/sh {FOLDER}/serve.sh
Restart=always
RestartSec=5s
LimitNOFILE=1048576
TimeoutStopSec=600

[Install]
WantedBy=multi-user.target
"""


class PlainStart:
    """The user data of an order (`UserData`)."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings

    def __call__(self, order: Order) -> str:
        """The cloud-config by which the order's machine serves its model. Raises Permanent: nothing was launched."""
        command = self._settings.command.get(order.model)
        if command is None:
            raise Permanent(f"[server] command has none for {order.model}; expected the command that serves it")
        named = {"NODE": order.node_id, "MODEL": order.model, "POOL": order.pool, "FLEET": order.fleet}
        for key, value in named.items():
            if not PLAIN.fullmatch(value):
                raise Permanent(f"{key.lower()} {value!r}: expected letters, digits and . _ : / @ + ~ - alone")
        environment = "".join(f"BASELOAD_{key}={value}\n" for key, value in named.items())
        files = [
            File(path=f"{FOLDER}/node.env", content=environment),
            File(path=f"{FOLDER}/serve.sh", content=f"{command}\n", is_program=True),
            File(path="/etc/systemd/system/baseload-model.service", content=UNIT),
        ]
        commands = [["systemctl", "daemon-reload"], ["systemctl", "enable", "--now", "baseload-model"]]
        return cloud_config(files, commands, provider=OfferId.of(order.pool).provider)
