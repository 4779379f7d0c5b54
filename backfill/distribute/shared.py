"""Whether two shards are about the same entity: then they must not be sent side by side.

Plan: each shard tells whom its rows are about, as hashes. They are laid in files by their first
bits, with the shard beside each, and looked through file by file, so that memory does not grow with
the rows: 16 bytes a row on disk, a few 256ths of that in memory. A change log shows itself in its
first two shards.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from backfill.errors import StorageError
from backfill.records import UInt64s

_BITS = 8


class Shared:
    """The entities of shards; blocking. To be closed."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="backfill-")
        self._first: tuple[int, UInt64s] | None = None

    def add(self, shard: int, keys: UInt64s) -> bool:
        """Some entities of a shard, ascending, each once.

        Returns whether one is known to be shared; else it may still turn out. Raises StorageError.
        """
        self._first = self._first or (shard, keys)
        if self._first[0] != shard and np.isin(keys, self._first[1], assume_unique=True).any():
            return True
        places = keys >> np.uint64(64 - _BITS)
        bounds = np.searchsorted(places, np.arange((1 << _BITS) + 1, dtype=np.uint64))
        told = np.stack([keys, np.full(len(keys), shard, np.uint64)], axis=1)
        try:
            for i in range(1 << _BITS):
                if bounds[i] < bounds[i + 1]:
                    with self._path(i).open("ab") as file:
                        file.write(told[bounds[i] : bounds[i + 1]].tobytes())
        except OSError as error:
            raise StorageError(
                f"whom the rows are about cannot be written: {error.strerror}",
                self._folder.name,
                "make room there, or name another folder for temporary files: TMPDIR=…",
            ) from error
        return False

    def any(self) -> bool:
        """Whether an entity stands in several shards."""
        return any(self._has_twice(self._path(i)) for i in range(1 << _BITS))

    def close(self) -> None:
        """Remove what was written."""
        self._folder.cleanup()

    def _path(self, place: int) -> Path:
        return Path(self._folder.name) / str(place)

    def _has_twice(self, path: Path) -> bool:
        if not path.exists():
            return False
        told = np.frombuffer(path.read_bytes(), np.uint64).reshape(-1, 2)
        keys, found_in = told[np.argsort(told[:, 0], kind="stable")].T
        return bool(((keys[1:] == keys[:-1]) & (found_in[1:] != found_in[:-1])).any())
