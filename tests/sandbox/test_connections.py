"""Whatever a client does to its connection, nobody else notices."""

from __future__ import annotations

import base64
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import httpx
import pytest

from backfill.errors import UsageError
from backfill.sandbox import Behaviour, Sandbox, embedded, summary
from backfill.sandbox.faults.kinds import Delay, Reset

from .conftest import CREDENTIALS

TOKEN = base64.b64encode(b"sandbox:sandbox").decode()
HEAD = f"POST /api/v2/batch HTTP/1.1\r\nhost: x\r\nauthorization: Basic {TOKEN}\r\n"
EMPTY = b'{"batch":[]}'
WHOLE = f"{HEAD}content-length: {len(EMPTY)}\r\n\r\n".encode() + EMPTY


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with embedded(Sandbox(None)) as address:
        yield address


@pytest.fixture(autouse=True)
def goes_on_quietly(
    address: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    yield
    answer = httpx.get(f"{address}/api/v1/accounts/region", auth=CREDENTIALS)

    assert answer.status_code == 200
    assert capfd.readouterr().err == ""
    assert [one for one in caplog.get_records("call") if one.levelname == "ERROR"] == []


def connected(address: str) -> socket.socket:
    place = urlsplit(address)
    return socket.create_connection((place.hostname, place.port), timeout=10)


def answered(address: str, *parts: bytes) -> bytes:
    """All that comes back until the server closes."""
    with connected(address) as connection:
        for part in parts:
            connection.sendall(part)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x00\xa5\x01\x00",  # the beginning of TLS
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET http:// HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: a\x00b\r\n\r\n",
        f"{HEAD}content-length: 5\r\ncontent-length: 6\r\n\r\n12345".encode(),
        f"{HEAD}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".encode(),
        f"{HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n".encode(),
        f"{HEAD}transfer-encoding: chunked\r\n\r\n{'f' * 40}\r\n".encode(),
        *(
            f"{HEAD}content-length: {told}\r\n\r\n".encode()
            for told in ("-1", "+1", "1_0", "0x10", "1e3", "abc", "9" * 40, "1 2", "\uff11")
        ),
    ],
)
def test_what_is_no_http_is_refused(address: str, garbage: bytes) -> None:
    assert answered(address, garbage).split(b" ", 2)[1] in {b"400", b"404", b"405"}


def asking(size: int) -> bytes:
    head = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
    return f"{head}x: {'y' * size}\r\n\r\n".encode()


@pytest.mark.parametrize("name", ["x: ", "x" * 10])
def test_a_head_that_does_not_end_is_refused(address: str, name: str) -> None:
    endless = f"GET / HTTP/1.1\r\n{name}".encode() + b"y" * 10_000_000
    with connected(address) as connection, pytest.raises(ConnectionError):
        connection.sendall(endless)


def test_a_head_over_the_bound_is_refused_and_one_under_it_taken(address: str) -> None:
    assert answered(address, asking(65_000)).startswith(b"HTTP/1.1 200")
    assert answered(address, asking(66_000)).startswith(b"HTTP/1.1 400")


def test_a_request_that_comes_byte_by_byte_is_answered(address: str) -> None:
    parts = [WHOLE[i : i + 1] for i in range(len(WHOLE))]
    with connected(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            connection.sendall(part)

        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 OK")


def test_pipelined_requests_are_answered_in_their_order(address: str) -> None:
    wrong = HEAD.replace("/batch", "/nothing").encode() + b"content-length: 0\r\n\r\n"
    last = WHOLE.replace(b"host: x", b"host: x\r\nconnection: close")
    answers = answered(address, (WHOLE + wrong) * 20 + last)

    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404"] * 20 + [
        b"200"
    ]


def test_a_client_that_sends_no_more_still_gets_its_answers(address: str) -> None:
    with connected(address) as connection:
        connection.sendall(WHOLE * 5)
        connection.shutdown(socket.SHUT_WR)
        answers = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert answers.count(b"HTTP/1.1 200 OK") == 5


@pytest.mark.parametrize("sent", [b"", WHOLE[:20], WHOLE[:-3], WHOLE, WHOLE * 50])
@pytest.mark.parametrize("resets", [False, True])
def test_a_client_may_leave_at_any_moment(address: str, sent: bytes, resets: bool) -> None:
    for _ in range(10):
        connection = connected(address)
        connection.sendall(sent)
        if resets:
            linger = (1).to_bytes(4, "little") + bytes(4)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        connection.close()


def test_many_idle_connections_hold_nobody_up(address: str) -> None:
    idle = [connected(address) for _ in range(200)]
    for connection in idle:
        connection.sendall(b"POST /api/v2/batch HT")
    answer = httpx.get(f"{address}/api/v1/accounts/region", auth=CREDENTIALS)
    for connection in idle:
        connection.close()

    assert answer.status_code == 200


def test_a_server_stops_at_once_whoever_is_still_sending(capfd: pytest.CaptureFixture[str]) -> None:
    with embedded(Sandbox(None)) as own, connected(own) as one, connected(own) as other:
        one.sendall(WHOLE[:-3])
        other.sendall(WHOLE[:20])
        httpx.get(f"{own}/api/v1/accounts/region", auth=CREDENTIALS)

    assert capfd.readouterr().err == ""


def test_a_client_that_left_during_a_delay_is_not_waited_for() -> None:
    with embedded(Sandbox(None, faults=(Delay(fixed_s=3_600),))) as own:
        with connected(own) as connection:
            connection.sendall(WHOLE)
        with connected(own) as connection:
            connection.sendall(WHOLE)
            connection.shutdown(socket.SHUT_WR)

            assert connection.recv(10) == b""


def test_a_client_that_left_before_its_connection_was_to_be_reset_breaks_nothing(
    tmp_path: Path,
) -> None:
    state, faults = tmp_path / "workspace.db", (Delay(fixed_s=3_600), Reset())
    with embedded(Sandbox(state, faults=faults)) as own:
        for _ in range(5):
            with connected(own) as connection:
                connection.sendall(WHOLE)
        until_logged(state, 5)
        with connected(own):  # the server has had a turn since
            pass


def until_logged(state: Path, count: int) -> None:
    for _ in range(500):
        with closing(sqlite3.connect(state)) as database:
            if database.execute("SELECT count(*) FROM requests").fetchone() == (count,):
                return
        time.sleep(0.01)
    raise AssertionError(f"there were not {count} requests within 5 s")


@pytest.mark.parametrize(("kilobyte", "limit"), [(1000, 500_000), (1024, 512_000)])
def test_the_kilobyte_of_the_limits_is_a_switch(kilobyte: int, limit: int) -> None:
    behaviour = Behaviour(kilobyte=kilobyte)  # type: ignore[arg-type]
    with (
        embedded(Sandbox(None, behaviour=behaviour)) as own,
        httpx.Client(base_url=own, auth=CREDENTIALS) as client,
    ):
        bodies = [EMPTY + b" " * (size - len(EMPTY)) for size in (limit, limit + 1)]
        statuses = [client.post("/api/v2/batch", content=body).status_code for body in bodies]

    assert statuses == [200, 413]


def test_a_state_is_one_sandbox_s_at_a_time_and_readers_are_let_in(tmp_path: Path) -> None:
    state = tmp_path / "workspace.db"
    said = "another sandbox has this state open"
    with embedded(state):
        with pytest.raises(UsageError, match=said) as caught, embedded(state):
            pass
        people = summary(state)["people"]
    with embedded(state):
        pass

    assert (caught.value.where, people) == (str(state), 0)


def test_requests_of_many_clients_at_once_are_each_taken_once(tmp_path: Path) -> None:
    state = tmp_path / "workspace.db"

    def send(own: str, client_number: int) -> None:
        with httpx.Client(base_url=own, auth=CREDENTIALS) as client:
            for i in range(10):
                client.put(f"/api/v1/customers/{client_number}-{i}", json={}).raise_for_status()

    with embedded(state) as own:
        threads = [Thread(target=send, args=(own, number)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with closing(sqlite3.connect(state)) as database:
        ((rows,),) = database.execute("SELECT count(*) FROM requests")

    assert (rows, summary(state)["people"]) == (80, 80)
