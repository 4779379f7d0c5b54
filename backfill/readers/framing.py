"""Cutting a stream of text into blocks of whole records.

Memory: beside what the caller keeps, one block of text (`block_bytes`, or one record where that
is longer, at most RECORD_BYTES_MAX), the next block's beginning, and the table made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np

from backfill.errors import SourceError
from backfill.readers import sieving
from backfill.readers.decoded import DecodedFile
from backfill.readers.sieving import Sifter
from backfill.records import Block, BlockStart, Form
from backfill.sieve import Sieve

#: Text of one CSV block, in bytes. Measured by the whole command on 1 M people (12 columns, 139 MB;
#: 2 shared cores), in M rows/s and MB at the peak: 0.68 and 265 at 1.25 MiB, 0.73 and 294 at 1.5,
#: 0.78 and 316 at 1.75, 0.79 and 334 at 2, 0.82 and 366 at 3.
BLOCK_BYTES = 1792 << 10

#: A record longer than this, in bytes of UTF-8, stops the stream. 500 times what one operation
#: may hold (trackapi.OPERATION_BYTES_MAX): a bound for memory, not a rule for rows.
RECORD_BYTES_MAX = 16 << 20

#: Whether anything is sought in a piece of text, which then is read; else its records are counted.
Wanted = Callable[[bytes], bool]

#: Where the last whole record of (text, is the text the file's last) ends; 0 where none does.
Cut = Callable[[bytes, bool], int]


class Reader(Protocol):
    """One source file, opened: what its columns are, and its rows block by block.

    columns: None for JSONL, where each block has its own.
    share:   how much of the file was read when the latest block was handed out, 0 to 1.
    """

    share: float

    @property
    def form(self) -> Form:
        """How the values of the blocks are held."""
        ...

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names of the columns, in the file's order."""
        ...

    def count(self) -> Iterator[int]:
        """How many rows the pieces of the file have, for their sum: by the cheapest way there is.

        Raises SourceError where the file cannot be read on.
        """
        ...

    def points(self, start: BlockStart | None) -> Iterator[Point] | None:
        """Where blocks may begin after `start`, ascending, the end of the file last.

        None where reading cannot begin there without reading all that is before it.
        Raises SourceError where the file cannot be read on.
        """
        ...

    def blocks(
        self, start: BlockStart | None = None, *, sieve: Sieve | None = None
    ) -> Iterator[Block]:
        """The blocks from `start` on, which was the start or stop of an earlier one.

        sieve: says which rows are read; the others are in the blocks' `sieved`.
        Raises SourceError where the file cannot be read on.
        """
        ...


class Grammar(Protocol):
    """What a text format knows of its records."""

    def record_end(self, at: BlockStart, text: bytes, is_last: bool, /) -> int:
        """Where the last whole record of `text`, which begins at `at`, ends; 0: there is none."""
        ...

    def block(self, at: BlockStart, text: bytes) -> Block:
        """The records of `text`, or of a first part of it: what it took is in `stop`."""
        ...

    def passed_over(self, text: bytes) -> int | None:
        """How many records there are in `text` if it need not be read; None: read it."""
        ...


class SiftedGrammar(Grammar, sieving.Grammar, Protocol):
    """The same, for who asks a sieve."""


class Point(NamedTuple):
    """Where a block may begin, and about how much of the file lies before it: 0 to 1."""

    start: BlockStart
    share: float


class Passed(NamedTuple):
    """Records that the grammar passes over; stop: where the next one begins."""

    rows: int
    stop: BlockStart


def blocks_of(
    text: DecodedFile, at: BlockStart, grammar: Grammar, block_bytes: int
) -> Iterator[Block]:
    """The blocks of a file from `at` on, less those that the grammar passes over."""
    pieces = pieces_of(text, at, grammar, block_bytes)
    return (piece for piece in pieces if isinstance(piece, Block))


def counts_of(
    text: DecodedFile, at: BlockStart, grammar: Grammar, block_bytes: int
) -> Iterator[int]:
    """How many records the pieces of a file have from `at` on."""
    for piece in pieces_of(text, at, grammar, block_bytes):
        yield piece.stop.row - piece.start.row if isinstance(piece, Block) else piece.rows


def points_of(
    opened: Callable[[], DecodedFile], at: BlockStart, grammar: Grammar, block_bytes: int
) -> Iterator[Point] | None:
    """Where the pieces of a file from `at` on end; None where it cannot be begun anywhere."""
    with opened() as text:
        return _ends(opened, at, grammar, block_bytes) if text.is_plain else None


def _ends(
    opened: Callable[[], DecodedFile], at: BlockStart, grammar: Grammar, block_bytes: int
) -> Iterator[Point]:
    with opened() as text:
        for piece in pieces_of(text, at, grammar, block_bytes):
            yield Point(piece.stop, text.share)


def pieces_of(
    text: DecodedFile, at: BlockStart, grammar: Grammar, block_bytes: int
) -> Iterator[Block | Passed]:
    """The blocks of a file from `at` on, or what the grammar passes over."""
    text.skip(at.offset)
    rest = b""
    while True:
        cut = partial(grammar.record_end, at)
        chunk, rest = next_chunk(text, rest, cut, block_bytes, _place(text, at))
        if not chunk:
            return
        if (rows := grammar.passed_over(chunk)) is not None:
            at = BlockStart(at.row + rows, at.offset + len(chunk), at.line + line_count(chunk))
            yield Passed(rows, at)
            continue
        while chunk:
            block = grammar.block(at, chunk)
            if block.stop.row > block.start.row:
                yield block
            chunk = chunk[block.stop.offset - at.offset :]
            at = block.stop


def sifted_blocks(
    text: DecodedFile,
    at: BlockStart,
    grammar: SiftedGrammar,
    sieve: Sieve,
    block_bytes: int,
) -> Iterator[Block]:
    """The blocks of a file from `at` on, of what a sieve leaves of it."""
    text.skip(at.offset)
    sifter, rest = Sifter(sieve, grammar, block_bytes), b""
    while True:
        cut = partial(grammar.record_end, at)
        chunk, rest = next_chunk(text, rest, cut, block_bytes, _place(text, at))
        if not chunk:
            break
        at, full = sifter.add(at, chunk, line_count(chunk))
        yield from full
    yield from sifter.flush(at)


def _place(text: DecodedFile, at: BlockStart) -> str:
    return f"{text.label}, row {at.row + 1} (line {at.line + 1})"


def next_chunk(
    text: DecodedFile, rest: bytes, cut: Cut, block_bytes: int, where: str
) -> tuple[bytes, bytes]:
    """Whole records from the front, about `block_bytes` of them, and what was read beyond.

    rest:  what was read beyond the last time.
    where: the place of the next record, for errors.
    Returns (b"", b"") at the end of the file.
    """
    wanted = max(block_bytes, len(rest) + 1)
    while True:
        rest += text.read(wanted - len(rest))
        is_last = len(rest) < wanted
        if not rest:
            return b"", b""
        if end := cut(rest, is_last):
            return rest[:end], rest[end:]
        assert not is_last, "the end of the file ends a record"
        if len(rest) > RECORD_BYTES_MAX:
            raise SourceError(
                f"a record is longer than {RECORD_BYTES_MAX >> 20} MiB",
                where,
                "look for a missing line end or quote there, or take the record out",
            )
        wanted = min(2 * wanted, RECORD_BYTES_MAX + 1)


def line_count(text: bytes) -> int:
    """How many line ends (LF, CR or CRLF) the text holds."""
    feeds = int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord("\n")))
    if b"\r" not in text:
        return feeds
    return feeds + text.count(b"\r") - text.count(b"\r\n")
