"""Reading the source: which files, whether they changed, and their rows block by block."""

from __future__ import annotations

from backfill.mapping import Source
from backfill.readers.delimited import CsvReader
from backfill.readers.fingerprint import (
    Content,
    Fingerprint,
    content,
    contents,
    fingerprint,
)
from backfill.readers.framing import Reader
from backfill.readers.guises import check_guise
from backfill.readers.jsonl import JsonlReader
from backfill.readers.parquet import ParquetReader
from backfill.readers.sources import find, is_open, is_remote, passed_over
from backfill.records import SourceFile

__all__ = [
    "Content",
    "Fingerprint",
    "Reader",
    "content",
    "contents",
    "find",
    "fingerprint",
    "is_open",
    "is_remote",
    "open_file",
    "passed_over",
]


def open_file(file: SourceFile, source: Source, *, as_rejects: bool = False) -> Reader:
    """The reader of one file; its header or schema is read and checked.

    as_rejects: a file of rejects is looked at, not sent again: see JsonlReader.
    Raises MappingError for what the config can mend (names of columns, encoding, delimiter, a file
    that is of another format), SourceError where the file is missing, unreadable or damaged.
    """
    check_guise(file, source)
    if file.format == "parquet":
        return ParquetReader(file)
    if file.format == "jsonl":
        return JsonlReader(file, source, as_rejects=as_rejects)
    return CsvReader(file, source)
