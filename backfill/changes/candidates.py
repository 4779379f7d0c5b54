"""The rows that an export was read for, kept so that it need not be read again.

As long as they are few: of more, the file is read once more, and memory does not grow with it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from backfill.records import Block, SourceFile

#: Bytes of rows that are kept in all.
KEPT_BYTES_MAX = 64 << 20

#: Blocks of fewer rows are put together: to encode a hundred rows takes as long as a thousand.
_ROWS_MIN = 4096


class Candidates:
    """Keeps the blocks of files, until they are too many."""

    def __init__(self) -> None:
        self._blocks: dict[SourceFile, list[Block]] | None = {}
        self._bytes = 0

    def add(self, block: Block) -> None:
        """Keep a block as well."""
        if self._blocks is None:
            return
        block = replace(block, sieved={})  # it is told anew, once all rows are known
        self._bytes += block.table.nbytes
        if self._bytes > KEPT_BYTES_MAX:
            self._blocks = None
            return
        blocks = self._blocks.setdefault(block.file, [])
        if blocks and _fit(blocks[-1], block):
            blocks[-1] = _joined(blocks[-1], block)
        else:
            blocks.append(block)

    def of(self, file: SourceFile) -> tuple[Block, ...] | None:
        """All blocks of a file; None: it is to be read again."""
        return None if self._blocks is None else tuple(self._blocks.get(file, ()))


def _fit(block: Block, following: Block) -> bool:
    return (
        following.start == block.stop
        and len(block.rows) < _ROWS_MIN
        and block.table.schema == following.table.schema
        and block.unquoted == following.unquoted
    )


def _joined(block: Block, following: Block) -> Block:
    """Two blocks that follow each other as one."""
    assert block.hashes is not None
    assert following.hashes is not None
    tables = pa.Table.from_batches([block.table, following.table]).combine_chunks()
    return replace(
        block,
        stop=following.stop,
        table=tables.to_batches()[0] if tables.num_rows else block.table,
        rows=np.concatenate([block.rows, following.rows]),
        faults=(*block.faults, *following.faults),
        hashes=np.concatenate([block.hashes, following.hashes]),
    )
