"""async-customerio, 16 batches in flight: `python …/peers/async_customerio_batch.py people.csv`.

Sends to CUSTOMERIO_TRACK_URL; the client itself knows https alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from async_customerio import AsyncCustomerIO
from operations import Operation, packed

IN_FLIGHT = 16


def size(operation: Operation) -> int:
    """Bytes of an operation as httpx writes it."""
    return len(json.dumps(operation, ensure_ascii=False, separators=(",", ":")).encode())


async def main(path: Path) -> None:
    """Send a file."""
    url = os.environ["CUSTOMERIO_TRACK_URL"] + "/api/v2/batch"
    site_id, api_key = os.environ["CUSTOMERIO_SITE_ID"], os.environ["CUSTOMERIO_API_KEY"]
    room = asyncio.Semaphore(IN_FLIGHT)
    async with AsyncCustomerIO(site_id, api_key) as client, asyncio.TaskGroup() as tasks:

        async def send(operations: list[Operation]) -> None:
            try:
                await client.send_request("POST", url, json_payload={"batch": operations})
            finally:
                room.release()

        for operations in packed(path, size, len(",")):
            await room.acquire()
            tasks.create_task(send(operations))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
