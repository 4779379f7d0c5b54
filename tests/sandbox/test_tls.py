from __future__ import annotations

import socket
import ssl
import stat
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from backfill.errors import UsageError
from backfill.sandbox import Sandbox, embedded
from backfill.sandbox.door.certificate import authority, chain

from .conftest import CREDENTIALS


def trusting(state: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority(state))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "workspace.db"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_https_is_trusted_by_who_has_the_authority(state: Path, host: str) -> None:
    with embedded(state, tls=True, host=host) as address:
        answer = httpx.get(
            f"{address}/api/v1/accounts/region", auth=CREDENTIALS, verify=trusting(state)
        )

    assert address.startswith("https://")
    assert answer.status_code == 200


def test_https_is_not_trusted_by_who_has_not(state: Path) -> None:
    with (
        embedded(state, tls=True) as address,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        httpx.get(address)


@pytest.mark.parametrize("host", ["track.customer.io", "track-eu.customer.io", "localhost"])
def test_the_certificate_has_the_vendor_s_names_for_clients_led_here(
    state: Path, host: str
) -> None:
    with embedded(state, tls=True) as address:
        place = urlsplit(address)
        with (
            socket.create_connection((place.hostname, place.port)) as plain,
            trusting(state).wrap_socket(plain, server_hostname=host) as connection,
        ):
            named = connection.version()

    assert named in ("TLSv1.2", "TLSv1.3")


def test_the_key_is_for_its_owner_only_and_the_authority_s_is_not_kept(state: Path) -> None:
    kept = chain(state, ["localhost"])

    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.read_text().count("PRIVATE KEY") == 2  # begin and end
    assert "PRIVATE KEY" not in authority(state).read_text()
    assert {path.name for path in state.parent.iterdir()} == {kept.name, authority(state).name}


def test_a_certificate_is_kept_as_long_as_it_fits_and_made_anew_when_not(state: Path) -> None:
    first = chain(state, ["localhost", "::1", "10.0.0.7"]).read_bytes()
    fewer = chain(state, ["localhost", "::1"]).read_bytes()
    other = chain(state, ["localhost", "elsewhere.example"]).read_bytes()

    assert fewer == first
    assert other != first


@pytest.mark.parametrize("damage", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n", "\xff"])
def test_a_damaged_certificate_is_made_anew(state: Path, damage: str) -> None:
    chain(state, ["localhost"]).write_text(damage)

    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(chain(state, ["localhost"]))


def test_without_the_extra_the_error_says_how_to_install_it(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    said = r"pip install 'backfill\[tls\]'"
    with pytest.raises(UsageError, match=said), embedded(Sandbox(state), tls=True):
        pass


def test_a_name_no_certificate_can_have_is_an_error_that_names_it(state: Path) -> None:
    with pytest.raises(UsageError, match="my_host"):
        chain(state, ["localhost", "my_host"])


def test_plain_http_to_an_https_port_is_closed_and_the_server_goes_on(
    state: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with embedded(state, tls=True) as address:
        place = urlsplit(address)
        with socket.create_connection((place.hostname, place.port), timeout=10) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            connection.recv(1000)
        answer = httpx.get(
            f"{address}/api/v1/accounts/region", auth=CREDENTIALS, verify=trusting(state)
        )

    assert answer.status_code == 200
    assert capfd.readouterr().err == ""
