"""The rejects files of a stream, read back block by block.

Of a run that is alive or was killed, what its last commit knows is read and no more: so the rows
are those of the checkpoint's counts. Files that were edited, moved or mended in place are read as
they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from backfill import dialect, readers
from backfill.columns import Column, columns_of
from backfill.dialect import REJECT_COLUMNS
from backfill.errors import StorageError
from backfill.inquiry.runs import Run, looking_into
from backfill.mapping import Source, Stream
from backfill.readers.naming import format_of
from backfill.readers.plain_types import plain
from backfill.records import Block, BlockStart, Fault, Form, SourceFile
from backfill.rejects.spool import written
from backfill.rejects.standing import PARQUET, SPOOL, committed, existing

_SCHEMA: Mapping[str, pl.DataType] = {
    "file": pl.String(),
    "row": pl.Int64(),
    "rule": pl.String(),
    "reason": pl.String(),
}


@dataclass(frozen=True, slots=True, eq=False)
class Refusals:
    """Some refused rows.

    frame:   file, row (from 1), rule, reason and `at`: the row's place in the columns, null where
             it could not be read as one.
    columns: the source's columns.
    """

    frame: pl.DataFrame
    columns: dict[str, Column]


@dataclass(frozen=True, slots=True)
class Part:
    """A file to read; size: how many bytes of it; None: all."""

    path: Path
    size: int | None


def parts(run: Run, stream: str) -> list[Part]:
    """The files that hold a stream's refused rows."""
    with looking_into(run.rejects):
        found = existing(run.rejects, stream)
    committed_parts = _as_left(run, stream, found)
    if committed_parts is not None:
        return committed_parts
    is_parquet = any(path.suffix == PARQUET for path in found)
    return [Part(path, None) for path in found if not (is_parquet and path.suffix == SPOOL)]


def are_as_left(run: Run, stream: str) -> bool:
    """Whether the files are those of the run's last commit: not edited, moved or removed."""
    with looking_into(run.rejects):
        return _as_left(run, stream, existing(run.rejects, stream)) is not None


def _as_left(run: Run, stream: str, found: list[Path]) -> list[Part] | None:
    """What belongs to the last commit; None where it is not found as it was."""
    extent = run.saved.rejects.get(stream) if run.saved else None
    if extent is None:
        return None
    of_run = [path for path in found if path.suffix != PARQUET]
    try:
        sizes, _ = committed(of_run, extent, str(run.rejects))
    except StorageError:
        return None
    return [Part(path, size) for path, size in zip(of_run, sizes, strict=True) if size]


def read(part: Part, stream: Stream) -> Iterator[Refusals]:
    """The rows of one file. Raises SourceError where it cannot be read on."""
    if part.path.suffix == SPOOL:
        for batch in written(part.path, part.size):
            yield told(_typed(part, batch, stream.name), stream.source)
        return
    form = format_of(part.path)
    assert form is not None, "rejects have the names of known formats"
    file = SourceFile(stream.name, 0, part.path, str(part.path), form, part.size)
    with_header = stream.source.model_copy(update={"columns": None})
    for block in readers.open_file(file, with_header, as_rejects=True).blocks():
        yield told(block, with_header)


def _typed(part: Part, batch: pa.RecordBatch, stream: str) -> Block:
    columns = [plain(column) for column in batch.columns]
    table = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
    file = SourceFile(stream, 0, part.path, str(part.path), "parquet")
    rows, stop = np.arange(batch.num_rows, dtype=np.int64), BlockStart(batch.num_rows, 0)
    return Block(file, Form.TYPED, BlockStart(0, 0), stop, table, rows)


def told(block: Block, source: Source) -> Refusals:
    """What the rows of a block say in our own columns: those that were read, then its faults."""
    columns = columns_of(block)
    height = len(block.rows)
    texts = [
        columns[name].text if name in columns else pl.repeat(None, height, eager=True)
        for name in REJECT_COLUMNS
    ]
    frame = _frame(texts).with_columns(at=pl.int_range(pl.len()))
    if block.faults:
        cells = zip(*(_own(fault, block, source) for fault in block.faults), strict=True)
        frame = pl.concat([frame, _frame(map(pl.Series, cells))], how="diagonal")
    return Refusals(frame, columns)


def _frame(texts: Iterable[pl.Series]) -> pl.DataFrame:
    named = zip(_SCHEMA.items(), texts, strict=True)
    return pl.DataFrame([text.cast(kind, strict=False).alias(n) for (n, kind), text in named])


def _own(fault: Fault, block: Block, source: Source) -> list[str]:
    """Our own cells of a line that cannot be read: it ends with them."""
    if block.form is not Form.TEXT:
        return [""] * len(REJECT_COLUMNS)
    form = dialect.dialect_of(source, block.file.path)
    cells = form.cells(dialect.decode(fault.raw, source.encoding))
    return ([""] * len(REJECT_COLUMNS) + cells)[-len(REJECT_COLUMNS) :]
