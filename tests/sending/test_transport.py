"""One exchange over a real socket, with servers that behave badly."""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import socket
import time

import httpx
import pytest

from backfill import transport
from backfill.errors import UsageError
from backfill.loopback import is_loopback
from backfill.transport import HttpTransport, redirected
from backfill.verdict import Accepted, Fatal, Reply, Retry, judge

from .servers import Answer, Server, Serving, listening
from .virtual import run

BODY = b'{"batch":[{"n":1}]}'


async def posted(*answers: Answer, times: int = 1, body: bytes = BODY):
    """The replies to as many posts in a row, and the server."""
    async with Server(lambda r: answers[min(r.number, len(answers) - 1)]) as server:
        to = HttpTransport(server.address, "site", "key")
        try:
            return [await to.post((body,)) for _ in range(times)], server
        finally:
            await to.aclose()


async def asked_of(serve: Serving, body: bytes = BODY) -> Reply:
    """The reply of a server that is not even one."""
    async with listening(serve) as port:
        to = HttpTransport(f"http://127.0.0.1:{port}", "site", "key")
        try:
            return await to.post((body,))
        finally:
            await to.aclose()


def test_a_batch_is_posted_as_it_is_with_the_key_and_our_name():
    [reply], server = asyncio.run(posted(Answer()))

    [received] = server.received
    assert reply == Reply(200, b"{}\n")
    assert received.line == "POST /api/v2/batch HTTP/1.1"
    assert received.body == BODY
    pair = base64.b64encode(b"site:key").decode()
    assert received.headers["authorization"] == f"Basic {pair}"
    assert received.headers["content-type"] == "application/json"
    assert received.headers["user-agent"].startswith("backfill")


def test_the_region_is_asked_with_the_same_key():
    async def asked():
        async with Server(lambda _: Answer(body=b'{"region":"eu"}')) as server:
            to = HttpTransport(server.address, "site", "key")
            reply = await to.region()
            await to.aclose()
            return reply, server.received[0]

    reply, received = asyncio.run(asked())

    assert reply.body == b'{"region":"eu"}'
    assert received.line == "GET /api/v1/accounts/region HTTP/1.1"
    assert "authorization" in received.headers


def test_one_connection_serves_many_requests():
    _, server = asyncio.run(posted(Answer(), times=20, body=b"x" * 500_000))

    assert server.connections == 1
    assert {len(r.body) for r in server.received} == {500_000}


def test_requests_are_in_flight_together_on_connections_of_their_own():
    async def together():
        async with Server(lambda _: Answer(delay_s=0.05)) as server:
            to = HttpTransport(server.address, "site", "key")
            replies = await asyncio.gather(*(to.post((BODY,)) for _ in range(8)))
            await to.aclose()
            return replies, server.connections

    replies, connections = asyncio.run(together())

    assert [r.status for r in replies] == [200] * 8
    assert connections == 8


def test_a_retry_after_reaches_the_verdict():
    [reply], _ = asyncio.run(posted(Answer(429, headers={"Retry-After": "17"})))

    assert judge(reply, 1, time.time()) == Retry("the API answered 429", 17.0, is_for_all=True)


def test_a_lost_answer_is_a_reply_of_status_0_and_the_next_request_goes_through():
    replies, _ = asyncio.run(posted(Answer(hangs_up=True), Answer(), times=2))

    assert [r.status for r in replies] == [0, 200]
    assert "connection broke" in replies[0].failure


def test_a_port_nobody_listens_on_is_a_reply_of_status_0():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        to = HttpTransport(f"http://127.0.0.1:{unused.getsockname()[1]}", "a", "b")

        assert asyncio.run(to.post((BODY,))) == Reply(0, failure="the connection cannot be made")


def test_a_server_that_keeps_silent_is_a_reply_of_status_0():
    replies, _ = run(posted(Answer(delay_s=3600.0), Answer(), times=2))

    assert replies == [Reply(0, failure="silence for 60 s"), Reply(200, b"{}\n")]


def test_a_reply_that_trickles_is_a_reply_of_status_0():
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b" ")
            await asyncio.sleep(30.0)

    assert run(asked_of(trickle)) == Reply(0, failure="no whole answer within 300 s")


def test_a_server_that_does_not_speak_http_is_a_reply_of_status_0():
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()

    assert asyncio.run(asked_of(answer)).status == 0


def test_an_answer_that_comes_before_the_body_is_read_is_understood():
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        while await reader.read(65536):
            pass

    assert asyncio.run(asked_of(refuse, b"x" * 500_000)).status == 413


def test_a_page_of_a_proxy_is_fatal():
    [reply], _ = asyncio.run(posted(Answer(body=b"<html>Please log in</html>")))

    assert isinstance(judge(reply, 1, 0.0), Fatal)


def test_a_megabyte_of_reply_is_read_and_more_than_the_bound_is_not():
    padded = b"{}" + b" " * 1_000_000
    huge = b'{"errors": [' + b" " * 9_000_000 + b"]}"
    replies, _ = asyncio.run(posted(Answer(body=padded), Answer(207, huge), Answer(), times=3))

    assert judge(replies[0], 1, 0.0) == Accepted()
    assert len(replies[1].body) == transport.REPLY_BYTES_MAX
    assert isinstance(judge(replies[1], 1, 0.0), Fatal)
    assert replies[2].status == 200


def test_a_compressed_reply_is_not_unpacked():
    packed = Answer(body=b"\x1f\x8b bomb", headers={"content-encoding": "gzip"})
    [reply], server = asyncio.run(posted(packed))

    assert reply.body == b"\x1f\x8b bomb"
    assert server.received[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["/elsewhere", "https://track-eu.customer.io/api/v2/batch"])
def test_a_redirect_away_from_loopback_is_not_followed(status, target):
    [reply], server = asyncio.run(posted(Answer(status, headers={"Location": target})))

    assert reply.status == status
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("status", "location", "target"),
    [
        (301, "https://track-eu.customer.io/api/v2/batch", "track-eu.customer.io"),
        (302, "https://track-eu.customer.io/api/v2/batch", "track-eu.customer.io"),
        (307, "//track-eu.customer.io/x", "track-eu.customer.io"),
        (308, "/moved", "track.customer.io"),
        (303, "https://track-eu.customer.io/", None),
        (304, "https://track-eu.customer.io/", None),
        (200, "https://track-eu.customer.io/", None),
        (301, None, None),
        (301, "http://track-eu.customer.io/", None),
        (301, "https://customer.io.evil.example/", None),
        (301, "https://evilcustomer.io/", None),
        (301, "https://track.customer.io@evil.example/", None),
        (301, "https://u:p@track.customer.io/", None),
        (301, "https://127.0.0.1/", None),
        (301, "https://[", None),
    ],
)
def test_a_redirect_leads_only_by_https_below_the_vendors_domain(status, location, target):
    found = redirected(httpx.URL("https://track.customer.io/api/v2/batch"), status, location)

    assert (found and found.host) == target


@pytest.mark.parametrize(
    "address",
    [
        "http://track.customer.io",
        "http://10.0.0.1:8080",
        "http://localhost.example",
        "ftp://track.customer.io",
        "track.customer.io",
        "https://",
        "",
        "https://[::",
        "https://user:secret@track.customer.io",
        "https://track.customer.io/api/v2",
        "https://track.customer.io?key=secret",
    ],
)
def test_an_address_that_is_none_or_not_safe_is_refused_without_repeating_it(address):
    with pytest.raises(UsageError) as caught:
        HttpTransport(address, "site", "key")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("address", ["http://localhost:1", "http://127.9.9.9", "http://[::1]:8080"])
def test_plain_http_to_this_machine_is_allowed(address):
    assert HttpTransport(f"{address}/", "site", "key").address == address


@pytest.mark.parametrize("host", ["0.0.0.0", "128.0.0.1", "track.customer.io", "localhost.example"])
def test_other_hosts_are_not_this_machine(host):
    assert not is_loopback(host)


def test_the_key_shows_in_nothing_that_is_printed():
    to = HttpTransport("https://track.customer.io", "site-5d2f", "key-9a7c")
    pair = base64.b64encode(b"site-5d2f:key-9a7c").decode()

    shown = repr(to) + str(vars(to))
    assert not any(secret in shown for secret in ("site-5d2f", "key-9a7c", pair))


def test_a_proxy_of_the_environment_is_never_used_for_this_machine(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)

    [reply], _ = asyncio.run(posted(Answer()))

    assert reply.status == 200


@pytest.mark.parametrize("proxy", ["socks5://secret@127.0.0.1:9", "gopher://127.0.0.1"])
def test_a_proxy_that_cannot_be_used_is_refused_without_repeating_it(proxy, monkeypatch):
    monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(UsageError) as caught:
        HttpTransport("https://track.customer.io", "site", "key")

    assert "secret" not in str(caught.value)


def test_no_thread_to_look_a_name_up_in_is_a_broken_connection_and_no_mistake_of_ours():
    class Full(concurrent.futures.ThreadPoolExecutor):
        def submit(self, *_args, **_kwargs):
            raise RuntimeError("can't start new thread")

    async def asked():
        asyncio.get_running_loop().set_default_executor(Full())
        to = HttpTransport("http://localhost:9", "site", "key")
        try:
            return await to.post((BODY,))
        finally:
            await to.aclose()

    assert asyncio.run(asked()) == Reply(0, failure="the connection cannot be made")
