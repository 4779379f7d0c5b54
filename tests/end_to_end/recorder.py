"""A Track API in a thread that keeps every request and answers as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

REGION = b'{"url":"https://track.customer.io","region":"us","environment_id":1}\n'


@dataclass(frozen=True)
class Answer:
    """What is sent back, after `delay_s`; `is_lost` closes the connection instead."""

    status: int = 200
    body: bytes = b"{}\n"
    delay_s: float = 0.0
    is_lost: bool = False


@dataclass
class Posted:
    """One batch as the server saw it; `answered_s` is set when its answer goes out."""

    number: int
    at_s: float
    operations: list[dict[str, Any]]
    size: int
    answer: Answer = Answer()
    answered_s: float = 0.0


Script = Callable[[Posted], Answer]


@dataclass
class Recorder:
    """What was posted, in order of arrival; asked: how often for the region."""

    address: str = ""
    asked: int = 0
    posted: list[Posted] = field(default_factory=list)
    in_flight: int = 0

    @property
    def accepted(self) -> list[dict[str, Any]]:
        """The operations of every batch that was answered with 200."""
        return [o for p in self.posted if p.answer.status == 200 for o in p.operations]


@contextlib.contextmanager
def recording(
    script: Script = lambda _: Answer(), tls: ssl.SSLContext | None = None
) -> Iterator[Recorder]:
    """Serve on a free port of this machine until the context ends; tls: by https."""
    recorder = Recorder()
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    ending = asyncio.Event()
    writers: list[asyncio.StreamWriter] = []
    tasks: list[asyncio.Task[None]] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        tasks.append(loop.create_task(_connection(recorder, script, reader, writer)))

    async def serve() -> None:
        server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=2**21, ssl=tls)
        port, scheme = server.sockets[0].getsockname()[1], "https" if tls else "http"
        recorder.address = f"{scheme}://127.0.0.1:{port}"
        ready.set()
        await ending.wait()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)

    def run() -> None:
        loop.run_until_complete(serve())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield recorder
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join(10)


async def _connection(
    recorder: Recorder, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    broken = (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError)
    try:
        with contextlib.suppress(*broken):
            while await _exchange(recorder, script, reader, writer):
                pass
    finally:
        with contextlib.suppress(*broken, RuntimeError):
            writer.close()


async def _exchange(
    recorder: Recorder, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    at_s = time.monotonic()
    line, *rest = head.split("\r\n")
    headers = {k.lower(): v for k, v in (h.split(": ", 1) for h in rest if h)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    if "accounts/region" in line:
        recorder.asked += 1
        _write(writer, 200, REGION)
        return True
    posted = Posted(len(recorder.posted), at_s, json.loads(body)["batch"], len(body))
    recorder.posted.append(posted)
    posted.answer = answer = script(posted)
    recorder.in_flight += 1
    try:
        if answer.delay_s:
            await asyncio.sleep(answer.delay_s)
    finally:
        recorder.in_flight -= 1
        posted.answered_s = time.monotonic()
    if answer.is_lost:
        return False
    _write(writer, answer.status, answer.body)
    await writer.drain()
    return True


def _write(writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    writer.write(head.encode() + b"\r\n\r\n" + body)
