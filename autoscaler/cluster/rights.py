"""What the daemon may do in the cluster, asked of the API server before anything is done. Changes nothing there."""

from dataclasses import dataclass

from autoscaler.cluster.api import ClusterApi

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """One thing the daemon does."""

    verb: str
    group: str
    resource: str
    """Such as pods/eviction."""
    is_for_leading: bool = False
    """Needed in one namespace, by [autoscale] leadership = "cluster" alone."""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"


RIGHTS = (
    *(Right(verb=verb, group="", resource="nodes") for verb in ("get", "list", "watch", "patch", "delete")),
    *(Right(verb=verb, group="", resource="pods") for verb in ("list", "watch", "delete")),
    Right(verb="create", group="", resource="pods/eviction"),
    *(
        Right(verb=verb, group="coordination.k8s.io", resource="leases", is_for_leading=True)
        for verb in ("get", "create", "update")
    ),
)
"""As infra/kubernetes/base/rbac.yaml grants them."""


def lacking(api: ClusterApi, *, namespace: str, leads: bool) -> tuple[Right, ...]:
    """The rights that the account of `api` does not have. Raises ClusterError.

    `leads`: the lease of the leader is in the cluster, in `namespace`.
    """
    return tuple(
        right for right in RIGHTS if (leads or not right.is_for_leading) and not _has(api, right, namespace=namespace)
    )


def _has(api: ClusterApi, right: Right, *, namespace: str) -> bool:
    resource, _, subresource = right.resource.partition("/")
    asked = {"verb": right.verb, "group": right.group, "resource": resource}
    if subresource:
        asked["subresource"] = subresource
    if right.is_for_leading:
        asked["namespace"] = namespace
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    return bool((api.post(REVIEWS, body).get("status") or {}).get("allowed"))
