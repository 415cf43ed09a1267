"""The port: four pages, read-only, that no reader can hold up."""

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoscaler.daemon.telemetry.pages import pages_of
from autoscaler.daemon.telemetry.port import MOST_READERS, Port, address_of
from autoscaler.report.status_json import status_text
from planner.errors import InputError
from tests.autoscaler.daemon.rig import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


@pytest.fixture
def port(rig: Rig) -> Iterator[Port]:
    pages = pages_of(rig.board, rig.metrics, monotonic_s=rig.world.clock.monotonic_s, render=status_text)
    port = Port("127.0.0.1:0", pages, on_dropped=rig.metrics.dropped)
    yield port
    port.close()


def asked(port: Port, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection(port.address, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_before_the_first_tick_it_lives_and_is_not_ready(rig: Rig, port: Port) -> None:
    assert asked(port, "/healthz")[0] == 200
    assert asked(port, "/readyz")[0] == 503
    assert asked(port, "/status")[0] == 503
    assert asked(port, "/metrics")[0] == 200


def test_a_leader_is_ready_and_tells_its_status(rig: Rig, port: Port) -> None:
    rig.turn(0)
    assert asked(port, "/readyz") == (200, "ok: leads\n")
    code, text = asked(port, "/status")
    assert code == 200
    assert json.loads(text)["lead"]["holder"] == "pod-1"


def test_one_that_stands_by_is_ready_too(rig: Rig, port: Port) -> None:
    rig.world.seat.taken = True
    rig.turn(0)
    assert asked(port, "/readyz") == (200, "ok: stands by\n")


def test_it_is_not_ready_while_the_database_is_away(rig: Rig, port: Port) -> None:
    rig.world.seat.is_down = True
    rig.turn(0)
    code, text = asked(port, "/readyz")
    assert code == 503
    assert "the database does not answer" in text
    assert asked(port, "/healthz")[0] == 200  # restarting it would not help


def test_a_loop_that_does_not_come_round_is_not_healthy(rig: Rig, port: Port) -> None:
    rig.turn(0)
    rig.world.clock.seconds += 180.0
    assert asked(port, "/healthz")[0] == 200
    rig.world.clock.seconds += 1.0
    assert asked(port, "/healthz")[0] == 503


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/status", "/metrics", "/pause"])
def test_nothing_can_be_written(rig: Rig, port: Port, method: str, path: str) -> None:
    rig.turn(0)
    assert asked(port, path, method)[0] == 501


def test_an_unknown_page_names_the_known_ones(port: Port) -> None:
    assert asked(port, "/") == (404, "pages: /metrics, /healthz, /readyz, /status\n")


def test_readers_that_say_nothing_hold_up_neither_the_loop_nor_others(rig: Rig, port: Port) -> None:
    host, number = address_of(port.address)
    silent = [socket.create_connection((host, number)) for _ in range(MOST_READERS - 1)]
    try:
        rig.world.demand(75.0)
        assert rig.turn(0) is not None
        assert asked(port, "/readyz")[0] == 200
    finally:
        for one in silent:
            one.close()


def test_too_many_readers_are_turned_away_and_counted(rig: Rig, port: Port) -> None:
    host, number = address_of(port.address)
    silent = [socket.create_connection((host, number)) for _ in range(MOST_READERS)]
    try:
        last = socket.create_connection((host, number), timeout=10)
        silent.append(last)
        assert last.recv(1) == b""  # hung up on
        assert rig.metric("dropped_connections_total") == 1
    finally:
        for one in silent:
            one.close()


def test_an_address_that_is_taken_is_named(port: Port) -> None:
    with pytest.raises(InputError, match=r"listen 127\.0\.0\.1:\d+: Address already in use; expected a free address"):
        Port(port.address, {})


@pytest.mark.parametrize(
    ("listen", "expected"),
    [("127.0.0.1:9464", ("127.0.0.1", 9464)), ("[::1]:80", ("::1", 80)), ("localhost:0", ("localhost", 0))],
)
def test_addresses_are_read(listen: str, expected: tuple[str, int]) -> None:
    assert address_of(listen) == expected


@pytest.mark.parametrize("listen", ["9464", ":9464", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000"])
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(InputError, match="expected an address and a port"):
        address_of(listen)
