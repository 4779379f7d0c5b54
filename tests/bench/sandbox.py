"""How fast the sandbox takes full batches: `python tests/sandbox/bench_batches.py [operations]`."""

# ruff: noqa: T201

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson

from backfill import trackapi
from backfill.sandbox import embedded, summary


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


def main(count: int) -> None:
    """Print operations a second, end to end over loopback HTTP, state on disk."""
    people, orders = [person(i) for i in range(count)], [event(i) for i in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "workspace.db"
        with embedded(state) as url, httpx.Client(auth=("sandbox", "sandbox")) as client:
            for name, told in (
                ("new people", people),
                ("known people", people),
                ("events", orders),
            ):
                paces = []
                for body in bodies(told):
                    start = time.perf_counter()
                    answer = client.post(url + trackapi.BATCH_PATH, content=body)
                    taken = body.count(b'"type"') / (time.perf_counter() - start)
                    assert answer.status_code == 200, answer.text
                    paces.append(taken)
                low, high = min(paces), max(paces)
                print(f"{name}: {statistics.median(paces):,.0f} ops/s ({low:,.0f} to {high:,.0f})")
        assert (summary(state)["people"], summary(state)["events"]) == (max(count, 10_000), count)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
