"""Records of a file, some at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from backfill.changes.entries import RECORD, Records
from backfill.changes.header import damaged

#: Records read at once: 9 MB.
PIECE_RECORDS = 1 << 18


def pieces_of(file: IO[bytes], offset: int, count: int) -> Iterator[Records]:
    """So many records from some place on, some at once."""
    for first in range(0, count, PIECE_RECORDS):
        size = min(PIECE_RECORDS, count - first) * RECORD.itemsize
        found = os.pread(file.fileno(), size, offset + first * RECORD.itemsize)
        if len(found) < size:
            raise damaged(Path(str(file.name)))
        yield np.frombuffer(found, RECORD)


def bounds(count: int) -> list[int]:
    """Where each of so many equal parts of all `hi` ends."""
    return [(i << 64) // count for i in range(1, count + 1)]


def cut(pieces: Iterator[Records], ends: Sequence[int]) -> Iterator[Records]:
    """Records ordered by key, parted where `hi` reaches each end; the last part is the rest."""
    part = [np.empty(0, RECORD)]
    left = iter(ends)
    bound = next(left)
    for piece in pieces:
        while piece["hi"][-1] >= bound:
            at = int(np.searchsorted(piece["hi"], np.uint64(bound)))
            yield np.concatenate([*part, piece[:at]])
            part, piece, bound = [np.empty(0, RECORD)], piece[at:], next(left)
        part.append(piece)
    yield np.concatenate(part)
    yield from (np.empty(0, RECORD) for _ in left)
