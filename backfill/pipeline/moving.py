"""A file moved to a folder: whole, under a name that was free, and never lost on the way."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from backfill import readers
from backfill.private import make_folder, sync_folder
from backfill.readers import Content
from backfill.readers.naming import COMPRESSIONS
from backfill.readers.source_errors import changed

#: Bytes copied at once from one device to another.
_PIECE_BYTES = 1 << 20


def move(source: Path, target: Path, content: Content) -> Path:
    """Move a file; returns where it is now.

    content: all that is in it. Where `target` holds something else, the first of `NAME-2.csv`,
    `NAME-3.csv`, … that is free or holds the same is taken; where it holds the same, the file is
    only removed. A kill at any instant leaves the file whole in one of the places, or in both.
    Raises OSError, and SourceError where a file that is in the way cannot be read.
    """
    make_folder(target.parent)
    for place in _names(target):
        if not os.path.lexists(place):
            _give(source, place, content)
            return place
        if _holds(place, content):
            source.unlink()
            sync_folder(source.parent)
            return place
    raise AssertionError("counting does not end")


def _names(target: Path) -> Iterator[Path]:
    """The path, then those with a number, which have the same format by their names."""
    yield target
    is_compressed = target.suffix.lower() in COMPRESSIONS
    ending = "".join(target.suffixes[-2:] if is_compressed else target.suffixes[-1:])
    stem = target.name.removesuffix(ending)
    yield from (target.with_name(f"{stem}-{number}{ending}") for number in count(2))


def _holds(place: Path, content: Content) -> bool:
    is_file = place.is_file() and not place.is_symlink()
    return is_file and place.stat().st_size == content.size and readers.content(place) == content


def _give(source: Path, place: Path, content: Content) -> None:
    """Give a file another name, also on another device; FileExistsError where it is not free."""
    _reserve(place)
    try:
        source.rename(place)
    except OSError as error:
        place.unlink()
        if error.errno != errno.EXDEV:
            raise
        _carry(source, place, content)
    sync_folder(place.parent)
    sync_folder(source.parent)


def _carry(source: Path, place: Path, content: Content) -> None:
    """The same from one device to another: whole and durable there before it is removed here."""
    draft = place.with_name(f".{place.name}.draft")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with source.open("rb") as old, os.fdopen(descriptor, "wb") as new:
            shutil.copyfileobj(old, new, _PIECE_BYTES)
            new.flush()
            shutil.copystat(source, draft)
            os.fsync(descriptor)
        if readers.content(draft) != content:
            raise changed(str(source))
        _reserve(place)
        draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(place.parent)
    source.unlink()


def _reserve(place: Path) -> None:
    """Take a name that is free: what is renamed to it then replaces nobody's file."""
    os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
