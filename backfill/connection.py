"""One HTTP/1.1 connection at a time, as an httpx transport: asyncio's protocol and httptools.

Facts: httpcore's connection costs 0.6 ms of CPU a request, more than half of what a second has
at the API's 1,000 requests; this one 0.1 ms (small bodies, loopback, 2 cores). An answer may come
before the request was sent whole, in any pieces, without an end, or not at all.
Rules: a connection carries one exchange at a time and is used again only if both sides are done
with the last one; whatever goes wrong is raised as httpx's own transport errors.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections import deque
from typing import cast

import httptools
import httpx

from backfill.batches import Slice

#: How long an idle connection is kept, in seconds: servers close theirs after a minute or more,
#: and a request that meets the closing is one more retry.
IDLE_S_MAX = 30.0

#: Where a reply is cut off, in bytes; a cut list of errors cannot be parsed and so stops the run.
#: The largest true one: 8,300 operations of 60 bytes refused in 480 bytes each. What surrounds the
#: body (headers, interim answers, the lengths of chunks) may be as long: without a bound a header
#: that never ends fills the memory.
REPLY_BYTES_MAX = 4_000_000

#: What is written to an https connection at once, in bytes, and how much it may hold back: asyncio
#: does not tell how much of what TLS took is still on its way, so a body is seen to move by what
#: is left of it. 64 bodies at once on a line of 1 Mbit/s move by so much in 34 s each.
PIECE_BYTES = 1 << 16


class Lane(httpx.AsyncBaseTransport):
    """Carries one request at a time to one server; connects when there is no connection."""

    def __init__(self, trust: ssl.SSLContext | None) -> None:
        """Open nothing yet; trust: whose certificates hold, for https."""
        self._trust = trust
        self._connection: _Connection | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its answer, read whole.

        Its `timeout` extension gives the seconds a connection may take (`connect`) and how long
        nothing may move in either direction (`read`).
        Raises httpx.ConnectTimeout, ConnectError, ReadTimeout, ReadError, RemoteProtocolError.
        """
        timeouts = request.extensions["timeout"]
        connection = await self._connected(request.url, timeouts["connect"])
        try:
            return await connection.exchange(request, timeouts["read"])
        finally:
            if not connection.is_reusable:
                self._drop()

    async def aclose(self) -> None:
        """Close the connection."""
        self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.abort()
            self._connection = None

    async def _connected(self, url: httpx.URL, within_s: float) -> _Connection:
        held = self._connection
        if held is not None and held.serves(url):
            return held
        self._drop()
        is_tls = url.scheme == "https"
        assert self._trust or not is_tls, "https, and nobody's certificates hold"
        try:
            async with asyncio.timeout(within_s):
                _, made = await asyncio.get_running_loop().create_connection(
                    lambda: _Connection(url),
                    url.host,
                    url.port or (443 if is_tls else 80),
                    ssl=self._trust if is_tls else None,
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection in time") from error
        except (OSError, RuntimeError) as error:
            # A refused connection, an unknown name, a bad certificate; no thread to look it up in.
            raise httpx.ConnectError("no connection") from error
        self._connection = made
        return made


class _Connection(asyncio.Protocol):
    """The protocol of one connection; httptools calls the on_… methods as it parses."""

    def __init__(self, url: httpx.URL) -> None:
        self._loop = asyncio.get_running_loop()
        self._place = (url.scheme, url.host, url.port)
        self._answer: asyncio.Future[httpx.Response] | None = None
        self._used_s = self._loop.time()
        self._unsent: deque[Slice] = deque()
        self._written = 0  # how often
        self._is_paused = False
        self._most = PIECE_BYTES if url.scheme == "https" else sys.maxsize
        self.is_reusable = True

    def serves(self, url: httpx.URL) -> bool:
        """Whether a request to `url` can go this way."""
        is_fresh = self._loop.time() - self._used_s < IDLE_S_MAX
        return self.is_reusable and is_fresh and self._place == (url.scheme, url.host, url.port)

    async def exchange(self, request: httpx.Request, silence_s: float) -> httpx.Response:
        """Send a request and wait for its answer.

        What is sent is in no variable of this frame: a traceback may print them, with the key.
        """
        self._answer = self._loop.create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._chunks: list[bytes] = []
        self._received = self._kept = 0
        self.is_reusable = False  # until the exchange is over on both sides
        stream = cast("httpx.AsyncByteStream", request.stream)
        self._unsent = deque([_head(request), *[piece async for piece in stream]])
        self._send_on()
        self._seen = self._moved()
        timer = self._loop.call_later(silence_s, self._watch, silence_s)
        self._timer = timer
        try:
            return await self._answer
        finally:
            self._timer.cancel()
            self._used_s = self._loop.time()

    def abort(self) -> None:
        """Close at once."""
        self.is_reusable = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's call."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(PIECE_BYTES)

    def pause_writing(self) -> None:
        """Asyncio's call."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Asyncio's call."""
        self._is_paused = False
        self._send_on()

    def data_received(self, data: bytes) -> None:
        """Asyncio's call."""
        if self._answer is None or self._answer.done():
            self.abort()  # nobody asked
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(httpx.RemoteProtocolError("the answer is not HTTP"), error)
        if self._received - self._kept > REPLY_BYTES_MAX:
            self._fail(httpx.RemoteProtocolError("headers without end"), None)

    def connection_lost(self, error: Exception | None) -> None:
        """Asyncio's call."""
        self.is_reusable = False
        if self._answer is None or self._answer.done():
            return
        if self._ends_with_the_connection() and error is None:
            self._finish(is_reusable=False)
        elif self._received:
            self._fail(httpx.RemoteProtocolError("the answer was cut"), error)
        else:
            self._fail(httpx.ReadError("the connection broke"), error)

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser's call."""
        self._headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        """The parser's call."""
        self._chunks.append(body)
        self._kept += len(body)
        if self._kept > REPLY_BYTES_MAX:
            self._finish(is_reusable=False)

    def on_message_complete(self) -> None:
        """The parser's call."""
        if self._parser.get_status_code() < 200:  # an interim answer: the true one follows
            self._headers.clear()
            return
        is_sent = not self._unsent and self._transport.get_write_buffer_size() == 0
        self._finish(is_reusable=is_sent and self._parser.should_keep_alive())

    def _finish(self, *, is_reusable: bool) -> None:
        assert self._answer is not None
        if self._answer.done():
            return
        self.is_reusable = is_reusable
        content = httpx.ByteStream(b"".join(self._chunks))
        status = self._parser.get_status_code()
        self._answer.set_result(httpx.Response(status, headers=self._headers, stream=content))

    def _fail(self, error: httpx.TransportError, cause: Exception | None) -> None:
        assert self._answer is not None
        error.__cause__ = cause
        if not self._answer.done():
            self._answer.set_exception(error)

    def _ends_with_the_connection(self) -> bool:
        """Whether the headers came whole and name no length."""
        names = {name.lower() for name, _ in self._headers}
        is_begun = self._received > 0 and self._parser.get_status_code() >= 200
        return is_begun and not names & {b"content-length", b"transfer-encoding"}

    def _send_on(self) -> None:
        """Write what the connection takes now, and nothing any more once it is closing."""
        while self._unsent and not self._is_paused and not self._transport.is_closing():
            self._transport.write(self._cut_off())
            self._written += 1

    def _cut_off(self) -> Slice:
        """What is written next: small pieces together, of a large one a part."""
        if len(self._unsent[0]) > self._most:
            whole = memoryview(self._unsent.popleft())
            self._unsent.appendleft(whole[self._most :])
            return whole[: self._most]
        together = [self._unsent.popleft()]
        while self._unsent and sum(map(len, (*together, self._unsent[0]))) <= PIECE_BYTES:
            together.append(self._unsent.popleft())
        return together[0] if len(together) == 1 else b"".join(together)

    def _moved(self) -> tuple[int, int, int]:
        return self._received, self._written, self._transport.get_write_buffer_size()

    def _watch(self, silence_s: float) -> None:
        """Give up where nothing moved since the last look."""
        if self._moved() == self._seen:
            self._fail(httpx.ReadTimeout("silence"), None)
            return
        self._seen = self._moved()
        self._timer = self._loop.call_later(silence_s, self._watch, silence_s)


def _head(request: httpx.Request) -> bytes:
    lines = [b"%s %s HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%s: %s" % pair for pair in request.headers.raw]
    return b"\r\n".join(lines) + b"\r\n\r\n"
