"""`concurrency: auto` against fixed settings, at several latencies, in one run.

    python tests/bench/concurrency.py --seconds 6

Bodies of 20 KB and 500 KB, ready made, by the sender and its own transport to a server in a process
of its own. What counts is the rate from 3 s after the first request on; the settings take turns,
and of the fixed ones the median is shown. Three rounds take 20 minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from statistics import median

import numpy as np
from counting_server import serving
from measure import interleaved, machine, spread

from backfill.batches import Batch
from backfill.courier import Limits, RequestLog
from backfill.sender import Sender
from backfill.transport import HttpTransport

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


def served(latency_s: float, concurrency: int | None, size_bytes: int, seconds: float) -> float:
    """The rate against a server of its own."""
    with serving(delay_s=latency_s) as server:
        return asyncio.run(rate(server.address, concurrency, size_bytes, seconds))


def line(latency_s: float, size_bytes: int, rounds: int, seconds: float) -> str:
    """The medians of every setting; of `auto` also the least and the most."""
    settings = {
        setting: partial(served, latency_s, setting, size_bytes, seconds)
        for setting in (*FIXED, None)
    }
    found = interleaved(rounds, settings)
    medians = {setting: median(turns) for setting, turns in found.items()}
    best = max(medians[setting] for setting in FIXED)
    return shown(
        f"{1000 * latency_s:.0f} ms, {size_bytes // 1000} KB",
        *(f"{medians[setting]:.0f}" for setting in FIXED),
        *spread(found[None]),
        f"{medians[None] / best:.1%}",
    )


def shown(first: str, *others: str) -> str:
    """A line of the table, which comes line by line."""
    return f"{first:<15}" + "".join(f"{cell:>12}" for cell in others)


def main() -> None:
    """Print one line a latency and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(machine())
    print(f"input: ready-made batches for {SETTLED_S + given.seconds:g} s")
    print(shown("requests/s", *map(str, FIXED), "auto: min", "median", "max", "of the best"))
    for latency_s in (0.01, 0.1, 1.0):
        for size_bytes in (20_000, 499_000):
            print(line(latency_s, size_bytes, given.rounds, given.seconds), flush=True)


if __name__ == "__main__":
    main()
