"""How a file is written, told from its bytes: format, encoding, delimiter, header or none.

Only the beginning and a few places further in are read, so that the size of a file is no matter.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field

from backfill import dialect
from backfill.discovery.vocabulary import vocabulary
from backfill.errors import UsageError
from backfill.mapping import Source
from backfill.readers import layout
from backfill.readers.decoded import DecodedFile
from backfill.readers.naming import COMPRESSIONS, format_of
from backfill.readers.source_errors import source_errors
from backfill.records import SourceFile
from backfill.remote import AnyPath

#: Bytes read at the beginning, and at each of PLACES further in.
HEAD_BYTES = 1 << 20
PLACE_BYTES = 1 << 16
PLACES = 16

#: Lines in which words of the first are looked for.
_LINES_MAX = 500

_DELIMITERS = ",;\t|"
_JSONL = re.compile(r"\s*\{")
_SURELY_DATA = re.compile(
    r"[^@\s]+@[^@\s]+\.[^@\s]+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9].*",
    re.IGNORECASE,
)
_MAYBE_DATA = re.compile(r"[+-]?[0-9][0-9.,]*|true|false", re.IGNORECASE)
#: [Wikipedia: list of file signatures]
_FOREIGN = {
    b"PK\x03\x04": ("a zip archive or an Excel workbook", "unpack it, or save the sheet as CSV"),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "save the sheet as CSV"),
    b"%PDF": ("a PDF document", "export the data as CSV"),
    b"SQLite format 3": ("a SQLite database", "export each table as CSV"),
    b"BZh": ("compressed with bzip2", "unpack it, or compress it with gzip"),
    b"\xfd7zXZ": ("compressed with xz", "unpack it, or compress it with gzip"),
}
_COMPRESSED = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd"}


@dataclass(frozen=True, slots=True)
class Opened:
    """A file and how it is written.

    source: as the config will say it; `columns` where there is no header line.
    notes:  what is worth saying of how it is written. is_empty: no record in it.
    """

    file: SourceFile
    source: Source
    is_empty: bool = False
    notes: list[str] = field(default_factory=list)


def opened(path: AnyPath, label: str) -> Opened:
    """Tell how a file is written.

    Raises UsageError for what is no file of rows, SourceError for what cannot be read.
    """
    with source_errors(label):
        compression = _compression(path, label)
        pieces = _pieces(path, label, is_seekable=not compression)
    head = pieces[0]
    if not head:
        return Opened(SourceFile("", 0, path, label, "csv"), Source(path=label), is_empty=True)
    if head.startswith(b"PAR1"):
        return _as(path, label, "parquet", Source(path=label), [])
    _refuse_foreign(head, label)
    notes: list[str] = []
    encoding = _encoding(pieces, label, notes)
    text = head.decode(encoding, "replace").removeprefix("\ufeff")
    if not text.strip():
        return Opened(SourceFile("", 0, path, label, "csv"), Source(path=label), is_empty=True)
    if _is_json(text, label):
        return _as(path, label, "jsonl", Source(path=label, encoding=encoding), notes)
    return _csv(path, label, text, encoding, notes)


def places(start: int, size: int) -> list[int]:
    """Where to read PLACE_BYTES each: spread from `start` to the end at `size`, none over another.

    Up to PLACES offsets in bytes; what is read twice would look as if it came twice.
    """
    room = size - start
    count = min(PLACES, room // PLACE_BYTES)
    if count < 2:
        return [start] if room > 0 else []
    return [start + (room - PLACE_BYTES) * i // (count - 1) for i in range(count)]


def _as(path: AnyPath, label: str, form: str, source: Source, notes: list[str]) -> Opened:
    told = format_of(path)
    if told != form:
        source = source.model_copy(update={"format": form})
    if told not in (None, form):
        notes.append(f"the name says {told}, the content is {form}")
    return Opened(SourceFile("", 0, path, label, form), source, notes=notes)


def _compression(path: AnyPath, label: str) -> str:
    """The ending that says how the file is compressed, or ""; refuses where it does not hold."""
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        start = file.read(4)
    if suffix in COMPRESSIONS:
        if start and not start.startswith(_COMPRESSED[suffix]):
            what = f"the name ends in {suffix}, and the content is not compressed so"
            raise UsageError(what, label, "give the file the name of what it is")
        return suffix
    for ending, magic in _COMPRESSED.items():
        if start.startswith(magic):
            what = f"the content is compressed, and the name does not end in {ending}"
            raise UsageError(what, label, f"rename it to {path.name}{ending}")
    return ""


def _pieces(path: AnyPath, label: str, *, is_seekable: bool) -> list[bytes]:
    """Bytes of the beginning and, where one can go there, from places further in."""
    with DecodedFile(path, label, "utf-8") as raw:
        pieces = [raw.read(HEAD_BYTES)]
    size = path.stat().st_size
    if is_seekable and size > HEAD_BYTES:
        with path.open("rb") as file:
            for place in places(HEAD_BYTES, size):
                file.seek(place)
                pieces.append(file.read(PLACE_BYTES))
    return pieces


def _refuse_foreign(head: bytes, label: str) -> None:
    for magic, (what, fix) in _FOREIGN.items():
        if head.startswith(magic):
            if b"xl/" in head or b"[Content_Types].xml" in head[:200]:
                what, fix = "an Excel workbook", "save each sheet as CSV (UTF-8)"
            raise UsageError(f"the file is {what}", label, fix)


def _encoding(pieces: list[bytes], label: str, notes: list[str]) -> str:
    """The encoding of a text file; UsageError where it is no text."""
    head = pieces[0]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in head[:4096]:
        for encoding, zeros in (("utf-16-le", head[1:400:2]), ("utf-16-be", head[0:400:2])):
            if zeros and zeros.count(0) > len(zeros) * 3 // 4:
                return encoding
        raise UsageError(
            "the file is not text", label, "give CSV, JSON lines or Parquet; export it as CSV"
        )
    broken = sum(_broken_count(piece) for piece in pieces)
    if not broken:
        return "utf-8"
    sound = sum(len(re.findall(rb"[\xc3-\xf4][\x80-\xbf]+", piece)) for piece in pieces)
    if sound > 4 * broken:
        notes.append(f"UTF-8 with {broken} broken bytes in what was looked at; their rows are lost")
        return "utf-8"
    notes.append("not UTF-8, taken for Windows-1252 (cp1252): do accents look right?")
    return "cp1252"


def _broken_count(piece: bytes) -> int:
    """How many bytes are no UTF-8; a character cut at an end of the piece is none of them."""
    text = piece.lstrip(bytes(range(0x80, 0xC0)))
    found = codecs.getincrementaldecoder("utf-8")("replace").decode(text)
    return found.count("\ufffd") - text.count("\ufffd".encode())


def _is_json(text: str, label: str) -> bool:
    start = text.lstrip()
    if start.startswith("["):
        fix = "write one object a line: jq -c '.[]' FILE.json > FILE.jsonl"
        if re.match(r"\[\s*[\[{\"\d\]]", start):
            raise UsageError("the file is one JSON list, not a record a line", label, fix)
    if start.startswith("<"):
        raise UsageError("the file is XML or HTML", label, "export the data as CSV or JSON lines")
    if not _JSONL.match(text):
        return False
    first = start.splitlines()[0].strip()
    if not first.endswith("}") and len(first) < HEAD_BYTES // 2:
        what, fix = "the file is one JSON object over many lines", "write one object a line (jq -c)"
        raise UsageError(what, label, fix)
    return True


def _csv(path: AnyPath, label: str, text: str, encoding: str, notes: list[str]) -> Opened:
    told = dialect.dialect_of(Source(path=label), path).delimiter
    delimiter, header = _delimiter(text, told)
    found = {"delimiter": None if delimiter == told else delimiter}
    source = Source(path=label, encoding=encoding, **found)
    if _is_data(header) or _comes_again(text, delimiter, header):
        names = [f"column_{i}" for i in range(1, len(header) + 1)]
        at = [i for i, cell in enumerate(header) if "@" in cell]
        if len(at) == 1:
            names[at[0]] = "email"
        source = source.model_copy(update={"columns": names})
        notes.append("no header line, for the first line looks like data: name the `columns`")
    return _as(path, label, "csv", source, notes)


def _delimiter(text: str, told: str) -> tuple[str, list[str]]:
    """The delimiter by which most records have as many cells as the first, and that one's cells."""
    raw = text.encode("utf-8", "surrogatepass")
    best, first = (0.0, 0), (told, _cells(raw, told))
    for delimiter in [told, *(each for each in _DELIMITERS if each != told)]:
        quoted = layout.quoted_cells(raw, delimiter, '"')
        counts = layout.records(raw, quoted, delimiter).cell_counts[:-1]
        header = _cells(raw, delimiter)
        if len(header) < 2:
            continue
        share = float((counts == len(header)).mean()) if len(counts) else 1.0
        score = (round(share, 1), len(header))
        if score > best:
            best, first = score, (delimiter, header)
    return first


def _cells(raw: bytes, delimiter: str) -> list[str]:
    found = layout.records(raw, layout.quoted_cells(raw, delimiter, '"'), delimiter)
    record = raw[found.starts[0] : found.stops[0]].decode("utf-8", "replace")
    return dialect.Dialect(delimiter, '"').cells(record)


def _comes_again(text: str, delimiter: str, header: list[str]) -> bool:
    """Whether some, not all, words of the first line come again below: then it is a record.

    Unless it names columns: `unsubscribed` may stand below `unsubscribed`.
    """
    if 2 * sum(vocabulary().is_name(cell) for cell in header) >= len(header):
        return False
    written = dialect.Dialect(delimiter, '"')
    below = [written.cells(line) for line in text.splitlines()[1:_LINES_MAX]]
    seen = [{row[i] for row in below if i < len(row)} for i in range(len(header))]
    again = [bool(cell) and cell in known for cell, known in zip(header, seen, strict=True)]
    return any(again) and not all(again)


def _is_data(cells: list[str]) -> bool:
    """Whether a first line looks like a record and not like names of columns."""
    said = [cell.strip() for cell in cells if cell.strip()]
    if any(_SURELY_DATA.fullmatch(cell) for cell in said):
        return True
    return sum(bool(_MAYBE_DATA.fullmatch(cell)) for cell in said) * 3 > len(said)
