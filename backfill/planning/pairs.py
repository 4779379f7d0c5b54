"""Which keys of many rows have several values: grouping that outgrows memory without taking it.

A row is a key, a value and a place: 24 bytes, of hashes and numbers only. Up to BUFFERED_ROWS are
held in memory; what is more goes to a temporary file that no other program can open, and is
looked at one 64th after the other.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt

from backfill.records import Bools, Int64s, UInt64s

#: 48 MB.
BUFFERED_ROWS = 2_000_000

_PARTS = 64
_ROW = np.dtype([("key", "<u8"), ("value", "<u8"), ("place", "<i8")])
_Rows = npt.NDArray[np.void]


class Group(NamedTuple):
    """Rows with the keys of one part of all keys, ordered by key, value and place.

    is_key, is_value: bool[n]: whether a row is the first of its key, of its key and value.
    """

    keys: UInt64s
    values: UInt64s
    places: Int64s
    is_key: Bools
    is_value: Bools

    def several(self) -> Bools:
        """bool[n]: the rows whose key has more than one value."""
        if not len(self.keys):
            return np.empty(0, np.bool_)
        number = np.cumsum(self.is_key) - 1
        found: Bools = (np.bincount(number, self.is_value) > 1)[number]
        return found


class Pairs:
    """Rows of key, value and place, in any order.

    folder: where a temporary file may be made; None: where the system has them.
    """

    def __init__(self, folder: str | None = None, buffered_rows: int = BUFFERED_ROWS) -> None:
        self._folder, self._buffered_rows = folder, buffered_rows
        self._buffer: list[_Rows] = []
        self._buffered = 0
        self._file: IO[bytes] | None = None
        self._extents: list[list[tuple[int, int]]] = [[] for _ in range(_PARTS)]

    def add(self, keys: UInt64s, values: UInt64s, places: Int64s) -> None:
        """Note rows; the arrays are of one length."""
        rows = np.empty(len(keys), _ROW)
        rows["key"], rows["value"], rows["place"] = keys, values, places
        self._buffer.append(rows)
        self._buffered += len(rows)
        if self._buffered >= self._buffered_rows:
            self._spill()

    def groups(self) -> Iterator[Group]:
        """Every row once, all rows of a key in one group."""
        if self._file is None:
            yield _grouped(np.concatenate(self._buffer) if self._buffer else np.empty(0, _ROW))
            return
        self._spill()
        for part in range(_PARTS):
            yield _grouped(np.concatenate([self._read(*extent) for extent in self._extents[part]]))

    def close(self) -> None:
        """Give the temporary file back."""
        if self._file is not None:
            self._file.close()

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 (`close` does it)
        rows = np.concatenate(self._buffer) if self._buffer else np.empty(0, _ROW)
        self._buffer, self._buffered = [], 0
        part = rows["key"] >> np.uint64(64 - _PARTS.bit_length() + 1)
        rows = rows[np.argsort(part, kind="stable")]
        for number, count in enumerate(np.bincount(part.astype(np.int64), minlength=_PARTS)):
            self._extents[number].append((self._file.tell(), int(count)))
            self._file.write(rows[:count].tobytes())
            rows = rows[count:]
        self._file.flush()

    def _read(self, offset: int, count: int) -> _Rows:
        assert self._file is not None
        found = os.pread(self._file.fileno(), count * _ROW.itemsize, offset)
        return np.frombuffer(found, _ROW)


def _grouped(rows: _Rows) -> Group:
    rows = rows[np.lexsort((rows["place"], rows["value"], rows["key"]))]
    keys, values, places = rows["key"], rows["value"], rows["place"]
    is_key = np.ones(len(rows), np.bool_)
    is_key[1:] = keys[1:] != keys[:-1]
    is_value = is_key.copy()
    is_value[1:] |= values[1:] != values[:-1]
    return Group(keys, values, places, is_key, is_value)
