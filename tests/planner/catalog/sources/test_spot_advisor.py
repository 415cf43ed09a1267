import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from planner.catalog.sources.source import SourceError
from planner.catalog.sources.spot_advisor import fetch, read_advice

FILE = {
    "global_rate": "<10%",
    "ranges": [
        {"index": 0, "label": "<5%", "dots": 0, "max": 5},
        {"index": 1, "label": "5-10%", "dots": 1, "max": 11},
        {"index": 4, "label": ">20%", "dots": 4, "max": 100},
    ],
    "spot_advisor": {
        "us-east-1": {
            "Linux": {"r7a.4xlarge": {"s": 63, "r": 1}, "g5.xlarge": {"s": 48, "r": 4}},
            "Windows": {"r7a.4xlarge": {"s": 30, "r": 0}},
        }
    },
}


def test_the_class_and_the_saving_of_a_type_are_those_of_linux_in_the_region():
    found = read_advice(json.dumps(FILE), "us-east-1")
    assert found["r7a.4xlarge"].interruption_range == "5-10%"
    assert found["r7a.4xlarge"].savings_ratio == Decimal("0.63")
    assert found["g5.xlarge"].interruption_range == ">20%"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("<html>", id="no JSON"),
        pytest.param("[]", id="another shape"),
        pytest.param(json.dumps(FILE | {"ranges": []}), id="a class without a name"),
        pytest.param(json.dumps(FILE).replace("5-10%", "5-12%"), id="a class without a rate"),
        pytest.param(json.dumps(FILE | {"spot_advisor": {}}), id="another region"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_to_be_so(text):
    with pytest.raises(SourceError, match="spot advisor: cannot be read for us-east-1"):
        read_advice(text, "us-east-1")


@pytest.fixture
def served() -> Iterator[str]:
    """The address of a server that has the file, and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/advisor.json"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(json.dumps(FILE).encode() if found else b"")

        def log_message(self, *said: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_file_is_fetched_as_it_is(served):
    assert "r7a.4xlarge" in read_advice(fetch(f"{served}/advisor.json"), "us-east-1")


def test_a_file_that_is_not_there_is_said_to_be_so(served):
    with pytest.raises(SourceError, match="no answer"):
        fetch(f"{served}/moved.json")
