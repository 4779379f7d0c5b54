"""A loopback HTTP server that answers as a test says, badly if need be."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

Serving = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

#: Seconds by which a busy machine may take in one request later than the next: a server sees a pace
#: only as exactly. When requests start is a law of its own, elsewhere.
NOISE_S = 0.05


@contextlib.asynccontextmanager
async def listening(
    serve: Serving, tls: ssl.SSLContext | None = None, *, is_narrow: bool = False
) -> AsyncIterator[int]:
    """A port on which every connection is served; none is left open behind it.

    is_narrow: what is not read yet waits at the client and not between the two.
    """
    tasks: set[asyncio.Task[None] | None] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        broken = (
            ConnectionError,
            TimeoutError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
            asyncio.CancelledError,
            ssl.SSLError,
        )
        with contextlib.suppress(*broken):
            await serve(reader, writer)
        writer.close()
        with contextlib.suppress(*broken):
            await asyncio.wait_for(writer.wait_closed(), 1.0)
        writer.transport.abort()  # what nobody reads is never flushed

    limit = 2**14 if is_narrow else 2**21
    server = await asyncio.start_server(served, "127.0.0.1", 0, ssl=tls, limit=limit)
    if is_narrow:
        server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, limit)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            if task:
                task.cancel()
        await asyncio.gather(*filter(None, tasks), return_exceptions=True)
        await server.wait_closed()


@dataclass(frozen=True)
class Answer:
    """What is sent back. `hangs_up` closes without a word once the request was read."""

    status: int = 200
    body: bytes = b"{}\n"
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    hangs_up: bool = False


@dataclass
class Received:
    """One request as the server saw it."""

    number: int
    at_s: float
    line: str
    headers: dict[str, str]
    body: bytes

    def operations(self) -> list[dict[str, Any]]:
        batch: list[dict[str, Any]] = json.loads(self.body)["batch"]
        return batch


Script = Callable[[Received], Answer | Awaitable[Answer]]


class Server:
    """`async with Server(script) as server`: answers each request by the script, keeps them all."""

    def __init__(
        self, script: Script = lambda _: Answer(), tls: ssl.SSLContext | None = None
    ) -> None:
        self.script, self._tls = script, tls
        self.received: list[Received] = []
        self.connections = 0
        self.port = 0
        self._stack = contextlib.AsyncExitStack()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self.port = await self._stack.enter_async_context(listening(self._serve, self._tls))
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._stack.aclose()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while await self._exchange(reader, writer):
            pass

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        at_s = time.monotonic()
        line, *rest = head.split("\r\n")
        headers = {k.lower(): v for k, v in (h.split(": ", 1) for h in rest if h)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Received(len(self.received), at_s, line, headers, body)
        self.received.append(request)
        answer = self.script(request)
        if not isinstance(answer, Answer):
            answer = await answer
        if answer.delay_s:
            await asyncio.sleep(answer.delay_s)
        if answer.hangs_up:
            return False
        fields = {"content-length": str(len(answer.body)), **answer.headers}
        lines = [f"HTTP/1.1 {answer.status} Said", *(f"{k}: {v}" for k, v in fields.items())]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + answer.body)
        await writer.drain()
        return True
