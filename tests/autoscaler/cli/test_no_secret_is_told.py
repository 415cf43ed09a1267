"""No secret gets out: every server answers with all it was sent, and every output is looked through."""

import json
import sys
import threading
from base64 import b64decode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path

import pytest

from autoscaler.cli import baseload, run
from tests.autoscaler.cli.fleets import a_folder

PLANTED = {
    "HCLOUD_TOKEN": "planted-hcloud-token",
    "HETZNER_ROBOT_USER": "planted-robot-user",
    "HETZNER_ROBOT_PASSWORD": "planted-robot-password",
    "OVH_APPLICATION_KEY": "planted-ovh-key",
    "OVH_APPLICATION_SECRET": "planted-ovh-secret",
    "OVH_CONSUMER_KEY": "planted-ovh-consumer",
    "AWS_ACCESS_KEY_ID": "AKIAPLANTED",
    "AWS_SECRET_ACCESS_KEY": "planted-aws-secret",
    "AWS_SESSION_TOKEN": "planted-aws-session",
    "BASELOAD_PROMETHEUS_TOKEN": "planted-prometheus-token",
    "BASELOAD_NODE_KEY": "planted-node-key",
    "LITELLM_MASTER_KEY": "planted-litellm-key",
}
"""Each but the access key's id, which is no secret, begins alike."""
MARK = "planted-"


class Echo(ThreadingHTTPServer):
    """Answers 401 to everything, and repeats all it was sent, where clients look for the reason."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _EchoHandler)
        self.heard: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _EchoHandler(BaseHTTPRequestHandler):
    server: Echo

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        headers = " ".join(self.headers.values())
        scheme, _, rest = (self.headers.get("Authorization") or "").partition(" ")
        if scheme == "Basic":
            headers += " " + b64decode(rest).decode()
        heard = f"{self.path} {headers} {body}"
        self.server.heard.append(heard)
        said = {"code": "unauthorized", "message": heard, "details": {}}
        document = {"error": said, "message": heard, "errorCode": "INVALID_CREDENTIAL", "status": "error"}
        if self.path.startswith("/api/v1"):
            document = {"status": "error", "errorType": "bad_data", "error": heard}
        data = json.dumps(document).encode()
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the names http.server calls

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def fleet(tmp_path: Path, echo: Echo, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable, secret in PLANTED.items():
        monkeypatch.setenv(variable, secret)
    monkeypatch.delenv("BASELOAD_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    return a_folder(
        tmp_path,
        f"""
[autoscale]
fleet = "blue"
plan = "plan.json"
listen = "127.0.0.1:1"

[metrics]
prometheus_url = "{echo.url}"

[router]
kind = "litellm"
url = "{echo.url}"

[server]
command = {{ m = "serve-m" }}

[providers.hetzner_cloud]
location = "fsn1"
endpoint_url = "{echo.url}"

[providers.hetzner]
base = {{ "321" = "m" }}
endpoint_url = "{echo.url}"

[providers.ovh]
project = "p1"
region = "GRA11"
image = "Debian 12"
endpoint = "{echo.url}"

[providers.aws]
region = "us-east-1"
image_id = "ami-1"
endpoint_url = "{echo.url}"
queue_url = "{echo.url}/1/q"
""",
    )


def test_no_secret_is_in_any_output_though_every_server_repeats_it(
    fleet: Path, echo: Echo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    commands = (
        ("check",),
        ("check", "--json"),
        ("once", "--dry-run"),
        ("once",),
        ("once", "--json", "--log", "json"),
        ("status",),
        ("status", "--json"),
    )
    for command in commands:
        err = StringIO()
        monkeypatch.setattr(sys, "stderr", err)
        code = run(baseload(), ["-v", "autoscale", *command, "-c", str(fleet)])
        assert code in (0, 5), err.getvalue()
        told.append(capsys.readouterr().out + err.getvalue())
    heard = " ".join(echo.heard)
    sent = [secret for secret in PLANTED.values() if secret in heard]
    assert {"planted-hcloud-token", "planted-robot-password", "planted-prometheus-token"} <= set(sent)
    assert "planted-ovh-key" in sent
    for text in told:
        assert MARK not in text
    for path in sorted(fleet.parent.iterdir()):
        assert MARK.encode() not in path.read_bytes(), path.name
    assert any("***" in text for text in told)  # what was repeated was there, and was taken out


def test_no_secret_is_in_metrics_status_or_log_of_the_daemon(fleet: Path) -> None:
    from autoscaler.cli.autoscale.inputs import given_of
    from autoscaler.daemon.clock import SystemClock
    from autoscaler.daemon.serve import Voice, made
    from autoscaler.daemon.start.build import built, plan_watch_of, secrets_for
    from autoscaler.report.status_json import status_text

    clock, err = SystemClock(), StringIO()
    given = given_of(fleet, clock, is_dry_run=False)
    secrets, watch = secrets_for(given.fleet, given.database, given.environ), plan_watch_of(given)
    watch.look(clock.now())
    with built(given, watch, secrets) as parts:
        running = made(parts.setup, clock, Voice(stream=err, render=status_text, least=10))
        running.daemon.turn()
        running.daemon.turn()
        running.daemon.end()
    clock.close()
    status = running.board.status
    assert status is not None
    assert len(status.problems) >= 4  # each provider, and the serving side
    for text in (err.getvalue(), status_text(status), running.metrics.text().decode()):
        assert MARK not in text
        assert text


def test_the_clusters_token_is_hidden_too(
    fleet: Path, echo: Echo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASELOAD_JOIN_TOKEN", "planted-join-token")
    (fleet.parent / "kubeconfig").write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "x",
                "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
                "clusters": [{"name": "x", "cluster": {"server": echo.url}}],
                "users": [{"name": "x", "user": {"token": "planted-cluster-token"}}],
            }
        ),
        encoding="utf-8",
    )
    text = fleet.read_text(encoding="utf-8")
    cluster = '[cluster]\nkubeconfig = "kubeconfig"\nserver_url = "https://10.0.0.1:6443"\n\n[metrics]'
    fleet.write_text(text.replace("[metrics]", cluster), encoding="utf-8")
    for command in ("check", "once"):
        err = StringIO()
        monkeypatch.setattr(sys, "stderr", err)
        run(baseload(), ["-v", "autoscale", command, "-c", str(fleet)])
        told = capsys.readouterr().out + err.getvalue()
        assert MARK not in told
        assert "***" in told
    assert any("planted-cluster-token" in heard for heard in echo.heard)
