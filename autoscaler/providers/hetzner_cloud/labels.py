"""Labels: an order as the labels and the name of its server, and the order back from them. Pure.

A label's value holds at most 63 letters, digits, `-`, `_` and `.`, and begins and ends with a letter or digit (Hetzner
Cloud API, section Labels). Other characters are written as `_` and two hex digits for each byte; what is longer is
spread over `NAME.0`, `NAME.1` and so on. A server's name is unique in its project, so the name made from the key is
what keeps a key from making two servers.
"""

import hashlib
import re
from collections.abc import Mapping

from autoscaler.providers.provider import Order

FIELDS = ("node_id", "fleet", "pool", "model", "key")
LABELS = {field: f"baseload-{field.removesuffix('_id')}" for field in FIELDS}
"""Field of an order -> label."""
LONGEST = 63
PART = LONGEST - 2
"""Characters of a value in one of its parts: each part begins and ends with an `x`."""
EMPTY = "_-"
"""An empty text, or what goes before a text that would begin with an escape; an escape never reads like this."""


def labels_of(order: Order) -> dict[str, str]:
    """The labels of the server of an order."""
    labels: dict[str, str] = {}
    for field, name in LABELS.items():
        value = encoded(getattr(order, field))
        if len(value) <= LONGEST:
            labels[name] = value
        else:
            parts = [value[at : at + PART] for at in range(0, len(value), PART)]
            labels |= {f"{name}.{number}": f"x{part}x" for number, part in enumerate(parts)}
    return labels


def order_of(labels: Mapping[str, str]) -> Order | None:
    """The order a server's labels tell of; None: they are not ours, or not all there."""
    found: dict[str, str] = {}
    for field, name in LABELS.items():
        value = labels.get(name)
        if value is None:
            parts: list[str] = []
            while (part := labels.get(f"{name}.{len(parts)}")) is not None:
                parts.append(part[1:-1])
            value = "".join(parts)
        text = decoded(value)
        if not value or text is None:
            return None
        found[field] = text
    return Order(
        key=found["key"],
        node_id=found["node_id"],
        fleet=found["fleet"],
        pool=found["pool"],
        model=found["model"],
    )


def encoded(text: str) -> str:
    """The text as the value of a label, however long."""
    value = re.sub(r"[^A-Za-z0-9.-]", lambda found: _escaped(found.group()), text)
    if value and not value[-1].isalnum():
        value = value[:-1] + _escaped(value[-1])
    return value if value[:1].isalnum() else f"x{EMPTY}{value}" if value else f"x{EMPTY}0"


def decoded(value: str) -> str | None:
    """The text that `encoded` wrote; None: it wrote no such value."""
    if value == f"x{EMPTY}0":
        return ""
    value = value.removeprefix(f"x{EMPTY}")
    if re.fullmatch(r"(?:[A-Za-z0-9.-]|_[0-9a-f]{2})*", value) is None:
        return None
    data = re.sub(rb"_([0-9a-f]{2})", lambda found: bytes([int(found.group(1), 16)]), value.encode())
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _escaped(text: str) -> str:
    return "".join(f"_{byte:02x}" for byte in text.encode())


def server_name(key: str) -> str:
    """The name of the server of a key: the key itself where it is a host name, else one that tells keys apart."""
    if re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", key):
        return key
    readable = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")[:30].strip("-")
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    return "-".join(part for part in ("baseload", readable, digest) if part)
