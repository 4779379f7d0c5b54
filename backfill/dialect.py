"""How the text of a CSV or JSONL file is written: its encoding, delimiter and quote.

Bytes that are no text in the encoding become *marks*, one character U+DC00 + byte each, which
no well-formed text holds; `encode` turns them into the same bytes again. So a row with a broken
byte can be cut into cells, and written to a rejects file as it was.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import cached_property

from backfill.errors import MappingError
from backfill.mapping import Source
from backfill.remote import AnyPath

#: What a rejects file adds to the source's columns; a source's own columns of these names are
#: taken for those of an earlier one.
FILE_COLUMN, ROW_COLUMN = "_file", "_row"
REJECT_COLUMNS = (FILE_COLUMN, ROW_COLUMN, "_rule", "_reason")

#: Where the rejects of JSONL keep a line that could not be read.
RAW_COLUMN = "_raw"

MARKING = "backfill.marking"
_MARKS = re.compile("([\udc00-\udcff]+)")
_MARK_BASE = 0xDC00


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    broken = error.object[error.start : error.end]
    return "".join(chr(_MARK_BASE + byte) for byte in broken), error.end


codecs.register_error(MARKING, _mark)


@dataclass(frozen=True)
class Dialect:
    """The delimiter (one ASCII character) and quote (one, or none) of a CSV file."""

    delimiter: str
    quote: str

    @cached_property
    def _cell(self) -> re.Pattern[str]:
        rest = f"([^{re.escape(self.delimiter)}]*+)"
        if not self.quote:
            return re.compile("()" + rest)
        quote = re.escape(self.quote)
        return re.compile(f"(?:{quote}((?:[^{quote}]|{quote}{quote})*+){quote}?+)?+{rest}")

    @cached_property
    def _special(self) -> re.Pattern[str]:
        return re.compile(f"[{re.escape(self.delimiter + self.quote)}\r\n]")

    def cells(self, record: str) -> list[str]:
        """The cells of one record, given without its line end.

        A quote is one only where a cell begins; what follows the closing one belongs to the
        cell.  [as pyarrow.csv reads; observed]
        """
        found: list[str] = []
        at = -1
        while at < len(record):
            match = self._cell.match(record, at + 1)
            assert match, "the pattern matches the empty cell"
            quoted, rest = match.groups(default="")
            found.append(quoted.replace(self.quote * 2, self.quote) + rest if quoted else rest)
            at = match.end()
        return found

    def record(self, cells: list[str]) -> str:
        """One record without its line end, quoted where it must be.

        Without a quote character nothing can hold a delimiter: the caller sees to it.
        """
        return self.delimiter.join(map(self._written, cells))

    def _written(self, cell: str) -> str:
        if not self.quote or not self._special.search(cell):
            return cell
        return f"{self.quote}{cell.replace(self.quote, self.quote * 2)}{self.quote}"


def dialect_of(source: Source, path: AnyPath) -> Dialect:
    """The delimiter and quote of one file of a source: as configured, or by its name."""
    tab_separated = ".tsv" in path.suffixes[-2:]
    return Dialect(source.delimiter or ("\t" if tab_separated else ","), source.quote)


def check_dialect(dialect: Dialect, where: str) -> None:
    """Raise MappingError for a delimiter or quote that CSV cannot be read with."""
    for name, character in (("delimiter", dialect.delimiter), ("quote", dialect.quote)):
        if character and (not character.isascii() or character in "\r\n\0"):
            raise MappingError(
                f"the {name} is not an ASCII character that can stand in a line",
                where,
                f"give another {name}",
            )
    if dialect.delimiter == dialect.quote:
        raise MappingError(
            "the delimiter and the quote are the same", where, 'give another quote, or "" for none'
        )


def encoding_name(encoding: str, where: str) -> str:
    """The codec's own name ("UTF8" is "utf-8"); MappingError where it is no text encoding."""
    sample = "id,\n"
    refusal = MappingError(
        f"no text encoding is named '{encoding}'", where, "give one such as utf-8, utf-16 or cp1252"
    )
    try:
        codecs.getincrementaldecoder(encoding)
        is_text = sample.encode(encoding).decode(encoding) == sample
    except (LookupError, ValueError) as error:
        raise refusal from error
    if not is_text:
        raise refusal
    return codecs.lookup(encoding).name


def decode(raw: bytes, encoding: str) -> str:
    """Text of the bytes, with a mark for each byte that is none."""
    return raw.decode(encoding, MARKING)


def encode(text: str, encoding: str) -> bytes:
    """The bytes of the text, without a byte order mark; the inverse of `decode`.

    Characters the encoding does not have (only our own words can hold such) are escaped.
    """
    lead = len(byte_order_mark(encoding))
    pieces = _MARKS.split(text)
    return b"".join(
        bytes(ord(mark) - _MARK_BASE for mark in piece)
        if i % 2
        else piece.encode(encoding, "backslashreplace")[lead:]
        for i, piece in enumerate(pieces)
    )


def byte_order_mark(encoding: str) -> bytes:
    """What a file in this encoding begins with; empty for most."""
    return "".encode(encoding)
