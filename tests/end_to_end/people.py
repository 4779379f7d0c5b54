"""A small source of people, and the stream that maps it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

PEOPLE = {"name": "people", "source": "people.csv", "person": {"id": "id"}, "attributes": "*"}


def write_people(path: Path, count: int, value: str = "x") -> None:
    rows = [{"id": f"p{n}", "value": f"{value}{n}"} for n in range(count)]
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=700)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text("id,value\n" + "".join(f"{r['id']},{r['value']}\n" for r in rows))


def ids(operations) -> list[str]:
    return [operation["identifiers"]["id"] for operation in operations]
