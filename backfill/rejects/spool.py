"""Refused Parquet rows: appended to a spool, written out as Parquet files at the end.

The spool is one Arrow stream after the other, each with its schema: so rows of files with other
columns follow each other, and it can be cut wherever an append ended.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backfill.arrays import integers, texts
from backfill.dialect import REJECT_COLUMNS
from backfill.records import Rejected
from backfill.rejects.rows import places, taken


def spooled(rejected: Rejected) -> bytes:
    """The refused rows with our columns, as one Arrow stream."""
    sound = taken(rejected.block, rejected.rows)
    told = places(rejected)
    own = (
        texts([place.file for place in told]),
        integers(np.array([place.row for place in told], np.int64)),
        texts(rejected.rules),
        texts(rejected.reasons),
    )
    batch = pa.RecordBatch.from_arrays(
        [*sound.columns, *own], names=[*sound.schema.names, *REJECT_COLUMNS]
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return bytes(sink.getvalue())


def write_parquet(spool: Path, path_of: Callable[[int], Path]) -> None:
    """Make a Parquet file of the rows of each schema in the spool; each appears whole.

    path_of: the path of the i-th file, from 0.
    """
    drafts: list[tuple[Path, Path]] = []
    writers: dict[pa.Schema, pq.ParquetWriter] = {}
    with ExitStack() as held:
        for batch in _batches(spool):
            if batch.schema not in writers:
                path = path_of(len(drafts))
                draft = path.with_name(path.name + ".draft")
                drafts.append((draft, path))
                descriptor = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
                file = held.enter_context(os.fdopen(descriptor, "wb"))
                held.callback(os.fsync, descriptor)
                held.callback(file.flush)
                writers[batch.schema] = held.enter_context(pq.ParquetWriter(file, batch.schema))
            writers[batch.schema].write_batch(batch)
    for draft, path in drafts:
        draft.replace(path)


def written(spool: Path, size: int | None = None) -> Iterator[pa.RecordBatch]:
    """The rows in the first `size` bytes of a spool; None: as far as they are whole."""
    with pa.OSFile(str(spool), "rb") as file, suppress(pa.ArrowException):
        while file.tell() < (file.size() if size is None else size):
            yield from pa.ipc.open_stream(file)


def _batches(spool: Path) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(spool), "rb") as file:
        while file.tell() < file.size():
            yield from pa.ipc.open_stream(file)
