"""What stands in the folder of the rejects before a run writes there, and whose it is.

Facts. Two jobs may share a folder and the name of a stream, people mend rejects in place, and a
run that is killed leaves rows of no commit. Rules. What a run goes on with begins with the bytes
of its last commit, as their digest proves; all else is put aside under another name, and nothing
is touched where those bytes are not found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import xxhash

from backfill.errors import StorageError
from backfill.resumption import Extent

SPOOL, PARQUET = ".spool", ".parquet"
_SUFFIXES = (".csv", ".tsv", ".jsonl", SPOOL, PARQUET)
_EARLIER = ".earlier"

#: Read at once, in bytes: of 64 KiB and of 1 MiB the digest takes the same time.
_READ_BYTES = 1 << 18


def refused(folder: Path, stream: str) -> list[Path]:
    """The files of a stream for a person to look at, whether a run is alive or not.

    Raises OSError where the folder may not be looked into.
    """
    return [path for path in existing(folder, stream) if path.suffix != SPOOL]


def named(folder: Path, stream: str, number: int, suffix: str) -> Path:
    """The path of a stream's number-th file, from 1."""
    # "+" is in no stream's name, so that two streams never share a file.
    return folder / ((f"{stream}+{number}" if number > 1 else stream) + suffix)


def existing(folder: Path, stream: str) -> list[Path]:
    """The files of a stream, in the order they were written."""
    found: list[Path] = []
    for number in count(1):
        here = [named(folder, stream, number, suffix) for suffix in _SUFFIXES]
        here = [path for path in here if path.exists()]
        if not here:
            return found
        found += here
    raise AssertionError("counting does not end")


def put_aside(path: Path) -> Path:
    """Rename a file to `NAME.earlier`, `NAME.earlier2`, …; returns the first that is free."""
    for number in count(1):
        kept = path.with_name(f"{path.name}{_EARLIER}{number if number > 1 else ''}")
        if not kept.exists():
            path.rename(kept)
            return kept
    raise AssertionError("counting does not end")


def earlier(folder: Path, stream: str) -> list[Path]:
    """What was put aside of a stream and is for a person to look at; OSError of the folder."""
    suffixes = "|".join(re.escape(suffix) for suffix in _SUFFIXES if suffix != SPOOL)
    whole = re.compile(rf"{re.escape(stream)}(\+[0-9]+)?({suffixes}){re.escape(_EARLIER)}[0-9]*")
    paths = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in paths if whole.fullmatch(path.name))


def committed(
    paths: Sequence[Path], extent: Extent, where: str
) -> tuple[list[int], xxhash.xxh3_64]:
    """How many bytes of each file belong to a run's last commit, and the digest they lead to.

    paths: in the order they were written. where: the place, for people.
    Raises StorageError where the bytes of the commit are not found there.
    """
    digest, sizes, left = xxhash.xxh3_64(), [], extent.length
    for path in paths:
        sizes.append(min(path.stat().st_size, left))
        left -= sizes[-1]
        _feed(digest, path, sizes[-1])
    if left or digest.digest() != extent.digest:
        raise StorageError(
            "the rejects are not as this run left them: removed, edited, or renamed to NAME.earlier"
            " by a job that shares the folder",
            where,
            "put them back as they were and run the same command again: it goes on where it"
            " stopped; or start anew with --fresh",
        )
    return sizes, digest


def _feed(digest: xxhash.xxh3_64, path: Path, size: int) -> None:
    with path.open("rb") as file:
        while size > 0 and (read := file.read(min(size, _READ_BYTES))):
            digest.update(read)
            size -= len(read)
