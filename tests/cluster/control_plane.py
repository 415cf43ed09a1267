"""A real cluster for tests: etcd, API server, controller manager and scheduler, on free ports of loopback.

RBAC is real, and so are tokens of service accounts; only the kubelet is simulated (`tests.cluster.kubelet`). The server
writes an audit log, so that a test can say which verbs were used.
"""

import base64
import csv
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from shutil import rmtree
from tempfile import mkdtemp
from time import monotonic, sleep

from autoscaler.cluster.api import ClusterApi, ClusterError, api_of
from tests.needs import lacking, program
from tests.servers.process import free_port

VERSION = "1.20.2"
PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
BUILD = Path(__file__).with_name("build")
START_S = 120.0
"""Longest a server may take to start; a busy machine needs it, an idle one takes 4 s."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A running cluster."""

    url: str
    ca_file: Path
    admin_token: str
    audit_log: Path

    def api(self, token: str | None = None, *, timeout_s: float = 30.0, url: str | None = None) -> ClusterApi:
        """A door with a token: the admin's, unless another is given. The caller closes it."""
        from kubernetes.client import Configuration

        configuration = Configuration()
        configuration.host = url or self.url
        configuration.ssl_ca_cert = str(self.ca_file)
        configuration.api_key = {"authorization": f"Bearer {token or self.admin_token}"}
        return api_of(configuration, timeout_s=timeout_s)

    def kubeconfig(self, folder: Path, token: str | None = None) -> Path:
        """A kubeconfig with a token, written into `folder`."""
        path = folder / f"kubeconfig-{token_hex(3)}.yaml"
        path.write_text(
            json.dumps(  # JSON is YAML
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [
                        {
                            "name": "c",
                            "cluster": {
                                "server": self.url,
                                "certificate-authority-data": base64.b64encode(self.ca_file.read_bytes()).decode(),
                            },
                        }
                    ],
                    "users": [{"name": "u", "user": {"token": token or self.admin_token}}],
                    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                    "current-context": "x",
                }
            )
        )
        return path

    def used(self, user: str) -> set[tuple[str, str, str]]:
        """Verb, API group and resource (`pods/eviction`) of every request of a user so far, as the server saw them."""
        found = set()
        for line in self.audit_log.read_text().splitlines():
            with suppress(ValueError):  # the last line may be half written
                event = json.loads(line)
                where = event.get("objectRef")
                if event["user"]["username"] == user and where is not None:
                    name = "/".join(filter(None, (where["resource"], where.get("subresource"))))
                    found.add((event["verb"], where.get("apiGroup", ""), name))
        return found


def binaries() -> Path:
    """The folder of the three programs. In CI they are built now, or waited for where that has begun already."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "baseload-cluster" / VERSION
    if all((folder / name).exists() for name in PROGRAMS):
        return folder
    if not os.environ.get("CI"):
        lacking(f"no {folder}: tests/cluster/build makes it, in about five minutes, once")
    done = subprocess.run([BUILD], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lacking(f"tests/cluster/build failed:\n{done.stderr[-3000:]}")
    return folder


@contextmanager
def started() -> Iterator[Cluster]:
    """A cluster of its own, stopped for sure at the end."""
    for is_last in (False, False, True):
        with ExitStack() as stack:
            try:
                cluster = _begun(stack)
            except AssertionError:
                if is_last:
                    raise
                continue  # another process took a port between our looking and its use
            yield cluster
            return


def _begun(stack: ExitStack) -> Cluster:
    folder = Path(mkdtemp(prefix="baseload-cluster-"))
    stack.callback(rmtree, folder, ignore_errors=True)
    etcd = _etcd(stack, folder)
    cluster = _api_server(stack, folder, etcd)
    kubeconfig = cluster.kubeconfig(folder)
    common = ("--kubeconfig", kubeconfig, "--leader-elect=false", "--port=0", "--secure-port=0")
    _start(
        stack,
        folder,
        binaries() / "kube-controller-manager",
        *common,
        "--controllers=*,-serviceaccount,-serviceaccount-token",
        "--node-monitor-period=500ms",
        "--node-monitor-grace-period=4s",
        "--pod-eviction-timeout=1h",
    )
    _start(stack, folder, binaries() / "kube-scheduler", *common)
    return cluster


def _etcd(stack: ExitStack, folder: Path) -> str:
    etcd = program("etcd", "etcd-server")
    url, peers = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    _start(
        stack,
        folder,
        Path(etcd),
        f"--data-dir={folder}/etcd",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        "--unsafe-no-fsync",
    )
    return url


def _api_server(stack: ExitStack, folder: Path, etcd: str) -> Cluster:
    server = binaries() / "kube-apiserver"
    port, token = free_port(), token_hex(16)
    key = folder / "sa.key"
    subprocess.run(
        [program("openssl", "openssl"), "genrsa", "-out", key, "2048"], check=True, capture_output=True, text=True
    )
    with (folder / "tokens.csv").open("w", newline="") as file:
        csv.writer(file).writerow([token, "admin", "admin", "system:masters"])
    policy = folder / "audit.yaml"
    policy.write_text(
        "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata, "
        'userGroups: ["system:serviceaccounts"]}, {level: None}]\n'
    )
    log = folder / "audit.log"
    log.touch()
    cluster = Cluster(
        url=f"https://127.0.0.1:{port}",
        ca_file=folder / "certs" / "apiserver.crt",
        admin_token=token,
        audit_log=log,
    )
    process = _start(
        stack,
        folder,
        server,
        f"--etcd-servers={etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--insecure-port=0",
        f"--cert-dir={folder}/certs",
        "--service-cluster-ip-range=10.0.0.0/24",
        f"--service-account-issuer={cluster.url}",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        f"--token-auth-file={folder}/tokens.csv",
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount",
        "--allow-privileged=true",
        f"--audit-policy-file={policy}",
        f"--audit-log-path={log}",
    )
    _wait_for(cluster, process, folder)
    return cluster


def _wait_for(cluster: Cluster, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    until, why = monotonic() + START_S, "no certificate yet"
    while monotonic() < until:
        if process.poll() is not None:
            raise AssertionError(f"kube-apiserver ended with {process.returncode}:\n{_tail(folder / 'kube-apiserver')}")
        if cluster.ca_file.exists():
            api = cluster.api(timeout_s=5)
            try:
                # Roles made at the start come last; without them nobody but the admin may ask what there is.
                api.get("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/system:discovery")
                api.get("/api/v1/namespaces/default")
            except ClusterError as error:
                why = str(error)
            else:
                return
            finally:
                api.close()
        sleep(0.1)
    raise AssertionError(
        f"kube-apiserver is not there after {START_S:.0f} s ({why}):\n{_tail(folder / 'kube-apiserver')}"
    )


def _start(stack: ExitStack, folder: Path, name: Path, *words: object) -> "subprocess.Popen[bytes]":
    """A server as a process of ours, which ends with the stack, and with this process should it be killed."""
    leash = [program("setpriv", "util-linux"), "--pdeathsig", "KILL", "--"]
    log = stack.enter_context((folder / f"{name.name}.log").open("wb"))
    process = subprocess.Popen(
        [*leash, str(name), *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=folder,
    )
    stack.callback(_stop, process)
    return process


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.kill()  # what it holds is thrown away
    process.wait(timeout=30)


def _tail(name: Path) -> str:
    return name.with_suffix(".log").read_text(errors="replace")[-3000:]
