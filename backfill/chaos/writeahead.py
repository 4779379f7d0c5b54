"""A write of the checkpoint that did not reach the disk whole, as a power failure leaves it.

Facts, of a write-ahead log in SQLite [sqlite.org/fileformat2.html#walformat]: a header of 32 bytes
with the size of a page at 8 and a salt at 16; then frames, each a header of 24 bytes and a page. A
frame's header has at 4 the size of the database where it ends a transaction, else zero, and at 8
the salt; frames with another salt are left from an earlier use of the log. A frame whose checksum
does not fit ends what counts. [sqlite.org/walformat.html#walidxfmt] Of `-shm`, at 16 stands how
many frames count, at 96 how many were copied into the database.

Rule. Only what no later write relies on can be lost: a transaction is copied into the database
after its frames were forced to the disk, so one that was copied is left alone.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

from backfill.chaos.plan import WriteCut

_HEADER_BYTES: Final = 32
_FRAME_HEADER_BYTES: Final = 24
_PAGE_SIZE: Final = struct.Struct(">I")
_SALT_BYTES: Final = 8
_COPIED: Final = struct.Struct("=I")
_COPIED_AT: Final = 96


def cut(checkpoint: Path, how: WriteCut) -> bool:
    """Lose a part of the last transaction in the log; False: there is none that could be lost.

    The engine must not be running.
    """
    log = checkpoint.with_name(checkpoint.name + "-wal")
    if not log.exists():
        return False
    content = log.read_bytes()
    first, stop = _last_transaction(content, _copied(checkpoint))
    if first == stop:
        return False
    at = first + int(how.at * (stop - first))
    with log.open("r+b") as file:
        file.truncate(at)
        if how.is_torn:
            file.truncate(stop)  # reads as zeros
    return True


def _last_transaction(content: bytes, copied: int) -> tuple[int, int]:
    """Where the last whole transaction begins and ends, in bytes; the same for none.

    copied: frames that are in the database already.
    """
    if len(content) < _HEADER_BYTES:
        return 0, 0
    (page_bytes,) = _PAGE_SIZE.unpack_from(content, 8)
    salt = content[16 : 16 + _SALT_BYTES]
    frame_bytes = _FRAME_HEADER_BYTES + page_bytes
    whole = (len(content) - _HEADER_BYTES) // frame_bytes
    ends = [0]
    for number in range(whole):
        at = _HEADER_BYTES + number * frame_bytes
        if content[at + 8 : at + 8 + _SALT_BYTES] != salt:
            break
        if any(content[at + 4 : at + 8]):
            ends.append(number + 1)
    first, stop = ends[-2:] if len(ends) > 1 else (0, 0)
    if first < copied:
        return 0, 0
    return _HEADER_BYTES + first * frame_bytes, _HEADER_BYTES + stop * frame_bytes


def _copied(checkpoint: Path) -> int:
    index = checkpoint.with_name(checkpoint.name + "-shm")
    if not index.exists() or index.stat().st_size < _COPIED_AT + _COPIED.size:
        return 0
    (copied,) = _COPIED.unpack_from(index.read_bytes(), _COPIED_AT)
    return int(copied)
