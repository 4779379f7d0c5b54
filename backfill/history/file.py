"""The history's file: appended to, a line of JSON each time, and read back."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import msgspec

from backfill.errors import StorageError
from backfill.history.entries import Entry

#: How a line of ours begins. What begins otherwise is another file of that name, perhaps the
#: checkpoint of another job, and is never written to.
_OURS = b"{"


def beside(checkpoint: Path) -> Path:
    """Where the history of a checkpoint is, by the name the checkpoint is called."""
    return checkpoint.with_name(f"{checkpoint.name}.history")


def append(checkpoint: Path, entry: Entry) -> None:
    """Add an entry, durably; the file is made with mode 0600.

    checkpoint: held by this process. A line that a kill had torn is left behind on its own.
    Raises OSError where it cannot be written, StorageError where the file is none of ours.
    """
    path = beside(checkpoint.resolve())  # one history for all the names of one checkpoint
    line = msgspec.json.encode(entry) + b"\n"
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, 0) != _OURS:
            raise StorageError("this is no history", str(path), "move the file away")
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        if os.write(descriptor, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(checkpoint: Path) -> tuple[list[Entry], int]:
    """The entries, as they began, the last line of each run; and how many lines are none.

    Raises StorageError where the file is there and cannot be read.
    """
    path = beside(checkpoint.resolve())
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        what = f"the history cannot be read: {error.strerror}"
        raise StorageError(what, str(path), "make it readable for this user") from error
    decoder, unread = msgspec.json.Decoder(Entry), 0
    found: dict[str, Entry] = {}
    for number, line in enumerate(content.splitlines()):
        try:
            entry = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            unread += 1
        else:
            found[entry.run_id if entry.run_id and not entry.nothing_new else f"{number}"] = entry
    return list(found.values()), unread
