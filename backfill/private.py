"""Folders and files that only their owner may look into."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, as far as they are missing, with mode 0700; OSError.

    Those that are there keep their mode. `Path.mkdir(parents=True)` gives only the last one its
    mode.  [docs.python.org, pathlib]
    """
    for each in reversed((folder, *folder.parents)):
        each.mkdir(mode=0o700, exist_ok=True)


def sync_folder(folder: Path) -> None:
    """Make durable which files a folder has; OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writing_whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write that is there whole or as it was, with mode 0600, its folder made; OSError.

    It takes its place when the context ends without an error.
    """
    make_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """The same at once."""
    with writing_whole(path) as file:
        file.write(content)
