"""The files that are looked at: those named, those of a folder, those a pattern finds."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from backfill import readers
from backfill.errors import MappingError, SourceError, UsageError
from backfill.mapping import Source
from backfill.readers.naming import format_of
from backfill.readers.remote_sources import found
from backfill.remote import AnyPath, RemotePath, is_uri


def named_files(given: Sequence[str]) -> list[AnyPath]:
    """The files that the arguments of a command mean, each once, in the order given.

    Raises UsageError for what is not there, and for a folder or pattern without a file.
    """
    every: dict[AnyPath, AnyPath] = {}
    for text in given:
        for path in _files(text):
            every.setdefault(path.resolve(), path)
    return list(every.values())


def passed_over(given: Sequence[str], base: Path) -> Iterator[str]:
    """What lies in folders among the arguments, is not looked at, and may hold rows.

    base: as of `label_of`.
    """
    named = [Path(text) for text in given if not is_uri(text)]
    for path, label in readers.passed_over(Source(path=list(given)), Path(), named):
        yield label_of(path, base) + "/" * label.endswith("/")


def _files(text: str) -> Iterator[AnyPath]:
    if is_uri(text):
        yield from _objects(text)
        return
    path = Path(text)
    if path.is_file():
        yield path
    elif path.is_dir():
        names = (p for p in path.iterdir() if format_of(p) and not p.name.startswith("."))
        inside = sorted(p for p in names if p.is_file())
        if not inside:
            fix = "name the files one by one: CSV, JSON lines or Parquet"
            raise UsageError("no file of a known format in the folder", text, fix)
        yield from inside
    elif path.exists():
        raise UsageError("neither a file nor a folder", text, "name files of rows")
    else:
        matches = sorted(p for p in map(Path, glob.glob(text, recursive=True)) if p.is_file())  # noqa: PTH207
        if not matches:
            raise UsageError("there is no such file", text, "check the path")
        yield from matches


def _objects(text: str) -> Sequence[AnyPath]:
    try:
        return found(text, None, "FILE...")[1]
    except (MappingError, SourceError) as error:
        raise UsageError(error.what, error.where, error.fix) from error


def label_of(path: AnyPath, base: Path) -> str:
    """A file's path as the config says it: from the config's folder."""
    if isinstance(path, RemotePath):
        return str(path)
    return Path(os.path.relpath(path.resolve(), base.resolve())).as_posix()


def stem_of(path: AnyPath) -> str:
    """A file's name without its endings."""
    return path.name.split(".", 1)[0] if not path.name.startswith(".") else path.name
