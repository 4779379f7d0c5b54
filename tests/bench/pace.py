"""How close the sender comes to a limit, and that it never passes it.

    python tests/bench/pace.py --seconds 10

The server is a process of its own; starts are taken from the sender's log of requests.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np

from backfill.courier import Limits, RequestLog
from backfill.records import Batch
from backfill.sender import Sender
from backfill.transport import HttpTransport

HERE = Path(__file__).parent


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


def main() -> None:
    """Print one line a limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    given = parser.parse_args()
    server = subprocess.Popen(
        [sys.executable, HERE / "counting_server.py", "1", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    assert server.stdin is not None
    address = server.stdout.readline().strip()
    for rate, of_operations in [(4, 0), (50, 0), (1000, 0), (1000, 4), (1000, 50), (1000, 1000)]:
        limits = Limits(rate, of_operations or None)
        size = max(1, of_operations // 100) if of_operations else 1
        count = max(8, (of_operations // size if of_operations else rate) * given.seconds)
        log = asyncio.run(starts(address, limits, count, size))
        times = np.array([one.started_at_s for one in log])
        amounts = np.array([one.operations if of_operations else 1 for one in log])
        reached = amounts[:-1].sum() / (times[-1] - times[0])
        unit, limit = ("operations", of_operations) if of_operations else ("requests", rate)
        print(
            f"{limit:>5} {unit}/s: {reached / limit:.1%} of it over {times[-1] - times[0]:.0f} s,"
            f" at most {busiest(times, amounts):,} in a second",
            flush=True,
        )
        assert busiest(times, amounts) <= limit
    server.stdin.close()
    server.wait()


if __name__ == "__main__":
    main()
