"""One connection against servers that answer in every shape HTTP allows, and some it does not.

What our own transport and httpx's (which leads through proxies) both have to do is asked of both;
what is asked of our own alone, httpx's does not do, or leaves to its caller.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable
from functools import partial

import httpx
import pytest

from backfill.connection import REPLY_BYTES_MAX, Lane

from .servers import listening
from .tls import certificate, server_context

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{}\n"
OWN = partial(Lane, None)
STOCK = partial(httpx.AsyncHTTPTransport, verify=False, limits=httpx.Limits(max_connections=1))
Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def exchanged(
    transport: Callable[[], httpx.AsyncBaseTransport],
    answering: Answering,
    count: int = 1,
    body: bytes = b"{}",
    silence_s: float = 5.0,
) -> tuple[list[httpx.Response | httpx.TransportError], int]:
    """What came of so many requests one after the other; and how many connections there were."""

    async def run():
        connections = 0

        async def serve(reader, writer):
            nonlocal connections
            connections += 1
            while True:
                await reader.readuntil(b"\r\n\r\n")
                await answering(reader, writer)

        lane, found = transport(), []
        async with listening(serve) as port:
            for _ in range(count):
                request = httpx.Request(
                    "POST",
                    f"http://127.0.0.1:{port}/",
                    content=body,
                    extensions={"timeout": httpx.Timeout(5.0, read=silence_s).as_dict()},
                )
                try:
                    response = await lane.handle_async_request(request)
                    await response.aread()
                    found.append(response)
                except httpx.TransportError as error:
                    found.append(error)
            await lane.aclose()
        return found, connections

    return asyncio.run(run())


@pytest.fixture(params=[OWN, STOCK], ids=["own", "stock"])
def exchanges(request) -> Callable[..., tuple[list[httpx.Response | httpx.TransportError], int]]:
    return partial(exchanged, request.param)


def saying(*pieces: bytes, hangs_up: bool = False, length: int = 2) -> Answering:
    async def answering(reader, writer):
        await reader.readexactly(length)
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.001)
        if hangs_up:
            writer.close()

    return answering


def test_a_connection_is_used_again(exchanges):
    found, connections = exchanges(saying(OK), count=3)

    assert [answer.content for answer in found] == [b"{}\n"] * 3
    assert connections == 1


def test_an_answer_may_come_byte_by_byte(exchanges):
    found, _ = exchanges(saying(*(bytes([byte]) for byte in OK)))

    assert found[0].content == b"{}\n"


def test_an_interim_answer_is_not_the_answer(exchanges):
    found, connections = exchanges(saying(b"HTTP/1.1 100 Continue\r\nx: y\r\n\r\n" + OK), count=2)

    assert [answer.status_code for answer in found] == [200, 200]
    assert "x" not in found[0].headers
    assert connections == 1


def test_a_chunked_answer_is_joined(exchanges):
    chunked = (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n2\r\n}\n\r\n0\r\n\r\n"
    )

    found, _ = exchanges(saying(chunked))

    assert found[0].content == b"{}\n"


def test_an_answer_without_a_length_ends_with_the_connection(exchanges):
    found, connections = exchanges(saying(b"HTTP/1.1 200 OK\r\n\r\n{}\n", hangs_up=True), count=2)

    assert [answer.content for answer in found] == [b"{}\n"] * 2
    assert connections == 2


def test_a_connection_the_server_wants_closed_is_not_used_again(exchanges):
    closing = OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1)

    _, connections = exchanges(saying(closing), count=2)

    assert connections == 2


def test_a_cut_answer_is_an_error_and_never_a_shorter_answer(exchanges):
    found, _ = exchanges(saying(OK[:-2], hangs_up=True))

    assert isinstance(found[0], httpx.RemoteProtocolError)


def test_a_connection_closed_without_an_answer_is_an_error(exchanges):
    found, _ = exchanges(saying(hangs_up=True))

    assert isinstance(found[0], httpx.ReadError | httpx.RemoteProtocolError)


def test_what_is_not_http_is_an_error(exchanges):
    found, _ = exchanges(saying(b"hello there\r\n\r\n"))

    assert isinstance(found[0], httpx.RemoteProtocolError)


def test_silence_is_an_error_after_its_time(exchanges):
    found, _ = exchanges(saying(), silence_s=0.05)

    assert isinstance(found[0], httpx.ReadTimeout)


def test_an_answer_that_keeps_coming_is_waited_for_beyond_the_silence_bound(exchanges):
    async def slowly(reader, writer):
        await reader.readexactly(2)
        for byte in OK:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.01)

    found, _ = exchanges(slowly, silence_s=0.2)

    assert found[0].content == b"{}\n"


def test_an_answer_before_the_whole_body_was_taken_is_taken_and_the_connection_dropped():
    early = b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n"

    found, connections = exchanged(OWN, saying(early, length=10), count=2, body=b"x" * 50_000_000)

    assert [answer.status_code for answer in found] == [413, 413]
    assert connections == 2


def test_a_body_without_end_is_cut_off():
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000

    async def pouring(reader, writer):
        await reader.readexactly(2)
        writer.write(endless)
        while True:
            writer.write(b"x" * 100_000)
            await writer.drain()

    found, _ = exchanged(OWN, pouring)

    assert REPLY_BYTES_MAX < len(found[0].content) < 2 * REPLY_BYTES_MAX


def test_headers_without_end_are_cut_off():
    async def answering(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nx: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(2 * REPLY_BYTES_MAX // 500_000):
                writer.write(b"x" * 500_000)
                await writer.drain()

    [found], _ = exchanged(OWN, answering)

    assert isinstance(found, httpx.RemoteProtocolError)


def test_words_nobody_asked_for_end_the_connection_and_not_the_next_request():
    found, _ = exchanged(
        OWN, saying(OK + b"HTTP/1.1 408 Late\r\ncontent-length: 0\r\n\r\n"), count=2
    )

    assert [answer.status_code for answer in found] == [200, 200]


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_ends_with_its_headers(exchanges, status):
    found, connections = exchanges(saying(b"HTTP/1.1 %d None\r\n\r\n" % status), count=2)

    assert [answer.status_code for answer in found] == [status] * 2
    assert connections == 1


@pytest.mark.parametrize("tls", [False, True])
def test_a_body_that_moves_slowly_is_no_silence(tls, tmp_path):
    body, pems = b"x" * 16_000_000, certificate(tmp_path)

    async def slowly(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        left = len(body)
        while left:
            await asyncio.sleep(0.006)
            left -= len(await reader.read(1 << 16))
        writer.write(OK)
        await reader.read()

    async def run():
        context = server_context(*pems) if tls else None
        async with listening(slowly, context, is_narrow=True) as port:
            lane = Lane(ssl._create_unverified_context())
            url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/"
            timeouts = {"connect": 5.0, "read": 1.0}
            request = httpx.Request("POST", url, content=body, extensions={"timeout": timeouts})
            began_s = time.monotonic()
            response = await lane.handle_async_request(request)
            took_s = time.monotonic() - began_s
            await lane.aclose()
            return response.status_code, took_s

    status, took_s = asyncio.run(run())

    assert status == 200
    assert took_s > 1.0, "it was not slow"
