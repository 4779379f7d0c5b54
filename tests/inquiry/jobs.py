"""Small jobs whose runs are asked about, and the questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.end_to_end.command import Ended, command
from tests.end_to_end.recorder import Answer, Posted

SECRET = "Jane-Doe-4711"

MENDED = (
    "--set", "checkpoint=state/job.checkpoint.only-people-mended.csv",
    "--set", "rejects=state/job.rejects/only-people-mended.csv",
    "--set", "streams.people.source=mended.csv",
)  # fmt: skip


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Rows as the file's name says; the first has every column."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
        path.write_text("\n".join(lines) + "\n")


def ask(folder: Path, *arguments: str) -> Ended:
    """A question with --json; it needs no credentials and no address."""
    return command(folder, None, *arguments, "--json")


def text(folder: Path, *arguments: str) -> str:
    """What a question says to people."""
    return command(folder, None, *arguments).text


def refusing(*ids: str):
    """A server that refuses people by id, with 207."""

    def answer(posted: Posted) -> Answer:
        errors = [
            {"batch_index": i, "reason": "invalid", "field": "attributes.note", "message": "no"}
            for i, operation in enumerate(posted.operations)
            if operation["identifiers"].get("id") in ids
        ]
        return Answer(207, json.dumps({"errors": errors}).encode()) if errors else Answer()

    return answer
