"""The alerts and panels as they are written, and the metrics they speak of."""

import json
import re
from pathlib import Path

import yaml

MONITORING = Path(__file__).parents[2] / "infra" / "monitoring"


def alerts() -> dict[str, dict]:
    """Rule by name."""
    text = (MONITORING / "alerts.yaml").read_text(encoding="utf-8")
    return {rule["alert"]: rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]}


def recorded() -> dict[str, str]:
    """Expression by recorded name."""
    text = (MONITORING / "throughput.yaml").read_text(encoding="utf-8")
    return {rule["record"]: rule["expr"] for group in yaml.safe_load(text)["groups"] for rule in group["rules"]}


def panels() -> dict[str, list[str]]:
    """Title -> expressions, with every fleet chosen."""
    dashboard = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
    return {
        panel["title"]: [target["expr"].replace("$fleet", ".*") for target in panel["targets"]]
        for panel in dashboard["panels"]
        if panel["type"] != "row"
    }


def metrics_in(expression: str) -> set[str]:
    """Names of the daemon's metrics in an expression."""
    return set(re.findall(r"\bbaseload_[a-z0-9_]+", expression))
