"""What the sender costs: ready-made bodies by it, and by a bare loop over sockets, in one run.

    python tests/bench/wire.py --bodies 2000

Both post the same bodies of 499 KB with the same number in flight, as fast as the server takes
them. The loop does what no client can do without: it writes a request, head and body made before,
and reads until an answer ends. The sender makes each body of its batch, keeps its limits, judges
the answer and reports it. Their turns are in one process; the server is another.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from counting_server import serving
from measure import interleaved, machine, spread, table

from backfill import trackapi
from backfill.batches import BATCH_CLOSE, BATCH_OPEN, Batch
from backfill.courier import Limits, RequestLog
from backfill.sender import Sender
from backfill.transport import HttpTransport
from backfill.verdict import Delivery

BODY_BYTES = 499_000
OPERATION = (
    b'{"type":"person","identifiers":{"id":"a"},"action":"identify",'
    b'"attributes":{"note":"%b"}},' % (b"n" * 250)
)
COUNT = BODY_BYTES // len(OPERATION)
BODY = BATCH_OPEN + (OPERATION * COUNT)[:-1] + BATCH_CLOSE

#: Never in the way: the limiter's bucket holds 5,001 requests and leaks 980,000 a second.
NO_PACE = 1_000_000


@dataclass(frozen=True, slots=True)
class Posted:
    """How the bodies went. server: the share of the time in which the server was busy."""

    per_s: float
    cpu_ms: float
    server: float


def batch() -> Batch:
    """The batch that every request carries. It names no entity to keep in order."""
    ends = np.arange(1, COUNT + 1, dtype=np.int64) * len(OPERATION)
    return Batch("wire", (OPERATION * COUNT,), ends, ())


async def by_sender(address: str, bodies: int, in_flight: int) -> None:
    """The engine's own way."""
    same, accepted, log = batch(), list[Delivery](), list[RequestLog]()

    async def batches() -> AsyncIterator[Batch]:
        for _ in range(bodies):
            yield same

    transport = HttpTransport(address, "site", "key")
    limits = Limits(NO_PACE, concurrency=in_flight)
    await Sender(transport, limits).deliver(batches(), accepted.append, log.append)
    await transport.aclose()
    assert len(accepted) == len(log) == bodies
    assert {one.status for one in log} == {200}


async def by_loop(address: str, bodies: int, in_flight: int) -> None:
    """Sockets and nothing else."""
    place = urlsplit(address)
    head = f"POST {trackapi.BATCH_PATH} HTTP/1.1\r\nHost: {place.netloc}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    request, left = head.encode() + BODY, iter(range(bodies))
    loop = asyncio.get_running_loop()

    async def post() -> None:
        with socket.socket() as connection:
            connection.setblocking(False)
            await loop.sock_connect(connection, (place.hostname, place.port))
            for _ in left:
                await loop.sock_sendall(connection, request)
                answer = b""
                while not answer.endswith(b"\n{}\n"):
                    answer += await loop.sock_recv(connection, 65_536)

    await asyncio.gather(*(post() for _ in range(in_flight)))


def posted(way: Callable[..., Coroutine[Any, Any, None]], bodies: int, in_flight: int) -> Posted:
    """Send the bodies once, to a server of their own."""
    with serving() as server:
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        asyncio.run(way(server.address, bodies, in_flight))
        wall_s, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    assert server.counts["requests"] == bodies
    assert server.counts["operations"] == bodies * COUNT
    return Posted(bodies / wall_s, 1000 * cpu_s / bodies, server.counts["cpu_s"] / wall_s)


def main() -> None:
    """Print a line each and how they compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bodies", type=int, default=2_000)
    parser.add_argument("--in-flight", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(machine())
    print(f"input: {given.bodies:,} bodies of {len(BODY):,} bytes, {COUNT:,} operations")
    ways = {"sender": by_sender, "bare loop": by_loop}
    found = interleaved(
        given.rounds,
        {name: partial(posted, way, given.bodies, given.in_flight) for name, way in ways.items()},
    )
    table(
        ["requests/s", "min", "median", "max", "CPU ms a request", "server busy"],
        [
            [
                name,
                *spread([one.per_s for one in ran]),
                f"{median(one.cpu_ms for one in ran):.3f}",
                f"{median(one.server for one in ran):.0%}",
            ]
            for name, ran in found.items()
        ],
    )
    sender, loop = (median(one.per_s for one in ran) for ran in found.values())
    print(f"sender / bare loop: {sender / loop:.2f}")


if __name__ == "__main__":
    main()
