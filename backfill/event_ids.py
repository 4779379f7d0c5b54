"""Event ids: a ULID of the event's time and a stable hash of what makes it that event.

The API drops an event whose id it has seen.  [spec: dedupe_id] So the same row must give the
same id in every run and on every machine, and ids must never change between versions: the
canonical bytes and the hash below are pinned by a golden test.

    id   = Crockford base32 of (48 bits: unix milliseconds) + (80 bits: hash)
    hash = blake2b, 10 bytes, of the compact JSON array [scope, part, part, …] in UTF-8
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from backfill.columns import json_arrays, json_string
from backfill.records import Int64s

_ALPHABET = np.frombuffer(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ", np.uint8)
_TIME_CHARS, _HASH_CHARS, _HASH_BYTES = 10, 16, 10


def ulids(seconds: Int64s, scope: str, parts: Sequence[pl.Series]) -> pl.Series:
    """One id a row.

    seconds: int64[n], unix, 1970 or later.
    scope:   what the ids are unique within.
    parts:   text columns of n rows that together tell the row from others; null is null.
    """
    chars = np.empty((len(seconds), _TIME_CHARS + _HASH_CHARS), np.uint8)
    milliseconds = seconds.astype(np.uint64) * np.uint64(1000)
    chars[:, :_TIME_CHARS] = _base32(milliseconds, _TIME_CHARS)
    digests = np.frombuffer(b"".join(_digests(scope, parts)), np.uint8)
    for half, at in enumerate((_TIME_CHARS, _TIME_CHARS + 8)):
        group = np.zeros((len(seconds), 8), np.uint8)
        group[:, 3:] = digests.reshape(-1, _HASH_BYTES)[:, half * 5 : half * 5 + 5]
        chars[:, at : at + 8] = _base32(group.view(">u8").ravel().astype(np.uint64), 8)
    return _as_text(chars)


def _digests(scope: str, parts: Sequence[pl.Series]) -> list[bytes]:
    blake2b = hashlib.blake2b
    return [
        blake2b(row, digest_size=_HASH_BYTES).digest()
        for row in json_arrays(parts, json_string(scope))
    ]


def _base32(numbers: npt.NDArray[np.uint64], width: int) -> npt.NDArray[np.uint8]:
    shifts = np.arange(width - 1, -1, -1, dtype=np.uint64) * np.uint64(5)
    chars: npt.NDArray[np.uint8] = _ALPHABET[(numbers[:, None] >> shifts) & np.uint64(31)]
    return chars


def _as_text(chars: npt.NDArray[np.uint8]) -> pl.Series:
    count, width = chars.shape
    offsets = np.arange(count + 1, dtype=np.int64) * width
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(chars))]
    text = pa.Array.from_buffers(pa.large_string(), count, buffers)
    return pl.Series("", pl.from_arrow(text))
