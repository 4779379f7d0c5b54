"""By https, through a proxy of the environment, to hosts that are the vendor's by certificate."""

from __future__ import annotations

import asyncio
import logging

import pytest

from backfill.errors import DeliveryError
from backfill.transport import REDIRECTS_MAX, HttpTransport

from .servers import Answer, Server
from .tls import certificate, proxy_to, server_context

BODY = b'{"batch":[{"n":1}]}'


@pytest.fixture(scope="module")
def pems(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def trusted(pems, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(pems[0]))
    return pems


async def through_proxy(pems, monkeypatch, script, times=1):
    """The replies to so many posts, what the server received, and the hosts asked for."""
    async with (
        Server(script, server_context(*pems)) as server,
        proxy_to(server.port) as (proxy, asked),
    ):
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        to = HttpTransport("https://track.customer.io", "site", "key")
        try:
            replies = [await to.post((BODY,)) for _ in range(times)]
        finally:
            await to.aclose()
        return replies, server.received, asked


def test_the_environments_proxy_and_certificates_are_used(trusted, monkeypatch):
    [reply], received, asked = asyncio.run(through_proxy(trusted, monkeypatch, lambda _: Answer()))

    assert reply.status == 200
    assert received[0].headers["host"] == "track.customer.io"
    assert asked == ["track.customer.io:443"]


def test_a_certificate_that_does_not_hold_stops_the_run_and_says_what_to_do(pems, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(DeliveryError) as caught:
        asyncio.run(through_proxy(pems, monkeypatch, lambda _: Answer()))

    assert "certificate" in caught.value.what
    assert "SSL_CERT_FILE" in caught.value.fix


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_the_other_region_keeps_method_body_and_key_and_is_remembered(
    status, trusted, monkeypatch
):
    def script(received):
        if received.headers["host"] == "track-eu.customer.io":
            return Answer()
        return Answer(status, headers={"Location": "https://track-eu.customer.io/api/v2/batch"})

    replies, received, _ = asyncio.run(through_proxy(trusted, monkeypatch, script, times=3))

    assert [r.status for r in replies] == [200, 200, 200]
    assert [r.headers["host"].partition(".")[0] for r in received] == [
        "track",
        *["track-eu"] * 3,
    ]
    assert {(r.line, r.body) for r in received} == {("POST /api/v2/batch HTTP/1.1", BODY)}
    assert len({r.headers["authorization"] for r in received}) == 1


def test_a_redirect_elsewhere_is_not_followed(trusted, monkeypatch):
    elsewhere = Answer(302, headers={"Location": "https://elsewhere.example/api/v2/batch"})
    [reply], _, asked = asyncio.run(through_proxy(trusted, monkeypatch, lambda _: elsewhere))

    assert reply.status == 302
    assert asked == ["track.customer.io:443"]


def test_a_circle_of_redirects_ends(trusted, monkeypatch):
    again = Answer(302, headers={"Location": "/api/v2/batch"})
    [reply], received, _ = asyncio.run(through_proxy(trusted, monkeypatch, lambda _: again))

    assert reply.status == 302
    assert len(received) == REDIRECTS_MAX + 1


def test_no_log_of_any_library_shows_the_key(trusted, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    asyncio.run(through_proxy(trusted, monkeypatch, lambda _: Answer(401)))

    assert "c2l0ZTprZXk" not in caplog.text
    assert "authorization" not in caplog.text.lower()
