"""JSON lines: each object cut into its members' raw text, nothing converted.

Where all lines of a block are sound and written as programs write them, numpy cuts them
(`backfill.readers.members`); otherwise they are read one by one.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from backfill import dialect
from backfill.dialect import RAW_COLUMN, REJECT_COLUMNS
from backfill.mapping import Source
from backfill.readers.decoded import DecodedFile, as_in_file
from backfill.readers.framing import (
    Point,
    Wanted,
    blocks_of,
    counts_of,
    points_of,
    sifted_blocks,
)
from backfill.readers.members import (
    CELLS_MAX,
    member_table,
    outside_strings,
    string_quotes,
)
from backfill.records import Block, BlockStart, Fault, Form, Int64s, SourceFile
from backfill.sieve import Sieve

#: Text of one block, in bytes. Measured on 1 M people of 12 members (283 MB), reading and
#: encoding in M rows/s: 0.31 and 0.21 at 2 MiB, 0.34 and 0.31 at 4 MiB, 0.34 and 0.28 at 8 MiB.
BLOCK_BYTES = 4 << 20

_OWN = frozenset({RAW_COLUMN, *REJECT_COLUMNS})

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ABSENT = b""
_SPACES = b" \t\r"
_FEED, _COLON, _OPEN = b"\n:{"


class JsonlReader:
    """A JSONL file; see `framing.Reader`.

    A block's columns are the keys of its lines in order of first appearance. A line that is not
    one JSON object with members, or names a member twice, is a fault; blank lines are no records.
    A line that holds `_raw` and no member of its own stands for the line in there, as rejects keep
    it: mended it is a record, else a fault again. as_rejects: it is what it is, a record.
    Raises MappingError for an unknown encoding, SourceError where the file cannot be read.
    """

    form = Form.JSON
    columns: tuple[str, ...] | None = None

    def __init__(
        self,
        file: SourceFile,
        source: Source,
        block_bytes: int = BLOCK_BYTES,
        *,
        as_rejects: bool = False,
    ) -> None:
        self._file = file
        self._block_bytes, self._as_rejects = block_bytes, as_rejects
        self._is_wanted: Wanted | None = None
        self.share = 0.0
        where = f"stream {file.stream}, {file.label}"
        self._encoding = dialect.encoding_name(source.encoding, where)
        with self._open() as text:
            has_mark = text.read(len(BOM_UTF8)) == BOM_UTF8
        self._first = BlockStart(0, len(BOM_UTF8) if has_mark else 0)

    def blocks(
        self,
        start: BlockStart | None = None,
        is_wanted: Wanted | None = None,
        sieve: Sieve | None = None,
    ) -> Iterator[Block]:
        """The blocks from `start` on; see `framing.Reader`.

        is_wanted: told the text of each block; of those it refuses most are left out.
        """
        self._is_wanted = is_wanted
        with self._open() as text:
            at, size = start or self._first, self._block_bytes
            for block in (
                blocks_of(text, at, self, size)
                if sieve is None
                else sifted_blocks(text, at, self, sieve, size)
            ):
                self.share = text.share
                yield block

    def count(self) -> Iterator[int]:
        """How many rows the pieces of the file have; see `framing.Reader`.

        Measured on 1 M lines of 12 members: a fifth of the time of reading them.
        """
        self._is_wanted = lambda _: False
        with self._open() as text:
            yield from counts_of(text, self._first, self, self._block_bytes)

    def points(self, start: BlockStart | None) -> Iterator[Point] | None:
        """Where blocks may begin after `start`; see `framing.Reader`."""
        self._is_wanted = lambda _: False
        return points_of(self._open, start or self._first, self, self._block_bytes)

    def record_end(self, _at: BlockStart, text: bytes, is_last: bool) -> int:
        """Where the last whole line ends."""
        return len(text) if is_last else text.rfind(b"\n") + 1

    def passed_over(self, text: bytes) -> int | None:
        """How many lines there are, where nothing is wanted of them and each begins an object."""
        if self._is_wanted is None or self._is_wanted(text):
            return None
        buffer = np.frombuffer(text, np.uint8)
        begins = np.append(0, np.flatnonzero(buffer[:-1] == _FEED) + 1)
        return len(begins) if (buffer[begins] == _OPEN).all() else None

    def block(self, at: BlockStart, text: bytes) -> Block:
        """The objects of the text, or of its first lines where there are too many keys."""
        is_utf8 = _is_utf8(text)
        found = member_table(text) if is_utf8 else None
        if found is not None and (self._as_rejects or RAW_COLUMN not in found.table.schema.names):
            count = found.table.num_rows
            stop = BlockStart(at.row + count, at.offset + len(text), at.line + count)
            rows = np.arange(at.row, stop.row, dtype=np.int64)
            return Block(
                self._file, self.form, at, stop, found.table, rows, unquoted=found.unquoted
            )
        lines = _read_lines(at, text, is_utf8, self._as_rejects)
        sound, table = _without_repeats(lines)
        return Block(
            self._file,
            self.form,
            at,
            lines.stop,
            table,
            np.array([line.row for line in sound], np.int64),
            tuple(self._fault(line) for line in lines.all if line.complaint),
        )

    def record_starts(self, text: bytes) -> Int64s:
        """Where each line begins that is not blank."""
        buffer = np.frombuffer(text, np.uint8)
        begins = np.append(0, np.flatnonzero(buffer[:-1] == _FEED) + 1)
        if (buffer[begins] == _OPEN).all():
            return begins
        lines = text.removesuffix(b"\n").split(b"\n")
        found: Int64s = begins[[bool(line.strip(_SPACES)) for line in lines]]
        return found

    def kept_blocks(self, at: BlockStart, text: bytes, rows: Int64s) -> Iterator[Block]:
        """Lines that a sieve leaves; in several blocks where they have too many keys for one."""
        if not len(rows):
            yield Block(self._file, self.form, at, at, _table([]), rows)
        here = BlockStart(0, 0)
        while here.row < len(rows):
            found = self.block(here, text[here.offset :])
            faults = tuple(replace(one, row=int(rows[one.row])) for one in found.faults)
            yield replace(found, start=at, rows=rows[found.rows], faults=faults)
            here = found.stop

    def _open(self) -> DecodedFile:
        file = self._file
        return DecodedFile(file.path, file.label, self._encoding, file.bytes_max)

    def _fault(self, line: _Line) -> Fault:
        raw = as_in_file(line.text.removesuffix(b"\r"), self._encoding)
        return Fault(line.row, "invalid_json", line.complaint, raw)


@dataclass(slots=True)
class _Line:
    """One line that is not blank: its members, or what is wrong with it."""

    row: int
    text: bytes
    members: dict[str, msgspec.Raw]
    complaint: str


class _Lines(NamedTuple):
    all: list[_Line]
    stop: BlockStart


def _read_lines(at: BlockStart, text: bytes, is_utf8: bool, as_rejects: bool = False) -> _Lines:
    """The lines of the text, or the first of them that fill a block."""
    found: list[_Line] = []
    keys: set[str] = set()
    size = count = 0
    for line in text.removesuffix(b"\n").split(b"\n"):
        size += len(line) + 1
        count += 1
        if not line.strip(_SPACES):
            continue
        members, complaint = _members(line, is_utf8)
        if not as_rejects and RAW_COLUMN in members and members.keys() <= _OWN:
            line, members, complaint = _kept(line, members)
        found.append(_Line(at.row + len(found), line, members, complaint))
        keys.update(members)
        if len(found) * len(keys) > CELLS_MAX:
            break
    offset = at.offset + min(size, len(text))
    return _Lines(found, BlockStart(at.row + len(found), offset, at.line + count))


def _kept(line: bytes, members: dict[str, msgspec.Raw]) -> tuple[bytes, dict[str, Any], str]:
    """The line that a rejects file keeps in `_raw`, and what it is now that it may be mended."""
    raw = msgspec.json.decode(members[RAW_COLUMN])
    if not isinstance(raw, str):
        return line, {}, f"{RAW_COLUMN} is no text"
    kept = raw.encode(errors="surrogatepass")
    if b"\n" in kept:
        return line, {}, f"{RAW_COLUMN} holds more than one line"
    return kept, *_members(kept, is_utf8=False)


def _members(line: bytes, is_utf8: bool) -> tuple[dict[str, msgspec.Raw], str]:
    """The members of the object the line is, or a complaint (which holds no value)."""
    if not (is_utf8 or _is_utf8(line)):
        return {}, "the line holds bytes that are no text in the file's encoding"
    try:
        members = _MEMBERS.decode(line)
    except msgspec.DecodeError as error:
        return {}, str(error)
    except RecursionError:
        return {}, "the line is nested too deeply"
    return members, "" if members else "the object has no members"


def _without_repeats(lines: _Lines) -> tuple[list[_Line], pa.RecordBatch]:
    """The sound lines and their table; lines that name a member twice get a complaint.

    The decoder keeps the last of two members without a word; but every member has a colon, so
    there is one too many in the text then.
    """
    sound = [line for line in lines.all if not line.complaint]
    table = _table([line.members for line in sound])
    values = b"".join(column.buffers()[2] for column in table.columns)
    expected = _colons(values) + sum(len(line.members) for line in sound)
    if _colons(b"\n".join(line.text for line in sound)) == expected:
        return sound, table
    for line in sound:
        if _colons(line.text) > len(line.members) + _colons(b" ".join(line.members.values())):
            line.complaint = "the object names a member twice"
    sound = [line for line in sound if not line.complaint]
    return sound, _table([line.members for line in sound])


def _table(records: list[dict[str, msgspec.Raw]]) -> pa.RecordBatch:
    keys = list(dict.fromkeys(chain.from_iterable(records)))
    columns = [_column([record.get(key, _ABSENT) for record in records]) for key in keys]
    return pa.RecordBatch.from_arrays(columns, names=keys)


def _column(values: list[msgspec.Raw | bytes]) -> pa.StringArray:
    """The raw texts as a string column, absent ones null."""
    joined = b"\n".join(values) + b"\n"  # raw text of one line holds no line end
    ends = np.flatnonzero(np.frombuffer(joined, np.uint8) == _FEED) - np.arange(len(values))
    offsets = np.append(0, ends).astype(np.int32)
    is_present = np.packbits(offsets[1:] > offsets[:-1], bitorder="little")
    return pa.StringArray.from_buffers(
        len(values),
        pa.py_buffer(offsets),
        pa.py_buffer(joined.translate(None, b"\n")),
        pa.py_buffer(is_present),
    )


def _colons(text: bytes) -> int:
    """How many colons stand outside strings in JSON texts put together."""
    if b":" not in text:
        return 0
    buffer = np.frombuffer(text, np.uint8)
    return len(outside_strings(np.flatnonzero(buffer == _COLON), string_quotes(buffer)))


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
