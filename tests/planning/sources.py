"""Rows as files of any format, and jobs over them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from backfill import engine, planning
from backfill.config import load
from backfill.following import Follower
from tests.end_to_end.command import write_job

#: An event time that starts no campaign.
LONG_AGO = "1600000000"


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of the same keys, as the name says."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), path, row_group_size=700)
        return
    text = io.StringIO()
    if path.suffixes[0] == ".jsonl":
        text.writelines(json.dumps(row) + "\n" for row in rows)
    else:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def planned(folder: Path, *streams: dict[str, Any], **scope: Any) -> planning.Plan:
    """The plan of a job of these streams, made in this process."""
    write_job(folder, *streams, operations_per_s=20_000)
    return engine.surveyed(load(folder / "job.yaml", []), planning.Scope(**scope), Follower(None))


def finding(plan: planning.Plan, kind: str) -> Any:
    """The only finding of a kind; None where there is none."""
    found = [each for each in plan.findings if each.kind == kind]
    assert len(found) <= 1, found
    return found[0] if found else None


def rows_of(found: Any) -> list[tuple[str, int]]:
    """Where the rows stand that a finding names."""
    return [(sample.file, sample.row) for sample in found.samples]


PEOPLE = {"name": "people", "source": "people.csv", "person": {"id": "id"}, "attributes": "*"}
BY_EMAIL = PEOPLE | {"person": {"email": "email"}, "attributes": {"value": "value"}}
TOO_LONG = "x" * 1_001


def people(folder, *values, name="people.csv", keys=("id", "email")):
    write_rows(folder / name, [dict(zip(keys, value, strict=True)) for value in values])


def event(name="orders", source="orders.csv", **keys):
    happened = {"name": {"column": "name"}, "timestamp": "at", "key": "content"}
    return {"name": name, "source": source, "person": {"id": "id"}, "event": happened} | keys
