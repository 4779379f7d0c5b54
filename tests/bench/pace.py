"""How close the sender comes to a limit, and that it never passes it.

    python tests/bench/pace.py --seconds 10

The server is a process of its own; starts are taken from the sender's log of requests.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from counting_server import serving
from measure import interleaved, machine, spread, table

from backfill.batches import Batch
from backfill.courier import Limits, RequestLog
from backfill.sender import Sender
from backfill.transport import HttpTransport


async def batches(count: int, size: int) -> AsyncIterator[Batch]:
    """Batches of `size` operations that name no one."""
    text = b'{"type":"person"},'
    ends = np.arange(1, size + 1, dtype=np.int64) * len(text)
    for _ in range(count):
        yield Batch("pace", (text * size,), ends, ())


async def starts(address: str, limits: Limits, count: int, size: int) -> list[RequestLog]:
    """The log of `count` requests."""
    found: list[RequestLog] = []
    transport = HttpTransport(address, "site", "key")
    await Sender(transport, limits).deliver(batches(count, size), lambda _: None, found.append)
    await transport.aclose()
    return sorted(found, key=lambda log: log.started_at_s)


def busiest(times: np.ndarray, amounts: np.ndarray) -> int:
    """The most that started in any one-second window."""
    ends = np.searchsorted(times, times + 1.0, side="left")
    sums = np.concatenate([[0], np.cumsum(amounts)])
    return int((sums[ends] - sums[np.arange(len(times))]).max())


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of a limit. share: of it that was reached; most: in any one second."""

    share: float
    most: int


def kept(rate: int, of_operations: int, seconds: int) -> Kept:
    """Send for so long under a limit of requests or, where it is given, of operations a second."""
    limit = of_operations or rate
    size = max(1, of_operations // 100)
    count = max(8, limit // size * seconds)
    with serving() as server:
        log = asyncio.run(starts(server.address, Limits(rate, of_operations or None), count, size))
    assert server.counts["requests"] == count
    times = np.array([one.started_at_s for one in log])
    amounts = np.array([len(one.batch) if of_operations else 1 for one in log])
    most = busiest(times, amounts)
    assert most <= limit
    return Kept(amounts[:-1].sum() / (times[-1] - times[0]) / limit, most)


def main() -> None:
    """Print one line a limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(machine())
    print(f"input: ready-made batches for {given.seconds} s")
    limits = {f"{rate:,} requests/s": (rate, 0) for rate in (4, 50, 1000)}
    limits |= {f"{count:,} operations/s": (1000, count) for count in (4, 50, 1000)}
    found = interleaved(
        given.rounds,
        {name: partial(kept, *limit, given.seconds) for name, limit in limits.items()},
    )
    table(
        ["share reached of", "min", "median", "max", "most in a second"],
        [
            [name, *spread([one.share for one in turns], ".1%"), f"{max(o.most for o in turns):,}"]
            for name, turns in found.items()
        ],
    )


if __name__ == "__main__":
    main()
