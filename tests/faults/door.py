"""A way to a server that can be shut and opened again, also as a proxy that wants a password."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from typing import Any


class Door:
    """Joins every connection to a port of this machine; runs in a thread of its own.

    address:     of the door. asked: what CONNECT asked for, where it is a proxy.
    refusal:     status line a proxy answers instead of opening a way.
    credentials: USER:PASSWORD a proxy wants; "" for none.
    """

    def __init__(self, to_port: int, *, is_proxy: bool = False, credentials: str = "") -> None:
        self.asked: list[str] = []
        self.refusal = ""
        self._credentials, self._is_proxy, self._to_port = credentials, is_proxy, to_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.open()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def open(self) -> None:
        """Let everybody through, at the same address as before."""
        self._do(self._open())

    def shut(self) -> None:
        """Refuse connections and cut those that are."""
        self._do(self._shut())

    def begin_to_shut(self, for_s: float | None = None) -> None:
        """Shut, and open again after so many seconds if any are given; returns at once."""
        asyncio.run_coroutine_threadsafe(self._pause(for_s), self._loop)

    def close(self) -> None:
        """Shut for good."""
        self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        self._server.close()
        while self._writers:
            for writer in self._writers:
                writer.transport.abort()
            await asyncio.sleep(0.001)

    async def _pause(self, for_s: float | None) -> None:
        await self._shut()
        if for_s is not None:
            await asyncio.sleep(for_s)
            await self._open()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        broken = (OSError, asyncio.IncompleteReadError)
        with contextlib.suppress(*broken):
            if not self._is_proxy or await self._lets_in(reader, writer):
                await self._join(reader, writer)
        writer.transport.abort()
        self._writers.discard(writer)

    async def _lets_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head.split()[1])
        pair = base64.b64encode(self._credentials.encode()).decode()
        refusal = self.refusal
        if self._credentials and f"Basic {pair}" not in head:
            refusal = "407 Proxy Authentication Required"
        writer.write(f"HTTP/1.1 {refusal or '200 Open'}\r\n\r\n".encode())
        await writer.drain()
        return not refusal

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        try:
            await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))
        finally:
            far_writer.transport.abort()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


@contextlib.contextmanager
def door(address: str, *, is_proxy: bool = False, credentials: str = "") -> Iterator[Door]:
    """A door before the server at `address`, until the context ends."""
    port = int(address.rpartition(":")[2])
    opened = Door(port, is_proxy=is_proxy, credentials=credentials)
    try:
        yield opened
    finally:
        opened.close()
