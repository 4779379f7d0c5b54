"""A fast Track API stand-in in a process of its own: counts, and keeps which people arrived.

Prints its address when it is ready; at the end of its standard input it prints one JSON object:
requests, operations, bytes, distinct people, how often the busiest one-second window was hit.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

import numpy as np

REGION = b'{"url":"https://track.customer.io","region":"us","environment_id":1}\n'
PERSON = re.compile(rb'"identifiers":\{"id":"c(\d{9})"\}')
LENGTH = re.compile(rb"(?i)content-length: *(\d+)")


class Counter:
    """What arrived."""

    def __init__(self, people: int, delay_s: float) -> None:
        self.seen = np.zeros(people, np.uint16)
        self.requests = self.operations = self.bytes = 0
        self.starts: list[float] = []
        self.delay_s = delay_s

    def take(self, body: bytes) -> None:
        """One batch."""
        ids = np.array(PERSON.findall(body), dtype="S9").astype(np.int64)
        np.add.at(self.seen, ids, 1)
        self.requests += 1
        self.operations += len(ids)
        self.bytes += len(body)
        self.starts.append(time.monotonic())

    def found(self) -> dict[str, int]:
        """The counts, for people who check them."""
        return {
            "requests": self.requests,
            "operations": self.operations,
            "bytes": self.bytes,
            "distinct": int((self.seen > 0).sum()),
            "twice": int((self.seen > 1).sum()),
        }


class Connection(asyncio.Protocol):
    """HTTP/1.1 with a content length, as little of it as a client needs."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._chunks: list[bytes] = []
        self._have = 0
        self._head = b""
        self._need = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to write."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Collect a request, then answer it."""
        self._chunks.append(data)
        self._have += len(data)
        if self._need < 0:
            joined = b"".join(self._chunks)
            end = joined.find(b"\r\n\r\n")
            if end < 0:
                return
            self._head = joined[:end]
            length = LENGTH.search(self._head)
            self._need = end + 4 + (int(length[1]) if length else 0)
            self._chunks = [joined]
        if self._have >= self._need:
            whole = b"".join(self._chunks)
            body = whole[len(self._head) + 4 : self._need]
            rest = whole[self._need :]
            self._chunks, self._have, self._need = ([rest] if rest else []), len(rest), -1
            self._answer(body)

    def _answer(self, body: bytes) -> None:
        if b"accounts/region" in self._head[:80]:
            self._write(REGION)
            return
        self._counter.take(body)
        if self._counter.delay_s:
            loop = asyncio.get_running_loop()
            loop.call_later(self._counter.delay_s, self._write, b"{}\n")
        else:
            self._write(b"{}\n")

    def _write(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
        self._transport.write(head + str(len(body)).encode() + b"\r\n\r\n" + body)  # type: ignore[attr-defined]


async def serve(people: int, delay_s: float) -> None:
    """Until standard input ends."""
    counter = Counter(people, delay_s)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(counter), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(json.dumps(counter.found()), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
