"""The shipped manifest of rights, applied to a real API server, and a token of the account it is for."""

from pathlib import Path

import yaml

from autoscaler.cluster.api import ClusterApi, ClusterError, Json

MANIFEST = Path(__file__).parents[2] / "infra" / "kubernetes" / "base" / "rbac.yaml"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "ClusterRole": f"{RBAC}/clusterroles",
    "ClusterRoleBinding": f"{RBAC}/clusterrolebindings",
    "Role": f"{RBAC}/namespaces/{{namespace}}/roles",
    "RoleBinding": f"{RBAC}/namespaces/{{namespace}}/rolebindings",
}
USER = "system:serviceaccount:baseload:baseload"


def documents() -> list[Json]:
    """The objects of the manifest."""
    return list(yaml.safe_load_all(MANIFEST.read_text()))


def apply(admin: ClusterApi) -> None:
    """Makes every object of the manifest, unless it is there."""
    for item in documents():
        try:
            admin.post(PATHS[item["kind"]].format(**item["metadata"]), item)
        except ClusterError as error:
            if error.reason != "AlreadyExists":
                raise


def token(admin: ClusterApi) -> str:
    """A token of the service account, as a pod gets one."""
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    made = admin.post("/api/v1/namespaces/baseload/serviceaccounts/baseload/token", asked)
    return str(made["status"]["token"])


def granted() -> set[tuple[str, str, str]]:
    """Verb, API group and resource of every right."""
    return {
        (verb, group, resource)
        for item in documents()
        for rule in item.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
