"""The published file over HTTP: downloaded whole, no larger than allowed, from the address given and no other."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from planner.catalog.sources.source import SourceError
from planner.errors import InputError
from planner.exchange.spare_cores.fetch import download, is_url, shown
from planner.exchange.spare_cores.unpack import database
from tests.planner.exchange.spare_cores.made import write
from tests.servers.redirecting import redirecting


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    """A server that has the database at /sc.db, and nothing else."""
    body = write(tmp_path / "made.sqlite").read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = body if self.path.startswith("/sc.db") else b"no"
            self.send_response(200 if found is body else 404)
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            self.wfile.write(found)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_url_is_downloaded_and_what_was_made_for_it_is_gone_afterwards(host: str, tmp_path: Path) -> None:
    with database(f"http://{host}/sc.db") as path:
        assert path.read_bytes() == (tmp_path / "made.sqlite").read_bytes()
    assert not path.exists()


def test_no_answer_is_an_error_of_the_source_that_keeps_secrets_to_itself(host: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=f"spare cores: GET http://{host}/none: 404 Not Found") as caught:
        download(f"http://me:secret@{host}/none?signature=secret", tmp_path / "target")
    assert "secret" not in str(caught.value)
    with pytest.raises(SourceError, match="ConnectError, no answer"):
        download("http://127.0.0.1:9/sc.db", tmp_path / "target")


def test_a_file_larger_than_allowed_is_refused(host: str, tmp_path: Path) -> None:
    size = (tmp_path / "made.sqlite").stat().st_size
    download(f"http://{host}/sc.db", tmp_path / "target", max_bytes=size)
    with pytest.raises(InputError, match="expected a smaller file"):
        download(f"http://{host}/sc.db", tmp_path / "target", max_bytes=size - 1)


def test_a_disk_that_cannot_keep_it_is_said(host: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be kept on this machine's disk"):
        download(f"http://{host}/sc.db", tmp_path / "no folder" / "target")


def test_nobody_is_sent_to_another_address(tmp_path: Path) -> None:
    with redirecting() as (host, asked):
        with pytest.raises(SourceError, match=f"is moved to http://{host}/elsewhere; expected that address"):
            download(f"http://{host}/sc.db", tmp_path / "target")
        assert asked == ["/sc.db"]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("https://host/a.db", True),
        ("HTTP://host/a.db", True),
        ("a.db", False),
        ("file:///a.db", False),
        ("C:/a", False),
    ],
)
def test_what_is_a_url(place: str, expected: bool) -> None:
    assert is_url(place) is expected


def test_a_path_is_shown_as_it_is() -> None:
    assert shown("folder/what?is@this.db") == "folder/what?is@this.db"
