"""Sources, what is refused of them, and how it is read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backfill.mapping import Source
from backfill.readers import find, open_file
from backfill.records import Block, Rejected
from backfill.rejects import RejectsFile
from tests.core.blocks import raw_records

OWN = ["_file", "_row", "_rule", "_reason"]


def blocks_of(base: Path, source: Source, *, as_rejects: bool = False) -> list[Block]:
    """The blocks of a source, in order."""
    return [
        block
        for file in find("people", source, base)
        for block in open_file(file, source, as_rejects=as_rejects).blocks()
    ]


def refused(block: Block, rows: list[int] | None = None) -> Rejected:
    """All rows of the block, or some, refused."""
    if rows is None:
        rows = sorted([*block.rows.tolist(), *(fault.row for fault in block.faults)])
    count = len(rows)
    reasons = ["too long, by 3 characters"] * count
    return Rejected(block, np.array(rows, np.int64), ["value_too_long"] * count, reasons)


def reject_all(base: Path, source: Source) -> RejectsFile:
    """A run that refuses every row, and has ended."""
    rejects = RejectsFile(base / "rejects", "people", source, None)
    for block in blocks_of(base, source):
        rejects.append(refused(block))
    rejects.close()
    return rejects


def reread(base: Path, source: Source, path: Path) -> list[dict[str, object]]:
    """The rows of a rejects file, by our own readers."""
    again = source.model_copy(update={"path": str(path)})
    blocks = blocks_of(base, again, as_rejects=True)
    assert [fault for block in blocks for fault in block.faults] == []
    return [row for block in blocks for row in raw_records(block)]


SOURCES = {
    "people.csv": b"a,b\n1,x\n2,y\n3,z\n4,q\n",
    "people.jsonl": b'{"a":1}\n{"a":2}\n{"a":3}\n{"a":4}\n',
}


def make(base: Path, name: str) -> Source:
    """A source of four rows."""
    if name.endswith("parquet"):
        pq.write_table(pa.table({"a": [1, 2, 3, 4]}), base / name)
    else:
        (base / name).write_bytes(SOURCES[name])
    return Source(path=name)


def contents(folder: Path) -> dict[str, bytes]:
    """Name to content of each file."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
