"""Files that are not of the format they are read as: told by their first bytes, before their rows.

Each would otherwise be refused row by row, or with words about encodings and damage.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable

import msgspec

from backfill.dialect import encoding_name
from backfill.errors import MappingError
from backfill.mapping import Source
from backfill.readers.decoded import DecodedFile
from backfill.readers.source_errors import source_errors
from backfill.records import SourceFile
from backfill.remote import AnyPath

#: What is looked at: the header and some rows of most files.
_HEAD_BYTES = 1 << 16
_LINES_MAX = 20

#: By what a file begins with: what it is, and what to do.  [parquet.apache.org, File Format;
#: PKWARE APPNOTE, 4.3.7; [MS-CFB], 2.2; RFC 1952, 2.3.1; RFC 8878, 3.1.1]
_PARQUET = b"PAR1"
_ZIP = b"PK\x03\x04"
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_COMPRESSED = {b"\x1f\x8b": (".gz", "gzip"), b"\x28\xb5\x2f\xfd": (".zst", "zstd")}

_AS = "say format: {0} (source: {{path: …, format: {0}}}), or give the file its own name"


def check_guise(file: SourceFile, source: Source) -> None:
    """Raise MappingError where a file is plainly of another format; SourceError as readers do."""
    where = f"stream {file.stream}, {file.label}"
    with source_errors(file.label), file.path.open("rb") as opened:
        head = opened.read(_HEAD_BYTES)
    found = _by_magic(file, head)
    if found is None and head and not head.startswith(_PARQUET):
        found = _by_text(file, source, head, where)
    if found is None and not head and file.format == "parquet":
        found = ("the file is empty", "export it again, or take it out of `source`")
    if found is not None:
        raise MappingError(found[0], where, found[1])


def _by_magic(file: SourceFile, head: bytes) -> tuple[str, str] | None:
    if head.startswith(_PARQUET) and file.format != "parquet":
        return f"the file is Parquet, not {file.format}", _AS.format("parquet")
    if head.startswith(_ZIP):
        if _is_spreadsheet(file.path):
            return "the file is a spreadsheet of Excel, which is not read", "export it as CSV"
        return "the file is a zip archive", "unpack it, and name what is in it"
    if head.startswith(_OLD_OFFICE):
        return "the file is a spreadsheet of Excel, which is not read", "export it as CSV"
    for magic, (suffix, name) in _COMPRESSED.items():
        if head.startswith(magic) and file.path.suffix.lower() != suffix:
            return f"the file is compressed by {name}", f"let its name end in {suffix}"
    return None


def _is_spreadsheet(path: AnyPath) -> bool:
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _by_text(file: SourceFile, source: Source, head: bytes, where: str) -> tuple[str, str] | None:
    if file.format == "parquet":
        lines = _lines(head) if _is_text(head) else []
    else:
        encoding = encoding_name(source.encoding, where)
        with DecodedFile(file.path, file.label, encoding) as text:
            lines = _lines(text.read(_HEAD_BYTES))
    for form, (name, is_it) in _TEXTS.items():
        if lines and form != file.format and is_it(lines):
            return f"the file looks like {name}, not {file.format}", _AS.format(form)
    if lines and file.format == "jsonl" and lines[0].startswith(b"["):
        return (
            "the file looks like one JSON array",
            "write each of its records on a line of its own",
        )
    return None


def _lines(head: bytes) -> list[bytes]:
    """The first lines that are not blank."""
    found = [line.strip() for line in head.removeprefix(b"\xef\xbb\xbf").splitlines()]
    return [line for line in found if line][:_LINES_MAX]


def _is_text(head: bytes) -> bool:
    return b"\0" not in head


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (msgspec.DecodeError, RecursionError):
        return False


def _is_jsonl(lines: list[bytes]) -> bool:
    return _is_json(lines[0])


def _is_csv(lines: list[bytes]) -> bool:
    """A header of several columns, and nothing that could be JSON."""
    opened = any(line.startswith((b"{", b"[")) for line in lines)
    return not opened and any(delimiter in lines[0] for delimiter in (b",", b";", b"\t", b"|"))


_TEXTS: dict[str, tuple[str, Callable[[list[bytes]], bool]]] = {
    "jsonl": ("JSON lines", _is_jsonl),
    "csv": ("CSV", _is_csv),
}
