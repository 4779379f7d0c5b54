"""People of a CSV file as operations, and lists of them that fit into one request."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Operation = dict[str, Any]

#: What a request may hold, less the envelope and some.
ROOM_BYTES = 499_900


def operation(row: dict[str, Any]) -> Operation:
    """A person by id, all other columns as attributes; `created_at` is a timestamp to the API."""
    identifiers = {"id": row.pop("contact_id")}
    row["created_at"] = int(row["created_at"])
    return {"type": "person", "action": "identify", "identifiers": identifiers, "attributes": row}


def packed(
    path: Path, bytes_of: Callable[[Operation], int], comma_bytes: int
) -> Iterator[list[Operation]]:
    """As many operations as fit, again and again.

    bytes_of: the length of an operation as the client writes it; comma_bytes: of what stands
              between two.
    """
    fitting: list[Operation] = []
    size = 0
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            one = operation(row)
            more = bytes_of(one) + comma_bytes
            if size + more > ROOM_BYTES:
                yield fitting
                fitting, size = [], 0
            fitting.append(one)
            size += more
    yield fitting
