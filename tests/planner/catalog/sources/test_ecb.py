"""The euro's reference rate, from the bank's own file."""

import threading
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from planner.catalog.sources.ecb import fetch_rate, read_rate
from planner.catalog.sources.source import SourceError

FILE = """<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
    <gesmes:subject>Reference rates</gesmes:subject>
    <gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
    <Cube><Cube time='2026-11-25'><Cube currency='USD' rate='1.1403'/><Cube currency='JPY' rate='178.2'/></Cube></Cube>
</gesmes:Envelope>
"""


def test_the_rate_is_that_of_the_dollar_with_its_day():
    found = read_rate(FILE)
    assert (found.usd_per_eur, found.date) == (Decimal("1.1403"), date(2026, 11, 25))
    assert "European Central Bank" in found.source


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>it works!</html>",
        FILE.replace("USD", "CHF"),
        FILE.replace("1.1403", "0"),
        FILE.replace("1.1403", "-1"),
        FILE.replace("2026-11-25", "yesterday"),
        FILE.replace("<Cube><Cube", "<!DOCTYPE x [<!ENTITY y 'z'>]><Cube><Cube"),
        FILE + " " * 200_000,
    ],
)
def test_what_is_not_the_banks_file_is_an_error(text):
    with pytest.raises(SourceError, match="ecb: "):
        read_rate(text)


@pytest.fixture
def bank() -> Iterator[str]:
    """A server that has the file at /today.xml, and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = FILE.encode() if self.path == "/today.xml" else b"no"
            self.send_response(200 if self.path == "/today.xml" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_rate_is_read_from_the_bank_and_no_answer_is_an_error(bank):
    assert fetch_rate(f"{bank}/today.xml").usd_per_eur == Decimal("1.1403")
    for url in (f"{bank}/tomorrow.xml", "http://127.0.0.1:9/today.xml"):
        with pytest.raises(SourceError, match="no answer"):
            fetch_rate(url)
