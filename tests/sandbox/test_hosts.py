from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from backfill.errors import UsageError
from backfill.sandbox import Behaviour, Sandbox, embedded, requests
from backfill.sandbox.server import running

from .conftest import CREDENTIALS

OWN = {"site_id": "own", "api_key": "own", "app_api_key": "own"}
READS = ["/", "/people", "/objects", "/requests", "/static/page.css"]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_the_address_can_be_used(host: str) -> None:
    with embedded(Sandbox(None), host=host) as address:
        answer = httpx.get(f"{address}/api/v1/accounts/region", auth=CREDENTIALS)

    assert answer.status_code == 200


def test_beyond_this_machine_default_credentials_are_refused_and_named() -> None:
    sandbox = Sandbox(None, api_key="own")
    with pytest.raises(UsageError) as caught, embedded(sandbox, host="0.0.0.0"):
        pass

    assert "CUSTOMERIO_SITE_ID, CUSTOMERIO_APP_API_KEY" in caught.value.fix
    assert "CUSTOMERIO_API_KEY" not in caught.value.fix


def test_an_address_for_everybody_is_told_as_one_that_can_be_called() -> None:
    with embedded(Sandbox(None, **OWN), host="0.0.0.0") as address:
        answer = httpx.get(f"{address}/api/v1/accounts/region", auth=("own", "own"))

    assert address.startswith("http://127.0.0.1:")
    assert answer.status_code == 200


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "a" * 70 + ".example"])
def test_a_host_that_is_not_this_machine_s_is_an_error_that_names_it(host: str) -> None:
    with (
        pytest.raises(UsageError, match="cannot listen"),
        embedded(Sandbox(None, **OWN), host=host),
    ):
        pass


@pytest.fixture(scope="module")
def local() -> Iterator[str]:
    with embedded(Sandbox(None)) as address:
        yield address


@pytest.mark.parametrize("path", [*READS, "/v1/customers?email=a@b.example"])
@pytest.mark.parametrize("name", ["evil.example", "evil.example:80", "", "[::1", "127.0.0.1.evil"])
def test_a_web_page_that_had_its_own_name_lead_here_reads_nothing(
    local: str, path: str, name: str
) -> None:
    headers = {"host": name, "authorization": "Bearer sandbox"}
    answer = httpx.get(local + path, headers=headers)

    assert answer.status_code == 403


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST:99", "127.0.0.1", "[::1]:80"])
def test_the_page_answers_to_the_names_of_this_machine(local: str, name: str) -> None:
    assert httpx.get(f"{local}/static/page.css", headers={"host": name}).status_code == 200


def test_the_track_api_takes_any_name_for_it_asks_for_the_key(local: str) -> None:
    answer = httpx.get(
        f"{local}/api/v1/accounts/region", headers={"host": "proxy.example"}, auth=CREDENTIALS
    )

    assert answer.status_code == 200


def test_beyond_this_machine_the_page_asks_for_the_site_id_and_the_key() -> None:
    with embedded(Sandbox(None, **OWN), host="0.0.0.0") as address:
        refused = [httpx.get(address + path) for path in READS]
        taken = httpx.get(f"{address}/static/page.css", auth=("own", "own"))

    assert {answer.status_code for answer in refused} == {401}
    assert all("Basic" in answer.headers["www-authenticate"] for answer in refused)
    assert taken.status_code == 200


REGION = "/api/v1/accounts/region"
BATCH = "/api/v2/batch"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_the_other_region_s_host_leads_to_an_eu_workspace(tmp_path: Path, status: int) -> None:
    state = tmp_path / "workspace.db"
    behaviour = Behaviour(redirect=status)  # type: ignore[arg-type]
    sandbox = Sandbox(state, region="eu", behaviour=behaviour)
    with (
        running(sandbox, 0, False, "127.0.0.1", 0) as found,
        httpx.Client(base_url=found.other or "", auth=CREDENTIALS) as client,
    ):
        led = client.post(f"{BATCH}/a%2Fb?x=1", json={"batch": []})
        told = client.get(REGION)
        client.auth = ("wrong", "wrong")
        stranger = client.post(BATCH, json={"batch": []})

    assert (led.status_code, led.headers["location"]) == (
        status,
        f"{found.address}{BATCH}/a%2Fb?x=1",
    )
    assert (told.status_code, told.json()["region"], stranger.status_code) == (200, "eu", 401)
    assert [row["status"] for row in requests(state)] == [status, 200, 401]


def test_the_eu_host_takes_no_key_of_a_us_workspace() -> None:
    with (
        running(Sandbox(None), 0, False, "127.0.0.1", 0) as found,
        httpx.Client(base_url=found.other or "", auth=CREDENTIALS) as client,
    ):
        refused = client.post(BATCH, json={"batch": []})
        told = client.get(REGION)

    assert (refused.status_code, told.json()["region"]) == (401, "us")


def test_the_other_port_in_use_is_an_error_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listens = embedded(Sandbox(None), other_region_port=port)
        with pytest.raises(UsageError, match=f"127.0.0.1:{port}"), listens:
            pass
