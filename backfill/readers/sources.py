"""Which files a stream's source means.

A path is a file, a folder or a glob, relative to the config's folder. A folder stands for the
files in it (not below it: for that there is `**`) whose names say a known format; files and
folders that begin with "." or "_" are left out there, as Spark and Hive do. The entries of a list
keep their order; within one, files are in the order of their paths as text. A file that is found
twice is read once. The same holds for objects in stores
(`backfill.readers.remote_sources`).
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import NoReturn

from backfill.errors import MappingError
from backfill.mapping import Source
from backfill.readers import remote_sources
from backfill.readers.naming import FORMATS, format_of, may_hold_rows, stands_for
from backfill.readers.source_errors import source_errors
from backfill.records import SourceFile
from backfill.remote import AnyPath, RemotePath, is_uri


def is_open(source: Source, base: Path) -> bool:
    """Whether files may come to it: whether any of its entries is a folder or a glob."""
    return any(
        remote_sources.is_open(text) if is_uri(text) else _root(text, base) is not None
        for text in _entries(source)
    )


def is_remote(source: Source) -> bool:
    """Whether any of its entries lies in a store."""
    return any(map(is_uri, _entries(source)))


def find(
    stream: str, source: Source, base: Path, *, may_be_empty: bool = False
) -> list[SourceFile]:
    """The files of a stream, in the order they are read.

    may_be_empty: whether a folder that is there may hold none of them now.
    Raises MappingError where a path leads to no file, a name does not say its format, or the
    files are of several formats, SourceError where a folder or a store does not tell.
    """
    where = f"stream {stream}, source"
    files: dict[AnyPath, SourceFile] = {}
    for text in _entries(source):
        root, paths = _found(text, base, source.format, where, may_be_empty)
        for path in paths:
            label = _label(path, base)
            form = source.format or format_of(path) or _unknown(label, where)
            place = path.resolve()
            files.setdefault(place, SourceFile(stream, len(files), path, label, form, root=root))
            if root is None:  # also of one that a glob found before
                files[place] = replace(files[place], root=None)
    found = list(files.values())
    formats = sorted({file.format for file in found})
    if len(formats) > 1:
        raise MappingError(
            f"the files are of several formats: {', '.join(formats)}",
            where,
            "make a stream for each format",
        )
    return found


def passed_over(
    source: Source, base: Path, own: Sequence[Path] = ()
) -> Iterator[tuple[AnyPath, str]]:
    """What lies in folders among the entries, is not read, and may hold rows; with its label.

    Labels of folders end with a "/". own: what the job itself keeps, perhaps there.
    Raises SourceError where a folder or a store does not tell.
    """
    for text in _entries(source):
        if is_uri(text):
            inside: Iterable[tuple[AnyPath, bool]] = remote_sources.passed_over(text)
        else:
            inside = _passed_over(base / text, own)
        for path, is_folder in sorted(inside, key=str):
            yield path, _label(path, base) + "/" * is_folder


def _passed_over(folder: Path, own: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    kept = {os.path.realpath(place) for one in own for place in (one, *one.parents)}
    beside = tuple(one.name + mark for one in own for mark in ".-")  # as job.checkpoint.history
    if not folder.is_dir():
        return
    with source_errors(str(folder)), os.scandir(folder) as entries:
        for entry in entries:
            path = folder / entry.name
            is_file = entry.is_file(follow_symlinks=False) or path.is_file()
            if path.name.startswith(beside) or not may_hold_rows(path, is_file=is_file):
                continue
            if os.path.realpath(path) not in kept:
                yield path, path.is_dir()


def _entries(source: Source) -> list[str]:
    return [source.path] if isinstance(source.path, str) else source.path


def _found(
    text: str, base: Path, form: str | None, where: str, may_be_empty: bool
) -> tuple[AnyPath | None, Sequence[AnyPath]]:
    """The root of one entry, as of SourceFile, and its files in their order."""
    if is_uri(text):
        return remote_sources.found(text, form, where, may_be_empty=may_be_empty)
    with source_errors(text):
        root = _root(text, base)
        paths = sorted(_files(base / text, text, base, form), key=str)
    if not paths and not (may_be_empty and root is not None and root.is_dir()):
        raise MappingError(
            f"no file found at '{text}'", where, f"mend the path; it starts from {base}"
        )
    return root, paths


def _root(text: str, base: Path) -> Path | None:
    """The folder that a folder or a glob begins in; None for the path of a file that is there."""
    path = base / text
    if path.is_file():
        return None
    if path.is_dir():
        return path
    fixed = takewhile(lambda part: not glob.has_magic(part), Path(text).parts)
    return base.joinpath(*fixed)


def _unknown(label: str, where: str) -> NoReturn:
    raise MappingError(
        f"the name of '{label}' does not say its format",
        where,
        f"say format: csv, jsonl or parquet, or use one of {' '.join(FORMATS)}",
    )


def _files(path: Path, text: str, base: Path, form: str | None) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from _folder(path, form)
    else:
        # Not Path.glob: that takes no absolute patterns.
        for match in glob.glob(text, root_dir=base, recursive=True):  # noqa: PTH207
            found = base / match
            if found.is_dir():
                yield from _folder(found, form)
            elif found.is_file():  # a pipe or a device would be waited for without end
                yield found


def _folder(folder: Path, form: str | None) -> Iterator[Path]:
    return (path for path in folder.iterdir() if stands_for(path, form) and path.is_file())


def _label(path: AnyPath, base: Path) -> str:
    if isinstance(path, RemotePath):
        return str(path)
    shown = path.relative_to(base) if path.is_relative_to(base) else path
    return os.fsencode(shown).decode("utf-8", "backslashreplace")
