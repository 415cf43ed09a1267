"""One server per process, one account per test."""

import threading
from types import SimpleNamespace

import boto3
import botocore.endpoint
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.autoscaler.providers.aws.double import REGION, AwsDouble, double_of


class Quiet(WSGIRequestHandler):
    def log(self, type, message, *args):  # noqa: A002 - werkzeug's name
        pass


class Server:
    """Where the double of the test that runs now is reached."""

    def __init__(self) -> None:
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.double: AwsDouble | None = None
        self._server = make_server("127.0.0.1", 0, self._app, threaded=True, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def _app(self, env, start):
        assert self.double is not None
        return self.double(env, start)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="session")
def server():
    one = Server()
    yield one
    one.close()


@pytest.fixture
def double(server, monkeypatch):
    one = server.double = double_of(server.moto, monkeypatch)
    yield one
    one.mend()
    server.double = None


@pytest.fixture(autouse=True)
def no_real_account(monkeypatch):
    """Whatever the machine has of credentials is not seen."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")


@pytest.fixture(autouse=True)
def no_pause_between_tries(monkeypatch):
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda seconds: None))


SECRET_KEY = "not-a-real-secret-access-key-0123456789"


@pytest.fixture(scope="session")
def session():
    return boto3.Session("AKIAIOSFODNN7EXAMPLE", SECRET_KEY, region_name=REGION)
