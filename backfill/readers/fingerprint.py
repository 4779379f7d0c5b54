"""What tells files apart: a fingerprint, cheap on any size, and a digest of all that is in one."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, NamedTuple

import xxhash

from backfill.readers.source_errors import source_errors

_PAGE_BYTES = 4096
_SAMPLES = 64
_ENDS_BYTES = 1 << 16

#: Bytes read at once where all of a file is. Measured on 512 MiB in the page cache, two cores of an
#: AMD EPYC: 44 ms at 256 KiB, 45 ms at 512 KiB, 47 ms at 1 MiB, 63 ms at 8 MiB.
_PIECE_BYTES = 1 << 18


class Fingerprint(NamedTuple):
    """What a file looks like.

    size:     in bytes.
    mtime_ns: when it was last written; only prompts the look, and is no part of the digest.
    digest:   hexadecimal, of the size and the content alone: the same on every machine.
    """

    size: int
    mtime_ns: int
    digest: str


def fingerprint(path: Path) -> Fingerprint:
    """Size, time and xxh3 of the first and last 64 KiB and of 64 pages of 4 KiB between.

    A file of up to 384 KiB is hashed whole. Raises SourceError where it cannot be read.
    """
    with source_errors(str(path)):
        state = path.stat()
        with path.open("rb", buffering=0) as file:
            digest = _digest(file, state.st_size)
    return Fingerprint(state.st_size, state.st_mtime_ns, digest)


class Content(NamedTuple):
    """All that is in a file: its size in bytes, and xxh3_128 of it in hexadecimal."""

    size: int
    digest: str


def content(path: Path) -> Content:
    """Read all of a file. Raises SourceError where it cannot be read."""
    hasher, size = xxhash.xxh3_128(), 0
    with source_errors(str(path)), path.open("rb", buffering=0) as file:
        while piece := file.read(_PIECE_BYTES):
            hasher.update(piece)
            size += len(piece)
    return Content(size, hasher.hexdigest())


def _digest(file: BinaryIO, size: int) -> str:
    hasher = xxhash.xxh3_128(str(size).encode())
    if size <= 2 * _ENDS_BYTES + _SAMPLES * _PAGE_BYTES:
        hasher.update(file.read())
        return hasher.hexdigest()
    between = size - 2 * _ENDS_BYTES - _PAGE_BYTES
    samples = [_ENDS_BYTES + between * i // (_SAMPLES - 1) for i in range(_SAMPLES)]
    wanted = [(0, _ENDS_BYTES), *((at, _PAGE_BYTES) for at in samples)]
    for at, length in [*wanted, (size - _ENDS_BYTES, _ENDS_BYTES)]:
        file.seek(at)
        hasher.update(file.read(length))
    return hasher.hexdigest()
