"""One sandbox at a time: a lock beside the state that dies with its holder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from backfill.errors import InUse
from backfill.private import make_folder
from backfill.sandbox.settings import unopened

#: Digits of a process's number, and then some.
_HOLDER_BYTES_MAX: Final = 32


@contextmanager
def locked(state: Path) -> Iterator[Path]:
    """Keep other sandboxes from `state` until the context ends or the process dies; gives the file.

    Who only reads the state is not kept out. The lock file stays when it is released: to remove
    it would let two sandboxes hold two files of one name.
    Raises InUse naming the state and its holder, UsageError where the file cannot be made.
    """
    path = state.with_name(state.name + ".lock")
    try:
        make_folder(state.absolute().parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise unopened(state, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, _HOLDER_BYTES_MAX).decode(errors="replace").strip()
            what = f"another sandbox has this state open: process {holder or 'unknown'}"
            fix = f"stop it, then try again; or use another file (its lock is {path})"
            raise InUse(what, str(state), fix) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield path
    finally:
        os.close(descriptor)
