"""One client's connection: what HTTP has no words for, and the bounds of what it may send."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Of a request's first line and headers; the vendor's limit is not known, ours is that of many.
HEAD_BYTES_MAX: Final = 65_536

#: What a socket is closed with so that the other side is told of a reset: no lingering.
_NO_LINGER: Final = struct.pack("ii", 1, 0)


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, with a bound on headers, half-closed clients and faults.

    A request finds its connection in its scope, as state "connection".
    """

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.app_state = {**self.app_state, "connection": self}
        self._is_in_head = False
        self._head_bytes = 0
        self._is_half_closed = False
        self.is_waiting = False

    def data_received(self, data: bytes) -> None:
        """Read on; a head that does not end is refused."""
        super().data_received(data)
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
                self.send_400_response("Request head too large.")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """A request's head is whole."""
        self._is_in_head = False
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > HEAD_BYTES_MAX:
            raise ValueError("the head is too large")  # answered with 400
        super().on_headers_complete()

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends no more: what it has asked is answered yet, then the connection closes.

        A client that is gone looks the same, so nobody is waited for.
        """
        is_asking = self.cycle is not None and not self.cycle.response_complete
        if not is_asking or self.cycle.more_body or self.is_waiting or self.scheme == "https":
            return False
        self._is_half_closed = True
        self.cycle.keep_alive = False
        return True

    def shutdown(self) -> None:
        """The server stops: answer what can be answered, and give up what cannot."""
        is_stuck = self.cycle is not None and not self.cycle.response_complete
        if is_stuck and (self.cycle.more_body or self.is_waiting):
            self.transport.abort()
        else:
            super().shutdown()

    def reset(self) -> None:
        """Drop the connection at once, with a TCP RST, if the client has not done so before."""
        known = self.transport.get_extra_info("socket")
        if known.fileno() >= 0:
            known.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.transport.abort()

    async def stay_silent(self, receive: Receive) -> None:
        """Wait until the client is gone."""
        if self._is_half_closed:  # whether it is still there could not be seen
            self.transport.close()
        self.is_waiting = True
        while (await receive())["type"] != "http.disconnect":
            pass
        self.is_waiting = False


async def waited(request: Request, delay_s: float) -> None:
    """Wait, or until the client is gone."""
    connection: Connection = request.state.connection
    if delay_s:
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await connection.stay_silent(request.receive)
        connection.is_waiting = False


class NoAnswer(Response):
    """Nothing, until the client gives up; `resets`: the connection is reset at once."""

    def __init__(self, resets: bool = False) -> None:
        super().__init__()
        self.resets = resets

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Carry it out."""
        connection: Connection = scope["state"]["connection"]
        if self.resets:
            connection.reset()
        await connection.stay_silent(receive)


class CutAnswer(Response):
    """The head and half the body of an answer, then the end of the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry it out."""
        connection: Connection = scope["state"]["connection"]
        head = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **head})
        half = bytes(self.body[: len(self.body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})
        connection.transport.close()
        await connection.stay_silent(receive)
