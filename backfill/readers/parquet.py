"""Parquet: row groups read in pieces, with the file's own types.

Dictionaries, views and extension types become the plain types they stand for; nested columns
stay nested. Memory: one block, about BLOCK_BYTES of the file's uncompressed size and at most
BLOCK_ROWS rows (a value that a dictionary repeats takes its room each time), and the compressed
pages it is read from.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backfill.errors import MappingError
from backfill.readers.framing import Point
from backfill.readers.plain_types import can_be_plain, plain
from backfill.readers.sieving import sifted_table
from backfill.readers.source_errors import check_names, source_errors
from backfill.records import Block, BlockStart, Form, SourceFile
from backfill.remote import AnyPath, RemotePath
from backfill.sieve import Sieve

#: Bounds of one block: rows, and bytes of the file's uncompressed size. Measured by the whole
#: command on 1 M people (12 columns), in M rows/s and MB at the peak: 0.88 and 328 at 20 K rows,
#: 0.95 and 330 at 24 K, 1.0 and 345 at 32 K, 1.0 and 460 at 64 K.
BLOCK_ROWS = 3 << 13
BLOCK_BYTES = 16 << 20

#: Bytes of each column read at once. Without it all of a row group is held: of one with 4 M rows
#: 110 MB more at the same speed.
PAGES_BYTES = 1 << 18


#: Of a remote file, where each request costs time, a row group of up to so many compressed bytes is
#: fetched whole, by a request for each run of column chunks; of a larger one each column gets its
#: share of them.
FETCHED_BYTES_MAX = 64 << 20


class ParquetReader:
    """A Parquet file; see `framing.Reader`.

    Raises MappingError for blank or repeated column names and for types that cannot be read,
    SourceError where the file is missing or damaged.
    """

    form = Form.TYPED
    columns: tuple[str, ...] | None

    def __init__(self, file: SourceFile, block_rows: int = BLOCK_ROWS) -> None:
        self._file = file
        self._block_rows = block_rows
        self.share = 0.0
        where = f"stream {file.stream}, {file.label}"
        with source_errors(file.label), open_parquet(file.path) as parquet:
            schema = parquet.schema_arrow
        self.columns = tuple(schema.names)
        check_names(self.columns, where)
        for field in schema:
            if not can_be_plain(field.type):
                raise MappingError(
                    f"column '{field.name}' is a map of types that are not read",
                    where,
                    "write the file with plain types, or without the column",
                )

    def count(self) -> Iterator[int]:
        """How many rows each row group has; see `framing.Reader`."""
        with source_errors(self._file.label), open_parquet(self._file.path) as parquet:
            groups = [parquet.metadata.row_group(i) for i in range(parquet.num_row_groups)]
        yield from (group.num_rows for group in groups)

    def points(self, start: BlockStart | None) -> Iterator[Point]:
        """Where row groups begin after `start`; see `framing.Reader`."""
        with source_errors(self._file.label), open_parquet(self._file.path) as parquet:
            groups = [parquet.metadata.row_group(i).num_rows for i in range(parquet.num_row_groups)]
        firsts = list(accumulate(groups, initial=0))
        behind = start.row if start else 0
        for row in dict.fromkeys(firsts):
            if row > behind:
                yield Point(_place(row, firsts), row / firsts[-1])

    def blocks(
        self,
        start: BlockStart | None = None,
        columns: Sequence[str] | None = None,
        sieve: Sieve | None = None,
    ) -> Iterator[Block]:
        """The blocks from `start` on; see `framing.Reader`.

        columns: those that are read; None: all.
        """
        with (
            source_errors(self._file.label),
            open_parquet(self._file.path) as parquet,
        ):
            groups = [parquet.metadata.row_group(i) for i in range(parquet.num_row_groups)]
            firsts = list(accumulate((group.num_rows for group in groups), initial=0))
            at = start or _place(0, firsts)
            for i in range(at.offset, len(groups)):
                behind = at.row - firsts[i]
                rows_at_once = self._rows_at_once(groups[i])
                for batch in parquet.iter_batches(rows_at_once, [i], columns):
                    fresh = batch.slice(min(behind, batch.num_rows))
                    behind -= batch.num_rows - fresh.num_rows
                    if fresh.num_rows:
                        stop = _place(at.row + fresh.num_rows, firsts)
                        self.share = stop.row / firsts[-1]
                        yield self._block(at, stop, fresh, sieve)
                        at = stop

    def _rows_at_once(self, group: pq.RowGroupMetaData) -> int:
        fitting = BLOCK_BYTES * group.num_rows // max(group.total_byte_size, 1)
        return max(1, min(self._block_rows, int(fitting)))

    def _block(
        self, at: BlockStart, stop: BlockStart, batch: pa.RecordBatch, sieve: Sieve | None
    ) -> Block:
        columns = [plain(column) for column in batch.columns]
        table = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
        if sieve is not None:
            kept, table = sifted_table(sieve, at.row, table)
            return Block(
                self._file,
                self.form,
                at,
                stop,
                table,
                kept.rows,
                sieved=kept.sieved,
                hashes=kept.hashes,
            )
        rows = np.arange(at.row, stop.row, dtype=np.int64)
        return Block(self._file, self.form, at, stop, table, rows)


@contextmanager
def open_parquet(
    path: AnyPath, fetched_bytes_max: int = FETCHED_BYTES_MAX
) -> Iterator[pq.ParquetFile]:
    """A Parquet file, read in pieces. Raises what pyarrow raises."""
    if isinstance(path, RemotePath):
        with path.native() as file:
            told = pq.read_metadata(file)
            yield pq.ParquetFile(file, metadata=told, **_fetching(told, fetched_bytes_max))
    else:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=PAGES_BYTES) as parquet:
            yield parquet


def _fetching(told: pq.FileMetaData, bytes_max: int) -> dict[str, int | bool]:
    """How the column chunks of a remote file are fetched: whole, or in equal pieces."""
    widest = max((_stored_bytes(told.row_group(i)) for i in range(told.num_row_groups)), default=0)
    if widest <= bytes_max:
        return {"pre_buffer": True}
    each = bytes_max // max(told.num_columns, 1)
    return {"pre_buffer": False, "buffer_size": max(PAGES_BYTES, each)}


def _stored_bytes(group: pq.RowGroupMetaData) -> int:
    return sum(group.column(i).total_compressed_size for i in range(group.num_columns))


def _place(row: int, firsts: list[int]) -> BlockStart:
    """The place of a row, given the first row of each group and the number of all rows."""
    return BlockStart(row, bisect_right(firsts, row) - 1)
