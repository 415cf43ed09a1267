"""The file of scrape targets that Prometheus watches (`file_sd_configs`), with labels node, model and pool."""

import json
from collections.abc import Sequence
from pathlib import Path

from autoscaler.fleet import ENDING, Node
from autoscaler.serving.plain.file_router import write_where_changed
from autoscaler.serving.plain.router import endpoint_of


def keep_targets(path: Path, nodes: Sequence[Node], port: int) -> None:
    """Lists every node that has an address and is not ending: those that load, serve and drain. Raises ServingError."""
    found = [endpoint_of(node, port) for node in nodes if node.state not in ENDING]
    groups = [
        {
            "targets": [one.host_port],
            "labels": {"node": one.node_id, "model": one.model, "pool": one.pool},
        }
        for one in sorted((one for one in found if one is not None), key=lambda one: one.node_id)
    ]
    write_where_changed(path, json.dumps(groups, indent=2, ensure_ascii=False) + "\n", what="targets_file")
