"""The tag of an instance is its name: OVH's instances have no others. Pure.

The name is `node__fleet__model__pool__key__baseload`, the node first: a host name is made of its first 63 characters.
Within a part, what is no letter, digit or hyphen is `_` and two hexadecimal digits per byte: `__` only separates, and
host names stay legal. The key is left empty where it is the node's id. A machine that was named by hand with
`baseload-base` at the end is a base node: watched, never ended.
"""

import re
from dataclasses import dataclass

from autoscaler.providers.provider import Order

SEPARATOR = "__"
MARK = "baseload"
BASE_MARK = "baseload-base"
LONGEST = 255
"""Characters a name may have (the limit of OpenStack, which OVH's instances are)."""
_PLAIN = re.compile(rb"[A-Za-z0-9-]")
_PART = re.compile(r"(?:[A-Za-z0-9-]|_[0-9a-f]{2})*")
_ESCAPED = re.compile(rb"_([0-9a-f]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """What the name of one of our machines says."""

    key: str
    """Idempotency key of its order."""
    node_id: str
    fleet: str
    pool: str
    model: str
    is_base: bool = False

    def is_of(self, order: Order) -> bool:
        """Whether the machine is the one that the order asks for."""
        mine = (self.key, self.node_id, self.fleet, self.pool, self.model)
        return mine == (order.key, order.node_id, order.fleet, order.pool, order.model)


def name_of(order: Order) -> str:
    """The name of an order's machine. Raises ValueError where it is too long."""
    key = "" if order.key == order.node_id else order.key
    name = SEPARATOR.join([_part(one) for one in (order.node_id, order.fleet, order.model, order.pool, key)] + [MARK])
    if len(name) > LONGEST:
        raise ValueError(
            f"the machine of {order.node_id} would be named with {len(name)} characters, and {LONGEST} are allowed:"
            " choose shorter names for fleet, model or pool"
        )
    return name


def tag_of(name: str) -> Tag | None:
    """What the name says; None: it is not one of ours."""
    parts = name.split(SEPARATOR)
    if len(parts) != 6 or parts[5] not in (MARK, BASE_MARK):
        return None
    if not all(_PART.fullmatch(part) for part in parts[:5]):
        return None
    try:
        node_id, fleet, model, pool, key = (_text(part) for part in parts[:5])
    except UnicodeDecodeError:
        return None
    if not (node_id and fleet):
        return None
    return Tag(key=key or node_id, node_id=node_id, fleet=fleet, pool=pool, model=model, is_base=parts[5] == BASE_MARK)


def _part(text: str) -> str:
    bytes_of = (bytes([byte]) for byte in text.encode())
    return "".join(one.decode() if _PLAIN.fullmatch(one) else f"_{one[0]:02x}" for one in bytes_of)


def _text(part: str) -> str:
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), part.encode()).decode()
