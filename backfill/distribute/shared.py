"""Whether two shards are about the same entity: then they must not be sent side by side.

Plan: each shard tells whom its rows are about, as hashes. They are laid in a file, with the shard
beside each, and looked through by their first bits, so that memory does not grow with the rows: 16
bytes a row on disk, a few 256ths of that in memory. The file has no name: it goes with the process,
however that ends. A change log shows itself in its first two shards.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np

from backfill.errors import StorageError
from backfill.records import Int64s, UInt64s

_BITS = 8

#: Bytes of a hash and its shard.
_TOLD_BYTES = 16


class Shared:
    """The entities of shards; blocking. To be closed. Raises StorageError."""

    def __init__(self) -> None:
        with _storing():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  by close()
        self._first: tuple[int, UInt64s] | None = None
        self._bounds: list[Int64s] = []  # of each part of the file, where the next first bits begin

    def add(self, shard: int, keys: UInt64s) -> bool:
        """Some entities of a shard, ascending, each once.

        Returns whether one is known to be shared; else it may still turn out.
        """
        self._first = self._first or (shard, keys)
        if self._first[0] != shard and np.isin(keys, self._first[1], assume_unique=True).any():
            return True
        begun = self._bounds[-1][-1] if self._bounds else 0
        places = np.arange((1 << _BITS) + 1, dtype=np.uint64)
        self._bounds.append(begun + np.searchsorted(keys >> np.uint64(64 - _BITS), places))
        told = np.stack([keys, np.full(len(keys), shard, np.uint64)], axis=1)
        with _storing():
            self._file.write(told.data)
            self._file.flush()
        return False

    def any(self) -> bool:
        """Whether an entity stands in several shards."""
        return any(self._has_twice(place) for place in range(1 << _BITS))

    def close(self) -> None:
        """Remove what was written."""
        with suppress(OSError):  # what there was no room for
            self._file.close()

    def _has_twice(self, place: int) -> bool:
        parts = []
        for bounds in self._bounds:
            first, stop = bounds[place : place + 2].tolist()
            self._file.seek(first * _TOLD_BYTES)
            parts.append(self._file.read((stop - first) * _TOLD_BYTES))
        told = np.frombuffer(b"".join(parts), np.uint64).reshape(-1, 2)
        keys, found_in = told[np.argsort(told[:, 0], kind="stable")].T
        return bool(((keys[1:] == keys[:-1]) & (found_in[1:] != found_in[:-1])).any())


@contextmanager
def _storing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"whom the rows are about cannot be written: {error.strerror}",
            tempfile.gettempdir(),
            "make room there, or name another folder for temporary files: TMPDIR=…",
        ) from error
