"""Which files a stream's source means.

A path is a file, a folder or a glob, relative to the config's folder. A folder stands for the
files in it (not below it: for that there is `**`) whose names say a known format; files and
folders that begin with "." or "_" are left out there, as Spark and Hive do. The entries of a list
keep their order; within one, files are in the order of their paths as text. A file that is found
twice is read once.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import NoReturn

from backfill.errors import MappingError
from backfill.mapping import Source
from backfill.records import SourceFile

#: By the ending of the name; the text ones may be followed by one of COMPRESSIONS.
FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
COMPRESSIONS = (".gz", ".zst")


def is_open(source: Source, base: Path) -> bool:
    """Whether files may come to it: whether any of its entries is a folder or a glob."""
    return any(_root(text, base) is not None for text in _entries(source))


def find(
    stream: str, source: Source, base: Path, *, may_be_empty: bool = False
) -> list[SourceFile]:
    """The files of a stream, in the order they are read.

    may_be_empty: whether a folder that is there may hold none of them now.
    Raises MappingError where a path leads to no file, a name does not say its format, or the
    files are of several formats.
    """
    where = f"stream {stream}, source"
    files: dict[Path, SourceFile] = {}
    for text in _entries(source):
        root = _root(text, base)
        paths = sorted(_files(base / text, text, base, source.format), key=str)
        if not paths and not (may_be_empty and root is not None and root.is_dir()):
            raise MappingError(
                f"no file found at '{text}'", where, f"mend the path; it starts from {base}"
            )
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


def _entries(source: Source) -> list[str]:
    return [source.path] if isinstance(source.path, str) else source.path


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


def format_of(path: Path) -> str | None:
    """The format the file's name says: csv, jsonl, parquet or None."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    is_compressed = bool(suffixes) and suffixes[-1] in COMPRESSIONS
    if is_compressed:
        suffixes.pop()
    form = FORMATS.get(suffixes[-1]) if suffixes else None
    return None if is_compressed and form == "parquet" else form


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
    for path in folder.iterdir():
        told = format_of(path)
        is_hidden = path.name.startswith((".", "_"))
        if not is_hidden and told is not None and form in (None, told) and path.is_file():
            yield path


def _label(path: Path, base: Path) -> str:
    shown = path.relative_to(base) if path.is_relative_to(base) else path
    return os.fsencode(shown).decode("utf-8", "backslashreplace")
