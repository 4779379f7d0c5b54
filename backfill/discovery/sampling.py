"""The rows of a file that are looked at: its beginning, and places further in.

Rules: at most ROWS_MAX rows of the beginning and PLACES pieces further in, where one can go there
(a compressed file has no such places). What a real reader makes of them is what a run will read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backfill import readers
from backfill.arrays import flags
from backfill.columns import Column
from backfill.discovery.opening import PLACE_BYTES, PLACES, Opened, places
from backfill.errors import SourceError
from backfill.filters import Where
from backfill.readers import layout
from backfill.readers.delimited import CsvReader
from backfill.readers.jsonl import JsonlReader
from backfill.readers.parquet import open_parquet
from backfill.records import Block, BlockStart, Form, Int64s

#: Rows of the beginning that are looked at. Of 1 M people (12 columns, 132 MB) the whole command
#: takes 2.0 s on one core, and 1.8 s with half as many rows.
ROWS_MAX = 100_000

#: Bytes of the beginning that are looked at, as Arrow holds them: a bound for memory.
BYTES_MAX = 64 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of one file, or of several with the same columns, put together.

    table:    as the readers make it; members of JSON all as raw text.
    rows:     int64[n]: the number of each row in its file, from 1; 0 where it is not known.
    broken:   the numbers of rows that could not be read.
    is_whole: whether these are all rows there are.
    """

    form: Form
    table: pa.Table
    rows: Int64s
    broken: tuple[int, ...]
    is_whole: bool

    @property
    def columns(self) -> dict[str, Column]:
        """The columns by name, in the file's order."""
        arrays = [chunked.combine_chunks() for chunked in self.table.columns]
        return {
            name: Column(name, array, self.form)
            for name, array in zip(self.table.column_names, arrays, strict=True)
        }

    def where(self, condition: str) -> Sample:
        """The rows that match a condition."""
        matches = Where(condition, "where").judge(self.columns, len(self.rows))
        kept = matches.fill_null(False).to_numpy()
        return replace(self, table=self.table.filter(flags(kept)), rows=self.rows[kept])


def sample(file: Opened, rows_max: int = ROWS_MAX) -> Sample:
    """The rows of a file that are looked at; MappingError and SourceError as the readers raise."""
    blocks, is_whole = _head(file, rows_max)
    known = [(block, True) for block in blocks]
    if not is_whole:
        known += ((block, False) for block in _further_in(file, blocks[-1].stop))
    return _together(known, is_whole)


def joined(samples: Sequence[Sample]) -> Sample:
    """Samples of files with the same columns as one."""
    if len(samples) == 1:
        return samples[0]
    return Sample(
        samples[0].form,
        pa.concat_tables([one.table for one in samples], promote_options="permissive"),
        np.concatenate([one.rows for one in samples]),
        tuple(row for one in samples for row in one.broken),
        all(one.is_whole for one in samples),
    )


def _head(file: Opened, rows_max: int) -> tuple[list[Block], bool]:
    """The first blocks, and whether they are all there are."""
    found: list[Block] = []
    rows = size = 0
    for block in readers.open_file(file.file, file.source).blocks():
        if rows >= rows_max or size >= BYTES_MAX:
            return found, False
        found.append(block)
        rows, size = rows + len(block.rows), size + block.table.nbytes
    return found, True


def _further_in(file: Opened, behind: BlockStart) -> Iterator[Block]:
    """Blocks from places further in; none where one cannot go there."""
    reader = readers.open_file(file.file, file.source)
    if file.file.format == "parquet":
        yield from _groups(file, behind)
    elif isinstance(reader, CsvReader | JsonlReader) and _is_seekable(file):
        size = file.file.path.stat().st_size
        with file.file.path.open("rb") as raw:
            for place in places(behind.offset, size):
                raw.seek(place)
                if block := _piece(reader, raw.read(PLACE_BYTES), file.source.delimiter):
                    yield block


def _groups(file: Opened, behind: BlockStart) -> Iterator[Block]:
    reader = readers.open_file(file.file, file.source)
    with open_parquet(file.file.path) as parquet:
        told = parquet.metadata
    sizes = [told.row_group(i).num_rows for i in range(told.num_row_groups)]
    firsts = np.cumsum([0, *sizes])
    for i in range(behind.offset + 1, len(sizes), max(1, len(sizes) // PLACES)):
        yield next(reader.blocks(BlockStart(int(firsts[i]), i)))


def _is_seekable(file: Opened) -> bool:
    return file.source.encoding in ("utf-8", "cp1252") and file.file.path.suffix.lower() not in (
        ".gz",
        ".zst",
    )


def _piece(reader: CsvReader | JsonlReader, raw: bytes, delimiter: str | None) -> Block | None:
    """The records of a piece from its second line on; None where that is inside a quoted cell."""
    text = raw[raw.find(b"\n") + 1 :]
    if isinstance(reader, JsonlReader):
        return reader.block(BlockStart(0, 0), text[: text.rfind(b"\n") + 1])
    quoted = layout.quoted_cells(text, delimiter or ",", '"')
    text = text[: layout.last_record_end(text, quoted)]
    if not text:
        return None
    try:
        block = reader.block(BlockStart(0, 0), text)
    except SourceError:
        return None
    return None if block.faults else block


def _together(blocks: list[tuple[Block, bool]], is_whole: bool) -> Sample:
    if not blocks:
        return Sample(Form.TEXT, pa.table({}), np.empty(0, np.int64), (), is_whole)
    tables = [pa.Table.from_batches([_raw(block)]) for block, _ in blocks]
    rows = np.concatenate([block.rows + 1 if known else block.rows * 0 for block, known in blocks])
    broken = tuple(fault.row + 1 for block, known in blocks for fault in block.faults if known)
    table = pa.concat_tables(tables, promote_options="default")
    return Sample(blocks[0][0].form, table, rows, broken, is_whole)


def _raw(block: Block) -> pa.RecordBatch:
    """The table of a block, members that are held without their quotes with them."""
    table = block.table
    arrays = [
        pc.binary_join_element_wise('"', column, '"', "") if name in block.unquoted else column
        for name, column in zip(table.schema.names, table.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, names=table.schema.names)
