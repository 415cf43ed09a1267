"""Names of ours in a cluster, and how our words fit a label's value. Pure."""

from hashlib import sha256

NODE = "baseload.dev/node"
"""Label of a Node: our node id, set when it joins."""
MODEL = "baseload.dev/model"
"""Label of a Node and of the pods that serve: the model."""
POOL = "baseload.dev/pool"
FLEET = "baseload.dev/fleet"
DRAINING = "baseload.dev/draining"
"""Annotation of a Node: since when it drains; and the key of the taint that keeps new pods away."""
RESUMED = "baseload.dev/resumed"
"""Annotation of a Node: when a drain was taken back; its pods load their model anew since then."""
WAS_CORDONED = "baseload.dev/was-cordoned"
"""Annotation: somebody had cordoned it before we did, so that a drain taken back leaves it cordoned."""
NO_BALANCER = "node.kubernetes.io/exclude-from-external-load-balancers"
"""Kubernetes' own label: load balancers of the cloud leave the node out, which carries traffic without pods too."""
NODEPOOL = "karpenter.sh/nodepool"
INSTANCE_TYPE = "node.kubernetes.io/instance-type"
LONGEST = 63
"""Characters in the value of a label."""


def label_value(text: str) -> str:
    """`text` as the value of a label: itself where it is one, else what is allowed of it and a digest that tells.

    A value holds letters, digits, `-`, `_` and `.`, and begins and ends with a letter or digit.
    """
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in text).strip("-_.")
    if kept == text and len(text) <= LONGEST:
        return text
    return f"{kept[: LONGEST - 7].rstrip('-_.')}-{sha256(text.encode()).hexdigest()[:6]}".lstrip("-")
