"""`concurrency: auto` against fixed settings, at several latencies, in one run.

    python tests/bench/concurrency.py --seconds 6

Bodies of 20 KB and 500 KB, ready made, by the sender and its own transport to a server in a process
of its own. What counts is the rate from 3 s after the first request on; the settings take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np

from backfill.courier import Limits, RequestLog
from backfill.records import Batch
from backfill.sender import Sender
from backfill.transport import HttpTransport

HERE = Path(__file__).parent
SETTLED_S = 3.0
FIXED = (1, 4, 16, 64, 256, 1000)


async def batches(size_bytes: int, until_s: float) -> AsyncIterator[Batch]:
    """The same batch until a time of the monotonic clock."""
    text = b'{"type":"person","identifiers":{"id":"a"},"action":"identify"},'
    count = size_bytes // len(text)
    operations, ends = text * count, np.arange(1, count + 1, dtype=np.int64) * len(text)
    while time.monotonic() < until_s:
        yield Batch("concurrency", (operations,), ends, ())


async def rate(address: str, concurrency: int | None, size_bytes: int, seconds: float) -> float:
    """Requests answered a second, once settled."""
    found: list[RequestLog] = []
    transport = HttpTransport(address, "site", "key")
    limits = Limits(requests_per_s=1000, concurrency=concurrency, stop_within_s=5)
    sender = Sender(transport, limits)
    until_s = time.monotonic() + SETTLED_S + seconds
    await sender.deliver(batches(size_bytes, until_s), lambda _: None, found.append)
    await transport.aclose()
    begun_s = min(log.started_at_s for log in found) + SETTLED_S
    ended = (log.started_at_s + log.elapsed_s for log in found if log.status == 200)
    return sum(begun_s <= t < begun_s + seconds for t in ended) / seconds


def main() -> None:
    """Print one line a latency and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0)
    given = parser.parse_args()
    print("latency  body     " + "".join(f"{n:>7}" for n in FIXED) + "    auto  of the best")
    for latency_s in (0.01, 0.1, 1.0):
        for size_bytes in (20_000, 499_000):
            rates = {n: served(latency_s, n, size_bytes, given.seconds) for n in (*FIXED, None)}
            best = max(rates[n] for n in FIXED)
            print(
                f"{1000 * latency_s:>5.0f} ms {size_bytes // 1000:>4} KB "
                + "".join(f"{rates[n]:>7.0f}" for n in FIXED)
                + f" {rates[None]:>7.0f}  {rates[None] / best:>7.1%}",
                flush=True,
            )


def served(latency_s: float, concurrency: int | None, size_bytes: int, seconds: float) -> float:
    """The rate against a server of its own."""
    server = subprocess.Popen(
        [sys.executable, HERE / "counting_server.py", "1", str(latency_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    assert server.stdin is not None
    try:
        address = server.stdout.readline().strip()
        return asyncio.run(rate(address, concurrency, size_bytes, seconds))
    finally:
        server.stdin.close()
        server.wait()


if __name__ == "__main__":
    main()
