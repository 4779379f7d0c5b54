from __future__ import annotations

import base64
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from backfill.errors import UsageError
from backfill.sandbox import Sandbox, embedded, person, requests, summary

from .conftest import CREDENTIALS, Api

PERSON = {"type": "person", "action": "identify", "identifiers": {"id": "1"}}


def authorized(site_id: str, api_key: str, encode: Any = base64.b64encode) -> dict[str, str]:
    return {"authorization": "Basic " + encode(f"{site_id}:{api_key}".encode()).decode()}


def test_success_is_answered_with_the_bytes_and_headers_of_the_live_api(api: Api) -> None:
    answer = api.batch(PERSON)

    assert (answer.status_code, answer.content) == (200, b"{}\n")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "no-cache, no-store, must-revalidate, max-age=0"
    assert answer.headers["status"] == "200 OK"


def test_region_tells_where_the_workspace_is(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path / "workspace.db", region="eu")
    with embedded(sandbox) as address:
        answer = httpx.get(f"{address}/api/v1/accounts/region", auth=CREDENTIALS)

    assert answer.json() == {
        "url": "https://track-eu.customer.io",
        "region": "eu",
        "environment_id": 1,
    }


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_both_alphabets_of_base64_are_taken(tmp_path: Path, encode: Any) -> None:
    sandbox = Sandbox(None, site_id="?>?>?>", api_key="~~~~~~")
    headers = authorized("?>?>?>", "~~~~~~", encode)
    with embedded(sandbox) as address:
        answer = httpx.get(f"{address}/api/v1/accounts/region", headers=headers)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        authorized("sandbox", "wrong"),
        authorized("", ""),
        {"authorization": "Basic"},
        {"authorization": "Basic ****"},
        {"authorization": "Bearer c2FuZGJveDpzYW5kYm94"},
        {"authorization": b"Basic \xff\xfe"},
    ],
)
@pytest.mark.parametrize("path", ["/api/v2/batch", "/api/v2/entity"])
def test_wrong_credentials_are_answered_with_401_and_change_nothing(
    shared_api: Api, headers: dict[str, str], path: str
) -> None:
    url = shared_api.client.base_url.join(path)
    answer = httpx.post(url, json={"batch": [PERSON]}, headers=headers)

    assert answer.status_code == 401
    assert summary(shared_api.state)["people"] == 0


def test_other_paths_and_methods_are_404_and_405(shared_api: Api) -> None:
    client = shared_api.client

    assert client.post("/api/v2/other").status_code == 404
    assert client.get("/api/v2/batch").status_code == 405
    assert client.post("/api/v1/accounts/region").status_code == 405


def padded(size: int) -> bytes:
    body = b'{"batch":[]}'
    return body[:1] + b" " * (size - len(body)) + body[1:]


def chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 10_000):
        yield body[start : start + 10_000]


@pytest.mark.parametrize("send", [bytes, chunks])
def test_a_body_of_the_limit_is_taken_and_one_byte_more_is_413(shared_api: Api, send: Any) -> None:
    client = shared_api.client

    assert client.post("/api/v2/batch", content=send(padded(500_000))).status_code == 200
    assert client.post("/api/v2/batch", content=send(padded(500_001))).status_code == 413


def test_a_body_that_never_ends_is_refused_while_it_is_sent(shared_api: Api) -> None:
    url = shared_api.client.base_url
    token = authorized("sandbox", "sandbox")["authorization"]
    head = f"POST /api/v2/batch HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\n"
    with socket.create_connection((url.host, url.port or 0), timeout=10) as connection:
        connection.sendall(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
        for _ in range(60):
            connection.sendall(b"2710\r\n" + b" " * 10_000 + b"\r\n")

        assert connection.recv(12) == b"HTTP/1.1 413"


def test_a_request_cut_off_in_its_body_changes_nothing(api: Api) -> None:
    url = api.client.base_url
    token = authorized("sandbox", "sandbox")["authorization"]
    head = f"POST /api/v2/entity HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\n"
    with socket.create_connection((url.host, url.port or 0), timeout=10) as connection:
        connection.sendall(f"{head}content-length: 1000\r\n\r\n{{".encode())
    api.batch()

    assert summary(api.state)["people"] == 0


def test_every_request_is_logged_with_its_time_operations_and_refusals(api: Api) -> None:
    api.batch(PERSON, PERSON, {"type": "nothing"})
    api.client.post("/api/v2/entity", json=PERSON)
    api.client.get("/nowhere")
    first, second, third = requests(api.state)

    assert (first["path"], first["status"], first["operations"]) == ("/api/v2/batch", 207, 3)
    assert (first["refused"], second["refused"], second["operations"]) == (1, 0, 1)
    assert second["bytes"] == len(second["digest"]) + 46
    assert (third["path"], third["status"], third["digest"]) == ("/nowhere", 404, None)
    assert first["at"] < second["at"] < third["at"]


def test_the_state_is_readable_for_its_owner_only(api: Api) -> None:
    api.batch(PERSON)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in api.state.parent.iterdir()}

    assert modes == {0o600}


def test_a_workspace_goes_on_where_it_was_left(tmp_path: Path) -> None:
    state = tmp_path / "workspace.db"
    for number in "12":
        with embedded(state) as address, httpx.Client(auth=CREDENTIALS) as client:
            told = PERSON | {"identifiers": {"id": number}}
            client.post(f"{address}/api/v2/entity", json=told).raise_for_status()

    assert summary(state)["people"] == 2


def test_a_file_that_is_no_workspace_is_refused_and_left_alone(tmp_path: Path) -> None:
    text, other = tmp_path / "notes.txt", tmp_path / "other.db"
    text.write_bytes(b"shopping: " + b"milk, " * 200)
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE people (litres)")
        database.execute("PRAGMA user_version = 2")
    database.close()
    before = [text.read_bytes(), other.read_bytes()]
    for state in (text, other, text / "workspace.db"):
        with pytest.raises(UsageError), embedded(state):
            pass

    assert [text.read_bytes(), other.read_bytes()] == before


def test_a_workspace_s_folder_is_made(tmp_path: Path) -> None:
    state = tmp_path / "state" / "workspace.db"
    with embedded(state):
        pass

    assert summary(state)["people"] == 0


def test_a_workspace_is_empty_until_its_sandbox_has_made_its_tables(tmp_path: Path) -> None:
    state = tmp_path / "workspace.db"
    state.touch()

    assert set(summary(state).values()) == {0}
    assert (person(state, "id", "1"), requests(state)) == (None, [])


def test_reading_a_file_that_is_no_workspace_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        summary(tmp_path / "missing.db")


def test_a_port_in_use_is_an_error_that_names_it(tmp_path: Path) -> None:
    with embedded(Sandbox(None)) as address:
        port = int(address.rpartition(":")[2])
        with pytest.raises(UsageError, match=f"127.0.0.1:{port}"), embedded(Sandbox(None), port):
            pass


def test_credentials_are_not_in_the_sandbox_s_repr() -> None:
    assert "hush" not in repr(Sandbox(None, site_id="hush", api_key="hush"))


SERVE = "import sys, pathlib, backfill.sandbox as s; s.serve(s.Sandbox(pathlib.Path(sys.argv[1])))"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", SERVE, str(tmp_path / "workspace.db")]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with started:
        yield started
        started.kill()


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().split()[-1]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_serve_says_where_it_is_and_ends_cleanly_on_a_signal(
    process: subprocess.Popen[str], stop: signal.Signals
) -> None:
    address = address_of(process)
    with httpx.Client(auth=CREDENTIALS) as client:
        assert client.get(f"{address}/api/v1/accounts/region").status_code == 200
        process.send_signal(stop)
        _, errors = process.communicate(timeout=20)

    assert (process.returncode, errors) == (0, "")


def test_all_that_was_answered_with_200_outlives_a_kill(
    process: subprocess.Popen[str], tmp_path: Path
) -> None:
    address, answered = address_of(process), 0
    with httpx.Client(auth=CREDENTIALS) as client, suppress(httpx.TransportError):
        for request in range(1000):
            if request == 20:
                Thread(target=process.kill).start()
            people = [
                PERSON | {"identifiers": {"id": f"{request}-{i}"}, "attributes": {"n": i}}
                for i in range(50)
            ]
            answer = client.post(f"{address}/api/v2/batch", json={"batch": people})
            answered += 50 * (answer.status_code == 200)
    process.wait()
    with embedded(tmp_path / "workspace.db"):
        pass
    people = summary(tmp_path / "workspace.db")["people"]

    assert answered >= 1000
    assert people in (answered, answered + 50)
    assert person(tmp_path / "workspace.db", "id", "19-49") is not None


def test_a_state_is_locked_under_whatever_name_it_is_given(tmp_path: Path) -> None:
    state, other = tmp_path / "workspace.db", tmp_path / "link.db"
    with embedded(state):
        other.symlink_to(state)
        with pytest.raises(UsageError, match="another sandbox"), embedded(other):
            pass
