"""Reaching a cluster as the settings say."""

from datetime import timedelta
from pathlib import Path

import pytest

from autoscaler.cluster.api import ClusterError, connect
from planner.errors import InputError
from planner.fleet.daemon import ClusterSettings
from tests.cluster.control_plane import Cluster


def test_a_kubeconfig_beside_the_fleet_file_is_enough(cluster: Cluster, tmp_path: Path) -> None:
    path = cluster.kubeconfig(tmp_path)
    api = connect(ClusterSettings(kubeconfig=path.name), folder=str(tmp_path), timeout_s=10)
    assert api.get("/api/v1/namespaces/default")["metadata"]["name"] == "default"
    api.close()


def test_a_token_that_is_none_is_told_from_a_missing_right(cluster: Cluster) -> None:
    api = cluster.api("planted-token")
    with pytest.raises(ClusterError, match="401 Unauthorized") as caught:
        api.get("/api/v1/nodes")
    assert "planted" not in str(caught.value)
    api.close()


@pytest.mark.parametrize(
    "text", ["", "a: [", "kind: Config\n", "[]", "\x00"], ids=["empty", "cut", "bare", "list", "binary"]
)
def test_a_kubeconfig_that_is_none_is_refused_in_a_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text(text)
    with pytest.raises(InputError, match=r"\[cluster\] kubeconfig"):
        connect(ClusterSettings(kubeconfig="kubeconfig"), folder=str(tmp_path), timeout_s=1)


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\[cluster\] .*missing.yaml"):
        connect(ClusterSettings(kubeconfig="missing.yaml"), folder=str(tmp_path), timeout_s=1)


def test_outside_a_pod_and_without_a_kubeconfig_it_is_said_what_is_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(InputError, match="expected a kubeconfig, or to run in a pod"):
        connect(ClusterSettings(), folder=".", timeout_s=1)


def test_in_a_pod_the_service_account_is_enough_and_its_token_may_be_changed(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kubernetes.config import incluster_config

    host, port = cluster.url.removeprefix("https://").split(":")
    token = tmp_path / "token"
    token.write_text("expired")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(cluster.ca_file))
    api = connect(ClusterSettings(), folder=".", timeout_s=10)
    with pytest.raises(ClusterError, match="401"):
        api.get("/api/v1/namespaces/default")

    def a_minute_later() -> None:
        """The client reads the token anew once a minute."""
        for cell in api._client.configuration.refresh_api_key_hook.__closure__:
            if isinstance(cell.cell_contents, incluster_config.InClusterConfigLoader):
                cell.cell_contents.token_expires_at -= timedelta(minutes=1)

    token.write_text(cluster.admin_token)
    a_minute_later()
    assert api.get("/api/v1/namespaces/default")["metadata"]["name"] == "default"

    token.unlink()
    a_minute_later()
    with pytest.raises(ClusterError, match=r"GET /api/v1/namespaces/default: .*No such file"):
        api.get("/api/v1/namespaces/default")
    api.close()
