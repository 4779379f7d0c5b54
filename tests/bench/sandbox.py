"""How fast the sandbox takes full batches: `python tests/bench/sandbox.py [operations]`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
from measure import machine

from backfill import trackapi
from backfill.sandbox import summary

ROUNDS = 3
IN_FLIGHT = 4


def person(i: int) -> bytes:
    """A CRM contact of ten attributes, 290 bytes."""
    attributes = {
        "email": f"person{i * 7919 % 1_000_003}@example.com",
        "first_name": "Anna",
        "last_name": "Müller",
        "plan": "pro",
        "city": "Berlin",
        "country": "DE",
        "score": i % 100,
        "created_at": 1_600_000_000 + i,
        "vip": False,
        "note": "hello world",
    }
    told = {"type": "person", "action": "identify", "identifiers": {"id": f"c{i:07d}"}}
    return orjson.dumps({**told, "attributes": attributes})


def event(i: int) -> bytes:
    """An order of three attributes, 240 bytes."""
    told = {"type": "person", "action": "event", "identifiers": {"id": f"c{i * 31 % 10_000:07d}"}}
    attributes = {"order_id": f"o{i}", "total": 12.5, "currency": "EUR"}
    stamp = {"id": f"01HXXXXXXX{i * 7919 % 10_000_019:016d}", "timestamp": 1_600_000_000 + i}
    return orjson.dumps({**told, "name": "order_placed", **stamp, "attributes": attributes})


def bodies(operations: list[bytes]) -> Iterator[bytes]:
    """Batches of nearly the largest size."""
    per_batch = (trackapi.BODY_BYTES_MAX - 12) // (max(map(len, operations)) + 1)
    for first in range(0, len(operations), per_batch):
        yield b'{"batch":[' + b",".join(operations[first : first + per_batch]) + b"]}"


@contextmanager
def serving(state: Path) -> Iterator[str]:
    """A sandbox in a process of its own; gives its address."""
    command = [sys.executable, "-m", "backfill", "sandbox", "--state", str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.terminate()


def pace(address: str, operations: list[bytes]) -> float:
    """Operations a second of full batches, several in flight."""
    told = list(bodies(operations))
    with httpx.Client(auth=("sandbox", "sandbox")) as client, ThreadPoolExecutor(IN_FLIGHT) as pool:

        def send(body: bytes) -> int:
            return client.post(address + trackapi.BATCH_PATH, content=body).status_code

        start = time.perf_counter()
        statuses = list(pool.map(send, told))
        taken_s = time.perf_counter() - start
    assert set(statuses) == {200}
    return len(operations) / taken_s


def main(count: int) -> None:
    """Print operations a second, over loopback HTTP, state on disk; three workspaces."""
    kinds = {"new people": person, "known people": person, "events": event}
    told = {name: [make(i) for i in range(count)] for name, make in kinds.items()}
    paces: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            state = Path(folder) / "workspace.db"
            with serving(state) as address:
                for name, operations in told.items():
                    paces[name].append(pace(address, operations))
            found = summary(state)
            assert (found["people"], found["events"]) == (max(count, 10_000), count)
    print(machine())
    print(f"input: {count:,} operations of each kind, {IN_FLIGHT} requests in flight")
    for name, each in paces.items():
        low, high = min(each), max(each)
        print(f"{name}: {statistics.median(each):,.0f} operations/s ({low:,.0f} to {high:,.0f})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
