"""A file's fingerprint: enough to notice that it is another one, cheap on any size."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, NamedTuple

import xxhash

from backfill.readers.source_errors import source_errors

_PAGE_BYTES = 4096
_SAMPLES = 64
_ENDS_BYTES = 1 << 16


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
