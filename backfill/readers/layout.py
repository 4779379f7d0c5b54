"""Where the quoted cells and the records of a piece of CSV text are, found by numpy.

Facts, as pyarrow.csv reads:  [Arrow's CSV parser; observed]
- A quote opens a quoted cell only where a cell begins; anywhere else it is an ordinary character.
- Inside, two quotes are one; a single one closes, and what follows belongs to the cell, plain.
- LF, CR and CRLF end a record outside quoted cells; a record of no characters is none.
- Delimiters, quotes and line ends are ASCII, so bytes of UTF-8 can be searched for them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from backfill.records import Bools, Int64s, UInt64s

_FEED, _RETURN = 10, 13


class QuotedCells(NamedTuple):
    """Quoted cells of a text, from the opening quote to behind the closing one.

    is_open: the last one is not closed; its stop is the end of the text.
    """

    starts: Int64s
    stops: Int64s
    is_open: bool


class Records(NamedTuple):
    """Records of a text that are not blank, line ends left out of [start, stop)."""

    starts: Int64s
    stops: Int64s
    cell_counts: Int64s


def quoted_cells(text: bytes, delimiter: str, quote: str) -> QuotedCells:
    """The quoted cells of a text that begins where a record does."""
    if not quote or quote.encode() not in text:
        return QuotedCells(np.empty(0, np.int64), np.empty(0, np.int64), False)
    buffer = np.frombuffer(text, np.uint8)
    quotes = np.flatnonzero(buffer == ord(quote))
    opens, closes = quotes[0::2], quotes[1::2]
    ends_cell = np.zeros(256, np.bool_)
    ends_cell[[ord(delimiter), _FEED, _RETURN]] = True
    begins_cell = ends_cell[buffer[opens - 1]]
    begins_cell[0] |= opens[0] == 0
    is_doubled = np.zeros(len(opens), np.bool_)
    is_doubled[1:] = opens[1:] == closes[: len(opens) - 1] + 1
    if not np.all(begins_cell | is_doubled):
        return _walked(text, quotes, delimiter)
    firsts = np.flatnonzero(~is_doubled)
    stops = np.append(closes + 1, len(text))[np.append(firsts[1:], len(opens)) - 1]
    return QuotedCells(opens[firsts], stops, len(quotes) % 2 == 1)


class Lines(NamedTuple):
    """Lines of a text that are records, each one.

    whole: how many end. end: where the last of them ends. is_open: whether a quoted cell is
    open at the end of the text.
    """

    whole: int
    end: int
    is_open: bool


def lines(text: bytes, delimiter: str, quote: str) -> Lines | None:
    """The lines of a text in which no cell and no blank line makes another of them.

    None where a quoted cell goes over a line end, a line is blank or ends in CR alone, or a quote
    is an ordinary character: then `quoted_cells` knows more. Takes a third of its time, or less.
    """
    buffer = np.frombuffer(text, np.uint8)
    if b"\r" in text and text.count(b"\r") != text.count(b"\r\n"):
        return None
    is_feed = buffer == _FEED
    feeds = _bits(is_feed)
    before = _bits(buffer == _RETURN) if b"\r" in text else None
    begins = _later(feeds) if before is None else _later(feeds) | (_later(before) & _later2(feeds))
    if (feeds & begins).any():
        return None
    is_open = False
    if quote and quote.encode() in text:
        is_quote = buffer == ord(quote)
        quotes = _bits(is_quote)
        inside = _parity(quotes)
        begins_cell = _later(_bits((buffer == ord(delimiter)) | is_feed | is_quote))
        if (feeds & inside).any() or (quotes & inside & ~begins_cell).any():
            return None
        is_open = bool(quotes.size) and int(np.bitwise_count(quotes).sum()) % 2 == 1
    return Lines(int(np.bitwise_count(feeds).sum()), text.rfind(b"\n") + 1, is_open)


def _bits(flags: Bools) -> UInt64s:
    """One bit a byte of text, the first the lowest."""
    packed = np.packbits(flags, bitorder="little")
    words = np.zeros((len(packed) + 7) // 8, np.uint64)
    words.view(np.uint8)[: len(packed)] = packed
    return words


def _later(bits: UInt64s, first: int = 1) -> UInt64s:
    """Each bit one place further on; what stands before the text counts as `first`."""
    moved = bits << np.uint64(1)
    moved[1:] |= bits[:-1] >> np.uint64(63)
    moved[:1] |= np.uint64(first)
    return moved


def _later2(bits: UInt64s) -> UInt64s:
    return _later(_later(bits))


def _parity(bits: UInt64s) -> UInt64s:
    """Whether up to each place, with it, an odd number of bits is set."""
    found = bits.copy()
    for places in (1, 2, 4, 8, 16, 32):
        found ^= found << np.uint64(places)
    is_odd = np.bitwise_xor.accumulate(found >> np.uint64(63)).astype(np.bool_)
    found[1:][is_odd[:-1]] ^= np.uint64(0xFFFF_FFFF_FFFF_FFFF)
    return found


def _walked(text: bytes, quotes: Int64s, delimiter: str) -> QuotedCells:
    """The same for text with ordinary quotes inside cells: from quote to quote."""
    before_cell = {ord(delimiter), _FEED, _RETURN}
    places = quotes.tolist()
    starts: list[int] = []
    stops: list[int] = []
    i = 0
    while i < len(places):
        start = places[i]
        i += 1
        if start and text[start - 1] not in before_cell:
            continue
        while i + 1 < len(places) and places[i + 1] == places[i] + 1:
            i += 2
        starts.append(start)
        stops.append(places[i] + 1 if i < len(places) else len(text) + 1)
        i += 1
    is_open = bool(stops) and stops[-1] > len(text)
    return QuotedCells(
        np.array(starts, np.int64), np.minimum(np.array(stops, np.int64), len(text)), is_open
    )


def last_record_end(text: bytes, quoted: QuotedCells) -> int:
    """Where the last whole record ends, its line end included; 0 where none does.

    A CR at the very end is left: a LF may follow it.
    """
    stop = len(text)
    while True:
        feed = text.rfind(b"\n", 0, stop)
        end = max(feed, text.rfind(b"\r", 0, min(stop, len(text) - 1)))
        cell = int(np.searchsorted(quoted.starts, end, side="right")) - 1
        if end < 0 or cell < 0 or end >= quoted.stops[cell]:
            return end + 1
        stop = int(quoted.starts[cell])


def records(text: bytes, quoted: QuotedCells, delimiter: str) -> Records:
    """The records of a text that ends where a record does."""
    buffer = np.frombuffer(text, np.uint8)
    starts, stops = _bounds(buffer, quoted)
    delimiters = _outside(np.flatnonzero(buffer == ord(delimiter)), quoted)
    counts = np.searchsorted(delimiters, stops) - np.searchsorted(delimiters, starts) + 1
    return Records(starts, stops, counts)


def record_starts(text: bytes, quoted: QuotedCells) -> Int64s:
    """Where each of these records starts."""
    return _bounds(np.frombuffer(text, np.uint8), quoted)[0]


def _bounds(buffer: npt.NDArray[np.uint8], quoted: QuotedCells) -> tuple[Int64s, Int64s]:
    """Where the records that are not blank start and stop, line ends left out."""
    is_end = buffer == _RETURN
    is_end[:-1] &= buffer[1:] != _FEED
    is_end |= buffer == _FEED
    ends = _outside(np.flatnonzero(is_end), quoted)
    starts = np.append(0, ends + 1)
    is_crlf = (buffer[ends] == _FEED) & (ends > 0) & (buffer[ends - 1] == _RETURN)
    stops = np.append(ends - is_crlf, len(buffer))
    is_record = stops > starts
    return starts[is_record], stops[is_record]


def not_utf8(text: bytes, found: Records) -> Bools:
    """bool[n]: which records are not valid UTF-8."""
    broken = np.zeros(len(found.starts), np.bool_)
    beyond_ascii: npt.NDArray[np.intp] = np.flatnonzero(np.frombuffer(text, np.uint8) > 127)
    suspects = np.unique(np.searchsorted(found.starts, beyond_ascii, side="right") - 1)
    for i in suspects.tolist():
        try:
            text[found.starts[i] : found.stops[i]].decode()
        except UnicodeDecodeError:
            broken[i] = True
    return broken


def _outside(places: Int64s, quoted: QuotedCells) -> Int64s:
    if not len(quoted.starts):
        return places
    cells = np.searchsorted(quoted.starts, places, side="right") - 1
    return places[(cells < 0) | (places >= quoted.stops[cells])]
