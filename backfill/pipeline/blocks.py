"""The blocks of a stream that are still to be sent, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from backfill.errors import SourceError
from backfill.ledger import Ledger
from backfill.pipeline.sources import OpenFile, OpenStream
from backfill.readers.parquet import ParquetReader
from backfill.records import Block, BlockStart, Bools, SourceFile


@dataclass(frozen=True, slots=True)
class Turn:
    """A file whose turn it is.

    start: where reading goes on; None: at the beginning.
    rows:  how many rows it has, where all of them are done; None: not all are.
    stop:  the row that is no longer read, with which a block begins; None: all are read.
    """

    source: OpenFile
    start: BlockStart | None
    rows: int | None
    stop: int | None = None


class Done(Protocol):
    """Who knows which rows of a file are done."""

    def is_done(self, file: SourceFile, start_row: int, stop_row: int) -> Bools:
        """bool[stop_row - start_row]: which rows of the range are."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """A block as read, or the end of a file.

    block:    None at the end of a file.
    rows_end: rows of the file up to here.
    limit:    the first row of the file that `--limit` leaves out; None: there is none.
    expected: how many rows the stream will have, as far as can be told by now.
    """

    source: OpenFile
    block: Block | None
    rows_end: int
    limit: int | None = None
    expected: int | None = None

    def still_open(self, ledger: Done) -> Block | None:
        """The block less the rows that are done or beyond the limit; None: nothing is left.

        To be called in the thread of the ledger, which changes while blocks are read.
        """
        block = self.block
        if block is None:
            return None
        is_done = ledger.is_done(block.file, block.start.row, block.stop.row)
        if self.limit is not None:
            is_done = is_done | (np.arange(block.start.row, block.stop.row) >= self.limit)
        if not is_done.any():
            return block
        left = block.without(is_done)
        return left if left.row_count else None


def turns(stream: OpenStream, ledger: Ledger) -> list[Turn]:
    """The files of a stream, each with what the ledger knows of it."""
    return [
        Turn(
            source,
            ledger.resume_point(source.file),
            ledger.rows(source.file) if ledger.is_finished(source.file) else None,
        )
        for source in stream.files
    ]


def readings(files: list[Turn], limit: int | None) -> Iterator[Reading]:
    """Read the files that are not done, block by block. Blocking.

    limit: how many rows of the stream take part, from its first; None: all.
    """
    sizes = [file.source.fingerprint.size for file in files]
    rows = 0
    for i, file in enumerate(files):
        if limit is not None and rows >= limit:
            return
        if file.rows is not None:
            rows += file.rows
            continue
        for reading in _of_file(file, None if limit is None else limit - rows):
            read = sum(sizes[:i]) + sizes[i] * file.source.reader.share
            expected = int((rows + reading.rows_end) * sum(sizes) / read) if read else None
            yield replace(reading, expected=expected if limit is None else limit)
        rows += reading.rows_end


def _of_file(file: Turn, limit: int | None) -> Iterator[Reading]:
    rows = file.start.row if file.start else 0
    for block in sound_blocks(file):
        if file.stop is not None and block.start.row >= file.stop:
            break
        rows = block.stop.row
        yield Reading(file.source, block, rows, limit)
        if limit is not None and rows > limit:
            return
    yield Reading(file.source, None, rows, limit)


def sound_blocks(file: Turn, columns: Sequence[str] | None = None) -> Iterator[Block]:
    """The blocks of a file, none of them read from what was written into it meanwhile.

    columns: those that are needed, where the format has others apart; None: all.
    Raises SourceError where the file is not the one that was held against the mapping.
    """
    source = file.source
    source.check_unchanged()
    try:
        for block in source.kept or _blocks(file, columns):
            if source.is_touched():
                source.check_unchanged()
            yield block
    except SourceError:
        source.check_unchanged()  # says more than what the reading tripped over
        raise
    source.check_unchanged()


def _blocks(file: Turn, columns: Sequence[str] | None) -> Iterator[Block]:
    reader = file.source.reader
    if columns is not None and isinstance(reader, ParquetReader):
        return reader.blocks(file.start, columns, file.source.sieve)
    return reader.blocks(file.start, sieve=file.source.sieve)
