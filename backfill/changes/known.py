"""The file of what is known: records ordered by key, and behind them what was added since.

Rules: it only grows while a run lasts, and is written anew, in order, when the next one begins.
What is torn or cut off at its end is forgotten: that costs a sending, never a row. A record that
is not as it was written puts an end to what is read of those that were added; the ordered ones
carry a digest of them all, for one wrong key there could pass for somebody who is gone.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import xxhash

from backfill.changes import entries
from backfill.changes.entries import ALL_IN_DOUBT, RECORD, Records
from backfill.errors import CheckpointError, StorageError
from backfill.private import make_folder, sync_folder, writing_whole
from backfill.records import Int64s

#: Of the file and of the digests in it.
FORMAT = 1

_MAGIC = b"backfill changes\n"
_HEADER_BYTES = 8192
#: What the header says, as JSON; before it stands the xxh3_128 of it.
_TOLD_BYTES = _HEADER_BYTES - len(_MAGIC) - 16
#: Records read at once: 9 MB.
PIECE_RECORDS = 1 << 18
#: Added records that are merged at once, about: 36 MB. Each time all of them are read.
ADDED_RECORDS = 1 << 20


class Header(NamedTuple):
    """What a file says of itself.

    belongs: what it is the knowledge of: stream, key, destination.
    size:    ordered records; seal: the digest of them.
    """

    belongs: Mapping[str, Any]
    size: int
    seal: str


def path_of(checkpoint: Path, stream: str) -> Path:
    """Where the knowledge of a stream stands."""
    return checkpoint.with_name(f"{checkpoint.name}.changes-{stream}")


def header_of(path: Path) -> Header | None:
    """What a file says of itself; None: it is not there.

    Raises CheckpointError where it is something else, or of a newer version.
    """
    with _mapped(path):
        if not path.exists():
            return None
        with path.open("rb") as file:
            return _header(file.read(_HEADER_BYTES), path)


class Known:
    """What is known of the entities of a stream, in the order of their keys.

    count: how many they are. May be appended to from any thread, by one at a time.
    """

    def __init__(self, file: IO[bytes], offset: int, count: int, path: Path) -> None:
        self._file, self._offset, self.count, self.path = file, offset, count, path

    @classmethod
    def open(cls, path: Path, belongs: Mapping[str, Any]) -> Known:
        """Take hold of the file, put it in order, and make it if it is not there.

        Raises CheckpointError where it is damaged or no such file, StorageError where it cannot be
        written.
        """
        path = path.resolve()
        with _mapped(path):
            make_folder(path.parent)
            found = _ordered(path)
            if found is None or found.is_untidy:
                count = _write_anew(path, belongs, found.records() if found else iter(()))
            else:
                count = found.header.size
            return cls(path.open("r+b", buffering=0), _HEADER_BYTES, count, path)

    @classmethod
    def look(cls, path: Path) -> Known:
        """The same, without a change to the file; nobody is known where it is not there."""
        path = path.resolve()
        with _mapped(path):
            found = _ordered(path)
            if found is not None and not found.is_untidy:
                return cls(path.open("rb", buffering=0), _HEADER_BYTES, found.header.size, path)
            made = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (closed by `close`)
            count = sum(_put(made, piece) for piece in (found.records() if found else ()))
            return cls(made, 0, count, path)

    def pieces(self) -> Iterator[Records]:
        """All of them, some at once."""
        with _mapped(self.path):
            yield from _pieces(self._file, self._offset, self.count)

    def at(self, places: Int64s) -> Records:
        """The records at some places."""
        # One by one: through a map of the file, a few thousand would draw all of it into memory.
        descriptor, size = self._file.fileno(), RECORD.itemsize
        with _mapped(self.path):
            offsets = (places * size + self._offset).tolist()
            found = b"".join(os.pread(descriptor, size, offset) for offset in offsets)
        return np.frombuffer(found, RECORD)

    def append(self, records: Records) -> None:
        """Add later records of entities; they are durable when it returns."""
        if not len(records):
            return
        with _mapped(self.path):
            end = self._file.seek(0, os.SEEK_END)
            try:
                _put(self._file, entries.sealed(records))
                os.fdatasync(self._file.fileno())
            except OSError:
                with suppress(OSError):
                    self._file.truncate(end)
                raise

    def close(self) -> None:
        """Let go of it."""
        self._file.close()


class _Added(NamedTuple):
    """Records behind the ordered ones, in the order in which they were added.

    size: how many are sound. doubted: the last one that puts all before it in doubt; -1: none does.
    """

    file: IO[bytes]
    offset: int
    size: int
    doubted: int

    def between(self, low: int, high: int) -> Records:
        """Those with `hi` in [low, high), as they count now.

        Read from front to back each time: held in memory, they would take ten times as much.
        """
        found, first = [np.empty(0, RECORD)], 0
        for piece in _pieces(self.file, self.offset, self.size):
            wanted = np.flatnonzero((piece["hi"] >= low) & (piece["hi"] <= high - 1))
            wanted = wanted[piece["line"][wanted] != ALL_IN_DOUBT]
            some = piece[wanted]
            is_void = (wanted + first <= self.doubted) & (some["line"] != entries.GONE)
            some[is_void] = entries.in_doubt(some[is_void])
            found.append(some)
            first += len(piece)
        return np.concatenate(found)


class _Found(NamedTuple):
    """A file as it is read: ordered records, and those that were added behind them."""

    path: Path
    header: Header

    @property
    def is_untidy(self) -> bool:
        return self.path.stat().st_size > _HEADER_BYTES + self.header.size * RECORD.itemsize

    def records(self) -> Iterator[Records]:
        """Every entity's latest record, ordered by key."""
        with self.path.open("rb", buffering=0) as file:
            added = _added(file, self.header.size)
            count = max(self.header.size // PIECE_RECORDS, added.size // ADDED_RECORDS) + 1
            bounds = [(i << 64) // count for i in range(count + 1)]
            known = _cut(_pieces(file, _HEADER_BYTES, self.header.size), bounds[1:])
            for low, high, some in zip(bounds, bounds[1:], known, strict=False):
                before = entries.in_doubt(some) if added.doubted >= 0 else some
                yield entries.with_later(before, added.between(low, high))


def _cut(pieces: Iterator[Records], bounds: Sequence[int]) -> Iterator[Records]:
    """Records ordered by key, parted where `hi` reaches each bound; the last part is the rest."""
    part = [np.empty(0, RECORD)]
    left = iter(bounds)
    bound = next(left)
    for piece in pieces:
        while piece["hi"][-1] >= bound:
            cut = int(np.searchsorted(piece["hi"], np.uint64(bound)))
            yield np.concatenate([*part, piece[:cut]])
            part, piece, bound = [np.empty(0, RECORD)], piece[cut:], next(left)
        part.append(piece)
    yield np.concatenate(part)
    yield from (np.empty(0, RECORD) for _ in left)


def _ordered(path: Path) -> _Found | None:
    """The file, looked through; None: it is not there. Raises CheckpointError for damage."""
    if (header := header_of(path)) is None:
        return None
    seal = xxhash.xxh3_128()
    with path.open("rb", buffering=0) as file:
        for piece in _pieces(file, _HEADER_BYTES, header.size):
            seal.update(piece.data)
    if seal.hexdigest() != header.seal:
        raise _damaged(path)
    return _Found(path, header)


def _added(file: IO[bytes], count: int) -> _Added:
    """The records behind the ordered ones, as far as they are sound."""
    offset = _HEADER_BYTES + count * RECORD.itemsize
    size = (os.fstat(file.fileno()).st_size - offset) // RECORD.itemsize
    doubted, first = -1, 0
    for piece in _pieces(file, offset, max(size, 0)):
        is_sound = entries.sound(piece)
        sound = len(piece) if is_sound.all() else int(np.argmin(is_sound))
        marks = np.flatnonzero(piece["line"][:sound] == ALL_IN_DOUBT)
        doubted = first + int(marks[-1]) if len(marks) else doubted
        first += sound
        if sound < len(piece):
            break
    return _Added(file, offset, first, doubted)


def _pieces(file: IO[bytes], offset: int, count: int) -> Iterator[Records]:
    for first in range(0, count, PIECE_RECORDS):
        size = min(PIECE_RECORDS, count - first) * RECORD.itemsize
        found = os.pread(file.fileno(), size, offset + first * RECORD.itemsize)
        if len(found) < size:
            raise _damaged(Path(str(file.name)))
        yield np.frombuffer(found, RECORD)


def _write_anew(path: Path, belongs: Mapping[str, Any], pieces: Iterator[Records]) -> int:
    """Put a file in the place of another, whole or not at all; returns how many records it has."""
    seal, count = xxhash.xxh3_128(), 0
    with writing_whole(path) as file:
        file.write(bytes(_HEADER_BYTES))
        for piece in pieces:
            seal.update(np.ascontiguousarray(piece).data)
            count += _put(file, piece)
        told = {"format": FORMAT, "belongs": dict(belongs), "count": count}
        text = json.dumps({**told, "seal": seal.hexdigest()}).encode().ljust(_TOLD_BYTES)
        file.seek(0)
        file.write(_MAGIC + xxhash.xxh3_128_digest(text) + text)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)
    return count


def _put(file: IO[bytes], records: Records) -> int:
    left = memoryview(records.tobytes())
    while left:
        left = left[file.write(left) :]
    return len(records)


def _header(content: bytes, path: Path) -> Header:
    if not content.startswith(_MAGIC):
        raise CheckpointError(
            "this is not what change detection keeps", str(path), "move the file away"
        )
    seal, text = content[-_TOLD_BYTES - 16 : -_TOLD_BYTES], content[-_TOLD_BYTES:]
    if len(content) < _HEADER_BYTES or seal != xxhash.xxh3_128_digest(text):
        raise _damaged(path)
    told = json.loads(text)
    if told["format"] != FORMAT:
        raise CheckpointError(
            f"what is known of earlier runs was written by another version of backfill"
            f" (format {told['format']}, here {FORMAT})",
            str(path),
            "go on with that version, or move the file away: the next run sends everything",
        )
    return Header(told["belongs"], told["count"], told["seal"])


def _damaged(path: Path) -> CheckpointError:
    return CheckpointError(
        "what is known of earlier runs is damaged",
        str(path),
        "move it away: the next run then sends everything, and rows that vanished meanwhile"
        " are not noticed; or restore it from a copy, and run once with --full",
    )


@contextmanager
def _mapped(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        fix = (
            "free some space"
            if error.errno in (errno.ENOSPC, errno.EDQUOT)
            else ("make it and its folder readable and writable")
        )
        raise StorageError(
            f"what is known of earlier runs cannot be kept: {error.strerror}",
            str(path),
            f"{fix} and run the same command again: it goes on where it stopped",
        ) from error
