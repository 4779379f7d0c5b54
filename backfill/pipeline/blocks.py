"""The blocks of a stream that are still to be sent, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from backfill.ledger import Ledger
from backfill.pipeline.sources import OpenFile, OpenStream
from backfill.records import Block, BlockStart


@dataclass(frozen=True, slots=True)
class Pending:
    """A file whose rows are not all done.

    start: where reading goes on; None: at the beginning.
    """

    source: OpenFile
    start: BlockStart | None


@dataclass(frozen=True, slots=True)
class Reading:
    """A block as read, or the end of a file.

    block:    None at the end of a file.
    rows_end: rows of the file up to here.
    limit:    the first row of the file that `--limit` leaves out; None: there is none.
    """

    source: OpenFile
    block: Block | None
    rows_end: int
    limit: int | None = None

    def still_open(self, ledger: Ledger) -> Block | None:
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
        return left if len(left.rows) or left.faults else None


def pending(stream: OpenStream, ledger: Ledger) -> Iterator[Pending | int]:
    """The files of a stream that are not done; for one that is, how many rows it has."""
    for source in stream.files:
        rows = ledger.rows(source.file)
        if rows is not None and ledger.is_finished(source.file):
            yield rows
        else:
            yield Pending(source, ledger.resume_point(source.file))


def readings(files: list[Pending | int], limit: int | None) -> Iterator[Reading]:
    """Read the files that are not done, block by block. Blocking.

    limit: how many rows of the stream take part, from its first; None: all.
    """
    before = 0
    for file in files:
        if limit is not None and before >= limit:
            return
        if isinstance(file, int):
            before += file
            continue
        for reading in _of_file(file, None if limit is None else limit - before):
            yield reading
        before += reading.rows_end


def _of_file(file: Pending, limit: int | None) -> Iterator[Reading]:
    rows = file.start.row if file.start else 0
    for block in file.source.reader.blocks(file.start):
        rows = block.stop.row
        yield Reading(file.source, block, rows, limit)
        if limit is not None and rows > limit:
            return
    yield Reading(file.source, None, rows, limit)
