"""A Track API stand-in in a process of its own, cheap enough not to hide a client's speed.

    python tests/bench/counting_server.py --delay-s 0.1

Takes any POST as a batch and counts it where it was read to; prints its address when it is ready
and, at the end of its standard input, one JSON object of what arrived. Batches are answered
`--delay-s` later. With `--people N` it also looks which of the people c000000000 to N - 1 arrived,
and how often: too slow for runs that are timed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import cast

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
ACCEPTED = HEAD % (3, b"{}\n")
ACCOUNT = b'{"url":"https://track.customer.io","region":"us","environment_id":1}\n'
REGION = HEAD % (len(ACCOUNT), ACCOUNT)

LENGTH = re.compile(rb"(?i)\r\ncontent-length:[ \t]*(\d+)")
PERSON = re.compile(rb'"identifiers":\{"id":"c(\d{9})"\}')

#: Once in each operation, with and without spaces after colons. 0.12 ms a body of 490 KB; other
#: names that are in each operation once take as long, `},{` takes 0.28 ms (one core of 2).
OPERATION = b'"identifiers":'

#: What a connection can hold of a request, head included: twice the largest batch, and some.
MEMORY_BYTES = 1 << 20


@dataclass
class Counts:
    """What arrived.

    bytes:   of all bodies; largest: of one of them.
    first_s: when the first batch was whole, by the monotonic clock.
    cpu_s:   what the server had taken before it served; as JSON, what it took since.
    """

    requests: int = 0
    operations: int = 0
    bytes: int = 0
    largest: int = 0
    first_s: float = 0.0
    cpu_s: float = field(default_factory=time.process_time)
    seen: array[int] = field(default_factory=lambda: array("H"))

    def take(self, memory: bytearray, begin: int, stop: int) -> None:
        """One batch, whose body is memory[begin:stop]."""
        self.first_s = self.first_s or time.monotonic()
        self.requests += 1
        self.bytes += stop - begin
        self.largest = max(self.largest, stop - begin)
        self.operations += memory.count(OPERATION, begin, stop)
        if self.seen:
            for person in PERSON.finditer(memory, begin, stop):
                self.seen[int(person[1])] += 1

    def as_json(self) -> str:
        """The counts; with people also how many came at all, and how many more than once."""
        told = asdict(self) | {"cpu_s": time.process_time() - self.cpu_s}
        seen = told.pop("seen")
        return json.dumps(
            told | {"distinct": sum(n > 0 for n in seen), "twice": sum(n > 1 for n in seen)}
        )


class Connection(asyncio.BufferedProtocol):
    """HTTP/1.1 with a content length: every request is read into the same memory."""

    def __init__(self, counts: Counts, delay_s: float) -> None:
        self._counts, self._delay_s = counts, delay_s
        self._memory = bytearray(MEMORY_BYTES)
        self._view = memoryview(self._memory)
        self._begin = self._end = 0  # of what is not answered yet
        self._body = self._stop = 0  # of the first request in it; 0 where its head is not whole

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's call."""
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Asyncio's call."""
        return self._view[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        """Asyncio's call."""
        self._end += nbytes
        while self._is_whole():
            self._answer()
            self._begin, self._stop = self._stop, 0
        if self._begin:
            rest = self._end - self._begin
            self._memory[:rest] = self._memory[self._begin : self._end]
            self._body, self._stop = self._body - self._begin, max(0, self._stop - self._begin)
            self._begin, self._end = 0, rest

    def _is_whole(self) -> bool:
        """Whether the first request is there to its end."""
        if not self._stop:
            head_stop = self._memory.find(b"\r\n\r\n", self._begin, self._end)
            if head_stop < 0:
                return False
            length = LENGTH.search(self._memory, self._begin, head_stop)
            self._body = head_stop + 4
            self._stop = self._body + (int(length[1]) if length else 0)
        return self._stop <= self._end

    def _answer(self) -> None:
        if self._memory.startswith(b"GET ", self._begin):
            self._transport.write(REGION)
            return
        self._counts.take(self._memory, self._body, self._stop)
        if self._delay_s:
            loop = asyncio.get_running_loop()
            loop.call_later(self._delay_s, self._transport.write, ACCEPTED)
        else:
            self._transport.write(ACCEPTED)


async def serve(counts: Counts, delay_s: float, port: int) -> None:
    """Until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(counts, delay_s), "127.0.0.1", port)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(counts.as_json(), flush=True)


@dataclass(slots=True)
class Serving:
    """A server that runs; once it has ended, `counts` holds what arrived."""

    address: str
    counts: dict[str, float] = field(default_factory=dict)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2])

    @property
    def environ(self) -> dict[str, str]:
        """What sends a command there, and past every proxy."""
        return {
            "CUSTOMERIO_TRACK_URL": self.address,
            "CUSTOMERIO_SITE_ID": "bench",
            "CUSTOMERIO_API_KEY": "bench",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }


@contextmanager
def serving(*, delay_s: float = 0.0, people: int = 0, port: int = 0) -> Iterator[Serving]:
    """A server in a process of its own; port: any that is free for 0."""
    command = [sys.executable, __file__]
    for name, value in (("delay-s", delay_s), ("people", people), ("port", port)):
        command += [f"--{name}", str(value)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        server = Serving(process.stdout.readline().strip())
        try:
            yield server
        finally:
            process.stdin.close()
            server.counts = json.loads(process.stdout.readline())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay-s", type=float, default=0.0)
    parser.add_argument("--people", type=int, default=0)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    people_seen = array("H", bytes(2 * given.people))
    asyncio.run(serve(Counts(seen=people_seen), given.delay_s, given.port))
