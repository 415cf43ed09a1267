"""What a cost beside leases is for, told by its words: the service categories of FinOps FOCUS 1.2. Pure."""

import re

_SERVICES = (
    (re.compile(r"egress|traffic|transfer|bandwidth", re.IGNORECASE), "Networking", "Data Transfer"),
    (re.compile(r"\bip(v[46])?s?\b|address", re.IGNORECASE), "Networking", "Other (Networking)"),
    (re.compile(r"snapshot|backup", re.IGNORECASE), "Storage", "Backup Storage"),
    (re.compile(r"volume|block|disk|ebs", re.IGNORECASE), "Storage", "Block Storage"),
    (re.compile(r"object|bucket|\bs3\b", re.IGNORECASE), "Storage", "Object Storage"),
    (re.compile(r"storage", re.IGNORECASE), "Storage", "Other (Storage)"),
    (re.compile(r"monitor|logging|metrics", re.IGNORECASE), "Management and Governance", "Observability"),
    (re.compile(r"support", re.IGNORECASE), "Management and Governance", "Support"),
)
"""What another cost's own words say of the service; first match wins."""


def service_of(what: str) -> tuple[str, str]:
    """Category and subcategory of FOCUS 1.2 that the words of another cost, or of an invoice line, mean."""
    for pattern, category, subcategory in _SERVICES:
        if pattern.search(what):
            return category, subcategory
    return "Other", "Other (Other)"
