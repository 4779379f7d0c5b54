"""The process's standard streams: no reader that goes away, and no full disk, stops a run."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import Any

from backfill.errors import StorageError

#: A pipe whose reader ended (`… | head`), and a terminal that was closed.
_NOBODY_READS = (errno.EPIPE, errno.EIO)


def outlive_readers() -> None:
    """Let the process write to stdout and stderr whatever becomes of them.

    What nobody reads is dropped. So is what stderr has no room for: it tells how a run goes, and
    the run goes on. Stdout carries what was asked for: where there is no room for that, the first
    write raises StorageError. A stream that whoever started the process closed leads nowhere, and
    no file that is opened later takes its place. One that does not block is waited for.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    encoding = sys.stdout.encoding if sys.stdout else "utf-8"
    sys.stdin = sys.stdin or io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
    sys.stdout = _text(_Outliving(1, is_needed=True), encoding)
    sys.stderr = _text(_Outliving(2, is_needed=False), encoding)


class _Outliving(io.FileIO):
    """A descriptor to write to; is_needed: whether one write that finds no room is an error."""

    def __init__(self, descriptor: int, *, is_needed: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._is_needed = is_needed

    def write(self, content: Any, /) -> int:
        """Write, or drop the content; gives the bytes that are dealt with."""
        try:
            while (written := super().write(content)) is None:  # non-blocking, and full
                select.select([], [self], [])
            return written
        except OSError as error:
            if not self._is_needed or error.errno in _NOBODY_READS:
                return len(content)
            self._is_needed = False  # said once, also when the buffer is flushed at the exit
            raise StorageError(
                f"the report cannot be written: {error.strerror}",
                "standard output",
                "free some space and run the same command again: what is done is not done twice",
            ) from error


def _text(raw: _Outliving, encoding: str) -> io.TextIOWrapper:
    # What the encoding cannot show of a file's name is escaped, as Python does on stderr.
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors="backslashreplace", line_buffering=True
    )
