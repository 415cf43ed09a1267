"""The file of scrape targets that Prometheus watches (`file_sd_configs`), with labels node, model and pool."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autoscaler.fleet import ENDING, Node
from autoscaler.serving.plain.file_router import write_where_changed
from autoscaler.serving.plain.router import endpoint_of


def keep_targets(path: Path, nodes: Sequence[Node], port: int) -> None:
    """Lists every node that is not ending: those that load, serve and drain. Raises ServingError.

    A node whose address is not known stays as the file has it: its provider cannot be asked for a while.
    """
    here = [node for node in nodes if node.state not in ENDING]
    endpoints = [found for node in here if (found := endpoint_of(node, port)) is not None]
    groups = {
        one.node_id: {"targets": [one.host_port], "labels": {"node": one.node_id, "model": one.model, "pool": one.pool}}
        for one in endpoints
    }
    lacking = {node.id for node in here} - set(groups)
    if lacking:
        groups |= {node_id: group for node_id, group in _held(path).items() if node_id in lacking}
    in_order = [groups[node_id] for node_id in sorted(groups)]
    write_where_changed(path, json.dumps(in_order, indent=2, ensure_ascii=False) + "\n", what="targets_file")


def _held(path: Path) -> Mapping[str, Any]:
    """By node: what the file has; nothing where it is not there, or not ours to understand."""
    try:
        return {group["labels"]["node"]: group for group in json.loads(path.read_text(encoding="utf-8"))}
    except (OSError, ValueError, LookupError, TypeError):
        return {}
